//! SelfSubjectRulesReview: what may I do here?

use std::sync::Arc;

use k8s_openapi::api::authorization::v1::SelfSubjectRulesReview;

use crate::authorization::Authorizer;
use crate::field;
use crate::kind::Verb;
use crate::registry::backend::Backend;
use crate::registry::error::Error;
use crate::request::context::RequestContext;

/// Lists what users may do in a namespace.
pub struct OfSelf(pub Arc<dyn Authorizer>);

impl Backend for OfSelf {
    type Object = SelfSubjectRulesReview;
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(
        &self,
        cx: &RequestContext,
        mut review: SelfSubjectRulesReview,
    ) -> Result<SelfSubjectRulesReview, Error> {
        let namespace = review.spec.namespace.as_deref().unwrap_or_default();
        review.status = Some(self.0.rules(&cx.user, namespace).await.map_err(Error::internal)?);
        Ok(review)
    }

    fn validate(&self, _: &RequestContext, review: &SelfSubjectRulesReview, errors: &mut field::Errors) {
        if review.spec.namespace.as_deref().unwrap_or_default().is_empty() {
            errors.required("spec.namespace", "no namespace on request");
        }
    }
}
