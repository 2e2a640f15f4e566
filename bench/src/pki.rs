//! An authority, a server's certificate and an administrator's, made anew for each run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// The files in PEM, in one folder.
#[derive(Clone, Debug)]
pub struct Pki {
    pub authority: PathBuf,
    pub server_certificate: PathBuf,
    pub server_key: PathBuf,
    /// Of `CN=bench, O=bench`. Not one of `system:masters`: limits do not mean these.
    pub client_certificate: PathBuf,
    pub client_key: PathBuf,
}

impl Pki {
    pub fn make(folder: &Path) -> Result<Pki> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let authority_key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "bench");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority = params.self_signed(&authority_key)?;
        let issuer = Issuer::from_params(&params, &authority_key);

        let mut server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server_key = KeyPair::generate()?;
        let server = server.signed_by(&server_key, &issuer)?;

        let mut client = CertificateParams::default();
        client.distinguished_name.push(DnType::CommonName, "bench");
        client.distinguished_name.push(DnType::OrganizationName, "bench");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client_key = KeyPair::generate()?;
        let client = client.signed_by(&client_key, &issuer)?;

        let write = |name: &str, text: String| -> Result<PathBuf> {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| path.display().to_string())?;
            Ok(path)
        };
        Ok(Pki {
            authority: write("ca.crt", authority.pem())?,
            server_certificate: write("server.crt", server.pem())?,
            server_key: write("server.key", server_key.serialize_pem())?,
            client_certificate: write("client.crt", client.pem())?,
            client_key: write("client.key", client_key.serialize_pem())?,
        })
    }
}
