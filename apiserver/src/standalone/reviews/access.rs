//! SelfSubjectAccessReview, SubjectAccessReview, LocalSubjectAccessReview: may somebody do this?

use std::sync::Arc;

use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, NonResourceAttributes, ResourceAttributes, SelfSubjectAccessReview, SubjectAccessReview,
    SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};

use crate::authorization::{Attributes, Authorizer, Decision};
use crate::field;
use crate::kind::Verb;
use crate::registry::backend::Backend;
use crate::registry::error::Error;
use crate::request::context::RequestContext;
use crate::request::info::RequestInfo;
use crate::request::user::UserInfo;

/// Tells users what they may do.
pub struct OfSelf(pub Arc<dyn Authorizer>);

/// Tells what anyone may do.
pub struct OfAnyone(pub Arc<dyn Authorizer>);

/// Tells what anyone may do in one namespace.
pub struct Local(pub Arc<dyn Authorizer>);

impl Backend for OfSelf {
    type Object = SelfSubjectAccessReview;
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(
        &self,
        cx: &RequestContext,
        mut review: SelfSubjectAccessReview,
    ) -> Result<SelfSubjectAccessReview, Error> {
        let spec = &review.spec;
        let info = info(spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref());
        review.status = Some(decide(&*self.0, &cx.user, &info).await);
        Ok(review)
    }

    fn validate(&self, _: &RequestContext, review: &SelfSubjectAccessReview, errors: &mut field::Errors) {
        let spec = &review.spec;
        one_of(spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref(), errors);
    }
}

impl Backend for OfAnyone {
    type Object = SubjectAccessReview;
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(&self, _: &RequestContext, mut review: SubjectAccessReview) -> Result<SubjectAccessReview, Error> {
        review.status = Some(decide_spec(&*self.0, &review.spec).await);
        Ok(review)
    }

    fn validate(&self, _: &RequestContext, review: &SubjectAccessReview, errors: &mut field::Errors) {
        check(&review.spec, errors);
    }
}

impl Backend for Local {
    type Object = LocalSubjectAccessReview;
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(
        &self,
        cx: &RequestContext,
        mut review: LocalSubjectAccessReview,
    ) -> Result<LocalSubjectAccessReview, Error> {
        let asked = review.spec.resource_attributes.as_ref().and_then(|asked| asked.namespace.as_deref());
        if asked.unwrap_or_default() != cx.namespace {
            let namespace = &cx.namespace;
            return Err(Error::bad_request(format!(
                "spec.resourceAttributes.namespace must match namespace: {namespace}"
            )));
        }
        review.status = Some(decide_spec(&*self.0, &review.spec).await);
        Ok(review)
    }

    fn validate(&self, _: &RequestContext, review: &LocalSubjectAccessReview, errors: &mut field::Errors) {
        check(&review.spec, errors);
        if let Some(asked) = &review.spec.non_resource_attributes {
            errors.invalid("spec.nonResourceAttributes", asked, "disallowed on this kind of request");
        }
    }
}

/// Source: <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/authorization/validation/validation.go>
fn check(spec: &SubjectAccessReviewSpec, errors: &mut field::Errors) {
    one_of(spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref(), errors);
    let nobody = spec.user.as_deref().unwrap_or_default().is_empty();
    if nobody && spec.groups.as_deref().unwrap_or_default().is_empty() {
        errors.invalid("spec.user", "", "at least one of user or group must be specified");
    }
}

fn one_of(resource: Option<&ResourceAttributes>, path: Option<&NonResourceAttributes>, errors: &mut field::Errors) {
    match (resource, path) {
        (Some(_), Some(path)) => errors.invalid(
            "spec.nonResourceAttributes",
            path,
            "cannot be specified in combination with resourceAttributes",
        ),
        (None, None) => errors.invalid(
            "spec.resourceAttributes",
            serde_json::Value::Null,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        ),
        _ => {}
    }
}

async fn decide_spec(authorizer: &dyn Authorizer, spec: &SubjectAccessReviewSpec) -> SubjectAccessReviewStatus {
    let extra = spec.extra.clone().unwrap_or_default().into_iter();
    let user = UserInfo {
        username: spec.user.clone().unwrap_or_default(),
        uid: spec.uid.clone().unwrap_or_default(),
        groups: spec.groups.clone().unwrap_or_default(),
        extra: extra.map(|(key, values)| (key.to_lowercase(), values)).collect(),
    };
    let info = info(spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref());
    decide(authorizer, &user, &info).await
}

async fn decide(authorizer: &dyn Authorizer, user: &UserInfo, info: &RequestInfo) -> SubjectAccessReviewStatus {
    let (allowed, denied, reason) = match authorizer.authorize(Attributes { user, info }).await {
        Ok(Decision::Allow(reason)) => (true, None, reason),
        Ok(Decision::Deny(reason)) => (false, Some(true), reason),
        Ok(Decision::NoOpinion(reason)) => (false, None, reason),
        Err(error) => {
            let evaluation_error = Some(error.0.to_string());
            return SubjectAccessReviewStatus { evaluation_error, ..SubjectAccessReviewStatus::default() };
        }
    };
    let reason = Some(reason.to_string()).filter(|reason| !reason.is_empty());
    SubjectAccessReviewStatus { allowed, denied, reason, evaluation_error: None }
}

/// What is asked about, as if it were a request.
fn info(resource: Option<&ResourceAttributes>, path: Option<&NonResourceAttributes>) -> RequestInfo {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match (resource, path) {
        (Some(asked), _) => RequestInfo {
            is_resource: true,
            verb: text(&asked.verb).into(),
            group: text(&asked.group),
            version: text(&asked.version),
            namespace: text(&asked.namespace),
            resource: text(&asked.resource),
            subresource: text(&asked.subresource),
            name: text(&asked.name),
            ..RequestInfo::default()
        },
        (None, Some(asked)) => {
            RequestInfo { verb: text(&asked.verb).into(), path: text(&asked.path), ..RequestInfo::default() }
        }
        (None, None) => RequestInfo::default(),
    }
}
