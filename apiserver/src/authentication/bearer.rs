//! Bearer tokens: `Authorization: Bearer TOKEN`. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#putting-a-bearer-token-in-a-request>

use std::sync::Arc;

use async_trait::async_trait;
use http::header::AUTHORIZATION;

use super::connection::ConnectionInfo;
use super::{AuthenticationError, Authenticator};
use crate::request::user::UserInfo;

/// Knows whom some tokens belong to.
#[async_trait]
pub trait TokenReviewer: Send + Sync + 'static {
    /// Whom a token belongs to, if it is meant for one of the audiences; without any, for those of this server. `None`
    /// when the token is none that this reviewer judges.
    ///
    /// # Errors
    /// The token is one of those, and it is not good.
    async fn review(&self, token: &str, audiences: &[String]) -> Result<Option<Reviewed>, AuthenticationError>;
}

/// A token that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviewed {
    /// Whom it belongs to.
    pub user: Arc<UserInfo>,
    /// Which of the audiences that were asked for it is meant for.
    pub audiences: Vec<String>,
}

/// Several ways to know tokens: the first that knows one has decided.
#[derive(Clone, Default)]
pub struct BearerTokens(Vec<Arc<dyn TokenReviewer>>);

impl BearerTokens {
    /// Asks in this order. What costs nothing to ask goes first.
    pub fn new(reviewers: Vec<Arc<dyn TokenReviewer>>) -> Self {
        Self(reviewers)
    }

    /// Asks one more, after those before.
    pub fn push(&mut self, reviewer: Arc<dyn TokenReviewer>) {
        self.0.push(reviewer);
    }
}

#[async_trait]
impl TokenReviewer for BearerTokens {
    async fn review(&self, token: &str, audiences: &[String]) -> Result<Option<Reviewed>, AuthenticationError> {
        let mut first_error = None;
        for reviewer in &self.0 {
            match reviewer.review(token, audiences).await {
                Ok(Some(reviewed)) => return Ok(Some(reviewed)),
                Ok(None) => {}
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(None), Err)
    }
}

#[async_trait]
impl Authenticator for BearerTokens {
    async fn authenticate(
        &self,
        request: &http::request::Parts,
        _: &ConnectionInfo,
    ) -> Result<Option<Arc<UserInfo>>, AuthenticationError> {
        let Some(token) = token(request) else { return Ok(None) };
        match self.review(token, &[]).await? {
            Some(reviewed) => Ok(Some(reviewed.user)),
            None => Err(AuthenticationError::Token("nobody knows it".into())),
        }
    }
}

/// The token that a request carries.
fn token(request: &http::request::Parts) -> Option<&str> {
    let (scheme, token) = request.headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Those audiences of a token that were asked for; `None` if there are none. Without a question any token will do that is
/// meant for this server, and the answer is empty.
pub(super) fn common(asked: &[String], meant: &[String]) -> Option<Vec<String>> {
    let common: Vec<String> = asked.iter().filter(|audience| meant.contains(audience)).cloned().collect();
    (asked.is_empty() || !common.is_empty()).then_some(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_asked_about_and_a_bad_one_is_not_none() {
        check("Bearer good", "alice").await;
        check("bearer   good ", "alice").await;
        check("Bearer unknown", "401").await;
        check("Bearer bad", "401").await;
        check("Bearer", "nothing").await;
        check("Bearer  ", "nothing").await;
        check("Basic good", "nothing").await;
        check("", "nothing").await;
    }

    struct One;

    #[async_trait]
    impl TokenReviewer for One {
        async fn review(&self, token: &str, _: &[String]) -> Result<Option<Reviewed>, AuthenticationError> {
            let user = Arc::new(UserInfo::authenticated("alice", []));
            match token {
                "good" => Ok(Some(Reviewed { user, audiences: Vec::new() })),
                "bad" => Err(AuthenticationError::Token("expired".into())),
                _ => Ok(None),
            }
        }
    }

    async fn check(header: &str, expected: &str) {
        let mut request = http::Request::builder().uri("/apis");
        if !header.is_empty() {
            request = request.header(AUTHORIZATION, header);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let found = BearerTokens::new(vec![Arc::new(One)]).authenticate(&parts, &ConnectionInfo::default()).await;
        let found = match found {
            Ok(Some(user)) => user.username.clone(),
            Ok(None) => "nothing".into(),
            Err(_) => "401".into(),
        };
        assert_eq!(found, expected, "{header:?}");
    }
}
