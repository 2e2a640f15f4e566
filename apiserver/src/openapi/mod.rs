//! OpenAPI: the schemas behind `kubectl explain`, and what kubectl checks before it sends anything.
//!
//! Version 3 has one document per group and version; their addresses carry a hash, so that clients keep what they have.
//! Version 2 has everything in one document, for clients from before. Few servers are ever asked for all of it, so each
//! document is built when it is first asked for and kept.

mod definitions;
mod operations;
mod schemas;
mod v2;
mod v2_protobuf;
mod v3;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::body::Body;
use crate::discovery::{MediaRange, complete, etag, matches, media_ranges, not_acceptable};
use crate::kind::Kind;

pub use self::v3::{document, group_versions};

/// Answers GET of `/openapi/v2`, `/openapi/v3` and the documents below it.
#[derive(Debug)]
pub struct OpenApi {
    kinds: Vec<Arc<Kind>>,
    /// The version 3 documents by their place below `/openapi/v3/`, for example `apis/demo.example.com/v1`.
    v3: BTreeMap<String, Lazy>,
    index: Lazy,
    v2: Lazy,
    v2_protobuf: OnceLock<Bytes>,
}

type Lazy = OnceLock<Document>;

/// How long clients may keep a document whose hash they know.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

#[derive(Debug)]
struct Document {
    json: Bytes,
    etag: String,
    built: Timestamp,
}

impl OpenApi {
    /// Notes what there is to describe; nothing is built yet.
    pub fn new(kinds: &[Arc<Kind>]) -> Self {
        let v3 = v3::names(kinds).into_iter().map(|name| (name, Lazy::new())).collect();
        Self { kinds: kinds.to_vec(), v3, index: Lazy::new(), v2: Lazy::new(), v2_protobuf: OnceLock::new() }
    }

    /// Answers a GET of `path`, whose slash at the end does not count; `None` where there is no such document.
    pub fn respond(
        &self,
        path: &str,
        query: &str,
        accept: Option<&str>,
        if_none_match: Option<&str>,
    ) -> Option<Response<Body>> {
        let path = path.trim_end_matches('/').strip_prefix("/openapi/")?;
        let (name, document) = match path.split_once('/') {
            None if path == "v2" => ("", self.v2.get_or_init(|| Document::new(&v2::document(&self.kinds)))),
            None if path == "v3" => ("", self.index()),
            Some(("v3", name)) => (name, self.v3(name)?),
            _ => return None,
        };
        let Some(form) = media_ranges(accept.unwrap_or_default()).iter().find_map(|range| Form::of(range, path)) else {
            return Some(not_acceptable("application/json"));
        };
        let mut response = Response::builder().header(header::VARY, "Accept").header(header::ETAG, &document.etag);
        if let Some(hash) = query.split('&').find_map(|pair| pair.strip_prefix("hash=")).filter(|_| !name.is_empty()) {
            if hash != document.hash() {
                let url = document.url(name);
                return Some(complete(
                    response.status(StatusCode::MOVED_PERMANENTLY).header(header::LOCATION, url),
                    Body::Empty,
                ));
            }
            response = response
                .header(header::CACHE_CONTROL, "public, immutable")
                .header(header::EXPIRES, http_date(Timestamp::now() + YEAR));
        }
        response = response.header(header::LAST_MODIFIED, http_date(document.built));
        if matches(if_none_match, &document.etag) {
            return Some(complete(response.status(StatusCode::NOT_MODIFIED), Body::Empty));
        }
        let (content_type, bytes) = match form {
            Form::Json => ("application/json", document.json.clone()),
            Form::Protobuf => (v2_protobuf::MEDIA_TYPE, self.v2_protobuf().clone()),
        };
        Some(complete(response.header(header::CONTENT_TYPE, content_type), bytes.into()))
    }

    /// The paths answered here, sorted: a part of what `/` lists.
    pub fn paths(&self) -> Vec<String> {
        let documents = self.v3.keys().map(|name| format!("/openapi/v3/{name}"));
        ["/openapi/v2".to_owned(), "/openapi/v3".to_owned()].into_iter().chain(documents).collect()
    }

    fn v2_protobuf(&self) -> &Bytes {
        self.v2_protobuf.get_or_init(|| v2_protobuf::encode(&v2::document(&self.kinds)).into())
    }

    fn v3(&self, name: &str) -> Option<&Document> {
        let document = self.v3.get(name)?;
        Some(document.get_or_init(|| Document::new(&v3::named(&self.kinds, name))))
    }

    fn index(&self) -> &Document {
        self.index.get_or_init(|| {
            let url = |name: &str| self.v3(name).map(|document| document.url(name));
            let paths: BTreeMap<&str, Value> =
                self.v3.keys().map(|name| (name.as_str(), json!({"serverRelativeURL": url(name)}))).collect();
            Document::new(&json!({"paths": paths}))
        })
    }
}

