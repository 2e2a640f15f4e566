//! Several groups in one certificate: one organization each. rcgen keeps one value for each type of name, so that every
//! group is given a type of its own, and these become the type of organizations in what is signed in the end.

use anyhow::{Context, Result};
use rcgen::{Certificate, DistinguishedName, DnType, KeyPair, SigningKey};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::error::usage;

/// The types of names, 2.5.4.N in DER: that of organizations, and the first of those that hold their places.
const TYPE: [u8; 4] = [0x06, 0x03, 0x55, 0x04];
const ORGANIZATION: u8 = 10;
const PLACE: u8 = 0x60;
/// How many places there are: below 0x80 a number is one byte in DER.
const GROUPS_MAX: usize = 0x20;

/// ecdsaWithSHA256, as an algorithm in DER.
const SIGNATURE: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// Adds groups to the name of a user.
pub fn hold_places(name: &mut DistinguishedName, groups: &[String]) -> Result<()> {
    if groups.len() > GROUPS_MAX {
        return Err(usage(format!("a certificate holds {GROUPS_MAX} groups at most")).into());
    }
    if groups.iter().any(|group| group.chars().any(char::is_control)) {
        return Err(usage("the name of a group cannot have control characters in it").into());
    }
    for (index, group) in groups.iter().enumerate() {
        name.push(DnType::CustomDnType(vec![2, 5, 4, u64::from(PLACE) + index as u64]), group.as_str());
    }
    Ok(())
}

/// The certificate with its groups as organizations, signed by `ca`, as PEM.
pub fn fill_places(certificate: &Certificate, groups: &[String], ca: &KeyPair) -> Result<String> {
    let (_, parsed) = X509Certificate::from_der(certificate.der()).context("cannot read the certificate")?;
    let mut content = parsed.tbs_certificate.as_ref().to_vec();
    for index in 0..groups.len() {
        let place = [&TYPE[..], &[PLACE + index as u8]].concat();
        let at = content.windows(place.len()).position(|bytes| bytes == place).context("a group has no place")?;
        content[at + TYPE.len()] = ORGANIZATION;
    }
    let signature = ca.sign(&content)?;
    // A bit string begins with how many of its last bits are not used.
    let signature = element(0x03, &[&[0], &signature[..]].concat());
    let der = element(0x30, &[&content[..], &SIGNATURE, &signature].concat());
    Ok(pem(&der))
}

/// An element of DER.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().position(|byte| *byte != 0).unwrap_or(length.len())..];
    let mut element = vec![tag];
    match content.len() {
        short @ ..0x80 => element.push(short as u8),
        _ => {
            element.push(0x80 | length.len() as u8);
            element.extend(length);
        }
    }
    element.extend(content);
    element
}

fn pem(der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::prelude::BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
