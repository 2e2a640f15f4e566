//! Objects and lists in the form that the client wants: as they are, as a Table, as metadata alone, in JSON or YAML.
//!
//! The common form (JSON, the storage version, nothing transformed) is the stored bytes: nothing is parsed.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures::StreamExt;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::call::Call;
use super::gzip;
use super::status::{Status, write_document};
use super::table::{self, IncludeObject, Rows};
use crate::body::Body;
use crate::kind::KindVersion;
use crate::registry::list::Listing;
use crate::registry::object::Object;
use crate::request::clock;
use crate::request::decode::Format;
use crate::request::media::{Transform, Wanted};

/// Bytes that are sent at once of a long list.
const CHUNK: usize = 64 << 10;

/// An object as the answer.
///
/// # Errors
/// An object that cannot be shown in the version asked for.
pub fn object(call: &Call, object: &Arc<Object>, wanted: Wanted, code: StatusCode) -> Result<Response<Body>, Status> {
    let pretty = wanted.pretty || call.pretty();
    let is_stored_form = call.version_index == call.kind().storage;
    let (content_type, body) = match wanted.transform {
        Transform::None if wanted.format == Format::Json && is_stored_form && !pretty => {
            ("application/json", Body::Full(object.line()))
        }
        Transform::None => write_document(&shown(call, object)?, wanted.format, pretty),
        _ => {
            let form = Form::new(call, wanted)?;
            let mut out = Vec::new();
            form.write_single(&shown(call, object)?, true, &mut out);
            written(out, wanted.format, pretty)
        }
    };
    Ok(coded(call, body).with_type(content_type).into_response(code))
}

/// A list as the answer.
///
/// # Errors
/// An object that cannot be shown in the version asked for.
pub fn list(call: &Call, listing: Listing, wanted: Wanted) -> Result<Response<Body>, Status> {
    let pretty = wanted.pretty || call.pretty();
    let is_stored_form = call.version_index == call.kind().storage;
    let plain = wanted.transform == Transform::None && wanted.format == Format::Json && !pretty;
    let metadata = list_metadata(&listing);
    let head = list_head(&call.kind().list_kind, &call.version().api_version(), &metadata);
    if plain && is_stored_form {
        let (body, bytes) = stored_list(head, listing.objects);
        let body = if call.takes_gzip() { gzip::list(body, bytes) } else { gzip::Coded::plain(body) };
        return Ok(body.into_response(StatusCode::OK));
    }
    let mut out = Vec::new();
    match wanted.transform {
        Transform::None => {
            out.extend_from_slice(head.as_bytes());
            join(&listing.objects, &mut out, |object, out| {
                let _ = serde_json::to_writer(&mut *out, &shown(call, object)?);
                Ok(())
            })?;
            out.extend_from_slice(b"]}\n");
        }
        Transform::Table => {
            let form = Form::new(call, wanted)?;
            form.rows.write_head(&metadata, Some(&table::column_definitions(call.version())), &mut out);
            join(&listing.objects, &mut out, |object, out| {
                form.rows.write(&shown(call, object)?, out);
                Ok(())
            })?;
            out.extend_from_slice(b"]}\n");
        }
        Transform::Partial | Transform::PartialList => {
            let form = Form::new(call, wanted)?;
            let api_version = format!("meta.k8s.io/{}", form.meta_version);
            out.extend_from_slice(list_head("PartialObjectMetadataList", &api_version, &metadata).as_bytes());
            join(&listing.objects, &mut out, |object, out| {
                table::write_partial_object_metadata(&shown(call, object)?, form.meta_version, out);
                Ok(())
            })?;
            out.extend_from_slice(b"]}\n");
        }
    }
    let (content_type, body) = written(out, wanted.format, pretty);
    Ok(coded(call, body).with_type(content_type).into_response(StatusCode::OK))
}

/// A document that is all there, indented if that is wanted and it is JSON.
pub fn readable(response: Response<Body>, pretty: bool) -> Response<Body> {
    let is_json =
        response.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !pretty || !is_json {
        return response;
    }
    response.map(|body| match body {
        Body::Full(bytes) => match serde_json::from_slice::<Value>(&bytes) {
            Ok(document) => write_document(&document, Format::Json, true).1,
            Err(_) => Body::Full(bytes),
        },
        body => body,
    })
}

/// How single objects are written in a transformed form; columns are looked up once for a whole watch.
pub struct Form<'a> {
    rows: Rows<'a>,
    definitions: Value,
    transform: Transform,
    meta_version: &'static str,
}

impl<'a> Form<'a> {
    /// Prepares a form for the version that the call is in.
    ///
    /// # Errors
    /// 400 for an `includeObject` that is not known.
    pub fn new(call: &'a Call, wanted: Wanted) -> Result<Self, Status> {
        Ok(Self::of(call.version(), wanted, include_object(call, wanted)?))
    }

