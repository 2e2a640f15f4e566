//! DELETE: one object, or a collection.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Call, read_body};
use super::options;
use super::output;
use super::read::list_query;
use super::status::{Status, write_document};
use crate::body::{Body, RequestBody};
use crate::registry::delete::{DeleteOptions, Deletion};
use crate::registry::error::Error;
use crate::registry::list::Listing;
use crate::registry::object::Object;
use crate::request::{decode, protobuf};

/// DELETE of an object.
///
/// # Errors
/// 400, 404, 406, 409, 422, 500.
pub async fn delete(call: &mut Call, body: RequestBody) -> Result<Response<Body>, Status> {
    let wanted = call.wanted()?;
    let options = delete_options(call, body).await?;
    let deletion = call.registry.delete(&call.context, call.version(), &options).await;
    match deletion.map_err(|error| call.failed(&error))? {
        Deletion::Marked(object) => output::object(call, &object, wanted, StatusCode::OK),
        Deletion::Gone(object) => Ok(gone(call, &object, wanted.format)),
    }
}

/// DELETE of a collection: each object on its own, so that finalizers and hooks see every one.
///
/// # Errors
/// As for a list and for a single deletion; the first ends it, and what was deleted before stays deleted.
pub async fn delete_collection(call: &mut Call, body: RequestBody) -> Result<Response<Body>, Status> {
    let wanted = call.wanted_list()?;
    let options = delete_options(call, body).await?;
    let (query, _) = list_query(call)?;
    let listing = call.registry.list(&call.context, &query).await.map_err(|error| call.failed(&error))?;
    let mut deleted: Vec<Arc<Object>> = Vec::with_capacity(listing.objects.len());
    for object in &listing.objects {
        call.context.name = object.summary.name.to_string();
        call.context.namespace = object.summary.namespace.to_string();
        match call.registry.delete(&call.context, call.version(), &options).await {
            Ok(_) => deleted.push(object.clone()),
            // Somebody else was first; that it is gone is what was wanted.
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(call.failed(&error)),
        }
    }
    output::list(call, Listing { objects: deleted, ..listing }, wanted)
}

async fn delete_options(call: &mut Call, body: RequestBody) -> Result<DeleteOptions, Status> {
    let body = read_body(body).await?;
    let body = options_body(call, &body)?;
    let parsed = options::delete(&call.query, body.as_ref());
    let (options, dry_run) = parsed.map_err(|error| Status::of_options(&error, &call.kind().plural))?;
    call.context.dry_run = dry_run;
    Ok(options)
}

fn options_body(call: &Call, body: &Bytes) -> Result<Option<Value>, Status> {
    if body.is_empty() {
        return Ok(None);
    }
    let format = super::input::format(call)?;
    let value = if protobuf::is_meant(call.content_type()) {
        protobuf::decode(body).map_err(|error| Status::bad_request(error.to_string()))?
    } else {
        decode::decode(body, format).map_err(|error| Status::bad_request(error.to_string()))?.value
    };
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    let (kind, api_version) = (text("kind"), text("apiVersion"));
    let known = matches!(api_version, "" | "v1" | "meta.k8s.io/v1") || api_version == call.version().api_version();
    if !value.is_object() || !matches!(kind, "" | "DeleteOptions") || !known {
        return Err(Status::bad_request(format!("{api_version}, Kind={kind} is no DeleteOptions")));
    }
    Ok(Some(value))
}

/// The uid of an object, of which nothing else is read; empty where it cannot be.
fn uid(object: &Object) -> String {
    #[derive(Default, Deserialize)]
    struct Metadata {
        #[serde(default)]
        uid: String,
    }
    #[derive(Default, Deserialize)]
    struct Peek {
        #[serde(default)]
        metadata: Metadata,
    }
    serde_json::from_slice::<Peek>(object.stored()).unwrap_or_default().metadata.uid
}

/// What is left of an object that is gone: its name and uid, so that the client knows which one it was.
fn gone(call: &Call, object: &Object, format: decode::Format) -> Response<Body> {
    let kind = call.kind();
    let mut details = json!({ "name": object.summary.name, "kind": kind.plural, "uid": uid(object) });
    if !kind.group.is_empty() {
        details["group"] = kind.group.as_str().into();
    }
    let status =
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details });
    let (content_type, body) = write_document(&status, format, call.pretty());
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
