//! Listening, connections, and the end of both. HTTP/1.1 and HTTP/2 on one port.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::chain;
use super::core::Core;
use super::lifecycle::Phase;
use super::reload;
use super::tls::{Certificate, CertificateError, Tls};
use crate::authentication::connection::ConnectionInfo;

/// Streams on one HTTP/2 connection: Go's clients put every watch of a process on one.
const STREAMS_MAX: u32 = 1000;
/// What a client may send on one stream before it is read. Most objects fit.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The same for all streams of a connection: this much memory a client can make us hold.
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// What is taken from a response before the client has made room for it.
const SEND_BUFFER_BYTES: usize = 1 << 20;
/// Selectors and continue tokens can make URLs long.
const HEADERS_BYTES: u32 = 128 << 10;
/// Clients that say nothing are asked after this time, so that the watches of one that is gone end.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for the headers of an HTTP/1 request, which is also how long an idle connection is kept.
const HTTP1_IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// After this, what has not ended by itself is cut off.
const CUT_OFF_TIMEOUT: Duration = Duration::from_secs(1);

/// Where and how to serve.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// Port 0 takes any that is free.
    pub address: SocketAddr,
    /// `None` serves without TLS, for probes on loopback.
    pub certificate: Option<Certificate>,
    /// How long a stopping server goes on as before, but for its readiness. Default: not at all.
    pub grace: Duration,
    /// How long requests in flight may take when the server stops. Default: 10 s.
    pub drain: Duration,
    /// How often certificate files are looked at. Default: every 5 s.
    pub reload_interval: Duration,
}

/// A port that is taken, and a certificate that is good.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
    config: ServeConfig,
}

/// A server that serves.
pub struct Serving {
    address: SocketAddr,
    core: Arc<Core>,
    task: JoinHandle<()>,
}

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Something else listens there.
    #[error("port {} on {} is in use", address.port(), address.ip())]
    InUse {
        /// Where.
        address: SocketAddr,
    },
    /// Another reason.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error("cannot serve TLS")]
    Certificate(#[from] CertificateError),
}

impl ServeConfig {
    /// Serves TLS with a certificate, and the defaults otherwise.
    pub fn new(address: SocketAddr, certificate: Certificate) -> Self {
        Self { certificate: Some(certificate), ..Self::plain(address) }
    }

    /// Serves without TLS.
    pub fn plain(address: SocketAddr) -> Self {
        Self {
            address,
            certificate: None,
            grace: Duration::ZERO,
            drain: Duration::from_secs(10),
            reload_interval: reload::INTERVAL,
        }
    }
}

/// Takes the port and reads the certificate, so that a server that cannot be reached fails before it opens anything
/// else. Connections wait until [`Listening::serve`].
///
/// # Errors
/// The address is taken or cannot be used, or the certificate cannot.
pub async fn listen(config: ServeConfig) -> Result<Listening, ServeError> {
    let tls = config.certificate.as_ref().map(|one| Tls::new(one, config.reload_interval)).transpose()?;
    let address = config.address;
    let listener = TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::InUse { address },
        _ => ServeError::Listen { address, source },
    })?;
    let address = listener.local_addr().map_err(|source| ServeError::Listen { address, source })?;
    Ok(Listening { listener, address, tls, config })
}

/// Listens and serves until [`Serving::stop`].
///
/// # Errors
/// As [`listen`].
pub async fn serve(config: ServeConfig, core: Arc<Core>) -> Result<Serving, ServeError> {
    Ok(listen(config).await?.serve(core))
}

impl Listening {
    /// Where the server listens, with the port that was free.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections from now on.
    pub fn serve(self, core: Arc<Core>) -> Serving {
        let address = self.address;
        Serving { address, task: tokio::spawn(run(self, core.clone())), core }
    }
}

impl Serving {
    /// Where the server listens, with the port that was free.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to stop: readiness fails at once. The rest follows by itself; wait for it with
    /// [`stopped`](Self::stopped).
    pub fn stop(&self) {
        self.core.lifecycle().advance(Phase::Stopping);
    }

    /// Waits until nothing is served any more.
    pub async fn stopped(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the listener died");
        }
    }
}

