//! TLS: the server's certificate, and whatever certificate a client brings.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};

use super::pki::{self, Authority, Subject};
use super::reload::{self, Watching};

/// Where the server's certificate comes from.
#[derive(Clone, Debug)]
pub enum Certificate {
    /// PEM files: the chain, the server's own certificate first, and its key. Read again when they change.
    Files {
        /// `--tls-cert-file`
        certificate: PathBuf,
        /// `--tls-private-key-file`
        key: PathBuf,
    },
    /// PEM texts.
    Pem {
        /// The chain.
        certificate: String,
        /// The key.
        key: String,
    },
    /// A certificate that somebody in this process renews.
    Replaceable(Replaceable),
    /// Made at start, for this machine's own names, signed by nobody that a client could know.
    SelfSigned,
}

/// A certificate that can be replaced while it is served; all clones are one.
#[derive(Clone, Debug)]
pub struct Replaceable(Arc<Current>);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The text is not PEM, or not what it should be.
    #[error("{origin} holds no {what} in PEM form")]
    Pem {
        /// The file, or what stands for it.
        origin: String,
        /// `certificate` or `private key`.
        what: &'static str,
        /// What the parser says.
        source: rustls::pki_types::pem::Error,
    },
    /// The key does not belong to the certificate, or is of an unknown kind.
    #[error("the private key in {key} does not go with the certificate in {certificate}")]
    Mismatch {
        /// Where the certificate is.
        certificate: String,
        /// Where the key is.
        key: String,
        /// What TLS says.
        source: rustls::Error,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate")]
    Make(#[source] rcgen::Error),
    /// TLS cannot be set up at all.
    #[error("cannot set up TLS")]
    Setup(#[source] rustls::Error),
}

/// The server's side of TLS.
pub struct Tls {
    /// For every connection.
    pub config: Arc<ServerConfig>,
    _watching: Option<Watching>,
}

impl Tls {
    /// Reads the certificate, and goes on looking for a newer one while this lives. Needs a tokio runtime.
    ///
    /// # Errors
    /// The certificate or its key cannot be used.
    pub fn new(certificate: &Certificate, reload_interval: Duration) -> Result<Self, CertificateError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let current = match certificate {
            Certificate::Replaceable(one) => one.0.clone(),
            other => Arc::new(Current(RwLock::new(other.load(&provider)?))),
        };
        let mut config = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(CertificateError::Setup)?
            .with_client_cert_verifier(Arc::new(AnyClient { provider: provider.clone() }))
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let watching = certificate.files().map(|files| {
            let certificate = certificate.clone();
            reload::watch(files, reload_interval, move || {
                let newer = certificate.load(&provider)?;
                current.set(newer);
                Ok::<(), CertificateError>(())
            })
        });
        Ok(Self { config: Arc::new(config), _watching: watching })
    }
}

impl Replaceable {
    /// Begins with a certificate chain and its key, in PEM.
    ///
    /// # Errors
    /// They cannot be used.
    pub fn new(certificate: &str, key: &str) -> Result<Self, CertificateError> {
        Ok(Self(Arc::new(Current(RwLock::new(from_pem(certificate, key)?)))))
    }

    /// Connections from now on see this one.
    ///
    /// # Errors
    /// They cannot be used; then nothing changes.
    pub fn replace(&self, certificate: &str, key: &str) -> Result<(), CertificateError> {
        self.0.set(from_pem(certificate, key)?);
        Ok(())
    }
}

fn from_pem(certificate: &str, key: &str) -> Result<Arc<CertifiedKey>, CertificateError> {
    let pem = Certificate::Pem { certificate: certificate.to_owned(), key: key.to_owned() };
    pem.load(&rustls::crypto::ring::default_provider())
}

impl Certificate {
    fn files(&self) -> Option<Vec<PathBuf>> {
        match self {
            Self::Files { certificate, key } => Some(vec![certificate.clone(), key.clone()]),
            Self::Pem { .. } | Self::Replaceable(_) | Self::SelfSigned => None,
        }
    }

    fn load(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, CertificateError> {
        match self {
            Self::Files { certificate, key } => {
                let origins = (certificate.display().to_string(), key.display().to_string());
                certified(&read(certificate)?, &read(key)?, origins, provider)
            }
            Self::Pem { certificate, key } => {
                let origins = ("the certificate".to_owned(), "the key".to_owned());
                certified(certificate.as_bytes(), key.as_bytes(), origins, provider)
            }
            Self::Replaceable(one) => Ok(one.0.get()),
            Self::SelfSigned => {
                let made = Authority::new("apiserver")
                    .and_then(|authority| authority.issue(&Subject::server(&pki::LOOPBACK_NAMES)))
                    .map_err(CertificateError::Make)?;
                Self::Pem { certificate: made.certificate, key: made.key }.load(provider)
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|source| CertificateError::Read { path: path.to_owned(), source })
}

fn certified(
    certificate: &[u8],
    key: &[u8],
    (certificate_origin, key_origin): (String, String),
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, CertificateError> {
    let bad = |origin: &str, what| {
        let origin = origin.to_owned();
        move |source| CertificateError::Pem { origin, what, source }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(bad(&certificate_origin, "certificate"))?;
    if chain.is_empty() {
        return Err(bad(&certificate_origin, "certificate")(rustls::pki_types::pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(bad(&key_origin, "private key"))?;
    let certified = CertifiedKey::from_der(chain, key, provider);
    certified.map(Arc::new).map_err(|source| CertificateError::Mismatch {
        certificate: certificate_origin,
        key: key_origin,
        source,
    })
}

/// The certificate of the moment.
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    fn get(&self) -> Arc<CertifiedKey> {
        self.0.read().unwrap_or_else(|broken| broken.into_inner()).clone()
    }

    fn set(&self, newer: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(|broken| broken.into_inner()) = newer;
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

/// Asks for a certificate, takes any or none, and makes sure of nothing but that the client has its key. Whether it is
/// good is for authentication to judge, which can say so in an answer.
struct AnyClient {
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for AnyClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyClient")
    }
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    // No hints: with hints a client whose certificate is of another authority sends none, and is anonymous.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
