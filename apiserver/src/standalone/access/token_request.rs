//! `serviceaccounts/token`: makes a token for an account, as `kubectl create token` asks for. Source:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/registry/core/serviceaccount/storage/token.go>

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestStatus};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::accounts::StoredAccounts;
use crate::authentication::ServiceAccountTokens;
use crate::authentication::service_account::{Accounts, Reference, Wanted};
use crate::field;
use crate::kind::Verb;
use crate::registry::error::Error;
use crate::registry::subresource::{Parent, Subresource};
use crate::request::context::RequestContext;

/// How long tokens last, in seconds: unless told otherwise, at least, and at most.
const SECONDS: i64 = 3600;
const SECONDS_MIN: i64 = 600;
const SECONDS_MAX: i64 = 1 << 32;

/// Makes tokens.
pub struct TokenRequests {
    tokens: Arc<ServiceAccountTokens>,
    objects: Arc<StoredAccounts>,
}

impl TokenRequests {
    /// Signs by `tokens`; `objects` tells what tokens can be bound to.
    pub fn new(tokens: Arc<ServiceAccountTokens>, objects: Arc<StoredAccounts>) -> Self {
        Self { tokens, objects }
    }

    /// The object that a token shall be bound to.
    async fn bound(&self, bound: &BoundObjectReference, namespace: &str) -> Result<(String, Reference), Error> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (kind, name, uid) = (text(&bound.kind), text(&bound.name), text(&bound.uid));
        let plural = match (bound.api_version.as_deref(), kind.as_str()) {
            (Some("v1") | None, "Secret") => "secrets",
            (Some("v1") | None, "Pod") => "pods",
            (Some("v1") | None, "Node") => "nodes",
            (version, _) => {
                let version = version.unwrap_or_default();
                return Err(Error::bad_request(format!("cannot bind token to object of type {version}, Kind={kind}")));
            }
        };
        let found = self.objects.uid(&kind, namespace, &name).await.map_err(Error::internal)?;
        match found {
            Some(found) if uid.is_empty() || uid == found => Ok((kind, Reference { name, uid: found })),
            Some(found) => Err(Error::conflict(format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have \
                 been deleted and then recreated: {found}"
            ))),
            None => Err(Error::bad_request(format!("{plural} {name:?} not found"))),
        }
    }
}

impl Subresource for TokenRequests {
    type Parent = ServiceAccount;
    type Object = TokenRequest;
    const NAME: &'static str = "token";
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(
        &self,
        cx: &RequestContext,
        parent: &Parent<ServiceAccount>,
        mut request: TokenRequest,
    ) -> Result<TokenRequest, Error> {
        let spec = request.spec.get_or_insert_default();
        let seconds = *spec.expiration_seconds.get_or_insert(SECONDS);
        let mut errors = field::Errors::default();
        if seconds < SECONDS_MIN {
            errors.invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes");
        }
        if seconds > SECONDS_MAX {
            errors.invalid("spec.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds");
        }
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        let bound = match &spec.bound_object_ref {
            Some(bound) => Some(self.bound(bound, &cx.namespace).await?),
            None => None,
        };
        let account = Reference { name: cx.name.clone(), uid: parent.metadata.uid.clone().unwrap_or_default() };
        let wanted = Wanted {
            namespace: cx.namespace.clone(),
            account,
            bound,
            audiences: spec.audiences.clone().unwrap_or_default(),
            lifetime: Duration::from_secs(seconds.unsigned_abs()),
        };
        let issued = self.tokens.issue(wanted).map_err(Error::internal)?;
        spec.audiences = Some(issued.audiences);
        let token = Some(issued.token);
        request.status = Some(TokenRequestStatus { expiration_timestamp: Some(Time(issued.until)), token });
        Ok(request)
    }
}
