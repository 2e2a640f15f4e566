//! The certificates of a local run. One CA per project, made here and known to nobody else, signs the server's
//! certificate and that of the person at the keyboard. Files are kept from run to run, so that a kubeconfig copied
//! elsewhere goes on working, and are made anew when they are missing, unreadable, near their end or not of this CA.
//!
//! What it refuses: a key that others can read is replaced, together with everything that rests on it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{files, groups};

/// The user of the client certificate.
pub const USER: &str = "local-admin";
/// The group of the client certificate; the API server lets its members do everything.
const GROUP: &str = "system:masters";
const CA_LIFE: Duration = Duration::days(3650);
const LEAF_LIFE: Duration = Duration::days(365);
/// A certificate with less than this left is replaced.
const RENEW_BEFORE: Duration = Duration::days(30);
/// Certificates begin a little in the past, for clocks that disagree.
const BACKDATE: Duration = Duration::hours(1);

/// The files of a local run's certificates, all present and fitting each other.
#[derive(Debug)]
pub struct Pki {
    dir: PathBuf,
    /// The CA's certificate as PEM.
    pub ca_pem: String,
    /// The client's certificate as PEM.
    pub client_cert_pem: String,
    /// The client's private key as PEM.
    pub client_key_pem: String,
}

impl Pki {
    /// Loads the certificates in `dir`, making those that are missing or no longer good.
    pub fn ensure(dir: &Path) -> Result<Pki> {
        Self::ensure_at(dir, OffsetDateTime::now_utc())
    }

    fn ensure_at(dir: &Path, now: OffsetDateTime) -> Result<Pki> {
        files::private_dir(dir)?;
        let ca = match Pair::load(dir, "ca").filter(|ca| ca.fits(None, now)) {
            Some(ca) => ca,
            None => Pair::make(dir, "ca", None, ca_params(now)?)?,
        };
        let leaf = |name: &str, params: CertificateParams| -> Result<Pair> {
            match Pair::load(dir, name).filter(|pair| pair.fits(Some(&ca), now)) {
                Some(pair) => Ok(pair),
                None => Pair::make(dir, name, Some(&ca), params),
            }
        };
        let server = leaf("server", server_params(now)?)?;
        files::write_public(&dir.join("server-chain.crt"), &format!("{}{}", server.cert_pem, ca.cert_pem))?;
        let client = leaf("client", client_params(now)?)?;
        leaf("etcd", etcd_params(now)?)?;
        Ok(Pki {
            dir: dir.to_owned(),
            ca_pem: ca.cert_pem,
            client_cert_pem: client.cert_pem,
            client_key_pem: client.key.serialize_pem(),
        })
    }

    /// Loads the certificates in `dir` that are there; `None` where no local run has made them, or where the CA has no
    /// life left in which others could be signed by it.
    pub fn existing(dir: &Path) -> Result<Option<Pki>> {
        match Pair::load(dir, "ca").filter(|ca| ca.fits(None, OffsetDateTime::now_utc())) {
            Some(_) => Self::ensure(dir).map(Some),
            None => Ok(None),
        }
    }

    /// A certificate of the local CA for a user in some groups, and its key, both as PEM.
    pub fn mint(&self, user: &str, groups: &[String]) -> Result<(String, String)> {
        let ca = Pair::load(&self.dir, "ca").context("cannot read the local CA")?;
        let issuer = Issuer::from_ca_cert_pem(&ca.cert_pem, &ca.key).context("cannot read the local CA")?;
        let key = KeyPair::generate().context("cannot make a key")?;
        let mut params = user_params(user, OffsetDateTime::now_utc())?;
        groups::hold_places(&mut params.distinguished_name, groups)?;
        let certificate = params.signed_by(&key, &issuer).context("cannot sign the certificate")?;
        let pem = groups::fill_places(&certificate, groups, &ca.key).context("cannot sign the certificate")?;
        Ok((pem, key.serialize_pem()))
    }

    /// The CA's certificate: what clients trust, and what the server checks clients by.
    pub fn ca_cert(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    /// The certificate of an etcd of our own, and of whoever may talk to it.
    pub fn etcd_cert(&self) -> PathBuf {
        self.dir.join("etcd.crt")
    }

    /// The key of [`etcd_cert`](Self::etcd_cert).
    pub fn etcd_key(&self) -> PathBuf {
        self.dir.join("etcd.key")
    }

    /// The server's certificate, for `localhost`, `127.0.0.1` and `::1`.
    pub fn server_cert(&self) -> PathBuf {
        self.dir.join("server.crt")
    }

    /// The server's certificate with the CA after it: what to serve, and what to trust, in one file.
    pub fn server_chain(&self) -> PathBuf {
        self.dir.join("server-chain.crt")
    }

    /// The server's private key.
    pub fn server_key(&self) -> PathBuf {
        self.dir.join("server.key")
    }
}

/// A certificate and its key.
struct Pair {
    cert_pem: String,
    key: KeyPair,
}

impl Pair {
    /// Reads a pair; `None` when a file is missing, damaged or open to others.
    fn load(dir: &Path, name: &str) -> Option<Pair> {
        let key_path = dir.join(format!("{name}.key"));
        if fs::metadata(&key_path).ok()?.permissions().mode() & 0o077 != 0 {
            return None;
        }
        let key = KeyPair::from_pem(&fs::read_to_string(key_path).ok()?).ok()?;
        Some(Pair { cert_pem: fs::read_to_string(dir.join(format!("{name}.crt"))).ok()?, key })
    }