/// A form that a document is sent in. One ETag serves both: answers vary by Accept.
enum Form {
    Json,
    Protobuf,
}

impl Form {
    fn of(range: &MediaRange<'_>, path: &str) -> Option<Self> {
        match range.media_type.as_str() {
            "application/json" | "application/*" | "*/*" => Some(Self::Json),
            v2_protobuf::MEDIA_TYPE | v2_protobuf::OLD_MEDIA_TYPE if path == "v2" => Some(Self::Protobuf),
            _ => None,
        }
    }
}

impl Document {
    fn new(value: &Value) -> Self {
        let json: Bytes = value.to_string().into();
        Self { etag: etag(&json), json, built: Timestamp::now() }
    }

    fn hash(&self) -> &str {
        self.etag.trim_matches('"')
    }

    fn url(&self, name: &str) -> String {
        format!("/openapi/v3/{name}?hash={}", self.hash())
    }
}

fn http_date(time: Timestamp) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::tests::{bytes, kinds};

    fn get(path: &str, query: &str, accept: &str) -> Response<Body> {
        OpenApi::new(&kinds()).respond(path, query, Some(accept), None).unwrap()
    }

    fn json(path: &str) -> Value {
        serde_json::from_slice(&bytes(get(path, "", "application/json"))).unwrap()
    }

    const V1: &str = "/openapi/v3/apis/demo.example.com/v1";

    #[test]
    fn the_index_names_every_document() {
        let index = json("/openapi/v3");
        let names: Vec<&String> = index["paths"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["apis", "apis/demo.example.com/v1", "apis/demo.example.com/v1alpha1", "version"]);
        for (name, entry) in index["paths"].as_object().unwrap() {
            let url = entry["serverRelativeURL"].as_str().unwrap();
            let (path, query) = url.split_once('?').unwrap();
            assert_eq!(path, format!("/openapi/v3/{name}"));
            let response = get(path, query, "");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "public, immutable", "{url}");
            assert!(response.headers().contains_key(header::EXPIRES));
        }
    }

    #[test]
    fn a_wrong_hash_is_sent_to_the_right_one() {
        let moved = get(V1, "hash=0", "");
        assert_eq!(moved.status(), 301);
        let location = moved.headers()[header::LOCATION].to_str().unwrap();
        assert!(location.starts_with(&format!("{V1}?hash=")), "{location}");
        let plain = get(V1, "", "");
        assert_eq!((plain.status(), plain.headers().get(header::CACHE_CONTROL)), (StatusCode::OK, None));
    }

    #[test]
    fn a_known_document_is_not_sent_again() {
        for path in [V1, "/openapi/v3", "/openapi/v2"] {
            let tag = get(path, "", "").headers()[header::ETAG].to_str().unwrap().to_owned();
            let again = OpenApi::new(&kinds()).respond(path, "", None, Some(&tag)).unwrap();
            assert_eq!(again.status(), 304, "{path}");
        }
    }

    #[test]
    fn version_2_comes_in_two_forms() {
        let old = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
        let check = |path: &str, accept: &str, content_type: &str| {
            let response = get(path, "", accept);
            let found = &response.headers()[header::CONTENT_TYPE];
            assert_eq!((found.to_str().unwrap(), response.status()), (content_type, StatusCode::OK), "{accept}");
        };
        check("/openapi/v2", "application/json", "application/json");
        check("/openapi/v2", "*/*", "application/json");
        check("/openapi/v2", old, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
        check("/openapi/v3", &format!("{old}, application/json"), "application/json");
        assert_eq!(get("/openapi/v2", "", "text/html").status(), 406);
        assert_eq!(get(V1, "", "application/com.github.proto-openapi.spec.v3@v1.0+protobuf").status(), 406);
    }

    #[test]
    fn what_is_not_served_is_not_found() {
        for path in
            ["/openapi", "/openapi/v3/apis/demo.example.com/v9", "/openapi/v3/apis/demo.example.com/v0", "/openapi/v4"]
        {
            assert!(OpenApi::new(&kinds()).respond(path, "", None, None).is_none(), "{path}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(document: &Value, node: &Value) {
            match node {
                Value::Object(fields) => {
                    if let Some(Value::String(reference)) = fields.get("$ref") {
                        let target = document.pointer(reference.trim_start_matches('#'));
                        assert!(target.is_some(), "{reference}");
                    }
                    fields.values().for_each(|field| check(document, field));
                }
                Value::Array(items) => items.iter().for_each(|item| check(document, item)),
                _ => {}
            }
        }
        for path in [V1, "/openapi/v3/apis", "/openapi/v3/version", "/openapi/v2"] {
            let document = json(path);
            check(&document, &document);
        }
    }
}
