//! One question to a webhook, and what its answer means. Sources:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/webhook/request/admissionreview.go>,
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/webhook/errors/statuserror.go>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::matching::{Invocation, Seen};
use crate::admission::review::{API_VERSION, KIND};
use crate::admission::review::{AdmissionRequest, AdmissionResponse, AdmissionReview, JSON_PATCH, ReviewStatus};
use crate::admission::{Attributes, Denied};

/// Why a webhook did not let a request pass.
pub(super) enum Failure {
    /// It could not be asked, or gave no answer that could be understood. Its failure policy says what that means.
    Calling {
        /// Why.
        message: String,
        /// The HTTP code that metrics tell.
        code: u16,
    },
    /// It said no.
    Rejected(Denied),
    /// The request fails, whatever the failure policy is.
    Failed(Denied),
}

/// Which sort of webhook it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Mutating,
    Validating,
}

/// Asks a webhook. Gives the patch that it wants applied, if it does.
///
/// # Errors
/// Everything but an answer that allows the request.
pub(super) async fn ask(
    invocation: &Invocation<'_, '_>,
    request: &Attributes<'_>,
    seen: &Seen<'_>,
    sort: Sort,
) -> Result<Option<Value>, Failure> {
    let hook = invocation.hook;
    let name = &hook.name;
    if request.dry_run {
        match hook.dry_run {
            Some(true) => {}
            Some(false) => {
                let message = format!("admission webhook {name:?} does not support dry run");
                return Err(Failure::Failed(Denied::bad_request(message)));
            }
            None => return Err(calling(name, "Webhook SideEffects is nil", 400)),
        }
    }
    if !hook.speaks_v1 {
        let why = "could not create admission objects: webhook does not accept known AdmissionReview versions (v1)";
        return Err(calling(name, why, 400));
    }
    let endpoint = match &hook.endpoint {
        Ok(endpoint) => endpoint,
        Err(error) => return Err(calling(name, format!("could not get REST client: {error}"), 500)),
    };
    let uid = uuid::Uuid::new_v4().to_string();
    let mut question = describe(invocation, request, uid.clone());
    question.object = seen.object.as_deref().cloned();
    question.old_object = seen.old.as_deref().cloned();
    let body = serde_json::to_vec(&AdmissionReview::of_request(question))
        .map_err(|error| Failure::Failed(Denied::internal(error)))?;
    let query = format!("timeout={}s", hook.timeout.as_secs());
    let failed = |error: &str| {
        let post = format!("Post \"{}?{query}\": {error}", endpoint.url);
        calling(name, format!("failed to call webhook: {post}"), 503)
    };
    let answered = tokio::time::timeout(hook.timeout, endpoint.post(&query, Bytes::from(body))).await;
    let (code, body) = match answered {
        Err(_) => return Err(failed("context deadline exceeded")),
        Ok(Err(error)) => return Err(failed(&error)),
        Ok(Ok(answer)) => answer,
    };
    let review =
        read(code, &body).map_err(|(code, error)| calling(name, format!("failed to call webhook: {error}"), code))?;
    let invalid = |error: String| calling(name, format!("received invalid webhook response: {error}"), 503);
    let response = verify(review, &uid, sort).map_err(invalid)?;
    for (key, value) in response.audit_annotations.iter().flatten() {
        request.annotate(format!("{name}/{key}"), value);
    }
    for warning in response.warnings.iter().flatten() {
        request.warn(warning);
    }
    if !response.allowed {
        return Err(Failure::Rejected(rejection(name, response.status.unwrap_or_default())));
    }
    let Some(patch) = response.patch.filter(|patch| !patch.is_empty()) else { return Ok(None) };
    let decoded = STANDARD.decode(patch).map_err(|error| error.to_string());
    let decoded = decoded.and_then(|json| serde_json::from_slice(&json).map_err(|error| error.to_string()));
    let undecodable = |error| calling(name, format!("received undecodable patch in webhook response: {error}"), 503);
    decoded.map(Some).map_err(undecodable)
}

/// The question, without its objects.
pub(super) fn describe(invocation: &Invocation<'_, '_>, request: &Attributes<'_>, uid: String) -> AdmissionRequest {
    AdmissionRequest {
        uid,
        kind: invocation.kind(request),
        resource: invocation.resource(request),
        sub_resource: request.subresource.to_owned(),
        request_kind: Some(request.kind.clone()),
        request_resource: Some(request.resource.clone()),
        request_sub_resource: request.subresource.to_owned(),
        name: request.name.clone(),
        namespace: request.namespace.to_owned(),
        operation: request.operation,
        user_info: request.user.into(),
        object: None,
        old_object: None,
        dry_run: Some(request.dry_run),
        options: request.options(),
    }
}

/// A call that failed, as it is told.
fn calling(name: &str, why: impl std::fmt::Display, code: u16) -> Failure {
    Failure::Calling { message: format!("failed calling webhook {name:?}: {why}"), code }
}

