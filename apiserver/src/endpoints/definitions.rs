//! A word for CustomResourceDefinitions where none are kept.
//!
//! Where there are namespaces, kubectl takes the server for a cluster: of a kind that takes no patches it asks whether that is
//! defined by a CRD before it creates one, and gives up when it cannot know. So a server that keeps namespaces says that
//! there are no definitions. They are no resource of it, and discovery does not tell of them.

use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::json;

use super::status::write_document;
use crate::body::Body;
use crate::request::info::RequestInfo;
use crate::request::media;

/// Whether all definitions are asked for.
pub fn are_asked_for(info: &RequestInfo) -> bool {
    info.group == "apiextensions.k8s.io"
        && info.version == "v1"
        && info.resource == "customresourcedefinitions"
        && info.verb == "list"
}

/// None.
pub fn none(accept: Option<&str>) -> Response<Body> {
    let document = json!({
        "kind": "CustomResourceDefinitionList", "apiVersion": "apiextensions.k8s.io/v1", "metadata": {}, "items": [],
    });
    let format = media::negotiate(accept.unwrap_or_default()).map(|wanted| wanted.format).unwrap_or_default();
    let (content_type, body) = write_document(&document, format, false);
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
