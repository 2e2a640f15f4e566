//! Connections to webhooks: HTTP/1.1 over TLS, used again and again, and never more than a few at a time.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::admissionregistration::v1::WebhookClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use super::trust;

/// Requests to one server at a time; others wait, within their own time.
const CONNECTIONS_MAX: usize = 64;
/// Connections that are kept for later. Source: `MaxIdleConnsPerHost` of Kubernetes' clients.
const IDLE_MAX: usize = 25;
/// The largest answer that is read: a patch may hold a whole object, in base64.
const ANSWER_BYTES_MAX: usize = 10 << 20;

type Sender = SendRequest<Full<Bytes>>;

/// Where a webhook is, as its configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    server: Server,
    /// The path, with its slash.
    path: String,
}

/// A server, and whom it must be certified by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Server {
    host: String,
    port: u16,
    /// As a URL has it: a port that need not be told is not.
    authority: String,
    /// PEM; empty for the authorities that this machine trusts.
    ca_bundle: Vec<u8>,
}

/// Where a webhook is, with the connections to it.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// `https://HOST[:PORT]/PATH`, as errors tell it.
    pub url: String,
    path: String,
    client: Arc<Client>,
}

/// All servers that there are connections to: webhooks on one server share them, and they outlive changes of
/// configurations.
#[derive(Debug, Default)]
pub struct Clients(Mutex<HashMap<Server, Weak<Client>>>);

struct Client {
    server: Server,
    tls: Result<TlsConnector, String>,
    idle: Mutex<Vec<Sender>>,
    permits: Semaphore,
}

/// Why there is no answer, in words like those of Kubernetes' clients.
pub(super) type CallError = String;

impl Address {
    /// Reads a `clientConfig`.
    ///
    /// # Errors
    /// One that names no place.
    pub fn of(config: &WebhookClientConfig) -> Result<Self, String> {
        let ca_bundle = config.ca_bundle.as_ref().map(|bundle| bundle.0.clone()).unwrap_or_default();
        if let Some(service) = &config.service {
            let port = service.port.unwrap_or(443);
            let port = u16::try_from(port).map_err(|_| format!("invalid port {port}"))?;
            let host = format!("{}.{}.svc", service.name, service.namespace);
            let path = service.path.as_deref().unwrap_or_default();
            let slash = if path.starts_with('/') { "" } else { "/" };
            let server = Server { authority: format!("{host}:{port}"), host, port, ca_bundle };
            return Ok(Self { server, path: format!("{slash}{path}") });
        }
        let url = config.url.as_deref().ok_or("webhook configuration must have either service or URL")?;
        let uri: Uri = url.parse().map_err(|error| format!("Unparsable URL: {error}"))?;
        let authority = uri.authority().ok_or("Unparsable URL: it names no host")?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(443);
        let server = Server { host, port, authority: authority.as_str().to_owned(), ca_bundle };
        Ok(Self { server, path: uri.path().to_owned() })
    }
}

impl Clients {
    /// The place with connections to it.
    pub(super) fn endpoint(&self, address: Address) -> Endpoint {
        let Address { server, path } = address;
        let mut known = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        known.retain(|_, client| client.strong_count() > 0);
        let url = format!("https://{}{path}", server.authority);
        if let Some(client) = known.get(&server).and_then(Weak::upgrade) {
            return Endpoint { url, path, client };
        }
        let tls = trust::config(&server.ca_bundle).map(|config| TlsConnector::from(Arc::new(config)));
        let permits = Semaphore::new(CONNECTIONS_MAX);
        let client = Arc::new(Client { server: server.clone(), tls, idle: Mutex::default(), permits });
        known.insert(server, Arc::downgrade(&client));
        Endpoint { url, path, client }
    }
}

