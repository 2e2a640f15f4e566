//! What a user may do.

pub mod authenticated;
pub mod paths;
pub mod privileged;
pub mod rbac;
mod reason;
pub mod union;

use async_trait::async_trait;
use k8s_openapi::api::authorization::v1::{NonResourceRule, ResourceRule, SubjectRulesReviewStatus};

use crate::request::info::RequestInfo;
use crate::request::user::UserInfo;

pub use authenticated::AllowAuthenticated;
pub use paths::AllowPaths;
pub use privileged::AllowGroups;
pub use reason::Reason;
pub use union::Authorization;

/// Who may do what.
#[async_trait]
pub trait Authorizer: Send + Sync + 'static {
    /// Decides about a request. Existence plays no part: whether an object is there is not for everyone to know.
    ///
    /// # Errors
    /// Nothing could be decided, for example because the cluster cannot be reached. Answered 500, never 403.
    async fn authorize(&self, attributes: Attributes<'_>) -> Result<Decision, AuthorizationError>;

    /// Lists what a user may do in a namespace, and on paths, for `kubectl auth can-i --list`. An authorizer that
    /// decides but cannot list says that the list is incomplete, which is the default.
    ///
    /// # Errors
    /// As [`authorize`](Self::authorize).
    async fn rules(&self, user: &UserInfo, namespace: &str) -> Result<SubjectRulesReviewStatus, AuthorizationError> {
        let _ = (user, namespace);
        Ok(SubjectRulesReviewStatus { incomplete: true, ..SubjectRulesReviewStatus::default() })
    }
}

/// What is decided about: a request, or something that is asked about as if it were one.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// Who asks.
    pub user: &'a UserInfo,
    /// For what.
    pub info: &'a RequestInfo,
}

/// A decision, with its reason for the log and, where the answer is no, for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes, whatever others say.
    Allow(Reason),
    /// No, whatever others say.
    Deny(Reason),
    /// No, unless another says yes.
    NoOpinion(Reason),
}

/// Why nothing could be decided.
#[derive(Debug, thiserror::Error)]
#[error("authorization could not be decided")]
pub struct AuthorizationError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The rules of somebody who may do everything.
fn everything() -> SubjectRulesReviewStatus {
    let all = || vec!["*".to_owned()];
    SubjectRulesReviewStatus {
        resource_rules: vec![ResourceRule {
            verbs: all(),
            api_groups: Some(all()),
            resources: Some(all()),
            resource_names: None,
        }],
        non_resource_rules: vec![NonResourceRule { verbs: all(), non_resource_urls: Some(all()) }],
        ..SubjectRulesReviewStatus::default()
    }
}
