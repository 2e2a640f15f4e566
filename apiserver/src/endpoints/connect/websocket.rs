//! WebSocket, on a connection that was taken over. Source: <https://www.rfc-editor.org/rfc/rfc6455>

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::Response;
use http::header::{
    HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
};
use tokio::time::{Instant, Interval, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use super::request::ConnectRequest;
use super::session::{Ending, Upgraded};
use crate::body::Body;
use crate::registry::error::Error;

/// What one message may hold.
const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// How often a client that says nothing is asked whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long a client may take to say goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

/// The other side has gone.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed")]
pub struct Closed;

/// A WebSocket. Dropping it says goodbye.
pub struct WebSocket {
    stream: Option<WebSocketStream<Upgraded>>,
    ending: Ending,
    ping: Interval,
}

impl ConnectRequest {
    /// The protocols within WebSocket that the client speaks, for example `v5.channel.k8s.io`; the first is the one it
    /// likes best.
    pub fn websocket_protocols(&self) -> impl Iterator<Item = &str> {
        let values = self.headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(str::trim).filter(|protocol| !protocol.is_empty())
    }

    /// Talks WebSocket from now on, in the protocol that the client likes best if it names any.
    ///
    /// # Errors
    /// 400 if the client did not ask for WebSocket, or the connection cannot be upgraded.
    pub fn websocket<F, S>(self, session: F) -> Result<Response<Body>, Error>
    where
        F: FnOnce(WebSocket) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let protocol = self.websocket_protocols().next().map(str::to_owned);
        self.websocket_as(protocol.as_deref(), session)
    }

    /// The same in a certain protocol, or in none.
    ///
    /// # Errors
    /// As [`websocket`](Self::websocket), and for a protocol that the client does not speak.
    pub fn websocket_as<F, S>(self, protocol: Option<&str>, session: F) -> Result<Response<Body>, Error>
    where
        F: FnOnce(WebSocket) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        if let Some(protocol) = protocol
            && !self.websocket_protocols().any(|offered| offered == protocol)
        {
            return Err(Error::bad_request(format!("this takes the WebSocket protocol {protocol}")));
        }
        let protocol = protocol.map(HeaderValue::from_str).transpose().map_err(Error::internal)?;
        let accept = match (self.headers.get(SEC_WEBSOCKET_KEY), self.headers.get(SEC_WEBSOCKET_VERSION)) {
            (Some(key), Some(version)) if version == "13" => derive_accept_key(key.as_bytes()),
            _ => return Err(Error::bad_request("this takes an upgrade of the connection to websocket, version 13")),
        };
        let mut response = self.upgrade("websocket", async move |upgraded| {
            session(WebSocket::new(upgraded, Role::Server).await).await;
        })?;
        let headers = response.headers_mut();
        headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&accept).map_err(Error::internal)?);
        if let Some(protocol) = protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        Ok(response)
    }
}

impl WebSocket {
    /// The client's side, on a connection that was upgraded.
    pub(crate) async fn of_client(io: hyper::upgrade::Upgraded) -> Self {
        Self::new(Upgraded::of_client(io), Role::Client).await
    }

    async fn new(upgraded: Upgraded, role: Role) -> Self {
        let ending = upgraded.ending();
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let stream = WebSocketStream::from_raw_socket(upgraded, role, Some(config)).await;
        let ping = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        Self { stream: Some(stream), ending, ping }
    }

    /// The next message; `None` once the other side has gone, or the server stops. Nothing is lost when it is dropped
    /// while it waits, so that it may stand in a `select!`.
    pub async fn recv(&mut self) -> Option<Message> {
        loop {
            let stream = self.stream.as_mut()?;
            let next = tokio::select! {
                next = stream.next() => next,
                () = self.ending.wait() => {
                    self.goodbye(CloseCode::Away, "the server is shutting down").await;
                    return None;
                }
                _ = self.ping.tick() => {
                    if stream.send(tungstenite::Message::Ping(Bytes::new())).await.is_err() {
                        self.stream = None;
                        return None;
                    }
                    continue;
                }
            };
            match next {
                Some(Ok(tungstenite::Message::Text(text))) => return Some(Message::Text(text.as_str().to_owned())),
                Some(Ok(tungstenite::Message::Binary(bytes))) => return Some(Message::Binary(bytes)),
                // A ping is answered on the way, and a goodbye returned.
                Some(Ok(tungstenite::Message::Ping(_) | tungstenite::Message::Pong(_))) => {}
                Some(Ok(tungstenite::Message::Close(_) | tungstenite::Message::Frame(_))) => {}
                Some(Err(error)) => {
                    tracing::debug!(%error, "a WebSocket broke");
                    self.stream = None;
                    return None;
                }
                None => {
                    self.stream = None;
                    return None;
                }
            }
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The other side has gone.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Closed> {
        let stream = self.stream.as_mut().ok_or(Closed)?;
        let message = match message.into() {
            Message::Text(text) => tungstenite::Message::Text(text.into()),
            Message::Binary(bytes) => tungstenite::Message::Binary(bytes),
        };
        stream.send(message).await.map_err(|_| Closed)
    }

    /// Says goodbye, with a reason of at most 123 bytes for the other side.
    pub async fn close(mut self, reason: &str) {
        self.goodbye(CloseCode::Normal, reason).await;
    }

    async fn goodbye(&mut self, code: CloseCode, reason: &str) {
        if let Some(stream) = self.stream.take() {
            goodbye(stream, code, reason.to_owned()).await;
        }
    }
}

/// Sends the last frame and waits a moment for that of the other side.
async fn goodbye(mut stream: WebSocketStream<Upgraded>, code: CloseCode, reason: String) {
    let closing = async {
        let frame = CloseFrame { code, reason: Utf8Bytes::from(reason) };
        if stream.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    };
    let _ = timeout(CLOSE_TIMEOUT, closing).await;
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        if let (Some(stream), Ok(runtime)) = (self.stream.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(goodbye(stream, CloseCode::Normal, String::new()));
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}