impl ServeError {
    /// What a user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::InUse { address } => Some(format!(
                "stop what listens on port {}, or choose another port with --secure-port (0 takes one that is free)",
                address.port()
            )),
            Self::Listen { source, address } => match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    Some(format!("port {} is for root; choose one above 1023 with --secure-port", address.port()))
                }
                io::ErrorKind::AddrNotAvailable => {
                    Some("--bind-address must be an address of this machine, or 0.0.0.0 for all of them".into())
                }
                _ => None,
            },
            Self::Certificate(CertificateError::Read { source, .. }) => Some(match source.kind() {
                io::ErrorKind::PermissionDenied => "the file must be readable by the user that runs the server".into(),
                _ => "check the paths given with --tls-cert-file and --tls-private-key-file".into(),
            }),
            Self::Certificate(CertificateError::Pem { .. } | CertificateError::Mismatch { .. }) => {
                Some("--tls-cert-file and --tls-private-key-file take a certificate chain and its key, both PEM".into())
            }
            Self::Certificate(_) => None,
        }
    }
}

/// Accepts until the server stops, then sees to it that everything ends in order.
async fn run(listening: Listening, core: Arc<Core>) {
    let Listening { listener, tls, config, .. } = listening;
    let acceptor = tls.as_ref().map(|tls| TlsAcceptor::from(tls.config.clone()));
    let server = Arc::new(Server { core: core.clone(), acceptor, builders: Builders::new() });
    // Each connection holds a sender; when the last is gone, so are the connections.
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    let grace_over = async {
        core.lifecycle().reached(Phase::Stopping).await;
        tokio::time::sleep(config.grace).await;
    };
    tokio::pin!(grace_over);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut grace_over => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(server.clone().connection(stream, peer, alive.clone()));
            }
            Err(error) => {
                // Mostly too many open files: others may close soon, and a loop at full speed helps nobody.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop((listener, alive));
    core.lifecycle().advance(Phase::Draining);
    let drained = async {
        core.handler().shutdown().await;
        all_gone.recv().await;
    };
    if tokio::time::timeout(config.drain, drained).await.is_err() {
        tracing::warn!(after = ?config.drain, "requests that did not end are cut off");
    }
    core.lifecycle().advance(Phase::Stopped);
    let _ = tokio::time::timeout(CUT_OFF_TIMEOUT, all_gone.recv()).await;
}

/// What connections share.
struct Server {
    core: Arc<Core>,
    acceptor: Option<TlsAcceptor>,
    builders: Builders,
}

impl Server {
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, _alive: mpsc::Sender<Infallible>) {
        // Answers are written whole; waiting for more to send along would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "no TCP_NODELAY");
        }
        let Some(acceptor) = &self.acceptor else {
            return self.serve(stream, ConnectionInfo::new(peer, Vec::new()), &self.builders.either).await;
        };
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let (_, tls) = stream.get_ref();
                let certificates = tls.peer_certificates().unwrap_or_default();
                let certificates = certificates.iter().map(|one| one.clone().into_owned()).collect();
                let builder = match tls.alpn_protocol() {
                    Some(b"h2") => &self.builders.http2,
                    _ => &self.builders.either,
                };
                self.serve(stream, ConnectionInfo::new(peer, certificates), builder).await;
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
        }
    }

    async fn serve<S>(&self, stream: S, connection: ConnectionInfo, builder: &auto::Builder<TokioExecutor>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (core, connection) = (&self.core, Arc::new(connection));
        let service = service_fn(|request: Request<Incoming>| {
            let (core, connection) = (core.clone(), connection.clone());
            // In a box, because the connection moves the future about, and that of a request is some kilobytes.
            Box::pin(async move {
                let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
                Ok::<_, Infallible>(chain::handle(&core, &connection, request).await)
            })
        });
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        tokio::pin!(serving);
        let served = tokio::select! {
            biased;
            served = serving.as_mut() => served,
            () = core.lifecycle().reached(Phase::Draining) => {
                serving.as_mut().graceful_shutdown();
                tokio::select! {
                    served = serving.as_mut() => served,
                    () = core.lifecycle().reached(Phase::Stopped) => return,
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!(peer = ?connection.peer, %error, "a connection broke");
        }
    }
}

/// How connections speak.
struct Builders {
    http2: auto::Builder<TokioExecutor>,
    either: auto::Builder<TokioExecutor>,
}

impl Builders {
    fn new() -> Self {
        Self { http2: Self::either().http2_only(), either: Self::either() }
    }

    fn either() -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HTTP1_IDLE_TIMEOUT);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .max_header_list_size(HEADERS_BYTES)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT);
        builder
    }
}
