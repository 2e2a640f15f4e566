//! Who asks a server alone, and what they may do.

mod accounts;
mod bootstrap;
mod token_request;

use std::sync::Arc;

use k8s_openapi::api::core::v1::ServiceAccount;

use self::accounts::StoredAccounts;
use self::token_request::TokenRequests;
use super::reviews;
use crate::apis::{Added, Assembly, BuildError};
use crate::authentication::jwt::{PublicKey, SigningKey};
use crate::authentication::{BearerTokens, ServiceAccountTokens, TokenReviewer};
use crate::authorization::rbac::{NoEscalation, PolicySource, Rbac, StoredPolicy};
use crate::authorization::{AllowAuthenticated, AllowGroups, AllowPaths, Authorization, Authorizer};
use crate::registry::object::Object;
use crate::storage::cache::WatchCache;

pub(super) use self::bootstrap::Bootstrap;

/// Who may do what on a server alone, beside the members of `system:masters`, who may do everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthorizationMode {
    /// Everyone who says who they are may do everything.
    #[default]
    AlwaysAllow,
    /// What Roles and bindings say.
    Rbac,
}

/// How users of a server alone are known, and what they may do.
#[derive(Clone)]
pub struct Access {
    /// Who may do what.
    pub authorization: AuthorizationMode,
    /// Tokens that are known from elsewhere, such as a file.
    pub tokens: Vec<Arc<dyn TokenReviewer>>,
    /// What signs the tokens of service accounts; none makes a key that ends with the server, and its tokens with it.
    pub signing_key: Option<SigningKey>,
    /// Keys that signed before.
    pub further_keys: Vec<PublicKey>,
    /// What the server calls itself in tokens.
    pub issuer: String,
    /// Whom tokens are meant for unless others are asked for; empty for the issuer.
    pub audiences: Vec<String>,
}

/// What servers call themselves in tokens, unless told otherwise.
pub const ISSUER: &str = "https://kubernetes.default.svc";

/// The resources that say who may do what.
const POLICY: [&str; 4] = [
    "clusterroles.rbac.authorization.k8s.io",
    "roles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
];

impl Default for Access {
    fn default() -> Self {
        Self {
            authorization: AuthorizationMode::default(),
            tokens: Vec::new(),
            signing_key: None,
            further_keys: Vec::new(),
            issuer: ISSUER.into(),
            audiences: Vec::new(),
        }
    }
}

/// What becomes of an [`Access`] while kinds are put together.
pub(super) struct Prepared {
    mode: AuthorizationMode,
    accounts: Arc<StoredAccounts>,
    account_tokens: Arc<ServiceAccountTokens>,
    tokens: BearerTokens,
}

/// Who is known, and who may do what.
pub(super) struct Installed {
    pub authorization: Authorization,
    pub tokens: BearerTokens,
    /// The ClusterRoles, where they say who may do what.
    pub roles: Option<Arc<WatchCache<Object>>>,
}

impl Access {
    /// Makes what subresources need, before kinds are put together.
    ///
    /// # Errors
    /// No key can be made.
    pub(super) fn prepare(self) -> Result<Prepared, BuildError> {
        let signing = match self.signing_key {
            Some(key) => key,
            None => {
                SigningKey::generate().and_then(|pem| SigningKey::from_pem(pem.as_bytes())).map_err(BuildError::Key)?
            }
        };
        let accounts = Arc::new(StoredAccounts::default());
        let of_accounts = accounts.clone();
        let account_tokens =
            ServiceAccountTokens::new(self.issuer, self.audiences, signing, self.further_keys, of_accounts);
        let account_tokens = Arc::new(account_tokens);
        let mut tokens = BearerTokens::new(self.tokens);
        tokens.push(account_tokens.clone());
        Ok(Prepared { mode: self.authorization, accounts, account_tokens, tokens })
    }
}

impl Prepared {
    /// Adds `serviceaccounts/token`.
    pub fn add_token_requests<'a>(&self, accounts: Added<'a, ServiceAccount>) -> Added<'a, ServiceAccount> {
        accounts.subresource(TokenRequests::new(self.account_tokens.clone(), self.accounts.clone()))
    }

    /// Decides by the kinds that were put together, and serves questions about that.
    ///
    /// # Errors
    /// A kind of a question is served already.
    pub fn install(self, assembly: &mut Assembly) -> Result<Installed, BuildError> {
        self.accounts.read_from(assembly.objects().clone());
        let masters: Arc<dyn Authorizer> = Arc::new(AllowGroups::masters());
        let paths: Arc<dyn Authorizer> = Arc::new(AllowPaths::health_and_version());
        let policy = match self.mode {
            AuthorizationMode::AlwaysAllow => None,
            AuthorizationMode::Rbac => policy(assembly),
        };
        let last: Arc<dyn Authorizer> = match &policy {
            Some(policy) => Arc::new(Rbac::new(policy.clone())),
            // What is not known is not allowed.
            None if self.mode == AuthorizationMode::Rbac => Arc::new(Authorization::new(Vec::new())),
            None => Arc::new(AllowAuthenticated),
        };
        let authorization = Authorization::new(vec![masters, paths, last]);
        let authorizer: Arc<dyn Authorizer> = Arc::new(authorization.clone());
        if let Some(policy) = policy {
            assembly.admission_last(NoEscalation::new(policy, authorizer.clone()));
        }
        reviews::install(assembly, &authorizer, Arc::new(self.tokens.clone()))?;
        let roles = match self.mode {
            AuthorizationMode::AlwaysAllow => None,
            AuthorizationMode::Rbac => assembly.cache(POLICY[0]).cloned(),
        };
        Ok(Installed { authorization, tokens: self.tokens, roles })
    }
}

/// Who may do what, by what is stored here.
fn policy(assembly: &Assembly) -> Option<Arc<dyn PolicySource>> {
    let [cluster_roles, roles, cluster_bindings, bindings] = POLICY.map(|resource| assembly.cache(resource).cloned());
    Some(Arc::new(StoredPolicy::new(cluster_roles?, roles?, cluster_bindings?, bindings?)))
}