    /// Makes a pair, signed by `ca` or by itself, and writes it.
    fn make(dir: &Path, name: &str, ca: Option<&Pair>, params: CertificateParams) -> Result<Pair> {
        let key = KeyPair::generate().context("cannot make a key")?;
        let certificate = match ca {
            None => params.self_signed(&key),
            Some(ca) => {
                let issuer = Issuer::from_ca_cert_pem(&ca.cert_pem, &ca.key).context("cannot read the local CA")?;
                params.signed_by(&key, &issuer)
            }
        };
        let cert_pem = certificate.with_context(|| format!("cannot sign the {name} certificate"))?.pem();
        // The key first: a certificate without its key is found out by `load`, and both are then made again.
        files::write_private(&dir.join(format!("{name}.key")), &key.serialize_pem())?;
        files::write_public(&dir.join(format!("{name}.crt")), &cert_pem)?;
        Ok(Pair { cert_pem, key })
    }

    /// Whether the certificate is of its key, signed by `ca` (`None`: by itself), and good for a while yet.
    fn fits(&self, ca: Option<&Pair>, now: OffsetDateTime) -> bool {
        let (Some(cert), Some(ca_cert)) = (self.der(), ca.unwrap_or(self).der()) else { return false };
        let (Ok((_, cert)), Ok((_, ca_cert))) = (X509Certificate::from_der(&cert), X509Certificate::from_der(&ca_cert))
        else {
            return false;
        };
        let validity = cert.validity();
        cert.public_key().subject_public_key.data.as_ref() == self.key.public_key_raw()
            && cert.issuer() == ca_cert.subject()
            && cert.verify_signature(Some(ca_cert.public_key())).is_ok()
            && validity.not_before.to_datetime() <= now
            && now + RENEW_BEFORE < validity.not_after.to_datetime()
    }

    fn der(&self) -> Option<Vec<u8>> {
        Some(x509_parser::pem::parse_x509_pem(self.cert_pem.as_bytes()).ok()?.1.contents)
    }
}

fn params(names: &[&str], common_name: &str, now: OffsetDateTime, life: Duration) -> Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).context("cannot describe a certificate")?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = now - BACKDATE;
    params.not_after = now + life;
    Ok(params)
}

