//! A port, for clients that are not in the test's process: kubectl, and operators in whatever language.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::TestServer;
use super::faults::connection_reset;
use super::wire::{Reliance, Wire};
use crate::authentication::{AuthenticationError, Authenticator, ClientCertificates, ConnectionInfo};
use crate::authorization::privileged::MASTERS;
use crate::request::user::UserInfo;
use crate::server::pki::{Authority, LOOPBACK_NAMES, Subject};
use crate::server::reload;
use crate::server::tls::{Certificate, Tls};

/// A test server's port; see [`TestServer::listen`]. Dropping it closes the port and its connections.
pub struct Listening {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// Knows the users of kubeconfigs by the certificates in them.
pub(super) struct Kubeconfigs;

/// Who vouches for servers and users: one for all servers of a process, made when the first of them listens.
struct Vouching {
    authority: Authority,
    clients: ClientCertificates,
}

impl TestServer {
    /// Listens on a port of this machine that is free, with TLS. Whoever comes by it meets the [`faults`](Self::faults),
    /// and restarts.
    ///
    /// Not for tests whose clock is paused: tokio's time passes while others are waited for.
    ///
    /// # Panics
    /// If there is no port to be had.
    pub async fn listen(&self) -> Listening {
        let made = vouching().authority.issue(&Subject::server(&LOOPBACK_NAMES)).expect("a certificate");
        let certificate = Certificate::Pem { certificate: made.certificate, key: made.key };
        let tls = Tls::new(&certificate, reload::INTERVAL).expect("TLS with a certificate that was just made");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("the address of a listener");
        Listening { address, task: tokio::spawn(accept(listener, tls.config, self.wire.clone())) }
    }
}

impl Listening {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig for `test-admin`, who may do everything: what kubectl takes from a file with `--kubeconfig`.
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig_of("test-admin", Some(MASTERS))
    }

    /// A kubeconfig for another user, in this group.
    pub fn kubeconfig_of(&self, user: &str, group: Option<&str>) -> String {
        let Vouching { authority, .. } = vouching();
        let issued = authority.issue(&Subject::client(user, group)).expect("a certificate");
        let encoded = |pem: &str| STANDARD.encode(pem);
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             clusters:\n- name: test\n  cluster:\n    server: https://{}\n    certificate-authority-data: {}\n\
             contexts:\n- name: test\n  context: {{cluster: test, user: test, namespace: default}}\n\
             users:\n- name: test\n  user:\n    client-certificate-data: {}\n    client-key-data: {}\n",
            self.address,
            encoded(authority.certificate()),
            encoded(&issued.certificate),
            encoded(&issued.key),
        )
    }

    /// A client that comes by the port, with [`kubeconfig`](Self::kubeconfig).
    ///
    /// # Panics
    /// If TLS cannot be set up.
    pub async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::from_yaml(&self.kubeconfig()).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        Client::try_from(config.expect("a kubeconfig that is complete")).expect("a client")
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[async_trait]
impl Authenticator for Kubeconfigs {
    async fn authenticate(
        &self,
        request: &http::request::Parts,
        connection: &ConnectionInfo,
    ) -> Result<Option<Arc<UserInfo>>, AuthenticationError> {
        if connection.certificates.is_empty() {
            return Ok(None);
        }
        vouching().clients.authenticate(request, connection).await
    }
}

fn vouching() -> &'static Vouching {
    static VOUCHING: OnceLock<Vouching> = OnceLock::new();
    VOUCHING.get_or_init(|| {
        let authority = Authority::new("test").expect("random numbers");
        let clients = ClientCertificates::from_pem(authority.certificate().as_bytes()).expect("an authority");
        Vouching { authority, clients }
    })
}

/// Accepts until it is aborted, which takes the connections along.
async fn accept(listener: TcpListener, config: Arc<rustls::ServerConfig>, wire: Arc<Wire>) {
    let acceptor = TlsAcceptor::from(config);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                // While the server is away, nobody is behind its port.
                Ok((stream, peer)) if wire.instance().is_some() => {
                    connections.spawn(connection(stream, peer, acceptor.clone(), wire.clone()));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::task::yield_now().await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, acceptor: TlsAcceptor, wire: Arc<Wire>) {
    if let Err(error) = served(stream, peer, acceptor, wire).await {
        tracing::debug!(%peer, error, "a connection broke");
    }
}

async fn served(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: TlsAcceptor,
    wire: Arc<Wire>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificates = certificates.iter().map(|one| one.clone().into_owned()).collect();
    let connection = Arc::new(ConnectionInfo::new(peer, certificates));
    let gone = wire.instance().ok_or_else(connection_reset)?;
    let service = service_fn(move |request: Request<Incoming>| {
        let (wire, connection) = (wire.clone(), connection.clone());
        async move {
            let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
            // An error is no answer: the stream or the connection breaks.
            wire.exchange(Reliance::Unreliable, &connection, request).await
        }
    });
    let killed = gone.killed_later();
    drop(gone);
    let serving = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        served = serving.serve_connection_with_upgrades(TokioIo::new(stream), service) => served,
        () = killed => Ok(()),
    }
}
