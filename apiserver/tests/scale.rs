//! `/scale` on a kind that is known only by its CRD.

mod common;

use std::sync::Arc;

use apiserver::Apis;
use apiserver::storage::memory::MemoryStore;
use common::Server;
use serde_json::{Value, json};

async fn server() -> Server {
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "birds.demo.example.com" },
        "spec": {
            "group": "demo.example.com", "scope": "Namespaced", "names": { "plural": "birds", "kind": "Bird" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                        "labelSelectorPath": ".status.selector",
                    },
                },
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "spec": { "type": "object", "properties": {
                            "species": { "type": "string" }, "replicas": { "type": "integer", "maximum": 10 },
                        } },
                        "status": { "type": "object", "properties": {
                            "replicas": { "type": "integer" }, "selector": { "type": "string" },
                        } },
                    },
                } },
            }],
        },
    });
    let mut apis = Apis::default();
    apis.crd(serde_json::from_value(crd).expect("a CRD"));
    Server::of(apis, Arc::new(MemoryStore::default())).await
}

#[tokio::test]
async fn a_scale_shows_and_changes_the_replicas_alone() {
    let server = server().await;
    let robin = server.bird("robin", r#"{"species":"robin","replicas":3}"#).await;
    server.ask("PATCH robin/status", r#"{"status":{"replicas":2,"selector":"app=a"}}"#).await;
    let scale = server.ask("GET robin/scale", "").await.json();
    assert_eq!((scale["apiVersion"].as_str(), scale["kind"].as_str()), (Some("autoscaling/v1"), Some("Scale")));
    assert_eq!(scale["spec"], json!({ "replicas": 3 }));
    assert_eq!(scale["status"], json!({ "replicas": 2, "selector": "app=a" }));
    assert_eq!(scale["metadata"]["uid"], robin["metadata"]["uid"]);

    assert_eq!(server.ask("PATCH robin/scale", r#"{"spec":{"replicas":5}}"#).await.json()["spec"]["replicas"], 5);
    let patch = r#"[{"op":"replace","path":"/spec/replicas","value":4}]"#;
    assert_eq!(server.ask("PATCH robin/scale", patch).await.code, 200);
    let mut stale = scale.clone();
    stale["spec"]["replicas"] = 7.into();
    assert_eq!(server.ask("PUT robin/scale", &stale.to_string()).await.code, 409);
    stale["metadata"]["resourceVersion"] = Value::Null;
    assert_eq!(server.ask("PUT robin/scale", &stale.to_string()).await.json()["spec"]["replicas"], 7);

    let robin = server.ask("GET robin", "").await.json();
    assert_eq!(robin["spec"], json!({ "species": "robin", "replicas": 7 }));
    assert_eq!((&robin["metadata"]["generation"], &robin["status"]["replicas"]), (&json!(4), &json!(2)));
}

#[tokio::test]
async fn a_scale_is_checked() {
    let server = server().await;
    server.bird("robin", r#"{"species":"robin"}"#).await;
    let rows = [
        (r#"{"spec":{"replicas":-1}}"#, ".spec.replicas: Invalid value: -1: should be a non-negative integer"),
        (r#"{"spec":{"replicas":11}}"#, "spec.replicas: Invalid value: 11"),
    ];
    for (patch, expect) in rows {
        let failure = server.ask("PATCH robin/scale", patch).await.failure();
        assert!(failure.starts_with("422 ") && failure.contains(expect), "{failure}");
    }
    let other = r#"{"apiVersion":"v1","kind":"Bird","metadata":{"name":"robin"}}"#;
    assert_eq!(server.ask("PUT robin/scale", other).await.code, 400);
    assert_eq!(server.ask("GET wren/scale", "").await.code, 404);
    assert_eq!(server.ask("DELETE robin/scale", "").await.code, 405);
}
