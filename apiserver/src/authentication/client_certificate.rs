//! Client certificates: the user is the subject's common name, the groups are its organizations. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates>

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::connection::ConnectionInfo;
use super::{AuthenticationError, Authenticator};
use crate::request::user::UserInfo;

/// Where the fingerprint of the certificate is found among a user's extras.
pub(super) const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// Accepts the client certificates of some authorities; of none until it is told of some.
#[derive(Default)]
pub struct ClientCertificates {
    // Replaced as a whole: a connection remembers which authorities accepted it, and asks again when they change.
    authorities: RwLock<Option<Arc<Authorities>>>,
}

struct Authorities {
    verifier: Arc<dyn ClientCertVerifier>,
}

/// Why authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// Not PEM.
    #[error("not a PEM file")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// PEM without a certificate in it.
    #[error("no certificate in it")]
    Empty,
    /// A certificate that cannot be an authority.
    #[error("a certificate in it cannot be used as an authority")]
    Certificate(#[source] rustls::Error),
    /// The certificates together make no verifier.
    #[error("the certificates in it cannot be used")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
}

impl ClientCertificates {
    /// Accepts what the authorities in a PEM file have signed for use by clients.
    ///
    /// # Errors
    /// The PEM does not hold certificates of authorities.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AuthoritiesError> {
        Ok(Self { authorities: RwLock::new(Some(Arc::new(Authorities::from_pem(pem)?))) })
    }

    /// Puts other authorities in place of the present ones, for connections that are open as well.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem); the present ones then stay.
    pub fn replace(&self, pem: &[u8]) -> Result<(), AuthoritiesError> {
        let authorities = Arc::new(Authorities::from_pem(pem)?);
        *self.authorities.write().unwrap_or_else(|broken| broken.into_inner()) = Some(authorities);
        Ok(())
    }

    fn verify(&self, connection: &ConnectionInfo) -> Result<Option<Arc<UserInfo>>, AuthenticationError> {
        let Some((certificate, intermediates)) = connection.certificates.split_first() else { return Ok(None) };
        let authorities = self.authorities.read().unwrap_or_else(|broken| broken.into_inner()).clone();
        let Some(authorities) = authorities else { return Ok(None) };
        let now = SystemTime::now();
        if let Some(user) = connection.remembered(&authorities, now) {
            return Ok(Some(user));
        }
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        authorities
            .verifier
            .verify_client_cert(certificate, intermediates, UnixTime::since_unix_epoch(since))
            .map_err(AuthenticationError::Certificate)?;
        let Some(user) = user(certificate)?.map(Arc::new) else { return Ok(None) };
        let until = expiry(&connection.certificates)?;
        connection.remember(&authorities, until, &user);
        Ok(Some(user))
    }
}

#[async_trait]
impl Authenticator for ClientCertificates {
    async fn authenticate(
        &self,
        _request: &http::request::Parts,
        connection: &ConnectionInfo,
    ) -> Result<Option<Arc<UserInfo>>, AuthenticationError> {
        self.verify(connection)
    }
}

impl Authorities {
    fn from_pem(pem: &[u8]) -> Result<Self, AuthoritiesError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.map_err(AuthoritiesError::Pem)?).map_err(AuthoritiesError::Certificate)?;
        }
        if roots.is_empty() {
            return Err(AuthoritiesError::Empty);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(AuthoritiesError::Verifier)?;
        Ok(Self { verifier })
    }
}

/// Who a certificate names; `None` when it has no common name.
fn user(certificate: &CertificateDer<'_>) -> Result<Option<UserInfo>, AuthenticationError> {
    let parsed = parse(certificate)?;
    let text = |value: Result<&str, _>| {
        let readable = |_| AuthenticationError::Unreadable("its subject is not text".into());
        value.map(str::to_owned).map_err(readable)
    };
    let Some(name) = parsed.subject().iter_common_name().next() else { return Ok(None) };
    let name = text(name.as_str())?;
    if name.is_empty() {
        return Ok(None);
    }
    let groups: Vec<String> =
        parsed.subject().iter_organization().map(|group| text(group.as_str())).collect::<Result<_, _>>()?;
    let mut id = String::from("X509SHA256=");
    for byte in Sha256::digest(certificate) {
        let _ = write!(id, "{byte:02x}"); // writing to a String cannot fail
    }
    let mut user = UserInfo::authenticated(&name, groups);
    user.extra = BTreeMap::from([(CREDENTIAL_ID.to_owned(), vec![id])]);
    Ok(Some(user))
}

