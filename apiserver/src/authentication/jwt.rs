//! JSON Web Tokens, as far as service accounts need them: signed with ES256 or RS256. Sources:
//! <https://www.rfc-editor.org/rfc/rfc7515> (the form), <https://www.rfc-editor.org/rfc/rfc7518> (the algorithms)
//!
//! What it refuses: any other algorithm, `none` above all, and a key of another algorithm than a token's header says.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate};

use super::ecdsa;

/// What signs tokens.
#[derive(Clone)]
pub struct SigningKey {
    key: Arc<dyn rustls::sign::SigningKey>,
    public: PublicKey,
}

/// What tells whether a token was signed by its counterpart.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: Algorithm,
    /// How headers of tokens name the key.
    id: String,
    /// The bits of the key itself.
    bits: Vec<u8>,
}

/// How tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
enum Algorithm {
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "RS256")]
    Rs256,
}

/// Why a file holds no key for tokens.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not PEM, or without a key in it.
    #[error("no key in PEM form in it")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// A key that cannot be read.
    #[error("the key in it cannot be used")]
    Key(#[source] rustls::Error),
    /// A key of another kind.
    #[error("its key is neither RSA nor on the curve P-256")]
    Algorithm,
    /// No key can be made.
    #[error("no key can be made")]
    Generate(#[source] rcgen::Error),
}

/// A token is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not of the form of a token.
    #[error("not a JSON web token")]
    Malformed,
    /// Nobody who may sign has signed it.
    #[error("the signature is of none of the known keys")]
    Signature,
}

#[derive(Deserialize, Serialize)]
struct Header {
    alg: Algorithm,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    kid: String,
}

impl SigningKey {
    /// Reads a key: PKCS#8, PKCS#1 or SEC 1, in PEM.
    ///
    /// # Errors
    /// No such key in it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(KeyError::Pem)?;
        let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(KeyError::Key)?;
        let public = PublicKey::from_spki(&key.public_key().ok_or(KeyError::Algorithm)?)?;
        // A curve of other length has the same identifier.
        key.choose_scheme(&[public.algorithm.scheme()]).ok_or(KeyError::Algorithm)?;
        Ok(Self { key, public })
    }

    /// Makes a key, in PEM.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn generate() -> Result<String, KeyError> {
        Ok(rcgen::KeyPair::generate().map_err(KeyError::Generate)?.serialize_pem())
    }

    /// What checks that this key has signed.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs claims.
    ///
    /// # Errors
    /// Claims that are no JSON, and a key that cannot sign.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let header = Header { alg: self.public.algorithm, kid: self.public.id.clone() };
        let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
        let mut token = format!("{}.{}", part(serde_json::to_vec(&header)?), part(serde_json::to_vec(claims)?));
        let signer = self.key.choose_scheme(&[self.public.algorithm.scheme()]).ok_or(KeyError::Algorithm)?;
        let signature = signer.sign(token.as_bytes())?;
        let signature = match self.public.algorithm {
            Algorithm::Es256 => ecdsa::to_fixed(&signature).ok_or(KeyError::Algorithm)?.to_vec(),
            Algorithm::Rs256 => signature,
        };
        token.push('.');
        token.push_str(&part(signature));
        Ok(token)
    }
}

impl PublicKey {
    /// Reads every key in a PEM file: public keys, those of certificates, and the public halves of private keys.
    ///
    /// # Errors
    /// No key in it, or one that cannot be used.
    pub fn all_from_pem(pem: &[u8]) -> Result<Vec<Self>, KeyError> {
        let mut all = Vec::new();
        for key in SubjectPublicKeyInfoDer::pem_slice_iter(pem) {
            all.push(Self::from_spki(&key.map_err(KeyError::Pem)?)?);
        }
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(KeyError::Pem)?;
            let (_, certificate) = X509Certificate::from_der(&certificate).map_err(|_| KeyError::Algorithm)?;
            all.push(Self::from_spki(certificate.tbs_certificate.subject_pki.raw)?);
        }
        if all.is_empty() {
            all.push(SigningKey::from_pem(pem)?.public);
        }
        Ok(all)
    }

    fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let (_, key) = SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyError::Algorithm)?;
        let bits = key.subject_public_key.data.to_vec();
        let algorithm = match key.algorithm.algorithm.to_id_string().as_str() {
            // A point of P-256, not compressed.
            "1.2.840.10045.2.1" if bits.len() == 65 => Algorithm::Es256,
            "1.2.840.113549.1.1.1" => Algorithm::Rs256,
            _ => return Err(KeyError::Algorithm),
        };
        Ok(Self { algorithm, id: URL_SAFE_NO_PAD.encode(Sha256::digest(der)), bits })
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = match self.algorithm {
            Algorithm::Rs256 => signature.to_vec(),
            Algorithm::Es256 => match ecdsa::from_fixed(signature) {
                Some(signature) => signature,
                None => return false,
            },
        };
        let known = rustls::crypto::ring::default_provider().signature_verification_algorithms.mapping;
        let of_scheme = known.iter().filter(|(scheme, _)| *scheme == self.algorithm.scheme());
        let mut checks = of_scheme.flat_map(|(_, checks)| checks.iter());
        checks.any(|check| check.verify_signature(&self.bits, message, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {}", self.algorithm, self.id)
    }
}