    /// Prepares a form.
    pub fn of(version: &'a KindVersion, wanted: Wanted, include: IncludeObject) -> Self {
        let meta_version = if wanted.v1beta1 { "v1beta1" } else { "v1" };
        let rows = Rows::new(version, meta_version, include, clock::now());
        Self { rows, definitions: table::column_definitions(version), transform: wanted.transform, meta_version }
    }

    /// Writes one object, or a bookmark with the metadata of one.
    pub fn write_single(&self, object: &Value, with_columns: bool, out: &mut Vec<u8>) {
        match self.transform {
            Transform::None => {
                let _ = serde_json::to_writer(&mut *out, object);
            }
            Transform::Partial | Transform::PartialList => {
                table::write_partial_object_metadata(object, self.meta_version, out);
            }
            Transform::Table => {
                let mut metadata = json!({});
                if let Some(version) = object.get("metadata").and_then(|metadata| metadata.get("resourceVersion")) {
                    metadata["resourceVersion"] = version.clone();
                }
                self.rows.write_head(&metadata, with_columns.then_some(&self.definitions), out);
                self.rows.write(object, out);
                out.extend_from_slice(b"]}");
            }
        }
    }
}

/// What a Table's rows carry. Where no Table is wanted the parameter means nothing.
///
/// # Errors
/// 400 for a value that is not known.
pub fn include_object(call: &Call, wanted: Wanted) -> Result<IncludeObject, Status> {
    if wanted.transform != Transform::Table {
        return Ok(IncludeObject::default());
    }
    IncludeObject::parse(call.query.text("includeObject")).map_err(Status::bad_request)
}

/// An object in the version of the call.
///
/// # Errors
/// An object that cannot be shown in it.
pub fn shown(call: &Call, object: &Object) -> Result<Value, Status> {
    call.registry.show(object, call.version()).map_err(|error| call.failed(&error))
}

fn coded(call: &Call, body: Body) -> gzip::Coded {
    if call.takes_gzip() { gzip::body(body) } else { gzip::Coded::plain(body) }
}

fn list_metadata(listing: &Listing) -> Value {
    let mut metadata = json!({ "resourceVersion": listing.revision.to_string(), "continue": listing.continue_token });
    if let Some(remaining) = listing.remaining {
        metadata["remainingItemCount"] = remaining.into();
    }
    metadata
}

fn list_head(kind: &str, api_version: &str, metadata: &Value) -> String {
    format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{metadata},"items":["#)
}

/// A list out of stored bytes. A long one is put together piece by piece while it is sent, so that it takes little
/// memory however long it is. Its length is told along with it.
fn stored_list(head: String, objects: Vec<Arc<Object>>) -> (Body, usize) {
    let bytes: usize = head.len() + objects.iter().map(|object| object.json().len() + 1).sum::<usize>() + 3;
    if bytes <= CHUNK {
        let mut out = BytesMut::with_capacity(bytes);
        out.put_slice(head.as_bytes());
        for (index, object) in objects.iter().enumerate() {
            if index > 0 {
                out.put_u8(b',');
            }
            out.put_slice(&object.json());
        }
        out.put_slice(b"]}\n");
        return (Body::Full(out.freeze()), bytes);
    }
    let mut objects = objects.into_iter().enumerate();
    let mut head = Some(head);
    let mut done = false;
    let chunks = std::iter::from_fn(move || {
        if done {
            return None;
        }
        let mut out = BytesMut::with_capacity(CHUNK + 4096);
        if let Some(head) = head.take() {
            out.put_slice(head.as_bytes());
        }
        while out.len() < CHUNK {
            let Some((index, object)) = objects.next() else {
                out.put_slice(b"]}\n");
                done = true;
                break;
            };
            if index > 0 {
                out.put_u8(b',');
            }
            out.put_slice(&object.json());
        }
        Some(out.freeze())
    });
    (Body::Stream(futures::stream::iter(chunks).boxed()), bytes)
}

fn join(
    objects: &[Arc<Object>],
    out: &mut Vec<u8>,
    mut write: impl FnMut(&Arc<Object>, &mut Vec<u8>) -> Result<(), Status>,
) -> Result<(), Status> {
    for (index, object) in objects.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(object, out)?;
    }
    Ok(())
}

/// A document that was written as JSON, in the format that is wanted.
fn written(mut json: Vec<u8>, format: Format, pretty: bool) -> (&'static str, Body) {
    if format == Format::Json && !pretty {
        if json.last() != Some(&b'\n') {
            json.push(b'\n');
        }
        return ("application/json", Bytes::from(json).into());
    }
    match serde_json::from_slice::<Value>(&json) {
        Ok(document) => write_document(&document, format, pretty),
        Err(_) => ("application/json", Bytes::from(json).into()),
    }
}
