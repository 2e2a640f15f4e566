//! Groups that may do everything.

use async_trait::async_trait;
use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;

use super::{Attributes, AuthorizationError, Authorizer, Decision};
use crate::request::user::UserInfo;

/// The group that may do everything on every server.
pub const MASTERS: &str = "system:masters";

/// Allows everything to the members of some groups, so that a server can be repaired whose authorization does not work.
pub struct AllowGroups(Vec<String>);

impl AllowGroups {
    /// Only `system:masters`.
    pub fn masters() -> Self {
        Self(vec![MASTERS.into()])
    }

    fn contain(&self, user: &UserInfo) -> bool {
        user.groups.iter().any(|group| self.0.contains(group))
    }
}

#[async_trait]
impl Authorizer for AllowGroups {
    async fn authorize(&self, attributes: Attributes<'_>) -> Result<Decision, AuthorizationError> {
        let member = self.contain(attributes.user);
        Ok(if member { Decision::Allow("privileged group".into()) } else { Decision::NoOpinion("".into()) })
    }

    async fn rules(&self, user: &UserInfo, _: &str) -> Result<SubjectRulesReviewStatus, AuthorizationError> {
        Ok(if self.contain(user) { super::everything() } else { SubjectRulesReviewStatus::default() })
    }
}
