//! Subresources with an object of their own: GET, POST, PUT and PATCH.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde_json::Value;

use super::call::{Call, read_body};
use super::input::{self, Target};
use super::not_allowed;
use super::options::Write;
use super::patch::Patch;
use super::read_options;
use super::status::{Status, write_document};
use super::write::write_options;
use crate::body::{Body, RequestBody};
use crate::kind::Verb;
use crate::registry::error::Error;
use crate::registry::subresource::{Failure, ServedSubresource};
use crate::request::media::{self, PatchType, Transform, Wanted};

/// What is taken as a patch: nobody keeps track of whose the fields of a subresource are.
const PATCHES: &str = "application/json-patch+json, application/merge-patch+json";

/// A request to a subresource, whatever its method.
///
/// # Errors
/// 400, 404, 405, 406, 409, 413, 415, 422, 500, and what the project's own code fails with.
pub async fn answer(
    call: &mut Call,
    subresource: &ServedSubresource,
    body: RequestBody,
) -> Result<Response<Body>, Status> {
    if !subresource.verbs().iter().any(|verb| verb.name() == call.info.verb) {
        return Err(not_allowed(call));
    }
    match &*call.info.verb {
        "get" => get(call, subresource).await,
        "create" => create(call, subresource, body).await,
        "update" => update(call, subresource, body).await,
        _ => patch(call, subresource, body).await,
    }
}

async fn get(call: &Call, subresource: &ServedSubresource) -> Result<Response<Body>, Status> {
    let wanted = wanted(call)?;
    let freshness = read_options::get(&call.query).map_err(|error| Status::of_options(&error, &call.kind().plural))?;
    let object = subresource.get(call.registry.clone(), &call.context, freshness).await;
    respond(call, subresource, object, wanted, StatusCode::OK)
}

async fn create(call: &mut Call, subresource: &ServedSubresource, body: RequestBody) -> Result<Response<Body>, Status> {
    let wanted = wanted(call)?;
    input::format(call)?;
    let body = read_body(body).await?;
    let options = write_options(call, Write::Create)?;
    let mut object = input::object_of(call, target(subresource), &body, options.field_validation)?;
    // Only the path has to say which object is meant.
    input::fill_in_name(call, &mut object);
    input::check_name(call, &object)?;
    let object = subresource.create(call.registry.clone(), &call.context, object).await;
    respond(call, subresource, object, wanted, StatusCode::CREATED)
}

async fn update(call: &mut Call, subresource: &ServedSubresource, body: RequestBody) -> Result<Response<Body>, Status> {
    let wanted = wanted(call)?;
    input::format(call)?;
    let body = read_body(body).await?;
    let options = write_options(call, Write::Update)?;
    let object = input::object_of(call, target(subresource), &body, options.field_validation)?;
    input::check_name(call, &object)?;
    let change = &mut |_: Option<&Value>| Ok(object.clone());
    let object = subresource.update(call.registry.clone(), &call.context, change).await;
    respond(call, subresource, object, wanted, StatusCode::OK)
}

async fn patch(call: &mut Call, subresource: &ServedSubresource, body: RequestBody) -> Result<Response<Body>, Status> {
    let Some(PatchType::Document(patch_type)) = media::patch_type(call.content_type(), false) else {
        return Err(Status::unsupported_media_type(PATCHES));
    };
    let wanted = wanted(call)?;
    let options = write_options(call, Write::Patch)?;
    let body = read_body(body).await?;
    let patch = Patch::read(patch_type, &body)?;
    let patched = &mut |current: Option<&Value>| {
        let current = current.ok_or_else(|| Error::NotSupported { verb: Verb::Patch.name().into() })?;
        patch.apply_as(call, target(subresource), current, options.field_validation)
    };
    let object = subresource.update(call.registry.clone(), &call.context, patched).await;
    respond(call, subresource, object, wanted, StatusCode::OK)
}

fn target(subresource: &ServedSubresource) -> Target<'_> {
    Target { kind: subresource.kind(), version: subresource.kind().storage_version() }
}

/// The form that is wanted. There are no Tables of subresources: a client that takes nothing else is refused, as one
/// that wants metadata alone.
fn wanted(call: &Call) -> Result<Wanted, Status> {
    let accept = call.header(ACCEPT);
    let plain: Vec<&str> = accept.split(',').filter(|clause| !clause.contains("as=")).collect();
    let negotiated = call.negotiated()?;
    if negotiated.transform == Transform::None {
        return Ok(negotiated);
    }
    match media::negotiate(&plain.join(",")) {
        Ok(wanted) if !plain.is_empty() => Ok(wanted),
        _ => {
            let resource = format!("{}/{}", call.kind().plural, call.info.subresource);
            let form = if negotiated.transform == Transform::Table { "a Table" } else { "PartialObjectMetadata" };
            let message = format!("the resource {resource} does not support being converted to {form}");
            Err(Status::new(406, "NotAcceptable", message))
        }
    }
}

fn respond(
    call: &Call,
    subresource: &ServedSubresource,
    object: Result<Value, Failure>,
    wanted: Wanted,
    code: StatusCode,
) -> Result<Response<Body>, Status> {
    let object = object.map_err(|failure| {
        if failure.of_object {
            let kind = subresource.kind();
            Status::of(&failure.error, kind, &kind.group)
        } else {
            call.failed(&failure.error)
        }
    })?;
    let (content_type, body) = write_document(&object, wanted.format, wanted.pretty || call.pretty());
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}
