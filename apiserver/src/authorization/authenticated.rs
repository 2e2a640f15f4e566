//! A server for one user.

use async_trait::async_trait;

use super::{Attributes, AuthorizationError, Authorizer, Decision};

/// Allows everything to everyone who said who they are. For a server that runs alone, where to have a certificate is to
/// be the owner.
pub struct AllowAuthenticated;

#[async_trait]
impl Authorizer for AllowAuthenticated {
    async fn authorize(&self, attributes: Attributes<'_>) -> Result<Decision, AuthorizationError> {
        let user = attributes.user;
        let authenticated = !user.is_anonymous() && user.groups.iter().any(|group| group == "system:authenticated");
        Ok(if authenticated { Decision::Allow("authenticated".into()) } else { Decision::NoOpinion("".into()) })
    }
}
