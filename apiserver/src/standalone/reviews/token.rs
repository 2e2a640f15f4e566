//! TokenReview: whose token is this?

use std::sync::Arc;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewStatus};

use super::user::told;
use crate::authentication::{AuthenticationError, TokenReviewer};
use crate::field;
use crate::kind::Verb;
use crate::registry::backend::Backend;
use crate::registry::error::Error;
use crate::request::context::RequestContext;

/// Tells whom tokens belong to.
pub struct Tokens(pub Arc<dyn TokenReviewer>);

impl Backend for Tokens {
    type Object = TokenReview;
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(&self, _: &RequestContext, mut review: TokenReview) -> Result<TokenReview, Error> {
        let audiences = review.spec.audiences.as_deref().unwrap_or_default();
        let mut status = TokenReviewStatus::default();
        match self.0.review(&review.spec.token, audiences).await {
            Ok(Some(reviewed)) => {
                status.authenticated = Some(true);
                status.user = Some(told(&reviewed.user));
                status.audiences = Some(reviewed.audiences).filter(|audiences| !audiences.is_empty());
            }
            Ok(None) => status.error = Some("invalid bearer token".into()),
            Err(AuthenticationError::Review(source)) => return Err(Error::internal(source)),
            Err(error) => status.error = Some(format!("invalid bearer token: {error}")),
        }
        review.status = Some(status);
        Ok(review)
    }

    fn validate(&self, _: &RequestContext, review: &TokenReview, errors: &mut field::Errors) {
        if review.spec.token.is_empty() {
            errors.required("spec.token", "");
        }
    }
}