/// When the first of the certificates expires.
fn expiry(certificates: &[CertificateDer<'_>]) -> Result<SystemTime, AuthenticationError> {
    let mut seconds_min = u64::MAX;
    for certificate in certificates {
        let seconds = parse(certificate)?.validity().not_after.timestamp();
        seconds_min = seconds_min.min(u64::try_from(seconds).unwrap_or_default());
    }
    let until = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds_min));
    until.ok_or_else(|| AuthenticationError::Unreadable("its end of validity is out of range".into()))
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, AuthenticationError> {
    let parsed = X509Certificate::from_der(certificate);
    parsed.map(|(_, parsed)| parsed).map_err(|error| AuthenticationError::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::pki::{Authority, Subject};

    #[test]
    fn a_certificate_names_a_user_and_its_groups() {
        let ca = Authority::new("ours").expect("an authority");
        check(&ca, &Subject::client("alice", None), "alice in system:authenticated");
        check(&ca, &Subject::client("bob", Some("crew")), "bob in crew,system:authenticated");
        check(&ca, &Subject::client("", Some("crew")), "nobody");
        check(&ca, &Subject::client("carol", None).expired(), "invalid peer certificate: certificate expired");
        check(
            &ca,
            &Subject::client("carol", None).not_yet_valid(),
            "invalid peer certificate: certificate not valid yet",
        );
        check(&ca, &Subject::server(&["localhost"]), "invalid peer certificate: certificate does not allow");
    }

    #[test]
    fn another_authority_counts_for_nothing() {
        let (ours, theirs) = (Authority::new("ours").expect("one"), Authority::new("theirs").expect("another"));
        let pem = theirs.issue(&Subject::client("mallory", Some("system:masters"))).expect("a certificate");
        assert!(found(&ours, &pem.certificate).starts_with("invalid peer certificate: UnknownIssuer"));
    }

    #[test]
    fn a_connection_is_asked_again_when_the_authorities_change() {
        let (ours, theirs) = (Authority::new("ours").expect("one"), Authority::new("theirs").expect("another"));
        let authenticator = ClientCertificates::from_pem(ours.certificate().as_bytes()).expect("authorities");
        let pem = ours.issue(&Subject::client("alice", None)).expect("a certificate");
        let connection = connection(&pem.certificate);
        let first = authenticator.verify(&connection).expect("accepted").expect("a user");
        let second = authenticator.verify(&connection).expect("accepted").expect("a user");
        assert!(Arc::ptr_eq(&first, &second), "verified once");
        authenticator.replace(theirs.certificate().as_bytes()).expect("authorities");
        assert!(authenticator.verify(&connection).is_err());
    }

    #[test]
    fn a_file_without_authorities_is_refused() {
        for pem in ["", "birds", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(ClientCertificates::from_pem(pem.as_bytes()).is_err(), "{pem:?}");
        }
    }

    #[test]
    fn every_organization_is_a_group() {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        // Two names for one object identifier, because rcgen keeps one value for each.
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "crew");
        params.distinguished_name.push(rcgen::DnType::CustomDnType(vec![2, 5, 4, 10]), "deck");
        params.distinguished_name.push(rcgen::DnType::CommonName, "bob");
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let user = user(certificate.der()).expect("readable").expect("a user");
        assert_eq!(user.groups, ["crew", "deck", "system:authenticated"]);
    }

    fn check(ca: &Authority, subject: &Subject, expected: &str) {
        let pem = ca.issue(subject).expect("a certificate");
        let found = found(ca, &pem.certificate);
        assert!(found.starts_with(expected), "{found:?} is not {expected:?}");
    }

    fn found(ca: &Authority, certificate: &str) -> String {
        let authenticator = ClientCertificates::from_pem(ca.certificate().as_bytes()).expect("authorities");
        match authenticator.verify(&connection(certificate)) {
            Ok(Some(user)) => {
                assert!(user.extra[CREDENTIAL_ID][0].starts_with("X509SHA256="), "{user:?}");
                format!("{} in {}", user.username, user.groups.join(","))
            }
            Ok(None) => "nobody".into(),
            Err(AuthenticationError::Certificate(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }

    fn connection(certificate: &str) -> ConnectionInfo {
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate");
        ConnectionInfo::new(([127, 0, 0, 1], 1).into(), vec![certificate])
    }
}
