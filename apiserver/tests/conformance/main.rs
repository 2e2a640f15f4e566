//! What clients of Kubernetes rely on, rule by rule: `docs/conformance.md` says which test stands for which rule.
//!
//! Answers are worked out from the rule in the test, and compared for every combination of what may be asked.

#[path = "../common/mod.rs"]
mod common;
mod discovery;
mod forms;
mod lists;
mod paths;
mod watches;
mod writes;

use std::sync::Arc;

use apiserver::Apis;
use apiserver::storage::Store;
use apiserver::storage::memory::MemoryStore;
use common::Server;
use serde_json::{Value, json};

const BIRDS: &str = "/apis/demo.example.com/v1/namespaces/default/birds";

/// Birds, namespaced, in a version of today and a deprecated one, and nests, cluster-scoped: kinds as a cluster would
/// serve them.
async fn server() -> Server {
    serve(Arc::new(MemoryStore::default())).await
}

async fn serve(store: Arc<dyn Store>) -> Server {
    let mut apis = Apis::default();
    for crd in [birds(), nests()] {
        apis.crd(serde_json::from_value(crd).expect("a CRD"));
    }
    Server::of(apis, store).await
}

fn birds() -> Value {
    let version = |name: &str, storage: bool| {
        json!({
            "name": name, "served": true, "storage": storage, "deprecated": !storage,
            "subresources": {"status": {}, "scale": {
                "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
            }},
            "additionalPrinterColumns": [
                {"name": "Species", "type": "string", "jsonPath": ".spec.species"},
                {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas", "priority": 1},
                {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
            ],
            "selectableFields": [{"jsonPath": ".spec.species"}],
            "schema": {"openAPIV3Schema": {
                "type": "object", "description": "A bird of the aviary.",
                "properties": {
                    "spec": {
                        "type": "object", "description": "What it is.",
                        "properties": {
                            "species": {"type": "string", "description": "Its species.", "enum": ["robin", "wren", ""]},
                            "color": {"type": "string", "description": "Its colour.", "default": "brown"},
                            "replicas": {"type": "integer", "description": "How many."},
                            "songs": {
                                "type": "array", "description": "What it sings.", "x-kubernetes-list-type": "set",
                                "items": {"type": "string"},
                            },
                            "perches": {
                                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                                "items": {
                                    "type": "object", "required": ["name"],
                                    "properties": {"name": {"type": "string"}, "height": {"type": "integer"}},
                                },
                            },
                            "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                            "weight": {"x-kubernetes-int-or-string": true},
                        },
                    },
                    "status": {
                        "type": "object", "description": "What is known of it.",
                        "properties": {"phase": {"type": "string"}, "replicas": {"type": "integer"}},
                    },
                },
            }},
        })
    };
    json!({
        "metadata": {"name": "birds.demo.example.com"},
        "spec": {
            "group": "demo.example.com", "scope": "Namespaced",
            "names": {
                "plural": "birds", "singular": "bird", "kind": "Bird", "listKind": "BirdList", "shortNames": ["bd"],
                "categories": ["aviary"],
            },
            "versions": [version("v1", true), version("v1alpha1", false)],
        },
    })
}

fn nests() -> Value {
    let schema = json!({
        "type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
    });
    json!({
        "metadata": {"name": "nests.demo.example.com"},
        "spec": {
            "group": "demo.example.com", "scope": "Cluster", "names": {"plural": "nests", "kind": "Nest"},
            "versions": [
                {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}},
                {"name": "v0", "served": false, "storage": false, "schema": {"openAPIV3Schema": schema}},
            ],
        },
    })
}

/// Creates a bird with labels in a namespace.
async fn bird(server: &Server, namespace: &str, name: &str, labels: Value) -> Value {
    let body = json!({
        "apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": {"name": name, "labels": labels},
        "spec": {"species": if name == "wren" { "wren" } else { "robin" }},
    });
    if server.ask(&format!("GET /api/v1/namespaces/{namespace}"), "").await.code == 404 {
        server.namespace(namespace).await;
    }
    let path = format!("POST /apis/demo.example.com/v1/namespaces/{namespace}/birds");
    let answer = server.ask(&path, &body.to_string()).await;
    assert_eq!(answer.code, 201, "{}", answer.text());
    answer.json()
}

async fn nest(server: &Server, name: &str) -> Value {
    let body = json!({"apiVersion": "demo.example.com/v1", "kind": "Nest", "metadata": {"name": name}});
    let answer = server.ask("POST /apis/demo.example.com/v1/nests", &body.to_string()).await;
    assert_eq!(answer.code, 201, "{}", answer.text());
    answer.json()
}

fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"].as_str().expect("a version").to_owned()
}

fn names(list: &Value) -> String {
    let items = list["items"].as_array().unwrap_or_else(|| panic!("no list: {list}"));
    items.iter().map(|item| item["metadata"]["name"].as_str().unwrap_or("?")).collect::<Vec<_>>().join(" ")
}

/// Percent-encodes what a query may not hold.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
