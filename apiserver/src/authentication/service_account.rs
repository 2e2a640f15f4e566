//! Tokens of service accounts, which this server makes and knows again. Sources:
//! <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens> and
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/serviceaccount/claims.go>
//!
//! A token is good as long as its account is there, with the same uid: whoever deletes an account, or the Secret or Pod
//! that a token is bound to, takes the token back.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::AuthenticationError;
use super::bearer::{Reviewed, TokenReviewer, common};
use super::client_certificate::CREDENTIAL_ID;
use super::jwt::{self, PublicKey, SigningKey, TokenError};
use crate::request::clock;
use crate::request::user::UserInfo;

/// How far clocks may be apart.
const LEEWAY: Duration = Duration::from_secs(60);
/// How many tokens are remembered whose signature was checked.
const CHECKED_MAX: usize = 4096;

/// Makes tokens, and knows those that it made.
pub struct ServiceAccountTokens {
    issuer: String,
    audiences: Vec<String>,
    signing: SigningKey,
    keys: Vec<PublicKey>,
    accounts: Arc<dyn Accounts>,
    // To check a signature takes longer than most requests do.
    checked: Mutex<HashMap<[u8; 32], Arc<Claims>>>,
}

/// Tells which accounts, and which objects that tokens are bound to, exist.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// The uid of an object that exists and has not been deleted; `kind` is `ServiceAccount`, `Secret`, `Pod` or `Node`.
    ///
    /// # Errors
    /// It cannot be found out.
    async fn uid(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<String>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Whom and what a token shall be for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The namespace of the account.
    pub namespace: String,
    /// The account.
    pub account: Reference,
    /// An object with which the token ends: its kind, which is `Secret`, `Pod` or `Node`, and which one.
    pub bound: Option<(String, Reference)>,
    /// Whom it is meant for; empty for this server.
    pub audiences: Vec<String>,
    /// How long it lasts.
    pub lifetime: Duration,
}

/// A token, and when it ends.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The token.
    pub token: String,
    /// When it ends.
    pub until: Timestamp,
    /// Whom it is meant for.
    pub audiences: Vec<String>,
}

/// An object that a token names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Reference {
    /// Its name.
    pub name: String,
    /// Its uid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
}

