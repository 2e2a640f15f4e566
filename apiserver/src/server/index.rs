//! `/`: the paths that are served.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use serde_json::json;

use crate::body::Body;

/// The index, in the order of the paths.
pub fn answer(mut paths: Vec<String>) -> Response<Body> {
    paths.sort_unstable();
    paths.dedup();
    let text = serde_json::to_string_pretty(&json!({ "paths": paths })).unwrap_or_default();
    json_text(text)
}

/// A JSON document that is no API object.
pub fn json_text(text: String) -> Response<Body> {
    let mut response = Response::new(text.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