fn ca_params(now: OffsetDateTime) -> Result<CertificateParams> {
    let mut params = params(&[], "apiserver-boot local CA", now, CA_LIFE)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn server_params(now: OffsetDateTime) -> Result<CertificateParams> {
    let mut params = params(&["localhost", "127.0.0.1", "::1"], "localhost", now, LEAF_LIFE)?;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn etcd_params(now: OffsetDateTime) -> Result<CertificateParams> {
    let mut params = server_params(now)?;
    params.distinguished_name.push(DnType::CommonName, "etcd");
    // etcd's own gateway calls etcd as a client, with the server's certificate.
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    Ok(params)
}

fn client_params(now: OffsetDateTime) -> Result<CertificateParams> {
    let mut params = user_params(USER, now)?;
    params.distinguished_name.push(DnType::OrganizationName, GROUP);
    Ok(params)
}

/// The user is the common name; groups are organizations.
fn user_params(user: &str, now: OffsetDateTime) -> Result<CertificateParams> {
    let mut params = params(&[], user, now, LEAF_LIFE)?;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["ca", "server", "client", "etcd"];

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
    }

    /// Makes certificates, does `harm` to them, asks for them again `later`, and returns what was made anew.
    fn renewed(later: Duration, harm: impl Fn(&Path)) -> String {
        let dir = tempfile::tempdir().unwrap();
        let pki = dir.path().join("pki");
        Pki::ensure_at(&pki, now()).unwrap();
        let read = || {
            NAMES.map(|name| ["crt", "key"].map(|end| fs::read_to_string(pki.join(format!("{name}.{end}"))).unwrap()))
        };
        let before = read();
        harm(&pki);
        Pki::ensure_at(&pki, now() + later).unwrap();
        let after = read();
        let changed = |i: &usize| {
            let [certificate, key] = [0, 1].map(|file| before[*i][file] != after[*i][file]);
            assert_eq!(certificate, key, "a key and its certificate go together");
            key
        };
        (0..NAMES.len()).filter(changed).map(|i| NAMES[i]).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn certificates_are_kept_while_they_are_good() {
        let day = Duration::days(1);
        let nothing = |_: &Path| {};
        assert_eq!(renewed(Duration::ZERO, nothing), "");
        assert_eq!(renewed(day * 330, nothing), "");
        assert_eq!(renewed(day * 336, nothing), "server client etcd", "near their end");
        assert_eq!(renewed(day * 3640, nothing), "ca server client etcd");
        assert_eq!(renewed(-day, nothing), "ca server client etcd", "not valid yet: the clock went back");
    }

    #[test]
    fn what_does_not_fit_is_made_again_with_all_that_rests_on_it() {
        let remove = |name: &'static str| move |dir: &Path| fs::remove_file(dir.join(name)).unwrap();
        let damage = |name: &'static str| move |dir: &Path| fs::write(dir.join(name), "-----BEGIN").unwrap();
        let copy = |from: &'static str, to: &'static str| {
            move |dir: &Path| {
                fs::copy(dir.join(from), dir.join(to)).unwrap();
            }
        };
        let open = |dir: &Path| fs::set_permissions(dir.join("ca.key"), fs::Permissions::from_mode(0o644)).unwrap();
        let other_ca = |dir: &Path| {
            let other = tempfile::tempdir().unwrap();
            Pki::ensure_at(other.path(), now()).unwrap();
            for file in ["ca.crt", "ca.key"] {
                fs::copy(other.path().join(file), dir.join(file)).unwrap();
            }
        };
        assert_eq!(renewed(Duration::ZERO, remove("client.crt")), "client");
        assert_eq!(renewed(Duration::ZERO, remove("server.key")), "server");
        assert_eq!(renewed(Duration::ZERO, remove("ca.key")), "ca server client etcd");
        assert_eq!(renewed(Duration::ZERO, damage("server.crt")), "server");
        assert_eq!(renewed(Duration::ZERO, damage("ca.crt")), "ca server client etcd");
        assert_eq!(renewed(Duration::ZERO, copy("server.key", "client.key")), "client", "a key of another certificate");
        assert_eq!(renewed(Duration::ZERO, open), "ca server client etcd", "others could read the key");
        let dir = tempfile::tempdir().unwrap();
        Pki::ensure_at(dir.path(), now()).unwrap();
        let client = fs::read(dir.path().join("client.crt")).unwrap();
        other_ca(dir.path());
        Pki::ensure_at(dir.path(), now()).unwrap();
        assert_ne!(client, fs::read(dir.path().join("client.crt")).unwrap(), "signed by a CA that is gone");
    }

    #[test]
    fn keys_are_for_their_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let pki = dir.path().join("a").join("pki");
        Pki::ensure(&pki).unwrap();
        let mode = |name: &str| fs::metadata(pki.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(""), 0o700);
        assert!(NAMES.iter().all(|name| mode(&format!("{name}.key")) == 0o600));
    }

    #[test]
    fn the_client_certificate_names_the_administrator() {
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::ensure(dir.path()).unwrap();
        let pem = x509_parser::pem::parse_x509_pem(pki.client_cert_pem.as_bytes()).unwrap().1;
        let subject = pem.parse_x509().unwrap().subject().to_string();
        assert_eq!(subject, "CN=local-admin, O=system:masters");
    }

    #[test]
    fn further_users_are_of_the_same_ca() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Pki::existing(dir.path()).unwrap().is_none());
        Pki::ensure(dir.path()).unwrap();
        let pki = Pki::existing(dir.path()).unwrap().expect("certificates");
        for groups in [&[][..], &["crew"], &["crew", "deck"], &["a", "b", "c", "d", "e"]] {
            let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
            let (cert_pem, key_pem) = pki.mint("alice", &groups).unwrap();
            let pair = Pair { cert_pem, key: KeyPair::from_pem(&key_pem).unwrap() };
            assert!(pair.fits(Pair::load(dir.path(), "ca").as_ref(), OffsetDateTime::now_utc()), "{groups:?}");
            let der = pair.der().unwrap();
            let (_, certificate) = X509Certificate::from_der(&der).unwrap();
            let found: Vec<&str> =
                certificate.subject().iter_organization().map(|group| group.as_str().unwrap()).collect();
            assert_eq!(found, groups);
            assert_eq!(certificate.subject().iter_common_name().next().unwrap().as_str().unwrap(), "alice");
        }
        assert!(pki.mint("alice", &["a\u{6}b".to_owned()]).is_err());
    }
}
