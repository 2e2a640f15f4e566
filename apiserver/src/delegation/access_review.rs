//! What a user may do, as the cluster says.

use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Client;

use super::ask::ask;
use super::remembered::Remembered;
use crate::authorization::{Attributes, AuthorizationError, Authorizer, Decision};

/// Asks a cluster whether a user may do something.
pub struct AccessReviews {
    client: Client,
    allowed_ttl: Duration,
    refused_ttl: Duration,
    answers: Remembered<String, Decision>,
}

impl AccessReviews {
    /// Asks by this client, and remembers yes and no for so long.
    pub fn new(client: Client, allowed_ttl: Duration, refused_ttl: Duration) -> Self {
        Self { client, allowed_ttl, refused_ttl, answers: Remembered::default() }
    }
}

#[async_trait]
impl Authorizer for AccessReviews {
    async fn authorize(&self, attributes: Attributes<'_>) -> Result<Decision, AuthorizationError> {
        let spec = spec(attributes);
        let question = serde_json::to_string(&spec).map_err(|error| AuthorizationError(error.into()))?;
        if let Some(known) = self.answers.get(&question) {
            return Ok(known);
        }
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let answer = ask(&self.client, &review).await.map_err(|error| AuthorizationError(error.into()))?;
        let status = answer.status.unwrap_or_default();
        let reason = status.reason.unwrap_or_default().into();
        let (decision, ttl) = match (status.allowed, status.denied) {
            (true, _) => (Decision::Allow(reason), self.allowed_ttl),
            (false, Some(true)) => (Decision::Deny(reason), self.refused_ttl),
            (false, _) => (Decision::NoOpinion(reason), self.refused_ttl),
        };
        self.answers.put(question, decision.clone(), ttl);
        Ok(decision)
    }
}

fn spec(attributes: Attributes<'_>) -> SubjectAccessReviewSpec {
    let Attributes { user, info } = attributes;
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut spec = SubjectAccessReviewSpec {
        user: given(&user.username),
        uid: given(&user.uid),
        groups: Some(user.groups.clone()),
        extra: (!user.extra.is_empty()).then(|| user.extra.clone()),
        ..SubjectAccessReviewSpec::default()
    };
    if info.is_resource {
        spec.resource_attributes = Some(ResourceAttributes {
            verb: given(&info.verb),
            group: given(&info.group),
            version: given(&info.version),
            resource: given(&info.resource),
            subresource: given(&info.subresource),
            namespace: given(&info.namespace),
            name: given(&info.name),
            ..ResourceAttributes::default()
        });
    } else {
        let attributes = NonResourceAttributes { path: given(&info.path), verb: given(&info.verb) };
        spec.non_resource_attributes = Some(attributes);
    }
    spec
}
