//! Groups that may do everything.

use async_trait::async_trait;

use super::{Attributes, AuthorizationError, Authorizer, Decision};

/// The group that may do everything on every server.
pub const MASTERS: &str = "system:masters";

/// Allows everything to the members of some groups, so that a server can be repaired whose authorization does not work.
pub struct AllowGroups(Vec<String>);

impl AllowGroups {
    /// Only `system:masters`.
    pub fn masters() -> Self {
        Self(vec![MASTERS.into()])
    }
}

#[async_trait]
impl Authorizer for AllowGroups {
    async fn authorize(&self, attributes: Attributes<'_>) -> Result<Decision, AuthorizationError> {
        let member = attributes.user.groups.iter().any(|group| self.0.contains(group));
        Ok(if member { Decision::Allow("privileged group".into()) } else { Decision::NoOpinion("".into()) })
    }
}
