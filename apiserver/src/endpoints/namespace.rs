//! A word for namespaces where none are kept.
//!
//! When kubectl gets a 404 outside the namespace `default`, it asks for the namespace itself and, if that is a 404 too,
//! tells of the namespace and not of the object. So a server that stands alone says that every namespace is there.

use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::json;

use super::status::write_document;
use crate::body::Body;
use crate::request::info::RequestInfo;
use crate::request::media;

/// Whether a single namespace is asked for.
pub fn is_asked_for(info: &RequestInfo) -> bool {
    info.group.is_empty()
        && info.version == "v1"
        && info.resource == "namespaces"
        && info.verb == "get"
        && info.subresource.is_empty()
}

/// A namespace of this name.
pub fn get(name: &str, accept: Option<&str>) -> Response<Body> {
    let document = json!({
        "kind": "Namespace", "apiVersion": "v1", "metadata": { "name": name }, "status": { "phase": "Active" },
    });
    let format = media::negotiate(accept.unwrap_or_default()).map(|wanted| wanted.format).unwrap_or_default();
    let (content_type, body) = write_document(&document, format, false);
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
