//! What a user may do.

pub mod authenticated;
pub mod paths;
pub mod privileged;
pub mod union;

use std::borrow::Cow;

use async_trait::async_trait;

use crate::request::info::RequestInfo;
use crate::request::user::UserInfo;

pub use authenticated::AllowAuthenticated;
pub use paths::AllowPaths;
pub use privileged::AllowGroups;
pub use union::Authorization;

/// Who may do what.
#[async_trait]
pub trait Authorizer: Send + Sync + 'static {
    /// Decides about a request. Existence plays no part: whether an object is there is not for everyone to know.
    ///
    /// # Errors
    /// Nothing could be decided, for example because the cluster cannot be reached. Answered 500, never 403.
    async fn authorize(&self, attributes: Attributes<'_>) -> Result<Decision, AuthorizationError>;
}

/// What is decided about.
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

/// Why; may be empty.
pub type Reason = Cow<'static, str>;

/// Why nothing could be decided.
#[derive(Debug, thiserror::Error)]
#[error("authorization could not be decided")]
pub struct AuthorizationError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
