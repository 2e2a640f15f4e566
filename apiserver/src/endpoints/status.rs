//! Errors as clients see them: one place makes a Kubernetes `Status`. Source:
//! <https://github.com/kubernetes/apimachinery/blob/master/pkg/api/errors/errors.go>

use std::borrow::Cow;

use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::options::OptionsError;
use crate::apply::ApplyError;
use crate::body::Body;
use crate::field::Errors;
use crate::kind::{Kind, qualified};
use crate::registry::error::Error;
use crate::request::decode::Format;
use crate::request::media;

/// A failure, ready to be answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// For example `NotFound`; empty where Kubernetes gives none.
    pub reason: Cow<'static, str>,
    /// What happened, for a person.
    pub message: String,
    /// What happened, for a program.
    pub details: Option<Value>,
    /// After how many seconds to try again.
    pub retry_after_seconds: Option<u32>,
    /// Where a listing that went stale can go on.
    pub continue_token: Option<String>,
}

impl Status {
    /// A failure without details.
    pub fn new(code: u16, reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            message: message.into(),
            details: None,
            retry_after_seconds: None,
            continue_token: None,
        }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 403. `what` is how Kubernetes names what was asked for, for example `birds.demo.example.com "robin"`.
    pub fn forbidden(message: impl Into<String>, details: Value) -> Self {
        Self::new(403, "Forbidden", message).with_details(details)
    }

