//! Asks a part whether it is ready: one HTTP/1.1 GET on loopback, over TLS. A few lines of our own,
//! because an HTTP client would be the largest thing in this program.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const TIMEOUT: Duration = Duration::from_secs(2);
/// Nothing we ask for is longer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// The files of a client certificate and its key.
#[derive(Debug)]
pub struct Identity {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Where to ask.
#[derive(Clone, Debug)]
pub struct Probe {
    port: u16,
    path: String,
    tls: Arc<ClientConfig>,
}

impl Probe {
    /// Asks `https://127.0.0.1:PORT/PATH`, trusting `ca_pem` alone, as the holder of a certificate if there is one.
    pub fn https(port: u16, path: &str, ca_pem: &str, identity: Option<&Identity>) -> Result<Probe> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).context("cannot read the local CA")?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(Identity { cert, key }) => {
                let certificate = CertificateDer::from_pem_file(cert).context("cannot read a certificate")?;
                let key = PrivateKeyDer::from_pem_file(key).context("cannot read a key")?;
                config.with_client_auth_cert(vec![certificate], key)?
            }
        };
        Ok(Probe { port, path: path.to_owned(), tls: Arc::new(config) })
    }

    /// Asks once. An error says why the part is not ready, in its own words if it has any.
    pub fn ask(&self) -> Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let stream =
            TcpStream::connect_timeout(&address, TIMEOUT).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        let connection = ClientConnection::new(self.tls.clone(), name)?;
        let answer = self.exchange(StreamOwned::new(connection, stream))?;
        let (status, body) = parse(&answer).with_context(|| format!("no HTTP answer from {address}"))?;
        if status != 200 {
            bail!("{} answers {status}: {}", self.path, body.trim());
        }
        Ok(())
    }

    fn exchange(&self, mut stream: impl Read + Write) -> Result<Vec<u8>> {
        let Probe { port, path, .. } = self;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        stream.flush()?;
        let mut answer = Vec::new();
        match stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer) {
            // A server that ends TCP without TLS' goodbye has still answered.
            Err(error) if answer.is_empty() => Err(error.into()),
            _ => Ok(answer),
        }
    }
}

/// The status code and the body of an HTTP/1 answer; a chunked body keeps its chunk headers, which is good enough to show.
fn parse(answer: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.get(..3)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_a_body() {
        let check = |answer: &str, expected: Option<(u16, &str)>| {
            assert_eq!(
                parse(answer.as_bytes()),
                expected.map(|(status, body)| (status, body.to_owned())),
                "{answer:?}"
            );
        };
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Some((200, "ok")));
        check("HTTP/1.0 503 Service Unavailable\r\n\r\n", Some((503, "")));
        check("HTTP/1.1 200\r\n\r\nok", Some((200, "ok")));
        check("HTTP/1.1 200 OK\r\n", None);
        check("\u{15}\u{3}\u{1}", None);
        check("HTTP/1.1 abc\r\n\r\n", None);
    }

    #[test]
    fn a_port_where_nobody_listens_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let pki = super::super::pki::Pki::ensure(dir.path()).unwrap();
        let port = super::super::ports::free().unwrap();
        let error = Probe::https(port, "/readyz", &pki.ca_pem, None).unwrap().ask().unwrap_err();
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error:#}");
    }
}
