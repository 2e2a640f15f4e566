//! Rules of writes that no recording has: what a create, an update, a patch or an apply does to metadata and to owners.

use serde_json::{Value, json};

use super::common::{Answer, Server};
use super::{BIRDS, bird, server, version};

const APPLY: (&str, &str) = ("content-type", "application/apply-patch+yaml");

fn robin(metadata: Value, spec: Value) -> Value {
    let mut whole = json!({"name": "robin"});
    whole.as_object_mut().expect("fields").extend(metadata.as_object().expect("fields").clone());
    json!({"apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": whole, "spec": spec})
}

async fn create(server: &Server, bird: &Value) -> Answer {
    server.ask(&format!("POST {BIRDS}"), &bird.to_string()).await
}

async fn apply(server: &Server, query: &str, bird: &Value) -> Answer {
    server.send(&format!("PATCH {BIRDS}/robin?{query}"), &[APPLY], &bird.to_string()).await
}

fn managers(bird: &Value) -> Vec<String> {
    let entries = bird["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    entries.iter().map(|entry| format!("{} {}", text(entry, "manager"), text(entry, "operation"))).collect()
}

#[tokio::test]
async fn the_garbage_collectors_finalizers_exclude_each_other() {
    let server = server().await;
    let both = json!({"finalizers": ["orphan", "foregroundDeletion"]});
    let failure = create(&server, &robin(both, json!({}))).await.failure();
    assert!(failure.contains("orphan and foregroundDeletion cannot be both set"), "{failure}");
}

#[tokio::test]
async fn a_field_that_is_unknown_and_there_twice_is_told_as_both() {
    let server = server().await;
    let body = robin(json!({}), json!({"x": 1})).to_string().replace(r#""x":1"#, r#""x":1,"x":2"#);
    let refused = server.ask(&format!("POST {BIRDS}?fieldValidation=Strict"), &body).await;
    let expect = r#"strict decoding error: duplicate field "spec.x", unknown field "spec.x""#;
    assert!(refused.failure().ends_with(expect), "{}", refused.failure());
}

#[tokio::test]
async fn what_is_put_replaces_labels_and_the_like_as_a_whole() {
    let server = server().await;
    let metadata = json!({
        "labels": {"a": "b"}, "annotations": {"a": "b"}, "finalizers": ["a/b"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "Tree", "name": "oak", "uid": "u"}],
    });
    let made = create(&server, &robin(metadata, json!({"species": "robin"}))).await.json();
    let put = robin(json!({"resourceVersion": version(&made), "generateName": "other-"}), json!({"species": "robin"}));
    let put = server.ask(&format!("PUT {BIRDS}/robin"), &put.to_string()).await.json();
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        assert!(put["metadata"].get(field).is_none(), "{field}: {put}");
    }
    // It was alive, so that losing its finalizers is an update like any other.
    assert!(put["metadata"].get("deletionTimestamp").is_none());
    assert_eq!(put["metadata"]["generateName"], "other-");
}

