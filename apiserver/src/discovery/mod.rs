//! Discovery: which groups, versions and resources are served. Clients read it to turn `kubectl get bd` into a path.
//!
//! Everything is known when the server starts, so the documents are made once and discovery answers even while storage
//! is down. Only what is installed is listed: the garbage collector stops on kinds that it cannot list.

mod accept;
pub(crate) mod documents;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

pub(crate) use self::accept::{MediaRange, media_ranges};
use crate::body::Body;
use crate::kind::Kind;

/// Answers GET of `/api`, `/apis` and the paths below them that name a group or a version.
#[derive(Debug)]
pub struct Discovery {
    documents: HashMap<String, Document>,
    /// The documents that hold all groups, for clients that know how to ask for them.
    aggregated: HashMap<&'static str, Document>,
}

/// The Content-Type of the aggregated documents, unlike that of anything else, repeats the parameters.
const AGGREGATED: &str = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

impl Discovery {
    /// Writes the documents of these kinds.
    pub fn new(kinds: &[Arc<Kind>]) -> Self {
        let groups = documents::groups(kinds);
        let core = groups.iter().filter(|group| group.name.is_empty());
        let named = || groups.iter().filter(|group| !group.name.is_empty());
        let mut documents = HashMap::new();
        let core_versions: Vec<&str> = core.clone().flat_map(|group| &group.versions).map(|v| v.version).collect();
        documents.insert("/api".to_owned(), documents::api_versions(&core_versions));
        documents.insert("/apis".to_owned(), documents::group_list(named()));
        for group in &groups {
            if !group.name.is_empty() {
                documents.insert(format!("/apis/{}", group.name), documents::group(group));
            }
            for version in &group.versions {
                documents.insert(version.path(), documents::resource_list(version));
            }
        }
        Self {
            documents: documents.into_iter().map(|(path, value)| (path, Document::new(&value))).collect(),
            aggregated: HashMap::from([
                ("/api", Document::new(&documents::aggregated(core))),
                ("/apis", Document::new(&documents::aggregated(named()))),
            ]),
        }
    }

    /// Answers a GET of `path`, whose slash at the end does not count; `None` where discovery knows nothing.
    pub fn respond(&self, path: &str, accept: Option<&str>, if_none_match: Option<&str>) -> Option<Response<Body>> {
        let path = path.trim_end_matches('/');
        let document = self.documents.get(path)?;
        let aggregated = self.aggregated.get(path);
        for range in media_ranges(accept.unwrap_or_default()) {
            let Some(format) = Format::of(&range) else { continue };
            match (range.parameter("as"), aggregated) {
                (None, _) => return Some(document.respond(format, "", None)),
                (Some("APIGroupDiscoveryList"), Some(aggregated))
                    if range.parameter("g") == Some("apidiscovery.k8s.io") && range.parameter("v") == Some("v2") =>
                {
                    return Some(aggregated.respond(format, AGGREGATED, Some(if_none_match)));
                }
                _ => {}
            }
        }
        Some(not_acceptable("application/json, application/yaml"))
    }

    /// The paths answered here, sorted: a part of what `/` lists.
    pub fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.documents.keys().cloned().collect();
        paths.sort();
        paths
    }
}

/// One document, in each form that was asked for so far.
#[derive(Debug)]
struct Document {
    json: Bytes,
    yaml: OnceLock<Bytes>,
    etag: String,
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Yaml,
}

impl Format {
    fn of(range: &MediaRange<'_>) -> Option<Self> {
        match range.media_type.as_str() {
            "application/json" | "application/*" | "*/*" => Some(Self::Json),
            "application/yaml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

impl Document {
    fn new(value: &Value) -> Self {
        let mut json = value.to_string();
        json.push('\n');
        Self { etag: etag(json.as_bytes()), json: json.into(), yaml: OnceLock::new() }
    }

    /// With `if_none_match`, the answer carries an ETag and may be 304.
    fn respond(&self, format: Format, parameters: &str, if_none_match: Option<Option<&str>>) -> Response<Body> {
        let media_type = match format {
            Format::Json => "application/json",
            Format::Yaml => "application/yaml",
        };
        let mut response = Response::builder().header(header::VARY, "Accept");
        if let Some(if_none_match) = if_none_match {
            response = response.header(header::ETAG, &self.etag).header(header::CACHE_CONTROL, "public");
            if matches(if_none_match, &self.etag) {
                return complete(response.status(StatusCode::NOT_MODIFIED), Body::Empty);
            }
        }
        let bytes = match format {
            Format::Json => self.json.clone(),
            Format::Yaml => self.yaml().clone(),
        };
        complete(response.header(header::CONTENT_TYPE, format!("{media_type}{parameters}")), bytes.into())
    }

    fn yaml(&self) -> &Bytes {
        self.yaml.get_or_init(|| {
            let value: Value = serde_json::from_slice(&self.json).unwrap_or_default();
            serde_saphyr::to_string(&value).unwrap_or_default().into()
        })
    }
}

/// The ETag of these bytes: quoted upper-case hex of their SHA-512.
pub(crate) fn etag(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(130);
    text.push('"');
    for byte in Sha512::digest(bytes) {
        let _ = write!(text, "{byte:02X}");
    }
    text.push('"');
    text
}

/// Whether a client's `If-None-Match` says that it has this version.
pub(crate) fn matches(if_none_match: Option<&str>, etag: &str) -> bool {
    let known = |tag: &str| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == etag;
    if_none_match.is_some_and(|tags| tags.split(',').any(known))
}

/// 406: none of the forms that the client takes is one of `accepted`.
pub(crate) fn not_acceptable(accepted: &str) -> Response<Body> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("only the following media types are accepted: {accepted}"),
        "reason": "NotAcceptable", "code": 406,
    });
    let response =
        Response::builder().status(StatusCode::NOT_ACCEPTABLE).header(header::CONTENT_TYPE, "application/json");
    complete(response, format!("{status}\n").into())
}

