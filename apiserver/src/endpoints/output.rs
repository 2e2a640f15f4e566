//! Objects and lists in the form that the client wants: as they are, as a Table, as metadata alone, in JSON or YAML.
//!
//! The common form (JSON, the storage version, nothing transformed) is the stored bytes: nothing is parsed.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::call::Call;
use super::gzip;
use super::items::{CHUNK, Items};
use super::status::{Status, write_document};
use super::table::{self, IncludeObject, Rows};
use crate::body::Body;
use crate::kind::KindVersion;
use crate::registry::list::Listing;
use crate::registry::object::Object;
use crate::request::clock;
use crate::request::decode::Format;
use crate::request::media::{Transform, Wanted};

/// How much of a list in another version than the stored one is written before it is sent: an object that cannot be
/// shown in that version is mostly found by then, and answered with an error.
const CONVERTED_AT_ONCE: usize = 1 << 20;

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
    let metadata = list_metadata(&listing);
    let mut out = Vec::with_capacity(CHUNK + CHUNK / 8);
    match wanted.transform {
        Transform::None => list_head(&call.kind().list_kind, &call.version().api_version(), &metadata, &mut out),
        Transform::Table => {
            Form::new(call, wanted)?.rows.write_head(
                &metadata,
                Some(&table::column_definitions(call.version())),
                &mut out,
            );
        }
        Transform::Partial | Transform::PartialList => {
            let api_version = format!("meta.k8s.io/{}", wanted.meta_version());
            list_head("PartialObjectMetadataList", &api_version, &metadata, &mut out);
        }
    }
    let mut items = Items::new(call, wanted, include_object(call, wanted)?, listing.objects);
    if wanted.format != Format::Json || pretty {
        items.write(usize::MAX, &mut out).map_err(|error| call.failed(&error))?;
        let (content_type, body) = written(out, wanted.format, pretty);
        return Ok(coded(call, body).with_type(content_type).into_response(StatusCode::OK));
    }
    // What fails here is still an error of the whole; and a list that goes on after this is one that is worth packing.
    let at_once = if !items.is_stored_version() {
        CONVERTED_AT_ONCE
    } else if call.takes_gzip() {
        gzip::BYTES_MIN + 1
    } else {
        CHUNK
    };
    let is_whole = items.write(at_once, &mut out).map_err(|error| call.failed(&error))?;
    let first = Bytes::from(out);
    let coded = match (is_whole, call.takes_gzip()) {
        (true, _) => coded(call, Body::Full(first)),
        (false, true) => gzip::stream(first, items),
        (false, false) => {
            let first = futures::stream::once(std::future::ready(first));
            gzip::Coded::plain(Body::stream(first.chain(items)))
        }
    };
    Ok(coded.into_response(StatusCode::OK))
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
    version: &'a KindVersion,
    rows: Rows<'a>,
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
        let meta_version = wanted.meta_version();
        let rows = Rows::new(version, meta_version, include, clock::now());
        Self { version, rows, transform: wanted.transform, meta_version }
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
                let definitions = with_columns.then(|| table::column_definitions(self.version));
                self.rows.write_head(&metadata, definitions.as_ref(), out);
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

fn list_head(kind: &str, api_version: &str, metadata: &Value, out: &mut Vec<u8>) {
    let head = format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{metadata},"items":["#);
    out.extend_from_slice(head.as_bytes());
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
