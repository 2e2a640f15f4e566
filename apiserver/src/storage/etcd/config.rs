//! What it takes to reach etcd, and why it was not enough.

use std::fmt;
use std::time::Duration;

use http::Uri;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use super::error::EtcdError;
use super::members::{CONNECT_TIMEOUT, Member, Members};
use super::transport::Transport;
use crate::storage::BoxError;

/// Where etcd is, and how to speak with it.
#[derive(Clone, Debug, Default)]
pub struct EtcdConfig {
    /// `http://HOST:PORT` or `https://HOST:PORT` of the members of one cluster; the first that works is used.
    pub endpoints: Vec<String>,
    /// Needed by `https` endpoints, and refused with `http` ones.
    pub tls: Option<EtcdTls>,
    /// Put before every key, so that several stores can share a cluster. Usually empty.
    pub prefix: String,
}

/// How members and this client prove who they are.
#[derive(Clone)]
pub struct EtcdTls {
    /// The certificates that sign those of the members, in PEM.
    pub ca_pem: Vec<u8>,
    /// Shown to members that ask for it.
    pub client: Option<EtcdClientCertificate>,
}

/// A client's certificate with its private key.
#[derive(Clone)]
pub struct EtcdClientCertificate {
    /// The certificate and its intermediates, in PEM.
    pub cert_pem: Vec<u8>,
    /// The private key, in PEM.
    pub key_pem: Vec<u8>,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The list of endpoints is empty.
    #[error("no etcd endpoint is given; name at least one, such as http://127.0.0.1:2379")]
    NoEndpoint,
    /// An endpoint is not a URL of the form that is understood.
    #[error("{endpoint:?} is not an etcd endpoint; write it as http://HOST:PORT or https://HOST:PORT")]
    Address {
        /// As it was given.
        endpoint: String,
    },
    /// An encrypted endpoint that cannot be trusted.
    #[error("{endpoint} is encrypted, but there is no CA to check it with; give the CA certificate of etcd")]
    NoAuthority {
        /// As it was given.
        endpoint: String,
    },
    /// Certificates that would silently not be used.
    #[error("{endpoint} is not encrypted, but certificates are given for it; write it as https:// or leave them out")]
    NotEncrypted {
        /// As it was given.
        endpoint: String,
    },
    /// The certificates or the key cannot be parsed.
    #[error("the certificates for {endpoint} cannot be used; all of them, and the key, must be PEM")]
    Certificates {
        /// As it was given.
        endpoint: String,
        /// What is wrong with them.
        #[source]
        source: BoxError,
    },
    /// The system refuses the thread on which connections are served.
    #[error("cannot start the thread that speaks with etcd")]
    Thread {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// None of the endpoints answers.
    #[error("no etcd answers; start it or correct the endpoints{}: {}", hint(*.anonymous), list(.attempts))]
    Unreachable {
        /// How each endpoint failed, in their order.
        attempts: Vec<EtcdError>,
        /// The endpoints are encrypted, and no client certificate was given.
        anonymous: bool,
    },
}

impl EtcdConfig {
    pub(super) fn members(&self, transport: &Transport) -> Result<Members, ConnectError> {
        if self.endpoints.is_empty() {
            return Err(ConnectError::NoEndpoint);
        }
        let members = self.endpoints.iter().map(|endpoint| self.member(endpoint, transport));
        Ok(Members::new(members.collect::<Result<_, _>>()?))
    }

