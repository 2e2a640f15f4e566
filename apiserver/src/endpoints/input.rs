//! Bodies that hold an object: decoded, of the right type, without fields that the kind does not have.

use std::fmt::Display;

use serde_json::Value;

use super::call::Call;
use super::options::FieldValidation;
use super::status::Status;
use crate::kind::{Kind, KindVersion};
use crate::registry::metadata::{self, shape};
use crate::request::decode::{self, Decoded, Format};
use crate::request::protobuf::ProtobufError;
use crate::request::{media, protobuf};

/// What a body must be.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The kind.
    pub kind: &'a Kind,
    /// The version.
    pub version: &'a KindVersion,
}

/// Decodes the object of a create or update.
///
/// # Errors
/// 415, 400 for what is no object or not of this kind and version, 400 for unknown or duplicate fields under Strict.
pub fn object(call: &Call, body: &[u8], validation: FieldValidation) -> Result<Value, Status> {
    object_of(call, Target { kind: call.kind(), version: call.version() }, body, validation)
}

/// Decodes an object of a kind that need not be that of the resource.
///
/// # Errors
/// As [`object`].
pub fn object_of(call: &Call, target: Target<'_>, body: &[u8], validation: FieldValidation) -> Result<Value, Status> {
    let format = format(call)?;
    let decoded = if protobuf::is_meant(call.content_type()) {
        Decoded { value: of_protobuf(target, body)?, duplicates: Vec::new() }
    } else {
        decode::decode(body, format).map_err(|error| undecodable(target, body, &error))?
    };
    let mut object = decoded.value;
    check_type(target, &object, body)?;
    let mut unknown = Vec::new();
    shape::conform(&mut object, &mut unknown).map_err(|problem| unreadable(target, &problem))?;
    target.version.schema.prune(&mut object, &mut unknown);
    let problems = problems(decoded.duplicates, unknown);
    match validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => problems.iter().for_each(|problem| warn(call, problem)),
        FieldValidation::Strict if problems.is_empty() => {}
        FieldValidation::Strict => {
            return Err(unreadable(target, &format!("strict decoding error: {}", problems.join(", "))));
        }
    }
    check_namespace(call, &object)?;
    Ok(object)
}

/// The format of the body.
///
/// # Errors
/// 415.
pub fn format(call: &Call) -> Result<Format, Status> {
    if protobuf::is_meant(call.content_type()) && call.kind().native && protobuf::knows_group(&call.version().group) {
        // What it is read into.
        return Ok(Format::Json);
    }
    media::content_type(call.content_type()).ok_or_else(|| Status::unsupported_media_type(media::WRITABLE))
}

fn of_protobuf(target: Target<'_>, body: &[u8]) -> Result<Value, Status> {
    protobuf::decode(body).map_err(|error| match error {
        ProtobufError::UnknownKind(_) => Status::unsupported_media_type(media::WRITABLE),
        error => undecodable(target, body, &error),
    })
}

/// Tells a client of a problem that is let pass; those of YAML, which are told by line, one by one. Source:
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/rest.go> (`parseYAMLWarnings`)
pub fn warn(call: &Call, problem: &str) {
    let lines = problem.strip_prefix("yaml: unmarshal errors:\n").unwrap_or(problem);
    lines.lines().for_each(|line| call.context.warn(line.trim()));
}

/// What is wrong with the fields of a document: duplicates in their order, then unknown ones sorted.
pub fn problems(duplicates: Vec<String>, mut unknown: Vec<String>) -> Vec<String> {
    unknown.sort();
    unknown.dedup();
    duplicates.into_iter().chain(unknown.into_iter().map(|path| format!("unknown field {path:?}"))).collect()
}

/// Takes the name from the path where the body gives none.
pub fn fill_in_name(call: &Call, object: &mut Value) {
    if metadata::text(object, "name").is_empty() {
        metadata::of_mut(object).insert("name".into(), call.info.name.as_str().into());
    }
}

/// The name in the body must be the one in the path.
///
/// # Errors
/// 400.
pub fn check_name(call: &Call, object: &Value) -> Result<(), Status> {
    let (name, wanted) = (metadata::text(object, "name"), call.info.name.as_str());
    if name.is_empty() {
        let message =
            format!("the name of the object ({wanted} based on URL) was undeterminable: name must be provided");
        return Err(Status::bad_request(message));
    }
    if name != wanted {
        let message = format!("the name of the object ({name}) does not match the name on the URL ({wanted})");
        return Err(Status::bad_request(message));
    }
    Ok(())
}

/// The namespace in the body must be the one in the path; cluster-scoped kinds have none, whatever the body says.
///
/// # Errors
/// 400.
pub fn check_namespace(call: &Call, object: &Value) -> Result<(), Status> {
    let namespace = metadata::text(object, "namespace");
    if !call.kind().namespaced || namespace.is_empty() || namespace == call.info.namespace {
        return Ok(());
    }
    let message = "the namespace of the provided object does not match the namespace sent on the request";
    Err(Status::bad_request(message))
}

fn check_type(target: Target<'_>, object: &Value, body: &[u8]) -> Result<(), Status> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let (kind, api_version) = (text("kind"), text("apiVersion"));
    if kind.is_empty() {
        let body = String::from_utf8_lossy(body);
        return Err(Status::bad_request(format!("Object 'Kind' is missing in '{body}'")));
    }
    let wanted = target.version.api_version();
    if api_version != wanted {
        let message =
            format!("the API version in the data ({api_version}) does not match the expected API version ({wanted})");
        return Err(Status::bad_request(message));
    }
    if kind != target.kind.kind {
        let message = format!(
            "{kind} in version {:?} cannot be handled as a {}: kind must be {}",
            target.version.version, target.kind.kind, target.kind.kind
        );
        return Err(Status::bad_request(message));
    }
    Ok(())
}

fn unreadable(target: Target<'_>, problem: &str) -> Status {
    let kind = &target.kind.kind;
    Status::bad_request(format!(
        "{kind} in version {:?} cannot be handled as a {kind}: {problem}",
        target.version.version
    ))
}

/// The start of the body tells a person which of many requests it was.
fn undecodable(target: Target<'_>, body: &[u8], error: &dyn Display) -> Status {
    let summary: String = String::from_utf8_lossy(body).chars().take(30).collect();
    let kind = &target.kind.kind;
    let message = format!("the object provided is unrecognized (must be of type {kind}): {error} ({summary:?})");
    Status::bad_request(message)
}