impl Algorithm {
    fn scheme(self) -> SignatureScheme {
        match self {
            Self::Es256 => SignatureScheme::ECDSA_NISTP256_SHA256,
            Self::Rs256 => SignatureScheme::RSA_PKCS1_SHA256,
        }
    }
}

/// The claims of a token, whoever may have signed it: only for finding out who is to judge it.
///
/// # Errors
/// [`TokenError::Malformed`].
pub fn unverified<C: for<'a> Deserialize<'a>>(token: &str) -> Result<C, TokenError> {
    let mut parts = token.split('.');
    let claims = parts.nth(1).ok_or(TokenError::Malformed)?;
    read(claims)
}

/// Whether one of the keys has signed a token.
///
/// # Errors
/// It has not, or this is no token.
pub fn verify(token: &str, keys: &[PublicKey]) -> Result<(), TokenError> {
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
    if claims.contains('.') {
        return Err(TokenError::Malformed);
    }
    let header: Header = read(header)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?;
    let mut fitting =
        keys.iter().filter(|key| key.algorithm == header.alg && (header.kid.is_empty() || header.kid == key.id));
    match fitting.any(|key| key.has_signed(message.as_bytes(), &signature)) {
        true => Ok(()),
        false => Err(TokenError::Signature),
    }
}

fn read<T: for<'a> Deserialize<'a>>(part: &str) -> Result<T, TokenError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_signed_is_known_again_and_nothing_else() {
        let (ours, theirs) = (key(), key());
        let claims = json!({ "sub": "robin" });
        let token = ours.sign(&claims).expect("a token");
        assert_eq!(unverified::<Value>(&token), Ok(claims.clone()));
        let check = |token: &str, keys: &[&SigningKey], expected| {
            let keys: Vec<PublicKey> = keys.iter().map(|key| key.public().clone()).collect();
            assert_eq!(verify(token, &keys), expected, "{token}");
        };
        check(&token, &[&ours], Ok(()));
        check(&token, &[&theirs, &ours], Ok(()));
        check(&token, &[&theirs], Err(TokenError::Signature));
        check(&token, &[], Err(TokenError::Signature));
        let parts: Vec<&str> = token.split('.').collect();
        let with = |header: &str, claims: &str, signature: &str| format!("{header}.{claims}.{signature}");
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let other = encode(json!({ "sub": "wren" }));
        check(&with(parts[0], &other, parts[2]), &[&ours], Err(TokenError::Signature));
        let nameless = encode(json!({ "alg": "ES256" }));
        check(&with(&nameless, parts[1], parts[2]), &[&ours], Err(TokenError::Signature));
        let none = encode(json!({ "alg": "none" }));
        check(&with(&none, parts[1], ""), &[&ours], Err(TokenError::Malformed));
        let confused = encode(json!({ "alg": "RS256", "kid": ours.public().id }));
        check(&with(&confused, parts[1], parts[2]), &[&ours], Err(TokenError::Signature));
        for text in ["", "a", "a.b", "..", &format!("{token}.x"), &token[..token.len() - 4]] {
            assert!(verify(text, std::slice::from_ref(ours.public())).is_err(), "{text:?}");
        }
    }

    #[test]
    fn keys_are_read_in_the_forms_that_openssl_writes() {
        for pem in [RSA_PKCS1, EC_SEC1] {
            let key = SigningKey::from_pem(pem.as_bytes()).expect("a key");
            let token = key.sign(&json!({})).expect("a token");
            assert_eq!(verify(&token, &PublicKey::all_from_pem(pem.as_bytes()).expect("keys")), Ok(()));
        }
        let public = PublicKey::all_from_pem(EC_PUBLIC.as_bytes()).expect("a key");
        assert_eq!(public[0].id, SigningKey::from_pem(EC_SEC1.as_bytes()).expect("a key").public().id);
        for pem in ["", "birds", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            assert!(PublicKey::all_from_pem(pem.as_bytes()).is_err(), "{pem:?}");
        }
    }

    fn key() -> SigningKey {
        SigningKey::from_pem(SigningKey::generate().expect("a key").as_bytes()).expect("a key")
    }
    const EC_SEC1: &str = "\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIIFiuuYRLmCAuxQOAJM1OvYYMxXZs4Gcx6rzMwJTrtKJoAoGCCqGSM49
