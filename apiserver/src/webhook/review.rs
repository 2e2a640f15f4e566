//! Reviews, read and answered. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Malformed;
use super::request::{Notes, Request};
use crate::admission::Operation;
use crate::admission::review::{
    API_VERSION, AdmissionRequest, AdmissionResponse, AdmissionReview, JSON_PATCH, KIND, ReviewStatus,
};
use crate::endpoints::status::Status;

/// A review, read.
pub(super) struct Review {
    pub request: Request,
    /// The object; absent on delete, and on a connection that brings none.
    pub object: Option<Value>,
    /// The object as it is stored; absent on create.
    pub old_object: Option<Value>,
}

/// What becomes of the request.
pub(super) enum Verdict {
    /// It goes on, with these changes.
    Allowed(Vec<Value>),
    /// It is refused.
    Denied(Status),
}

impl Review {
    /// Reads a review.
    ///
    /// # Errors
    /// What is none, or none of a version that is spoken.
    pub fn read(mut document: Value) -> Result<Self, Malformed> {
        super::expect_type(&document, API_VERSION, KIND)?;
        let mut request = document.get_mut("request").map(Value::take).unwrap_or_default();
        let Some(fields) = request.as_object_mut() else {
            return Err(Malformed("the review has no request".into()));
        };
        // Some write what is absent as null.
        fields.retain(|_, value| !value.is_null());
        let asked: AdmissionRequest =
            serde_json::from_value(request).map_err(|error| Malformed(format!("request: {error}")))?;
        if asked.uid.is_empty() {
            return Err(Malformed("request.uid is empty".into()));
        }
        let (needs_object, needs_old) = match asked.operation {
            Operation::Create => (true, false),
            Operation::Update => (true, true),
            Operation::Delete => (false, true),
            Operation::Connect => (false, false),
        };
        for (name, needed, found) in
            [("object", needs_object, &asked.object), ("oldObject", needs_old, &asked.old_object)]
        {
            if found.as_ref().is_some_and(|found| !found.is_object()) {
                return Err(Malformed(format!("request.{name} is no object")));
            }
            if needed && found.is_none() {
                return Err(Malformed(format!("request.{name} is missing, and {} needs it", asked.operation.name())));
            }
        }
        let object = asked.object.filter(|_| asked.operation != Operation::Delete);
        let old_object = asked.old_object.filter(|_| asked.operation != Operation::Create);
        let request_version = asked.request_kind.map(|kind| kind.version).filter(|version| !version.is_empty());
        let request = Request {
            uid: asked.uid,
            operation: asked.operation,
            user: asked.user_info.into(),
            request_version: request_version.unwrap_or_else(|| asked.kind.version.clone()),
            group: asked.kind.group,
            version: asked.kind.version,
            kind: asked.kind.kind,
            resource: asked.resource.resource,
            subresource: asked.sub_resource,
            namespace: asked.namespace,
            name: asked.name,
            dry_run: asked.dry_run.unwrap_or_default(),
            options: asked.options.unwrap_or_default(),
            notes: Default::default(),
        };
        Ok(Self { request, object, old_object })
    }
}

/// The document that answers a review.
pub(super) fn answer(request: &Request, verdict: &Verdict) -> Value {
    let Notes { warnings, audit } = request.take_notes();
    let mut response = AdmissionResponse {
        uid: request.uid.clone(),
        allowed: matches!(verdict, Verdict::Allowed(_)),
        warnings: Some(warnings).filter(|warnings| !warnings.is_empty()),
        audit_annotations: Some(audit).filter(|audit| !audit.is_empty()),
        ..AdmissionResponse::default()
    };
    match verdict {
        Verdict::Allowed(patch) if patch.is_empty() => {}
        Verdict::Allowed(patch) => {
            response.patch_type = Some(JSON_PATCH.into());
            response.patch = Some(STANDARD.encode(Value::from(patch.as_slice()).to_string()));
        }
        Verdict::Denied(status) => {
            response.status = Some(ReviewStatus {
                status: Some("Failure".into()),
                message: Some(status.message.clone()),
                reason: Some(status.reason.to_string()).filter(|reason| !reason.is_empty()),
                details: status.details.clone(),
                code: Some(status.code.into()),
            });
        }
    }
    // These types have nothing that JSON cannot hold.
    serde_json::to_value(AdmissionReview::of_response(response)).unwrap_or_default()
}
