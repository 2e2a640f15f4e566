//! One connection to a server, made as Kubernetes' own clients make theirs: TLS 1.3, HTTP/2, large windows.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

/// How the client proves who it is.
#[derive(Clone, Debug)]
pub enum Credentials<'a> {
    Certificate { certificate: &'a Path, key: &'a Path },
    Token(&'a str),
    None,
}

/// What one request asks for.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    /// From the first `/`, with the query.
    pub path: String,
    pub content_type: Option<&'static str>,
    pub body: Bytes,
}

impl Call {
    pub fn get(path: impl Into<String>) -> Call {
        Call { method: Method::GET, path: path.into(), content_type: None, body: Bytes::new() }
    }

    pub fn delete(path: impl Into<String>) -> Call {
        Call { method: Method::DELETE, ..Call::get(path) }
    }

    pub fn with_body(method: Method, path: impl Into<String>, content_type: &'static str, body: Bytes) -> Call {
        Call { method, path: path.into(), content_type: Some(content_type), body }
    }
}

/// A server's address and the way to it. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    /// `HOST:PORT`.
    address: Arc<str>,
    connector: TlsConnector,
    protocol: Protocol,
    authorization: Option<HeaderValue>,
}

/// How much a server may send before the client has read it: per stream and per connection, as in Go's `net/http`.
/// Source: <https://pkg.go.dev/golang.org/x/net/http2>, `transportDefaultStreamFlow` and `transportDefaultConnFlow`.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 30;

impl Client {
    /// # Errors
    /// The certificate or the key cannot be read, or do not fit.
    pub fn new(address: &str, protocol: Protocol, credentials: &Credentials<'_>) -> Result<Client> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer(provider)));
        let mut config = match credentials {
            Credentials::Certificate { certificate, key } => {
                let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
                    .and_then(Iterator::collect)
                    .with_context(|| certificate.display().to_string())?;
                let key = PrivateKeyDer::from_pem_file(key).with_context(|| key.display().to_string())?;
                builder.with_client_auth_cert(chain, key)?
            }
            Credentials::Token(_) | Credentials::None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = match protocol {
            Protocol::Http2 => vec![b"h2".to_vec()],
            Protocol::Http1 => vec![b"http/1.1".to_vec()],
        };
        let authorization = match credentials {
            Credentials::Token(token) => Some(HeaderValue::try_from(format!("Bearer {token}"))?),
            _ => None,
        };
        Ok(Client { address: address.into(), connector: Arc::new(config).into(), protocol, authorization })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub async fn connect(&self) -> Result<Connection> {
        self.connect_with(STREAM_WINDOW_BYTES, CONNECTION_WINDOW_BYTES).await
    }

    /// A connection whose reader falls behind soon: with the smallest windows that clients have.
    pub async fn connect_narrow(&self) -> Result<Connection> {
        self.connect_with(65_535, 65_535).await
    }

    async fn connect_with(&self, stream_window: u32, connection_window: u32) -> Result<Connection> {
        let tcp =
            TcpStream::connect(&*self.address).await.with_context(|| format!("connecting to {}", self.address))?;
        tcp.set_nodelay(true)?;
        let tls = self.connector.connect(ServerName::try_from("localhost")?, tcp).await.context("TLS handshake")?;
        let io = TokioIo::new(tls);
        match self.protocol {
            Protocol::Http2 => {
                let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                    .initial_stream_window_size(stream_window)
                    .initial_connection_window_size(connection_window)
                    .handshake(io)
                    .await?;
                tokio::spawn(connection);
                Ok(Connection::Http2(sender))
            }
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await?;
                tokio::spawn(connection);
                Ok(Connection::Http1(sender))
            }
        }
    }

    pub fn request(&self, call: Call) -> Request<Full<Bytes>> {
        let uri = match self.protocol {
            Protocol::Http2 => format!("https://{}{}", self.address, call.path),
            Protocol::Http1 => call.path,
        };
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = uri.parse().expect("the paths of measures are valid");
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("bench"));
        if self.protocol == Protocol::Http1 {
            headers.insert(header::HOST, HeaderValue::try_from(&*self.address).expect("an address is a header value"));
        }
        if let Some(content_type) = call.content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        request
    }

    /// One request on a connection of its own, and the whole answer.
    pub async fn once(&self, call: Call) -> Result<(u16, Bytes)> {
        let mut connection = self.connect().await?;
        self.fetch(&mut connection, call).await
    }

    /// One request and the whole answer.
    pub async fn fetch(&self, connection: &mut Connection, call: Call) -> Result<(u16, Bytes)> {
        let response = connection.send(self.request(call)).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

/// One TCP connection.
pub enum Connection {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
        Ok(match self {
            Connection::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Connection::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        })
    }

    /// Another stream of the same connection, which HTTP/1.1 has not.
    pub fn another_stream(&self) -> Option<Connection> {
        match self {
            Connection::Http1(_) => None,
            Connection::Http2(sender) => Some(Connection::Http2(sender.clone())),
        }
    }
}

/// Believes every server: what is measured is started by whoever measures, and the handshake is done in full.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
