//! A server for one user.

use async_trait::async_trait;
use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;

use super::{Attributes, AuthorizationError, Authorizer, Decision};
use crate::request::user::UserInfo;

/// Allows everything to everyone who said who they are. For a server that runs alone, where to have a certificate is to
/// be the owner.
pub struct AllowAuthenticated;

#[async_trait]
impl Authorizer for AllowAuthenticated {
    async fn authorize(&self, attributes: Attributes<'_>) -> Result<Decision, AuthorizationError> {
        let allowed = is_authenticated(attributes.user);
        Ok(if allowed { Decision::Allow("authenticated".into()) } else { Decision::NoOpinion("".into()) })
    }

    async fn rules(&self, user: &UserInfo, _: &str) -> Result<SubjectRulesReviewStatus, AuthorizationError> {
        Ok(if is_authenticated(user) { super::everything() } else { SubjectRulesReviewStatus::default() })
    }
}

fn is_authenticated(user: &UserInfo) -> bool {
    !user.is_anonymous() && user.groups.iter().any(|group| group == "system:authenticated")
}