    fn member(&self, given: &str, transport: &Transport) -> Result<Member, ConnectError> {
        let endpoint = given.to_owned();
        let Some((uri, encrypted)) = parse(given) else { return Err(ConnectError::Address { endpoint }) };
        let mut connections = Endpoint::from(uri)
            .executor(transport.executor())
            // Members close connections that are pinged more often than every 5 s or while nothing is under way.
            // Source: <https://etcd.io/docs/v3.5/op-guide/configuration/>, `--grpc-keepalive-min-time`
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(false)
            // HTTP/2 starts with 64 KiB, which makes a long list wait for us again and again.
            .initial_stream_window_size(2 << 20)
            .initial_connection_window_size(32 << 20);
        match (&self.tls, encrypted) {
            (Some(tls), true) => {
                connections = connections
                    .tls_config(tls.to_tonic())
                    .map_err(|error| ConnectError::Certificates { endpoint: endpoint.clone(), source: error.into() })?;
            }
            (None, true) => return Err(ConnectError::NoAuthority { endpoint }),
            (Some(_), false) => return Err(ConnectError::NotEncrypted { endpoint }),
            (None, false) => {}
        }
        Ok(Member::new(endpoint, &connections))
    }
}

impl EtcdTls {
    fn to_tonic(&self) -> ClientTlsConfig {
        let ca = Certificate::from_pem(&self.ca_pem);
        let config = ClientTlsConfig::new().ca_certificate(ca).timeout(CONNECT_TIMEOUT);
        match &self.client {
            Some(client) => config.identity(Identity::from_pem(&client.cert_pem, &client.key_pem)),
            None => config,
        }
    }
}

impl fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdTls").field("client", &self.client).finish_non_exhaustive()
    }
}

impl fmt::Debug for EtcdClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the key, whatever this ends up in.
        f.debug_struct("EtcdClientCertificate").finish_non_exhaustive()
    }
}

/// The address, and whether it is encrypted.
fn parse(endpoint: &str) -> Option<(Uri, bool)> {
    let uri: Uri = endpoint.parse().ok()?;
    let encrypted = match uri.scheme_str()? {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let plain = matches!(uri.path(), "" | "/") && uri.query().is_none() && !uri.authority()?.as_str().contains('@');
    plain.then_some((uri, encrypted))
}

/// A member that asks for a certificate closes the connection without a word when it gets none.
fn hint(anonymous: bool) -> &'static str {
    if anonymous { ", or give a client certificate if it asks for one" } else { "" }
}

fn list(attempts: &[EtcdError]) -> String {
    attempts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_configuration_is_used_or_refused_with_a_way_out() {
        let transport = Transport::start().expect("a thread");
        let check = |endpoint: &str, tls: bool, expected: &str| {
            let tls = tls.then(|| EtcdTls { ca_pem: CA.to_vec(), client: None });
            let config = EtcdConfig { endpoints: vec![endpoint.to_owned()], tls, prefix: String::new() };
            let text = config.members(&transport).map_or_else(|error| error.to_string(), |_| "used".to_owned());
            assert!(text.contains(expected), "{endpoint}: {text}");
        };
        check("http://127.0.0.1:2379", false, "used");
        check("http://etcd.example.com:2379/", false, "used");
        check("http://[::1]:2379", false, "used");
        check("https://127.0.0.1:2379", true, "used");
        check("https://127.0.0.1:2379", false, "give the CA certificate");
        check("http://127.0.0.1:2379", true, "write it as https://");
        check("127.0.0.1:2379", false, r#""127.0.0.1:2379" is not an etcd endpoint; write it as http://HOST:PORT"#);
        check("unix://etcd.sock", false, "write it as http://HOST:PORT");
        check("http://127.0.0.1:2379/v3", false, "write it as http://HOST:PORT");
        check("", false, "write it as http://HOST:PORT");
        assert!(matches!(EtcdConfig::default().members(&transport), Err(ConnectError::NoEndpoint)));
    }

    #[tokio::test]
    async fn a_key_is_neither_accepted_when_broken_nor_shown() {
        let client = EtcdClientCertificate { cert_pem: CA.to_vec(), key_pem: b"secret".to_vec() };
        let tls = Some(EtcdTls { ca_pem: CA.to_vec(), client: Some(client) });
        let config = EtcdConfig { endpoints: vec!["https://etcd:2379".into()], tls, prefix: String::new() };
        assert!(matches!(
            config.members(&Transport::start().expect("a thread")),
            Err(ConnectError::Certificates { .. })
        ));
        assert!(!format!("{config:?}").contains("secret"));
    }

    const CA: &[u8] = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
}
