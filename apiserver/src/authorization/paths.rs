//! Paths that are open to all.

use async_trait::async_trait;
use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;

use super::{Attributes, AuthorizationError, Authorizer, Decision};
use crate::request::user::UserInfo;

/// Allows requests to some paths to everyone, anonymous requests too.
pub struct AllowPaths(Vec<String>);

impl AllowPaths {
    /// Exactly these paths; one that ends in `*` stands for all that begin so.
    pub fn new<S: Into<String>>(paths: impl IntoIterator<Item = S>) -> Self {
        Self(paths.into_iter().map(Into::into).collect())
    }

    /// What must be answered before there are credentials: health, and the version, by which kubectl finds out
    /// whether a server is there.
    pub fn health_and_version() -> Self {
        Self::new(["/healthz", "/readyz", "/livez", "/version"])
    }

    fn contain(&self, path: &str) -> bool {
        self.0.iter().any(|open| match open.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path == open,
        })
    }
}

#[async_trait]
impl Authorizer for AllowPaths {
    async fn authorize(&self, attributes: Attributes<'_>) -> Result<Decision, AuthorizationError> {
        let open = !attributes.info.is_resource && self.contain(&attributes.info.path);
        Ok(if open { Decision::Allow("open path".into()) } else { Decision::NoOpinion("".into()) })
    }

    /// Nothing: that everybody is let through there is not what they ask who ask about a user.
    async fn rules(&self, _: &UserInfo, _: &str) -> Result<SubjectRulesReviewStatus, AuthorizationError> {
        Ok(SubjectRulesReviewStatus::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_meant_exactly_unless_it_ends_in_a_star() {
        check("/readyz", "/readyz", true);
        check("/readyz", "/readyz/ping", false);
        check("/readyz", "/readyz/", false);
        check("/readyz*", "/readyz/ping", true);
        check("/readyz/*", "/readyz", false);
        check("*", "/apis", true);
    }

    fn check(open: &str, path: &str, expected: bool) {
        assert_eq!(AllowPaths::new([open]).contain(path), expected, "{open} and {path}");
    }
}