#[tokio::test]
async fn an_update_tells_what_is_wrong_with_metadata_first() {
    let server = server().await;
    let made = create(&server, &robin(json!({}), json!({"species": "robin"}))).await.json();
    let bad = json!({"resourceVersion": version(&made), "labels": {"a b": ""}});
    let put =
        server.ask(&format!("PUT {BIRDS}/robin"), &robin(bad.clone(), json!({"species": "crow"})).to_string()).await;
    let fields = |answer: &Answer| {
        let causes = answer.json()["details"]["causes"].as_array().cloned().unwrap_or_default();
        causes.iter().map(|cause| cause["field"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(fields(&put), ["metadata.labels", "spec.species"]);
    // A create tells them only when nothing else is wrong.
    let bad = json!({"name": "wren", "labels": {"a b": ""}});
    assert_eq!(fields(&create(&server, &robin(bad.clone(), json!({"species": "crow"}))).await), ["spec.species"]);
    assert_eq!(fields(&create(&server, &robin(bad, json!({"species": "wren"}))).await), ["metadata.labels"]);
}

#[tokio::test]
async fn entries_are_sorted_appliers_first_and_then_by_time() {
    let server = server().await;
    let made = json!({"species": "robin"});
    apply(&server, "fieldManager=z", &robin(json!({}), made.clone())).await;
    server.ask(&format!("PATCH {BIRDS}/robin?fieldManager=b"), r#"{"spec":{"replicas":1}}"#).await;
    apply(&server, "fieldManager=y", &robin(json!({}), made)).await;
    let bird = server.ask(&format!("PATCH {BIRDS}/robin?fieldManager=a"), r#"{"spec":{"songs":["s"]}}"#).await.json();
    let all = managers(&bird);
    assert_eq!(all[..2].iter().filter(|manager| manager.ends_with("Apply")).count(), 2, "{all:?}");
    assert_eq!(all[2..].iter().filter(|manager| manager.ends_with("Update")).count(), 2, "{all:?}");
}

#[tokio::test]
async fn an_item_that_is_applied_needs_its_key() {
    let server = server().await;
    let refused = apply(&server, "fieldManager=a", &robin(json!({}), json!({"perches": [{"height": 1}]}))).await;
    assert_eq!(refused.code, 500);
    assert!(refused.text().contains("omits all key fields"), "{}", refused.text());
    let twice = json!({"perches": [{"name": "oak"}, {"name": "oak"}]});
    assert!(apply(&server, "fieldManager=a", &robin(json!({}), twice)).await.text().contains("duplicate entries"));
}

#[tokio::test]
async fn what_was_there_before_the_first_apply_has_an_owner_of_that_name() {
    let server = server().await;
    create(&server, &robin(json!({}), json!({"species": "robin", "replicas": 1}))).await;
    let cleared = json!({"metadata": {"managedFields": [{}]}}).to_string();
    let cleared = server.ask(&format!("PATCH {BIRDS}/robin"), &cleared).await.json();
    assert!(managers(&cleared).is_empty());
    // Nobody is tracked until somebody applies.
    let patched = server.ask(&format!("PATCH {BIRDS}/robin"), r#"{"spec":{"replicas":2}}"#).await.json();
    assert!(managers(&patched).is_empty());
    let refused = apply(&server, "fieldManager=me", &robin(json!({}), json!({"replicas": 3}))).await;
    assert!(refused.failure().contains("before-first-apply"), "{}", refused.failure());
    let applied = apply(&server, "fieldManager=me", &robin(json!({}), json!({"replicas": 2}))).await.json();
    assert_eq!(managers(&applied), ["me Apply", "before-first-apply Update"]);
}

#[tokio::test]
async fn kubectl_moves_from_client_side_to_server_side_apply() {
    let server = server().await;
    const LAST: &str = "kubectl.kubernetes.io/last-applied-configuration";
    let spec = json!({"species": "robin", "replicas": 1});
    let last = robin(json!({}), spec.clone()).to_string();
    let made = robin(json!({"annotations": {LAST: last}}), spec);
    let made = server.ask(&format!("POST {BIRDS}?fieldManager=kubectl-client-side-apply"), &made.to_string()).await;
    assert_eq!(made.code, 201);
    // What it applied itself from the client's side is no conflict to kubectl; to all others it is.
    let changed = robin(json!({}), json!({"species": "robin", "replicas": 2}));
    assert_eq!(apply(&server, "fieldManager=other", &changed).await.code, 409);
    let applied = apply(&server, "fieldManager=kubectl", &changed).await;
    assert_eq!(applied.code, 200, "{}", applied.text());
    // Its annotation follows, so that a kubectl which knows no better can go on.
    let followed: Value =
        serde_json::from_str(applied.json()["metadata"]["annotations"][LAST].as_str().expect("the annotation"))
            .expect("JSON");
    assert_eq!(followed["spec"]["replicas"], 2);
    // Its own migration replaces the managers by a JSON patch that is guarded by the version.
    let stored = applied.json();
    let entries = json!([{
        "manager": "kubectl", "operation": "Apply", "apiVersion": "demo.example.com/v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:species": {}, "f:replicas": {}}}, "time": "2024-01-01T00:00:00Z",
    }]);
    let patch = |version: &str| {
        json!([
            {"op": "replace", "path": "/metadata/managedFields", "value": entries},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        ])
        .to_string()
    };
    assert_eq!(server.ask(&format!("PATCH {BIRDS}/robin"), &patch("1")).await.code, 409);
    let moved = server.ask(&format!("PATCH {BIRDS}/robin"), &patch(&version(&stored))).await.json();
    assert_eq!(moved["metadata"]["managedFields"], entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_that_race_are_tried_again_inside() {
    let server = std::sync::Arc::new(server().await);
    for round in 0..10 {
        let name = format!("bird-{round}");
        bird(&server, "default", &name, json!({})).await;
        let patch = |number: usize| {
            let (server, name) = (server.clone(), name.clone());
            tokio::spawn(async move {
                let body = format!(r#"{{"metadata":{{"labels":{{"l{number}":"x"}}}}}}"#);
                server.ask(&format!("PATCH {BIRDS}/{name}"), &body).await.code
            })
        };
        let patches: Vec<_> = (0..8).map(patch).collect();
        let delete = |path: String| {
            let server = server.clone();
            tokio::spawn(async move { server.ask(&format!("DELETE {path}"), "").await.code })
        };
        let deletes = [delete(format!("{BIRDS}/{name}")), delete(BIRDS.to_owned()), delete(format!("{BIRDS}/{name}"))];
        for code in futures::future::join_all(patches).await {
            assert!(matches!(code.expect("no panic"), 200 | 404));
        }
        for code in futures::future::join_all(deletes).await {
            assert!(matches!(code.expect("no panic"), 200 | 404));
        }
        assert_eq!(server.ask(&format!("GET {BIRDS}/{name}"), "").await.code, 404);
    }
}
