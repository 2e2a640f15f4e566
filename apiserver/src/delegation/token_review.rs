//! Bearer tokens, which the cluster is asked about.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use http::request::Parts;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo as Reviewed};
use kube::Client;
use sha2::{Digest, Sha256};

use super::ask::ask;
use super::remembered::Remembered;
use crate::authentication::{AuthenticationError, Authenticator, ConnectionInfo};
use crate::request::user::UserInfo;

/// Asks a cluster who is behind a bearer token.
pub struct TokenReviews {
    client: Client,
    ttl: Duration,
    // By digest: a dump of the memory shall not hold tokens for longer than it must.
    answers: Remembered<[u8; 32], Option<Arc<UserInfo>>>,
}

/// A token that the cluster does not know.
#[derive(Debug, thiserror::Error)]
#[error("the cluster does not accept the token: {0}")]
struct Refused(String);

impl TokenReviews {
    /// Asks by this client, and remembers each answer for `ttl`, whatever it was.
    pub fn new(client: Client, ttl: Duration) -> Self {
        Self { client, ttl, answers: Remembered::default() }
    }

    async fn review(&self, token: &str) -> Result<Option<Arc<UserInfo>>, AuthenticationError> {
        let digest = Sha256::digest(token).into();
        if let Some(known) = self.answers.get(&digest) {
            return known.map_or_else(|| Err(refused(String::new())), |user| Ok(Some(user)));
        }
        let spec = TokenReviewSpec { token: token.to_owned(), ..TokenReviewSpec::default() };
        let review = TokenReview { spec, ..TokenReview::default() };
        let answer = ask(&self.client, &review).await.map_err(|error| AuthenticationError::Review(Box::new(error)))?;
        let status = answer.status.unwrap_or_default();
        let user = status.user.filter(|_| status.authenticated == Some(true)).map(|user| Arc::new(known(user)));
        self.answers.put(digest, user.clone(), self.ttl);
        match user {
            Some(user) => Ok(Some(user)),
            None => Err(refused(status.error.unwrap_or_default())),
        }
    }
}

#[async_trait]
impl Authenticator for TokenReviews {
    async fn authenticate(
        &self,
        request: &Parts,
        _connection: &ConnectionInfo,
    ) -> Result<Option<Arc<UserInfo>>, AuthenticationError> {
        let header = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|header| header.trim().split_once(' ')).filter(|(scheme, _)| {
            // Others, such as Basic, are none of ours.
            scheme.eq_ignore_ascii_case("bearer")
        });
        match token.map(|(_, token)| token.trim()) {
            Some(token) if !token.is_empty() => self.review(token).await,
            _ => Ok(None),
        }
    }
}

fn refused(why: String) -> AuthenticationError {
    AuthenticationError::Review(Box::new(Refused(why)))
}

fn known(user: Reviewed) -> UserInfo {
    UserInfo {
        username: user.username.unwrap_or_default(),
        uid: user.uid.unwrap_or_default(),
        groups: user.groups.unwrap_or_default(),
        extra: user.extra.unwrap_or_default(),
    }
}
