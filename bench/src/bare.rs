//! The bare server: hyper and rustls with nothing behind them. No API server can be faster for the same bytes.
//!
//! - any method, `/bytes?bytes=N`: reads the request's body, answers N bytes
//! - `POST /send?bytes=N`: sends the request's body, as one line, to all who watch, and answers N bytes
//! - `GET /watch`: an answer without end, one line per event

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Serves until the process ends.
pub async fn serve(port: u16, certificate: &Path, key: &Path) -> Result<()> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let answers = Arc::new(Answers::default());
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        let (acceptor, answers) = (acceptor.clone(), answers.clone());
        tokio::spawn(async move {
            // Whoever breaks the connection off has no use for an error either.
            let Ok(tls) = acceptor.accept(tcp).await else { return };
            let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
            let service = service_fn(move |request| answer(answers.clone(), request));
            let io = TokioIo::new(tls);
            if http2 {
                let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
            } else {
                let _ = http1::Builder::new().serve_connection(io, service).await;
            }
        });
    }
}

type Answer = Response<Either<Full<Bytes>, Lines>>;

async fn answer(answers: Arc<Answers>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let length = request.uri().query().and_then(|query| query.strip_prefix("bytes=")?.parse().ok()).unwrap_or(0);
    let path = request.uri().path().to_owned();
    let body = match path.as_str() {
        "/watch" => Either::Right(Lines(answers.watch())),
        _ => {
            let sent = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            if path == "/send" {
                answers.send(&sent);
            }
            Either::Left(Full::new(answers.of_length(length)))
        }
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// What the server has: bodies by their length, and who watches.
#[derive(Default)]
struct Answers {
    bodies: Mutex<HashMap<usize, Bytes>>,
    watchers: Mutex<Vec<UnboundedSender<Bytes>>>,
}

impl Answers {
    fn of_length(&self, length: usize) -> Bytes {
        lock(&self.bodies).entry(length).or_insert_with(|| vec![b'x'; length].into()).clone()
    }

    fn watch(&self) -> UnboundedReceiver<Bytes> {
        let (sender, receiver) = unbounded_channel();
        lock(&self.watchers).push(sender);
        receiver
    }

    fn send(&self, event: &Bytes) {
        let mut line = BytesMut::with_capacity(event.len() + 1);
        line.extend_from_slice(event);
        line.extend_from_slice(b"\n");
        let line = line.freeze();
        lock(&self.watchers).retain(|watcher| watcher.send(line.clone()).is_ok());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body of a watch.
struct Lines(UnboundedReceiver<Bytes>);

impl Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::client::{Call, Client, Connection, Credentials, Protocol};
    use crate::load::{Load, Tally, Work, connect, drive};
    use crate::pki::Pki;

    async fn client(folder: &Path, protocol: Protocol) -> Client {
        let pki = Pki::make(folder).unwrap();
        let port = crate::peer::free_port().unwrap();
        let (certificate, key) = (pki.server_certificate.clone(), pki.server_key.clone());
        tokio::spawn(async move { serve(port, &certificate, &key).await });
        let credentials = Credentials::Certificate { certificate: &pki.client_certificate, key: &pki.client_key };
        let client = Client::new(&format!("localhost:{port}"), protocol, &credentials).unwrap();
        while client.once(Call::get("/readyz")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        client
    }

    async fn load(client: &Client, path: &'static str) -> Tally {
        let load = Load { connections: 3, streams: 1, time: Duration::from_secs(60), requests: 50 };
        let connections: Vec<Connection> = connect(client, load).await.unwrap();
        drive(client, connections, load, Arc::new(Work::new(move |_| Call::get(path)))).await
    }

    #[tokio::test]
    async fn it_answers_as_many_bytes_as_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        for protocol in [Protocol::Http2, Protocol::Http1] {
            let client = client(folder.path(), protocol).await;
            let tally = load(&client, "/bytes?bytes=100000").await;
            assert_eq!((tally.requests, tally.bytes, tally.first_error), (50, 5_000_000, None), "{protocol:?}");
        }
    }

    #[tokio::test]
    async fn what_is_sent_goes_to_all_who_watch() {
        let folder = tempfile::tempdir().unwrap();
        let client = client(folder.path(), Protocol::Http2).await;
        let mut watchers = Vec::new();
        for _ in 0..2 {
            let mut connection = client.connect().await.unwrap();
            let body = connection.send(client.request(Call::get("/watch"))).await.unwrap().into_body();
            watchers.push((connection, body));
        }
        let send = Call::with_body(hyper::Method::POST, "/send?bytes=3", "application/json", "event".into());
        let (status, answer) = client.once(send).await.unwrap();
        assert_eq!((status, &answer[..]), (200, &b"xxx"[..]));
        for (_connection, body) in &mut watchers {
            let line = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(&line[..], b"event\n");
        }
    }
}