/// What a token says.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Claims {
    aud: Audiences,
    exp: u64,
    #[serde(default)]
    iat: u64,
    iss: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    jti: String,
    #[serde(rename = "kubernetes.io")]
    kubernetes: Kubernetes,
    #[serde(default)]
    nbf: u64,
    sub: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Audiences {
    Many(Vec<String>),
    One(String),
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Kubernetes {
    namespace: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pod: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Reference>,
    serviceaccount: Reference,
}

impl ServiceAccountTokens {
    /// Signs with this key under this name, and believes tokens of the further keys as well. Tokens are meant for these
    /// audiences unless others are asked for; with none given, for the issuer.
    pub fn new(
        issuer: String,
        audiences: Vec<String>,
        signing: SigningKey,
        further: Vec<PublicKey>,
        accounts: Arc<dyn Accounts>,
    ) -> Self {
        let audiences = if audiences.is_empty() { vec![issuer.clone()] } else { audiences };
        let keys = std::iter::once(signing.public().clone()).chain(further).collect();
        Self { issuer, audiences, signing, keys, accounts, checked: Mutex::default() }
    }

    /// Whom tokens are meant for that do not say otherwise.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// Makes a token.
    ///
    /// # Errors
    /// It cannot be signed.
    pub fn issue(&self, wanted: Wanted) -> Result<Issued, Box<dyn std::error::Error + Send + Sync>> {
        let Wanted { namespace, account, bound, audiences, lifetime } = wanted;
        let audiences = if audiences.is_empty() { self.audiences.clone() } else { audiences };
        let now = seconds(clock::now());
        let exp = now.saturating_add(lifetime.as_secs());
        let sub = username(&namespace, &account.name);
        let mut kubernetes = Kubernetes { namespace, serviceaccount: account, ..Kubernetes::default() };
        match bound {
            Some((kind, object)) if kind == "Secret" => kubernetes.secret = Some(object),
            Some((kind, object)) if kind == "Pod" => kubernetes.pod = Some(object),
            Some((_, object)) => kubernetes.node = Some(object),
            None => {}
        }
        let claims = Claims {
            aud: Audiences::Many(audiences.clone()),
            exp,
            iat: now,
            iss: self.issuer.clone(),
            jti: uuid::Uuid::new_v4().to_string(),
            kubernetes,
            nbf: now,
            sub,
        };
        let until = i64::try_from(exp).ok().and_then(|exp| Timestamp::from_second(exp).ok()).unwrap_or(Timestamp::MAX);
        Ok(Issued { token: self.signing.sign(&claims)?, until, audiences })
    }

    /// The claims of a token that this server has made; `None` for those of others.
    fn claims(&self, token: &str) -> Result<Option<Arc<Claims>>, AuthenticationError> {
        let fingerprint: [u8; 32] = Sha256::digest(token).into();
        if let Some(claims) = self.checked().get(&fingerprint) {
            return Ok(Some(claims.clone()));
        }
        // What is no such token at all may be one of another kind.
        let Ok(claims) = jwt::unverified::<Claims>(token) else { return Ok(None) };
        if claims.iss != self.issuer {
            return Ok(None);
        }
        jwt::verify(token, &self.keys).map_err(|error: TokenError| AuthenticationError::Token(error.to_string()))?;
        let claims = Arc::new(claims);
        let mut checked = self.checked();
        if checked.len() >= CHECKED_MAX {
            checked.clear();
        }
        checked.insert(fingerprint, claims.clone());
        Ok(Some(claims))
    }

    fn checked(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Arc<Claims>>> {
        self.checked.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    /// Whether everything that a token names is still there.
    async fn check_objects(&self, claims: &Kubernetes) -> Result<(), AuthenticationError> {
        let namespace = &claims.namespace;
        let all = [
            ("ServiceAccount", Some(&claims.serviceaccount)),
            ("Secret", claims.secret.as_ref()),
            ("Pod", claims.pod.as_ref()),
            ("Node", claims.node.as_ref()),
        ];
        for (kind, object) in all {
            let Some(object) = object else { continue };
            let found = self.accounts.uid(kind, namespace, &object.name).await.map_err(AuthenticationError::Review)?;
            if found.as_deref() != Some(&*object.uid) {
                let name = &object.name;
                return Err(AuthenticationError::Token(format!("the {kind} {namespace}/{name} of it is gone")));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl TokenReviewer for ServiceAccountTokens {
    async fn review(&self, token: &str, audiences: &[String]) -> Result<Option<Reviewed>, AuthenticationError> {
        let Some(claims) = self.claims(token)? else { return Ok(None) };
        let refused = |problem: &str| Err(AuthenticationError::Token(problem.to_owned()));
        let (now, leeway) = (seconds(clock::now()), LEEWAY.as_secs());
        if now > claims.exp.saturating_add(leeway) {
            return refused("it has expired");
        }
        if claims.nbf > now.saturating_add(leeway) {
            return refused("it is not valid yet");
        }
        let meant = match &claims.aud {
            Audiences::Many(all) => &all[..],
            Audiences::One(one) => std::slice::from_ref(one),
        };
        let asked = if audiences.is_empty() { &self.audiences } else { audiences };
        let Some(audiences) = common(asked, meant) else { return refused("it is meant for others") };
        self.check_objects(&claims.kubernetes).await?;
        Ok(Some(Reviewed { user: Arc::new(user(&claims)), audiences }))
    }
}

/// The user that an account is.
pub fn username(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

fn user(claims: &Claims) -> UserInfo {
    let Kubernetes { namespace, node, pod, serviceaccount, .. } = &claims.kubernetes;
    let groups = ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
    let mut extra = BTreeMap::new();
    let mut note = |key: &str, value: String| {
        extra.insert(key.to_owned(), vec![value]);
    };
    if !claims.jti.is_empty() {
        note(CREDENTIAL_ID, format!("JTI={}", claims.jti));
    }
    for (kind, object) in [("node", node), ("pod", pod)] {
        if let Some(object) = object {
            note(&format!("authentication.kubernetes.io/{kind}-name"), object.name.clone());
            note(&format!("authentication.kubernetes.io/{kind}-uid"), object.uid.clone());
        }
    }
    let user = UserInfo::authenticated(&username(namespace, &serviceaccount.name), groups);
    UserInfo { uid: serviceaccount.uid.clone(), extra, ..user }
}

fn seconds(time: Timestamp) -> u64 {
    time.as_second().try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_token_is_of_its_account() {
        let tokens = tokens(&[("ServiceAccount", "n/robin", "7")]);
        let issued = tokens.issue(robin()).expect("a token");
        let reviewed = tokens.review(&issued.token, &[]).await.expect("reviewed").expect("known");
        assert_eq!(reviewed.user.username, "system:serviceaccount:n:robin");
        assert_eq!(
            reviewed.user.groups.join(" "),
            "system:serviceaccounts system:serviceaccounts:n system:authenticated"
        );
        assert_eq!(reviewed.user.uid, "7");
        assert!(reviewed.user.extra[CREDENTIAL_ID][0].starts_with("JTI="));
        assert_eq!(reviewed.audiences, ["https://here"]);
        assert_eq!(check(&tokens, &issued.token).await, "known", "from memory, too");
    }

    #[tokio::test]
    async fn a_token_ends_with_what_it_names() {
        let tokens = tokens(&[("ServiceAccount", "n/robin", "7"), ("Secret", "n/key", "8")]);
        let bound = |kind: &str, name: &str, uid: &str| Wanted {
            bound: Some((kind.into(), Reference { name: name.into(), uid: uid.into() })),
            ..robin()
        };
        for (wanted, expected) in [
            (robin(), "known"),
            (bound("Secret", "key", "8"), "known"),
            (bound("Secret", "key", "9"), "the Secret n/key of it is gone"),
            (bound("Pod", "key", "8"), "the Pod n/key of it is gone"),
            (
                Wanted { account: Reference { name: "robin".into(), uid: "6".into() }, ..robin() },
                "the ServiceAccount n/robin of it is gone",
            ),
            (Wanted { namespace: "m".into(), ..robin() }, "the ServiceAccount m/robin of it is gone"),
            (Wanted { audiences: vec!["else".into()], ..robin() }, "it is meant for others"),
        ] {
            let issued = tokens.issue(wanted).expect("a token");
            assert_eq!(check(&tokens, &issued.token).await, expected);
        }
    }

    #[tokio::test]
    async fn a_token_lasts_for_its_time() {
        let tokens = tokens(&[("ServiceAccount", "n/robin", "7")]);
        let now = seconds(clock::now());
        let issued = tokens.issue(robin()).expect("a token");
        let claims: Claims = jwt::unverified(&issued.token).expect("claims");
        assert_eq!(claims.exp - claims.iat, 3600);
        let past = tokens.signing.sign(&Claims { exp: now - 61, ..claims.clone() }).expect("a token");
        assert_eq!(check(&tokens, &past).await, "it has expired");
        let future = tokens.signing.sign(&Claims { nbf: now + 90, ..claims }).expect("a token");
        assert_eq!(check(&tokens, &future).await, "it is not valid yet");
    }

    #[tokio::test]
    async fn tokens_of_others_are_not_judged_and_forged_ones_are_refused() {
        let account = [("ServiceAccount", "n/robin", "7")];
        let (ours, theirs) = (tokens(&account), tokens(&account));
        let forged = theirs.issue(robin()).expect("a token").token;
        assert_eq!(check(&ours, &forged).await, "the signature is of none of the known keys");
        let claims: Claims = jwt::unverified(&forged).expect("claims");
        let other = theirs.signing.sign(&Claims { iss: "https://else".into(), ..claims }).expect("a token");
        assert_eq!(check(&ours, &other).await, "unknown");
        assert_eq!(check(&ours, "some-token").await, "unknown");
        let both = ServiceAccountTokens::new(
            "https://here".into(),
            Vec::new(),
            key(),
            vec![theirs.signing.public().clone()],
            theirs.accounts.clone(),
        );
        assert_eq!(check(&both, &forged).await, "known", "a key of before");
    }

    struct Fixed(Vec<(String, String)>);

    #[async_trait]
    impl Accounts for Fixed {
        async fn uid(
            &self,
            kind: &str,
            namespace: &str,
            name: &str,
        ) -> Result<Option<String>, Box<dyn std::error::Error + Send + Sync>> {
            let wanted = format!("{kind} {namespace}/{name}");
            Ok(self.0.iter().find(|(name, _)| *name == wanted).map(|(_, uid)| uid.clone()))
        }
    }

    fn tokens(objects: &[(&str, &str, &str)]) -> ServiceAccountTokens {
        let objects = objects.iter().map(|(kind, name, uid)| (format!("{kind} {name}"), (*uid).to_owned()));
        let accounts = Arc::new(Fixed(objects.collect()));
        ServiceAccountTokens::new("https://here".into(), Vec::new(), key(), Vec::new(), accounts)
    }

    fn key() -> SigningKey {
        SigningKey::from_pem(SigningKey::generate().expect("a key").as_bytes()).expect("a key")
    }

    fn robin() -> Wanted {
        let account = Reference { name: "robin".into(), uid: "7".into() };
        Wanted { namespace: "n".into(), account, lifetime: HOUR, ..Wanted::default() }
    }

    async fn check(tokens: &ServiceAccountTokens, token: &str) -> String {
        match tokens.review(token, &[]).await {
            Ok(Some(_)) => "known".into(),
            Ok(None) => "unknown".into(),
            Err(AuthenticationError::Token(problem)) => problem,
            Err(error) => error.to_string(),
        }
    }
}
