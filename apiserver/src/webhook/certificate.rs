//! A serving certificate and the authority behind it, made by the program itself.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

use k8s_openapi::ByteString;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::server::pki::{Authority, Pem, Subject};

/// The name of the authority. It is the same everywhere, so that an authority can be restored from its key.
const AUTHORITY: &str = "webhook-ca";
/// An authority with less time than this left is followed by a new one, which both are trusted for a while.
const AUTHORITY_DAYS_MIN: i64 = 400;
/// A certificate with less time than this left is renewed: a third of its year.
const CERTIFICATE_DAYS_MIN: i64 = 120;
// The keys of the Secret that holds all of it: one of type `kubernetes.io/tls`, with an authority.
const CA: &str = "ca.crt";
const CA_KEY: &str = "ca.key";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// A serving certificate with its authority, all in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The certificates to trust: that of the authority, and after it perhaps that of the one before.
    pub ca: String,
    ca_key: String,
    /// What is served.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Bundle {
    /// A new authority and a certificate for these DNS names and addresses.
    ///
    /// # Errors
    /// A name that no certificate can hold.
    pub fn new(names: &[String]) -> Result<Self, rcgen::Error> {
        let authority = Authority::new(AUTHORITY)?;
        Self::issue(&authority, authority.certificate().to_owned(), names)
    }

    /// What must be there, from what is: the same if it is good for these names and a while to come, a new certificate
    /// of the same authority if not, and a new authority when that of old is near its end.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn renewed(&self, names: &[String]) -> Result<Self, rcgen::Error> {
        if days_left(&self.ca).is_none_or(|days| days < AUTHORITY_DAYS_MIN) {
            let authority = Authority::new(AUTHORITY)?;
            // Only one is kept of those before, and only while it is good.
            let before = first(&self.ca).filter(|pem| days_left(pem).is_some_and(|days| days > 0)).unwrap_or_default();
            return Self::issue(&authority, format!("{}{before}", authority.certificate()), names);
        }
        let good = days_left(&self.certificate).is_some_and(|days| days >= CERTIFICATE_DAYS_MIN);
        if good && holds(&self.certificate, names) {
            return Ok(self.clone());
        }
        match Authority::restore(AUTHORITY, &self.ca, &self.ca_key) {
            Ok(authority) => Self::issue(&authority, self.ca.clone(), names),
            Err(_) => Self::new(names),
        }
    }

    /// Reads what [`to_secret`](Self::to_secret) wrote.
    pub fn from_secret(data: &BTreeMap<String, ByteString>) -> Option<Self> {
        let text = |key: &str| String::from_utf8(data.get(key)?.0.clone()).ok().filter(|text| !text.is_empty());
        Some(Self { ca: text(CA)?, ca_key: text(CA_KEY)?, certificate: text(CERTIFICATE)?, key: text(KEY)? })
    }

    /// As the data of a Secret.
    pub fn to_secret(&self) -> BTreeMap<String, ByteString> {
        let pairs = [(CA, &self.ca), (CA_KEY, &self.ca_key), (CERTIFICATE, &self.certificate), (KEY, &self.key)];
        pairs.into_iter().map(|(key, text)| (key.to_owned(), ByteString(text.as_bytes().to_vec()))).collect()
    }

    fn issue(authority: &Authority, ca: String, names: &[String]) -> Result<Self, rcgen::Error> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let Pem { certificate, key } = authority.issue(&Subject::server(&names))?;
        Ok(Self { ca, ca_key: authority.key(), certificate, key })
    }
}

/// Keys stay out of logs.
impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle").field("ca", &self.ca).field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// The first certificate of several.
fn first(pem: &str) -> Option<&str> {
    const END: &str = "-----END CERTIFICATE-----";
    pem.find(END).map(|at| pem[..at + END.len()].trim_start()).filter(|text| !text.is_empty())
}

fn with<T>(pem: &str, read: impl FnOnce(&X509Certificate<'_>) -> T) -> Option<T> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    Some(read(&certificate))
}

/// Whole days until a certificate ends; `None` for what is none.
fn days_left(pem: &str) -> Option<i64> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let end = with(pem, |certificate| certificate.validity().not_after.timestamp())?;
    Some(end.saturating_sub(i64::try_from(now.as_secs()).ok()?) / (24 * 60 * 60))
}

/// Whether a certificate is for all of these names.
fn holds(pem: &str, names: &[String]) -> bool {
    let has = |certificate: &X509Certificate<'_>| {
        let all = certificate.subject_alternative_name().ok().flatten();
        let all = all.map(|found| found.value.general_names.clone()).unwrap_or_default();
        names.iter().all(|name| match name.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => all.contains(&GeneralName::IPAddress(&ip.octets())),
            Ok(IpAddr::V6(ip)) => all.contains(&GeneralName::IPAddress(&ip.octets())),
            Err(_) => all.contains(&GeneralName::DNSName(name)),
        })
    };
    with(pem, has).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn what_is_good_stays_and_what_is_not_is_renewed_by_the_same_authority() {
        let bundle = Bundle::new(&names(&["localhost", "127.0.0.1", "::1"])).expect("made");
        let same = bundle.renewed(&names(&["::1", "localhost"])).expect("renewed");
        assert_eq!(same, bundle);
        let more = bundle.renewed(&names(&["localhost", "hook.birds.svc"])).expect("renewed");
        assert_ne!(more.certificate, bundle.certificate);
        assert_eq!((&more.ca, &more.ca_key), (&bundle.ca, &bundle.ca_key));
        assert!(holds(&more.certificate, &names(&["hook.birds.svc"])));
        let broken = Bundle { certificate: "?".into(), ..bundle.clone() };
        assert_eq!(broken.renewed(&names(&["localhost"])).expect("renewed").ca, bundle.ca);
    }

    #[test]
    fn an_authority_near_its_end_is_trusted_beside_its_successor() {
        let bundle = Bundle::new(&names(&["localhost"])).expect("made");
        // A certificate of a server lasts a year, which is too short for an authority.
        let old = Bundle { ca: bundle.certificate.clone(), ..bundle };
        let new = old.renewed(&names(&["localhost"])).expect("renewed");
        assert!(new.ca.ends_with(old.ca.trim_end()) && new.ca.len() > old.ca.len(), "{}", new.ca);
        assert_eq!(new.renewed(&names(&["localhost"])).expect("renewed"), new);
        let lost = Bundle { ca: "?".into(), ..new };
        assert_eq!(lost.renewed(&names(&["localhost"])).expect("made").ca.matches("BEGIN").count(), 1);
    }

    #[test]
    fn a_secret_holds_all_of_it() {
        let bundle = Bundle::new(&names(&["localhost"])).expect("made");
        let mut data = bundle.to_secret();
        assert_eq!(Bundle::from_secret(&data), Some(bundle.clone()));
        data.remove("ca.key");
        assert_eq!(Bundle::from_secret(&data), None, "it is somebody else's");
        assert!(!format!("{bundle:?}").contains("PRIVATE"));
    }
}
