//! Bearer tokens, which the cluster is asked about.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::authentication::v1::{self, TokenReview, TokenReviewSpec};
use kube::Client;
use sha2::{Digest, Sha256};

use super::ask::ask;
use super::remembered::Remembered;
use crate::authentication::AuthenticationError;
use crate::authentication::bearer::{Reviewed, TokenReviewer};
use crate::request::user::UserInfo;

/// Asks a cluster who is behind a bearer token.
pub struct TokenReviews {
    client: Client,
    ttl: Duration,
    // By digest: a dump of the memory shall not hold tokens for longer than it must.
    answers: Remembered<[u8; 32], Option<Reviewed>>,
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
}

#[async_trait]
impl TokenReviewer for TokenReviews {
    async fn review(&self, token: &str, audiences: &[String]) -> Result<Option<Reviewed>, AuthenticationError> {
        let mut hasher = Sha256::new_with_prefix(token);
        audiences.iter().for_each(|audience| hasher.update(format!("\n{audience}")));
        let digest = hasher.finalize().into();
        if let Some(known) = self.answers.get(&digest) {
            return known.map_or_else(|| Err(refused(String::new())), |known| Ok(Some(known)));
        }
        let audiences = (!audiences.is_empty()).then(|| audiences.to_vec());
        let spec = TokenReviewSpec { token: token.to_owned(), audiences };
        let review = TokenReview { spec, ..TokenReview::default() };
        let answer = ask(&self.client, &review).await.map_err(|error| AuthenticationError::Review(Box::new(error)))?;
        let status = answer.status.unwrap_or_default();
        let audiences = status.audiences.unwrap_or_default();
        let good = status.user.filter(|_| status.authenticated == Some(true));
        let good = good.map(|user| Reviewed { user: Arc::new(known(user)), audiences });
        self.answers.put(digest, good.clone(), self.ttl);
        match good {
            Some(reviewed) => Ok(Some(reviewed)),
            None => Err(refused(status.error.unwrap_or_default())),
        }
    }
}

fn refused(why: String) -> AuthenticationError {
    AuthenticationError::Review(Box::new(Refused(why)))
}

fn known(user: v1::UserInfo) -> UserInfo {
    UserInfo {
        username: user.username.unwrap_or_default(),
        uid: user.uid.unwrap_or_default(),
        groups: user.groups.unwrap_or_default(),
        extra: user.extra.unwrap_or_default(),
    }
}