    /// 405 for a path that knows no such method.
    pub fn method_not_allowed(details: Option<Value>) -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self { details, ..Self::new(405, "MethodNotAllowed", message) }
    }

    /// 405 for a verb that nobody has implemented for a kind.
    pub fn not_supported(verb: &str, kind: &Kind, group: &str) -> Self {
        let message = format!("{verb} is not supported on resources of kind {:?}", qualified(&kind.plural, group));
        Self::new(405, "MethodNotAllowed", message).with_details(details("", group, &kind.plural))
    }

    /// 406.
    pub fn not_acceptable() -> Self {
        Self::new(406, "NotAcceptable", format!("only the following media types are accepted: {}", media::WRITABLE))
    }

    /// 406 for a watch.
    pub fn not_streamable() -> Self {
        Self::new(406, "NotAcceptable", format!("only the following media types are accepted: {}", media::STREAMABLE))
    }

    /// 413.
    pub fn too_large(bytes_max: usize) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {bytes_max}"))
    }

    /// 415.
    pub fn unsupported_media_type(accepted: &str) -> Self {
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 429.
    pub fn too_many_requests() -> Self {
        let message = "Too many requests, please try again later.";
        Self::new(429, "TooManyRequests", message).retry_after(1)
    }

    /// 500, in Kubernetes' wrapping.
    pub fn internal(message: impl std::fmt::Display) -> Self {
        let text = message.to_string();
        Self::new(500, "InternalError", format!("Internal error occurred: {text}"))
            .with_details(json!({ "causes": [{ "message": text }] }))
    }

    /// 503 with a time to come back.
    pub fn service_unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", message).retry_after(5)
    }

    /// 504.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(504, "Timeout", message)
    }

    /// 504 for a request whose time is over.
    pub fn timed_out() -> Self {
        Self::timeout("Timeout: request did not complete within the allotted timeout").with_details(json!({}))
    }

    /// The same with details.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// The same with a time to come back, in the details and as a header.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        let details = self.details.get_or_insert_with(|| json!({}));
        details["retryAfterSeconds"] = seconds.into();
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// What a failed operation on a kind, in the group that it was asked for, is answered with.
    pub fn of(error: &Error, kind: &Kind, group: &str) -> Self {
        let details = |name: &str| details(name, group, &kind.plural);
        let resource = qualified(&kind.plural, group);
        match error {
            Error::NotFound { name } | Error::WouldCreate { name } => {
                Self::new(404, "NotFound", format!("{resource} {name:?} not found")).with_details(details(name))
            }
            Error::AlreadyExists { name, terminating, generated } => {
                let before = if *terminating { "object is being deleted: " } else { "" };
                let after =
                    if *generated { ", the server was not able to generate a unique name for the object" } else { "" };
                let message = format!("{before}{resource} {name:?} already exists{after}");
                let status = Self::new(409, "AlreadyExists", message).with_details(details(name));
                if *generated { status.retry_after(1) } else { status }
            }
            Error::Conflict { name, cause, on_delete } => {
                let (what, noun) =
                    if *on_delete { (qualified(&kind.kind, group), &kind.kind) } else { (resource, &kind.plural) };
                let message = format!("Operation cannot be fulfilled on {what} {name:?}: {cause}");
                Self::new(409, "Conflict", message).with_details(self::details(name, group, noun))
            }
            Error::Invalid { name, errors } => Self::invalid(group, &kind.kind, name, errors),
            Error::Unconditional { name } => {
                let mut errors = Errors::default();
                errors.invalid("metadata.resourceVersion", 0, "must be specified for an update");
                Self::invalid(group, &kind.plural, name, &errors)
            }
            Error::PatchDoesNotApply(why) => {
                tracing::debug!(why, "a patch does not apply");
                Self::new(422, "Invalid", "the server rejected our request due to an error in our request")
                    .with_details(json!({}))
            }
            Error::PatchResult { patched, message } => {
                let mut errors = Errors::default();
                errors.invalid("patch", patched, message);
                Self::invalid("", "", "", &errors)
            }
            Error::BadRequest(message) => Self::bad_request(message),
            Error::Apply(error) => Self::of_apply(error),
            Error::TooLarge(message) => Self::new(413, "RequestEntityTooLarge", message),
            Error::ResourceVersionOnCreate => Self::new(500, "", error.to_string()),
            Error::Expired { message, continue_token } => {
                Self { continue_token: continue_token.clone(), ..Self::new(410, "Expired", message) }
            }
            Error::TooLargeResourceVersion { .. } => Self::timeout(error.to_string())
                .with_details(json!({
                    "causes": [{ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" }],
                }))
                .retry_after(1),
            Error::Forbidden { name, message } => {
                let what = if name.is_empty() { resource } else { format!("{resource} {name:?}") };
                Self::forbidden(format!("{what} is forbidden: {message}"), details(name))
            }
            Error::NotSupported { verb } => Self::not_supported(verb, kind, group),
            Error::Unavailable(message) => Self::service_unavailable(message),
            Error::Denied { code, reason, message, details } => {
                Self { details: details.clone(), ..Self::new(*code, reason.clone(), message) }
            }
            Error::Corrupt { .. } | Error::Conversion(_) | Error::Internal(_) => Self::internal(error),
            Error::Storage(source) => {
                tracing::error!(error = source.as_ref(), "the store failed");
                let message = "the server cannot reach its storage, please try again";
                Self::new(500, "ServerTimeout", message).with_details(details("")).retry_after(2)
            }
        }
    }

    fn of_apply(error: &ApplyError) -> Self {
        match error {
            ApplyError::Conflict(conflicts) => {
                let causes: Vec<Value> = conflicts
                    .iter()
                    .map(|conflict| {
                        json!({
                            "reason": "FieldManagerConflict", "message": conflict.message(), "field": conflict.field,
                        })
                    })
                    .collect();
                Self::new(409, "Conflict", error.to_string()).with_details(json!({ "causes": causes }))
            }
            ApplyError::BadRequest(message) => Self::bad_request(message),
            ApplyError::Untyped(message) => Self::new(500, "", message),
        }
    }

    /// 422 with one cause for each field that is wrong.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &Errors) -> Self {
        let mut texts = Vec::new();
        let mut causes = Vec::new();
        for error in errors.iter() {
            let text = error.to_string();
            if !texts.contains(&text) {
                causes.push(json!({ "reason": error.reason(), "message": error.body(), "field": error.field_text() }));
                texts.push(text);
            }
        }
        let list = if texts.len() == 1 { texts.concat() } else { format!("[{}]", texts.join(", ")) };
        let mut details = details(name, group, kind);
        if !causes.is_empty() {
            details["causes"] = causes.into();
        }
        Self::new(422, "Invalid", format!("{} {name:?} is invalid: {list}", qualified(kind, group)))
            .with_details(details)
    }

    /// What bad options are answered with.
    pub(super) fn of_options(error: &OptionsError, plural: &str) -> Self {
        match error {
            OptionsError::Invalid(kind, errors) => Self::invalid("meta.k8s.io", kind, "", errors),
            OptionsError::Version(errors) => Self::invalid("", plural, "", errors),
            OptionsError::Bad(message) => Self::bad_request(message),
            OptionsError::Unreadable(message) => Self::new(500, "", message),
        }
    }

    /// The document.
    pub fn document(&self) -> Value {
        let mut metadata = Map::new();
        if let Some(token) = &self.continue_token {
            metadata.insert("continue".into(), token.as_str().into());
        }
        let mut document = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            document["reason"] = self.reason.as_ref().into();
        }
        if let Some(details) = &self.details {
            document["details"] = details.clone();
        }
        document
    }

    /// The answer, in a form that the client accepts; JSON where it accepts none.
    pub fn into_response(self, accept: Option<&str>, pretty: bool) -> Response<Body> {
        let format = media::negotiate(accept.unwrap_or_default()).map(|wanted| wanted.format).unwrap_or_default();
        let (content_type, body) = write_document(&self.document(), format, pretty);
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if self.code == 403 {
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// 404 as plain text: for paths that no API has.
pub fn page_not_found() -> Response<Body> {
    let mut response = Response::new(Body::from("404 page not found\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A document as a body, with its content type.
pub fn write_document(document: &Value, format: Format, pretty: bool) -> (&'static str, Body) {
    match format {
        Format::Yaml => match serde_saphyr::to_string(document) {
            Ok(text) => ("application/yaml", text.into()),
            Err(error) => ("text/plain; charset=utf-8", error.to_string().into()),
        },
        Format::Json => {
            let mut out = Vec::new();
            // Writing JSON into memory has no way to fail.
            let _ = if pretty {
                serde_json::to_writer_pretty(&mut out, document)
            } else {
                serde_json::to_writer(&mut out, document)
            };
            out.push(b'\n');
            ("application/json", out.into())
        }
    }
}

fn details(name: &str, group: &str, kind: &str) -> Value {
    let fields = [("name", name), ("group", group), ("kind", kind)];
    fields
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(key, text)| (key.to_owned(), Value::from(text)))
        .collect()
}
