//! A kube client whose connection is a function call.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HOST, HeaderValue, UPGRADE};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;

#[cfg(feature = "ws")]
use {
    crate::endpoints::connect::websocket::WebSocket,
    http::StatusCode,
    http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION},
    tokio_tungstenite::tungstenite::handshake::client::generate_key,
};

use super::wire::{Reliance, ResponseBody, Wire};
use crate::authentication::ConnectionInfo;
use crate::body::RequestBody;
use crate::request::user::UserInfo;
use crate::server::{Core, handle};

/// What fits into a pipe between client and server before one of them waits.
const PIPE_BYTES: usize = 64 << 10;

/// A client that is taken for `user`. Answers are streamed, watches among them, and connections can be upgraded.
pub(super) fn connect(wire: Arc<Wire>, user: UserInfo, reliance: Reliance) -> Client {
    let user = Arc::new(user);
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let (wire, user) = (wire.clone(), user.clone());
        async move {
            let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
            send(wire, user, reliance, request).await
        }
    });
    Client::new(service, "default")
}

/// A request's body that is all there.
pub(super) fn body(bytes: Bytes) -> RequestBody {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// A WebSocket of a user.
///
/// # Errors
/// The server's answer, if it is anything but yes.
#[cfg(feature = "ws")]
pub(super) async fn websocket(core: Arc<Core>, user: UserInfo, path: &str) -> Result<WebSocket, String> {
    let request = Request::get(path)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, generate_key())
        .body(body(Bytes::new()))
        .map_err(|error| error.to_string())?;
    let response = over_a_pipe(core, Arc::new(user), request).await.map_err(|error| error.to_string())?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = response.status();
        let text = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        return Err(format!("{status} {}", String::from_utf8_lossy(&text)));
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(|error| error.to_string())?;
    Ok(WebSocket::of_client(upgraded).await)
}

async fn send(
    wire: Arc<Wire>,
    user: Arc<UserInfo>,
    reliance: Reliance,
    mut request: Request<RequestBody>,
) -> io::Result<Response<ResponseBody>> {
    // Only a connection can leave HTTP, so that such a request gets one, of its own and within the process.
    if request.headers().contains_key(UPGRADE) {
        let core = wire.up().await.core().clone();
        return over_a_pipe(core, user, request).await.map_err(io::Error::other);
    }
    request.extensions_mut().insert(user);
    wire.exchange(reliance, &ConnectionInfo::default(), request).await
}

async fn over_a_pipe(
    core: Arc<Core>,
    user: Arc<UserInfo>,
    mut request: Request<RequestBody>,
) -> Result<Response<ResponseBody>, hyper::Error> {
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let (core, user) = (core.clone(), user.clone());
        async move {
            let mut request = request.map(|body| body.map_err(Into::into).boxed_unsync());
            request.extensions_mut().insert(user);
            Ok::<_, Infallible>(handle(&core, &ConnectionInfo::default(), request).await)
        }
    });
    let server = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), service);
    tokio::spawn(server.with_upgrades());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await?;
    tokio::spawn(connection.with_upgrades());
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    if let Ok(path) = path.parse() {
        *request.uri_mut() = path;
    }
    request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static("localhost"));
    Ok(sender.send_request(request).await?.map(|body| body.map_err(Into::into).boxed_unsync()))
}