/// The review in an answer, or what Kubernetes' clients make of another answer. Source:
/// <https://github.com/kubernetes/apimachinery/blob/master/pkg/api/errors/errors.go> (`NewGenericServerResponse`)
fn read(code: StatusCode, body: &[u8]) -> Result<AdmissionReview, (u16, String)> {
    let json: Result<Value, _> = serde_json::from_slice(body);
    if code.is_success() {
        let json = json.map_err(|error| (503, format!("couldn't get version/kind; json parse error: {error}")))?;
        let review = serde_json::from_value(json);
        return review.map_err(|error| (503, format!("the answer is no AdmissionReview: {error}")));
    }
    if let Ok(status) = &json
        && status["kind"] == "Status"
        && let Some(message) = status["message"].as_str()
    {
        return Err((code.as_u16(), message.to_owned()));
    }
    let text = String::from_utf8_lossy(body);
    let text: String = text.trim().chars().take(2048).collect();
    let message = match code.as_u16() {
        401 => "the server has asked for the client to provide credentials".to_owned(),
        403 if !text.is_empty() => text,
        403 => "forbidden".to_owned(),
        404 => "the server could not find the requested resource".to_owned(),
        405 => "the server does not allow this method on the requested resource".to_owned(),
        429 => "the server has received too many requests and has asked us to try again later".to_owned(),
        503 => "the server is currently unable to handle the request".to_owned(),
        504 => "the server was unable to return a response in the time allotted, but may still be processing the \
                request"
            .to_owned(),
        500.. => format!("an error on the server ({text:?}) has prevented the request from succeeding"),
        code => format!("the server responded with the status code {code} but did not return more information"),
    };
    Err((code.as_u16(), message))
}

fn verify(review: AdmissionReview, uid: &str, sort: Sort) -> Result<AdmissionResponse, String> {
    let Some(response) = review.response else { return Err("webhook response was absent".into()) };
    if response.uid != uid {
        return Err(format!("expected response.uid={uid:?}, got {:?}", response.uid));
    }
    if (review.api_version.as_str(), review.kind.as_str()) != (API_VERSION, KIND) {
        let found = format!("{}, Kind={}", review.api_version, review.kind);
        return Err(format!("expected webhook response of {API_VERSION}, Kind={KIND}, got {found}"));
    }
    let patches = response.patch.as_ref().is_some_and(|patch| !patch.is_empty());
    match (sort, patches, response.patch_type.as_deref()) {
        (Sort::Validating, true, _) => Err("validating webhook may not return response.patch".into()),
        (Sort::Validating, _, Some(_)) => Err("validating webhook may not return response.patchType".into()),
        (_, true, None) => Err("webhook returned response.patch but not response.patchType".into()),
        (_, false, Some(_)) => Err("webhook returned response.patchType but not response.patch".into()),
        (_, true, Some("")) => Err("webhook returned invalid response.patchType of \"\"".into()),
        (_, true, Some(other)) if other != JSON_PATCH => Err(format!("unsupported patch type {other:?}")),
        _ => Ok(response),
    }
}

/// What the client is told: the words of the webhook, with its name before them.
fn rejection(name: &str, status: ReviewStatus) -> Denied {
    let denied = format!("admission webhook {name:?} denied the request");
    let reason = status.reason.unwrap_or_default();
    let message = match (status.message.unwrap_or_default().as_str(), reason.as_str()) {
        ("", "") => format!("{denied} without explanation"),
        ("", reason) => format!("{denied}: {reason}"),
        (message, _) => format!("{denied}: {message}"),
    };
    let code = status.code.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code));
    let rejected = Denied::with_code(code.unwrap_or(400), reason, message);
    match status.details {
        Some(details) => rejected.with_details(details),
        None => rejected,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_response(response: Value, sort: Sort, expected: &str) {
        let review = json!({ "apiVersion": API_VERSION, "kind": KIND, "response": response });
        let found = match verify(serde_json::from_value(review).unwrap(), "u", sort) {
            Ok(response) => format!("allowed: {}", response.allowed),
            Err(error) => error,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn an_answer_must_fit_its_question() {
        use Sort::{Mutating, Validating};
        check_response(json!({"uid": "u", "allowed": true}), Mutating, "allowed: true");
        check_response(json!({"uid": "v", "allowed": true}), Mutating, r#"expected response.uid="u", got "v""#);
        check_response(Value::Null, Mutating, "webhook response was absent");
        let patch = json!({"uid": "u", "allowed": true, "patch": "W10=", "patchType": "JSONPatch"});
        check_response(patch.clone(), Mutating, "allowed: true");
        check_response(patch, Validating, "validating webhook may not return response.patch");
        let half = json!({"uid": "u", "allowed": true, "patch": "W10="});
        check_response(half, Mutating, "webhook returned response.patch but not response.patchType");
        let half = json!({"uid": "u", "allowed": true, "patchType": "JSONPatch"});
        check_response(half.clone(), Mutating, "webhook returned response.patchType but not response.patch");
        check_response(half, Validating, "validating webhook may not return response.patchType");
        let other = json!({"uid": "u", "allowed": true, "patch": "W10=", "patchType": "Merge"});
        check_response(other, Mutating, r#"unsupported patch type "Merge""#);
    }

    #[test]
    fn a_rejection_names_the_webhook() {
        let check = |status: Value, expected: &str| {
            let denied = rejection("a.b.c", serde_json::from_value(status).unwrap());
            let crate::admission::Answer::Status { code, reason, details } = &denied.answer else { panic!() };
            let details = details.as_ref().map(|details| format!(" {details}")).unwrap_or_default();
            assert_eq!(format!("{code} {reason:?} {}{details}", denied.message), expected);
        };
        check(json!({}), r#"400 "" admission webhook "a.b.c" denied the request without explanation"#);
        check(json!({"message": "no"}), r#"400 "" admission webhook "a.b.c" denied the request: no"#);
        check(json!({"reason": "Sad"}), r#"400 "Sad" admission webhook "a.b.c" denied the request: Sad"#);
        check(
            json!({"code": 422, "reason": "Invalid", "message": "no", "details": {"causes": []}}),
            r#"422 "Invalid" admission webhook "a.b.c" denied the request: no {"causes":[]}"#,
        );
        check(json!({"code": 200, "message": "no"}), r#"400 "" admission webhook "a.b.c" denied the request: no"#);
    }
}