/// Ends a response whose headers are all known to be well-formed.
pub(crate) fn complete(response: http::response::Builder, body: Body) -> Response<Body> {
    response.body(body).unwrap_or_else(|_| {
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const AGGREGATED_JSON: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

    /// Birds and nests of the demo group.
    pub(crate) fn kinds() -> Vec<Arc<Kind>> {
        let bird = |version: &str, storage: bool| {
            json!({
                "name": version, "served": true, "storage": storage,
                "subresources": {"status": {}, "scale": {
                    "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                }},
                "selectableFields": [{"jsonPath": ".spec.color"}],
                "schema": {"openAPIV3Schema": {
                    "type": "object", "description": "A bird of the aviary.", "required": ["spec"],
                    "properties": {
                        "spec": {
                            "type": "object", "required": ["species"],
                            "x-kubernetes-validations": [{"rule": "true", "message": "never"}],
                            "properties": {
                                "species": {"type": "string", "minLength": 1},
                                "color": {"type": "string", "default": "brown"},
                                "weight": {"x-kubernetes-int-or-string": true},
                                "ring": {"type": "string", "nullable": true},
                                "songs": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                                "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                            },
                        },
                        "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
                    },
                }},
            })
        };
        let birds = json!({
            "metadata": {}, "spec": {
                "group": "demo.example.com", "scope": "Namespaced",
                "names": {
                    "plural": "birds", "singular": "bird", "kind": "Bird", "listKind": "BirdList",
                    "shortNames": ["bd"], "categories": ["aviary"],
                },
                "versions": [bird("v1alpha1", false), bird("v1", true)],
            },
        });
        let nests = json!({
            "metadata": {}, "spec": {
                "group": "demo.example.com", "scope": "Cluster",
                "names": {"plural": "nests", "kind": "Nest"},
                "versions": [
                    {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}},
                    {"name": "v0", "served": false, "storage": false, "schema": {"openAPIV3Schema": {"type": "object"}}},
                ],
            },
        });
        let kind = |crd: Value| Arc::new(Kind::from_crd(&serde_json::from_value(crd).unwrap()).unwrap());
        vec![kind(nests), kind(birds)]
    }

    pub(crate) fn bytes(response: Response<Body>) -> Vec<u8> {
        match response.into_body() {
            Body::Full(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        }
    }

    fn get(path: &str, accept: &str) -> Value {
        let response = Discovery::new(&kinds()).respond(path, Some(accept), None).unwrap();
        serde_json::from_slice(&bytes(response)).unwrap()
    }

    #[test]
    fn groups_prefer_their_most_stable_version() {
        let group = json!({
            "name": "demo.example.com",
            "versions": [
                {"groupVersion": "demo.example.com/v1", "version": "v1"},
                {"groupVersion": "demo.example.com/v1alpha1", "version": "v1alpha1"},
            ],
            "preferredVersion": {"groupVersion": "demo.example.com/v1", "version": "v1"},
        });
        assert_eq!(get("/apis", ""), json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}));
        let mut alone = group;
        alone["kind"] = "APIGroup".into();
        alone["apiVersion"] = "v1".into();
        assert_eq!(get("/apis/demo.example.com/", "application/json"), alone);
    }

    #[test]
    fn a_version_lists_its_resources() {
        let all = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
        let some = ["get", "patch", "update"];
        let hash = documents::storage_version_hash("demo.example.com", "v1", "Bird");
        assert_eq!(
            get("/apis/demo.example.com/v1", "*/*"),
            json!({
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "demo.example.com/v1", "resources": [
                    {
                        "name": "birds", "singularName": "bird", "namespaced": true, "kind": "Bird", "verbs": all,
                        "shortNames": ["bd"], "categories": ["aviary"], "storageVersionHash": hash,
                    },
                    {
                        "name": "birds/scale", "singularName": "", "namespaced": true, "group": "autoscaling",
                        "version": "v1", "kind": "Scale", "verbs": some,
                    },
                    {"name": "birds/status", "singularName": "", "namespaced": true, "kind": "Bird", "verbs": some},
                    {
                        "name": "nests", "singularName": "nest", "namespaced": false, "kind": "Nest", "verbs": all,
                        "storageVersionHash": documents::storage_version_hash("demo.example.com", "v1", "Nest"),
                    },
                ],
            })
        );
        let old = get("/apis/demo.example.com/v1alpha1", "");
        assert_eq!(old["resources"][0]["storageVersionHash"], hash, "the same in every version");
    }

    #[test]
    fn the_aggregated_document_holds_everything() {
        let list = get("/apis", AGGREGATED_JSON);
        assert_eq!(list["kind"], "APIGroupDiscoveryList");
        assert_eq!(list["apiVersion"], "apidiscovery.k8s.io/v2");
        let group = &list["items"][0];
        assert_eq!(group["metadata"]["name"], "demo.example.com");
        let v1 = &group["versions"][0];
        assert_eq!((&v1["version"], &v1["freshness"]), (&json!("v1"), &json!("Current")));
        let some = ["get", "patch", "update"];
        assert_eq!(
            v1["resources"][0],
            json!({
                "resource": "birds", "scope": "Namespaced", "singularResource": "bird",
                "responseKind": {"group": "demo.example.com", "version": "v1", "kind": "Bird"},
                "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
                "shortNames": ["bd"], "categories": ["aviary"],
                "subresources": [
                    {
                        "subresource": "scale", "verbs": some,
                        "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
                    },
                    {
                        "subresource": "status", "verbs": some,
                        "responseKind": {"group": "demo.example.com", "version": "v1", "kind": "Bird"},
                    },
                ],
            })
        );
        assert_eq!(v1["resources"][1]["scope"], "Cluster");
        assert_eq!(group["versions"][1]["version"], "v1alpha1");
        assert_eq!(get("/api", AGGREGATED_JSON)["items"], json!([]));
    }

    #[test]
    fn the_accept_header_chooses_the_document() {
        let check = |accept: &str, content_type: &str| {
            let response = Discovery::new(&kinds()).respond("/apis", Some(accept), None).unwrap();
            assert_eq!(response.headers()[header::CONTENT_TYPE], content_type, "{accept}");
        };
        check("", "application/json");
        check(AGGREGATED_JSON, AGGREGATED_JSON);
        check(&format!("{AGGREGATED_JSON};profile=nopeer,application/json;q=0.9"), AGGREGATED_JSON);
        check(
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json",
            "application/json",
        );
        check(&format!("application/vnd.kubernetes.protobuf;as=x,{AGGREGATED_JSON}"), AGGREGATED_JSON);
        check("application/json;q=0.5,application/yaml", "application/yaml");
        let refused = Discovery::new(&kinds()).respond("/apis", Some("text/html"), None).unwrap();
        assert_eq!(refused.status(), 406);
        assert_eq!(
            serde_json::from_slice::<Value>(&bytes(refused)).unwrap()["message"],
            "only the following media types are accepted: application/json, application/yaml"
        );
    }

    #[test]
    fn a_client_that_has_the_aggregated_document_is_told_so() {
        let discovery = Discovery::new(&kinds());
        let first = discovery.respond("/apis", Some(AGGREGATED_JSON), None).unwrap();
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!(tag.len(), 130);
        assert_eq!(first.headers()[header::VARY], "Accept");
        assert_eq!(first.headers()[header::CACHE_CONTROL], "public");
        let again = discovery.respond("/apis", Some(AGGREGATED_JSON), Some(&tag)).unwrap();
        assert_eq!(
            (again.status(), &again.headers()[header::ETAG]),
            (StatusCode::NOT_MODIFIED, &first.headers()[header::ETAG])
        );
        assert!(bytes(again).is_empty());
        assert_eq!(discovery.respond("/apis", Some(AGGREGATED_JSON), Some("\"other\"")).unwrap().status(), 200);
    }

    #[test]
    fn what_is_not_served_is_not_found() {
        let discovery = Discovery::new(&kinds());
        for path in ["/apis/nothing.example.com", "/apis/demo.example.com/v0", "/api/v1", "/healthz", "/"] {
            assert!(discovery.respond(path, None, None).is_none(), "{path}");
        }
        assert_eq!(get("/api", "")["versions"], json!([]));
        let paths =
            ["/api", "/apis", "/apis/demo.example.com", "/apis/demo.example.com/v1", "/apis/demo.example.com/v1alpha1"];
        assert_eq!(discovery.paths(), paths);
    }

    #[test]
    fn yaml_says_the_same() {
        let response =
            Discovery::new(&kinds()).respond("/apis/demo.example.com", Some("application/yaml"), None).unwrap();
        let yaml: Value = serde_saphyr::from_slice(&bytes(response)).unwrap();
        assert_eq!(yaml, get("/apis/demo.example.com", ""));
    }
}
