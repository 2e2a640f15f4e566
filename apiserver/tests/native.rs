//! A kind that answers as those do which are compiled into Kubernetes.

mod common;

use std::sync::Arc;

use apiserver::storage::memory::MemoryStore;
use apiserver::{Apis, Strategy};
use common::Server;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

const STRATEGIC: (&str, &str) = ("Content-Type", "application/strategic-merge-patch+json");

/// What the tests serve.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced)]
struct BirdSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    species: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    perches: Vec<Perch>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
struct Perch {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    height: Option<i32>,
}

struct Native(bool);

impl Strategy for Native {
    type Object = Bird;

    fn is_native(&self) -> bool {
        self.0
    }
}

async fn server(native: bool) -> Server {
    let mut apis = Apis::default();
    apis.add(Native(native));
    Server::of(apis, Arc::new(MemoryStore::default())).await
}

#[tokio::test]
async fn a_strategic_merge_patch_merges_lists() {
    let server = server(true).await;
    server.bird("robin", r#"{"species":"robin","perches":[{"name":"a","height":1},{"name":"b"}]}"#).await;
    let patch = json!({
        "metadata": {"finalizers": ["example.com/one"]},
        "spec": {"perches": [{"name": "b", "height": 2}, {"name": "a", "$patch": "delete"}]},
    });
    let answer = server.send("PATCH robin", &[STRATEGIC], &patch.to_string()).await;
    assert_eq!(answer.code, 200, "{}", answer.text());
    assert_eq!(answer.json()["spec"]["perches"], json!([{"name": "b", "height": 2}]));
    assert_eq!(answer.json()["spec"]["species"], "robin");
    let patch = json!({"metadata": {"finalizers": ["example.com/two"]}});
    let answer = server.send("PATCH robin", &[STRATEGIC], &patch.to_string()).await;
    assert_eq!(answer.json()["metadata"]["finalizers"], json!(["example.com/two", "example.com/one"]));

    let answer = server.send("PATCH robin", &[STRATEGIC], r#"{"spec":{"perches":[{"height":3}]}}"#).await;
    assert_eq!(answer.code, 400);
    assert_eq!(answer.failure(), r#"400 map: {"height":3} does not contain declared merge key: name"#);
    let answer = server.send("PATCH robin", &[STRATEGIC], r#"{"spec":{"$retainKeys":[],"species":"wren"}}"#).await;
    assert_eq!(answer.code, 422, "{}", answer.text());
    assert_eq!(server.send("PATCH robin", &[STRATEGIC], "[]").await.code, 400);
}

#[tokio::test]
async fn custom_resources_take_no_strategic_merge_patch() {
    let server = server(false).await;
    server.bird("robin", r#"{"species":"robin"}"#).await;
    let answer = server.send("PATCH robin", &[STRATEGIC], "{}").await;
    assert_eq!(answer.code, 415);
}

#[tokio::test]
async fn a_native_kind_has_no_generation_and_shows_when_it_was_made() {
    let server = server(true).await;
    let bird = server.bird("robin", r#"{"species":"robin"}"#).await;
    assert_eq!(bird["metadata"].get("generation"), None);
    let table = ("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let table = server.send("GET robin", &[table], "").await.json();
    assert_eq!(table["columnDefinitions"][1]["name"], "Created At");
    assert_eq!(table["rows"][0]["cells"], json!(["robin", bird["metadata"]["creationTimestamp"]]));
}

#[tokio::test]
async fn nobody_owns_the_structs_of_a_new_native_object() {
    let server = server(true).await;
    let bird = server.bird("robin", "{}").await;
    assert_eq!(bird["metadata"].get("managedFields"), None);
    let bird = server.bird("wren", r#"{"species":"wren"}"#).await;
    assert_eq!(bird["metadata"]["managedFields"][0]["fieldsV1"], json!({"f:spec": {"f:species": {}}}));
}

#[tokio::test]
async fn a_native_object_has_owners_in_each_of_its_versions() {
    let server = server(true).await;
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"},
        "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "example.com/birds", "reportingInstance": "b",
        "action": "Sing", "reason": "Morning", "type": "Normal", "regarding": {"kind": "Bird", "name": "robin"},
    });
    let path = "POST /apis/events.k8s.io/v1/namespaces/default/events";
    let answer = server.send(path, &[], &event.to_string()).await;
    assert_eq!(answer.code, 201, "{}", answer.text());
    let owned = &answer.json()["metadata"]["managedFields"][0];
    assert_eq!((&owned["apiVersion"], &owned["fieldsV1"]["f:action"]), (&json!("events.k8s.io/v1"), &json!({})));
    assert_eq!(owned["fieldsV1"]["f:regarding"], json!({"f:kind": {}, "f:name": {}}));
}