AwEHoUQDQgAEyw+k8bbgYbDi8eyDOG6LTTof6PFHQ5RKHplmog/P2hp0urfsGVNt
N3Lad2eQ3adN0tDvZh2BPiQVj4Y/rgtXuw==
-----END EC PRIVATE KEY-----
";

    const EC_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEyw+k8bbgYbDi8eyDOG6LTTof6PFH
Q5RKHplmog/P2hp0urfsGVNtN3Lad2eQ3adN0tDvZh2BPiQVj4Y/rgtXuw==
-----END PUBLIC KEY-----
";

    const RSA_PKCS1: &str = "\
-----BEGIN RSA PRIVATE KEY-----
MIIEpAIBAAKCAQEAq5kA8jTcZwmt0f/NQNLdPN/VMTnJaAp/opTi8T72R3ps02pl
fogCkvTXLVMAGHp3tKbc+osylInsks9aNi6WdQb5OYooJcoWVSfUlo4zUWmrSOxZ
Vxb6+tKiyUy7+iQkF4LXu0ZvX6vzdMAnLe0M2R/e7EzgwFfdOExJCREr2XBISMNg
MzlUv35/fJmYtqS51qNfqN7Djsa8P+M9Rc+fx09ROSHgVN8SBmDmwI2Cg0/7Zr7E
RTmUMxtLma7Knw/QxUcuZrvwOi1rQOxAiQ8BdNpCbv1h1WH+WJyQjHdlQast+qkK
LviRRtOqjOpqyTnzNhKMpu14xsFXwZv/GuQPYwIDAQABAoIBABHmH8cj5GmLBOqG
uC4u0Izs/BvqXyvPDIk05ocrfhzulDNpQbT1Eu+pQlij87qZ66qYTSyFIH2F9XtK
zaohKeiDFbP+yTlH3xR61x3tL0UqtIciwB7pcrx/BCPjMShiZLFfIImUS0G7eeWP
tYaA13o+bM5RJpBpmdWpf2TGucAwXk1Fc9C8pbg2s3x6YWkSyEm53+zUqmJHX92C
rK9wf4cBgqFo/zkkLw1AYylwPuXDstqqPbet5ljgj85Eo6hMjsgSB6j3dOlixu94
HmOrjoZ0c+m3T1aOkffFgNq3tVREurG7DQUVIM2WS5zDE/ffB8kKKHNWsRD30FNM
yHDfkiECgYEA3iy0I7pQUShsFL2lI1wPiCfFuvmonNJGJhv8JQScjpyDjyCod8vG
77Tp7Q7/J0YrDr7sIQ71L2vYYXcarFGBYLJ57vAFZBiL7iQ10fE5ql8TD/4Z0Iqy
uZk1z/mNbrwh1iVwizJM80LI9JRI/CX1/O2cFkoe1ur4uISo/BsJae8CgYEAxbkN
2O0iSyj06yaxbeJwl9MJBaaAVFBIyEnbB2YBOVSzIWfhMVSwK0CPE7CHmmCMaOWl
r0YCjsRObFnWGx9C+bYyq1qVrAGWF53fG1CbljkrBZIsLcH//Q7QCOqsPt+i2N0+
iN5U0LHWiYRwRaIax/5kIawUuKPginMiNPgQdc0CgYEA114MTWnpO5Lsmnpv30P5
hmnPgf1LVqF7AKw2EwhSXugXm6HzzRTLRkhgTr0v17lsOcIXkcA3Kv3m5iwXvhzQ
RpUcH+OpxisJUhLl3RpyZNX+24zdJ0ucDtAW2wE0+bgDMNxgKX7cGx+NP5GS4mJF
/yWyHeVB2eIysmNej+wBhx8CgYA1+HJoMSp4O6DHA1PRO8siFi/TRASpfxSu30IT
Peu9m3od9z4H+ibwV3n2lOwe3pXVGEJmmoSeNcV2W/tOgfUFNo+UKHDMd85hee1p
hlJB6i7tIV4/y0G18LImjPAhZWgNLC8iqxWZtcFq3iTLTRlkV/M7Ib6yO8FR6WV/
8eqETQKBgQDQ/lRTyf1V04Ptr6AlzqSzAkysR+BoAMQa5u9sMis1V31ORyeg8MBs
SLhxww5ZNTk3a6Xo+4zLuqW9HTgjj3i7FVL3SRPubWY4XHgQiSXtcSNMF63o75p7
W/CYsb6nF4qbVjxHSDlf3FR9c/hVCW8sf7SS2Dyp5/ORRaALO1aaBA==
-----END RSA PRIVATE KEY-----
";
}
