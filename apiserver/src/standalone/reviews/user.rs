//! SelfSubjectReview: who am I?

use k8s_openapi::api::authentication::v1::{SelfSubjectReview, SelfSubjectReviewStatus, UserInfo as Told};

use crate::kind::Verb;
use crate::registry::backend::Backend;
use crate::registry::error::Error;
use crate::request::context::RequestContext;
use crate::request::user::UserInfo;

/// Tells users who they are.
pub struct SelfSubject;

impl Backend for SelfSubject {
    type Object = SelfSubjectReview;
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(&self, cx: &RequestContext, mut review: SelfSubjectReview) -> Result<SelfSubjectReview, Error> {
        review.status = Some(SelfSubjectReviewStatus { user_info: Some(told(&cx.user)) });
        Ok(review)
    }
}

/// A user as clients are told of one; what is empty is left out.
pub(super) fn told(user: &UserInfo) -> Told {
    let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Told {
        username: text(&user.username),
        uid: text(&user.uid),
        groups: Some(user.groups.clone()).filter(|groups| !groups.is_empty()),
        extra: Some(user.extra.clone()).filter(|extra| !extra.is_empty()),
    }
}
