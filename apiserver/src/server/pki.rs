//! Certificates for servers that are given none, and for tests. Keys are P-256 and stay in memory.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// The names under which a server on this machine is reached.
pub const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A certificate authority that lives as long as its process.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// What a certificate is for.
pub struct Subject {
    common_name: String,
    organization: Option<String>,
    names: Vec<String>,
    usage: ExtendedKeyUsagePurpose,
    /// From and until, days from now.
    validity_days: (i64, i64),
}

/// A certificate and its key, in PEM.
pub struct Pem {
    /// The certificate, without that of its authority.
    pub certificate: String,
    /// The key, PKCS#8.
    pub key: String,
}

impl Authority {
    /// A new authority.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new(common_name: &str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = distinguished_name(common_name, None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        validity(&mut params, (-1, 3650));
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    /// An authority that was made before under the same name, from its certificate and [`key`](Self::key).
    ///
    /// # Errors
    /// The key is none.
    pub fn restore(common_name: &str, certificate: &str, key: &str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = distinguished_name(common_name, None);
        Ok(Self { issuer: Issuer::new(params, KeyPair::from_pem(key)?), certificate: certificate.to_owned() })
    }

    /// Its key, in PEM.
    pub fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Its own certificate, in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate with a new key.
    ///
    /// # Errors
    /// A name that no certificate can hold.
    pub fn issue(&self, subject: &Subject) -> Result<Pem, rcgen::Error> {
        let mut params = CertificateParams::new(subject.names.clone())?;
        params.distinguished_name = distinguished_name(&subject.common_name, subject.organization.as_deref());
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![subject.usage.clone()];
        validity(&mut params, subject.validity_days);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Pem { certificate, key: key.serialize_pem() })
    }
}

impl Subject {
    /// A server that is reached under these DNS names and addresses.
    pub fn server(names: &[&str]) -> Self {
        Self {
            common_name: names.first().copied().unwrap_or_default().to_owned(),
            organization: None,
            names: names.iter().map(|&name| name.to_owned()).collect(),
            usage: ExtendedKeyUsagePurpose::ServerAuth,
            validity_days: (-1, 365),
        }
    }

    /// A user, and a group that it is in.
    pub fn client(user: &str, group: Option<&str>) -> Self {
        Self {
            common_name: user.to_owned(),
            organization: group.map(str::to_owned),
            names: Vec::new(),
            usage: ExtendedKeyUsagePurpose::ClientAuth,
            validity_days: (-1, 365),
        }
    }

    /// The same, but valid only until yesterday.
    pub fn expired(mut self) -> Self {
        self.validity_days = (-3, -1);
        self
    }

    /// The same, but valid only from tomorrow on.
    pub fn not_yet_valid(mut self) -> Self {
        self.validity_days = (1, 365);
        self
    }
}

fn distinguished_name(common_name: &str, organization: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if let Some(organization) = organization {
        name.push(DnType::OrganizationName, organization);
    }
    if !common_name.is_empty() {
        name.push(DnType::CommonName, common_name);
    }
    name
}

/// The moment so many days from now, as rcgen's `1970-01-01` plus a duration: the type of its moments has no name here.
fn since_1970(days_from_now: i64) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let distance = DAY * u32::try_from(days_from_now.unsigned_abs()).unwrap_or(u32::MAX);
    if days_from_now < 0 { now.saturating_sub(distance) } else { now.saturating_add(distance) }
}

fn validity(params: &mut CertificateParams, (from, until): (i64, i64)) {
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_1970(from);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_1970(until);
}