impl Endpoint {
    /// Sends a document and reads the answer, in whatever time that takes.
    ///
    /// # Errors
    /// Servers that cannot be reached or trusted, or that break off.
    pub async fn post(&self, query: &str, body: Bytes) -> Result<(StatusCode, Bytes), CallError> {
        let client = &self.client;
        let _permit = client.permits.acquire().await.map_err(|closed| closed.to_string())?;
        let mut request = Request::post(format!("{}?{query}", self.path))
            .header(HOST, &client.server.authority)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, */*")
            .header(USER_AGENT, concat!("apiserver/", env!("CARGO_PKG_VERSION"), " (rust)"))
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        // A connection that was kept may have been closed meanwhile; what was not sent is sent on another one.
        while let Some(mut sender) = client.idle() {
            match sender.try_send_request(request).await {
                Ok(response) => return client.read(response, sender).await,
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(broken(failed.error())),
                },
            }
        }
        let mut sender = client.connect().await?;
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        client.read(response, sender).await
    }
}

impl Client {
    fn idle(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(|broken| broken.into_inner());
        loop {
            let sender = idle.pop()?;
            if sender.is_ready() && !sender.is_closed() {
                return Some(sender);
            }
        }
    }

    async fn read(&self, response: Response<Incoming>, sender: Sender) -> Result<(StatusCode, Bytes), CallError> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                return format!("the answer is larger than {ANSWER_BYTES_MAX} bytes");
            }
            "unexpected EOF".to_owned()
        })?;
        let mut idle = self.idle.lock().unwrap_or_else(|broken| broken.into_inner());
        if idle.len() < IDLE_MAX && !sender.is_closed() {
            idle.push(sender);
        }
        Ok((head.status, body.to_bytes()))
    }

    async fn connect(&self) -> Result<Sender, CallError> {
        let Server { host, port, .. } = &self.server;
        let tls = self.tls.as_ref().map_err(Clone::clone)?;
        let name = ServerName::try_from(host.clone()).map_err(|_| format!("{host} is no name of a server"))?;
        let addresses = tokio::net::lookup_host((host.as_str(), *port)).await;
        let addresses: Vec<_> = addresses.map_err(|_| format!("dial tcp: lookup {host}: no such host"))?.collect();
        let mut failure = format!("dial tcp: lookup {host}: no such host");
        for address in addresses {
            match TcpStream::connect(address).await {
                Err(error) => failure = format!("dial tcp {address}: connect: {}", plain(&error)),
                Ok(stream) => {
                    // A question is small, and waits for nothing.
                    let _ = stream.set_nodelay(true);
                    let stream = tls.connect(name, stream).await.map_err(|error| tls_failure(&error))?;
                    let (sender, connection) =
                        http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
                    tokio::spawn(async move {
                        // Whoever waits for an answer is told by the sender.
                        let _ = connection.await;
                    });
                    return Ok(sender);
                }
            }
        }
        Err(failure)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("authority", &self.server.authority).finish_non_exhaustive()
    }
}

/// A connection that broke off, in the words of Kubernetes' clients.
fn broken(error: &hyper::Error) -> String {
    if error.is_parse() {
        return format!("net/http: HTTP/1.x transport connection broken: malformed HTTP response ({error})");
    }
    match error.source().and_then(|source| source.downcast_ref::<std::io::Error>()) {
        Some(io) if io.kind() == std::io::ErrorKind::ConnectionReset => "read: connection reset by peer".into(),
        _ => "EOF".into(),
    }
}

fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".into(),
        std::io::ErrorKind::TimedOut => "connection timed out".into(),
        _ => error.to_string(),
    }
}

fn tls_failure(error: &std::io::Error) -> String {
    use rustls::{CertificateError, Error as Tls};
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Tls>()) else {
        return if error.kind() == std::io::ErrorKind::UnexpectedEof { "EOF".into() } else { error.to_string() };
    };
    let Tls::InvalidCertificate(why) = tls else { return format!("tls: {tls}") };
    let why = match why {
        // Another authority of the same name is as unknown.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "certificate signed by unknown authority".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "certificate has expired or is not yet valid".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("certificate is not valid for this name: {why}")
        }
        other => other.to_string(),
    };
    format!("tls: failed to verify certificate: x509: {why}")
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::admissionregistration::v1::ServiceReference;

    use super::*;

    #[test]
    fn a_webhook_is_at_a_url_or_a_service() {
        let url = |config: &WebhookClientConfig| {
            Address::of(config).map(|address| {
                let server = &address.server;
                format!("{} {} {}", Clients::default().endpoint(address.clone()).url, server.host, server.port)
            })
        };
        let of = |text: &str| url(&WebhookClientConfig { url: Some(text.into()), ..Default::default() });
        assert_eq!(of("https://a.example.com/x").unwrap(), "https://a.example.com/x a.example.com 443");
        assert_eq!(of("https://[::1]:8443").unwrap(), "https://[::1]:8443/ ::1 8443");
        let service = |path: Option<&str>, port| {
            let (name, namespace, path) = ("hooks".into(), "birds".into(), path.map(str::to_owned));
            let service = Some(ServiceReference { name, namespace, path, port });
            url(&WebhookClientConfig { service, ..Default::default() })
        };
        assert_eq!(service(Some("/mutate"), None).unwrap(), "https://hooks.birds.svc:443/mutate hooks.birds.svc 443");
        assert_eq!(service(None, Some(9443)).unwrap(), "https://hooks.birds.svc:9443/ hooks.birds.svc 9443");
        assert!(url(&WebhookClientConfig::default()).unwrap_err().contains("either service or URL"));
    }
}
