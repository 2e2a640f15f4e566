//! Lists, pages, selectors, Tables and watches.

mod common;

use common::{Events, Server};
use serde_json::{Value, json};

async fn flock(names: &[&str]) -> Server {
    let server = Server::start().await;
    for name in names {
        server.bird(name, &format!(r#"{{"species":"{name}","songs":["x"]}}"#)).await;
    }
    server
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().into_iter().flatten().filter_map(|item| item["metadata"]["name"].as_str()).collect()
}

#[tokio::test]
async fn a_list_is_in_order_and_says_when() {
    let server = flock(&["b", "a", "c"]).await;
    let list = server.ask("GET ", "").await.json();
    assert_eq!((list["kind"].as_str(), names(&list)), (Some("BirdList"), vec!["a", "b", "c"]));
    let newest = server.store.revision().await.expect("a revision").to_string();
    assert_eq!(list["metadata"]["resourceVersion"], newest);
    let empty = server.ask("GET /apis/demo.example.com/v1/namespaces/none/birds", "").await.json();
    assert_eq!(empty["items"], json!([]));
    assert_eq!(names(&server.ask("GET /apis/demo.example.com/v1/birds", "").await.json()).len(), 3);
}

#[tokio::test]
async fn pages_show_one_state() {
    let server = flock(&["a", "b", "c", "d", "e"]).await;
    let first = server.ask("GET ?limit=2", "").await.json();
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["a", "b"], &json!(3)));
    server.ask("DELETE c", "").await;
    server.bird("cc", r#"{"species":"x","songs":["x"]}"#).await;
    let token = first["metadata"]["continue"].as_str().unwrap_or_default();
    let second = server.ask(&format!("GET ?limit=2&continue={token}"), "").await.json();
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let token = second["metadata"]["continue"].as_str().unwrap_or_default();
    let third = server.ask(&format!("GET ?limit=2&continue={token}"), "").await.json();
    assert_eq!((names(&third), &third["metadata"]["continue"]), (vec!["e"], &json!("")));
}

#[tokio::test]
async fn a_page_that_is_compacted_away_can_be_left_behind() {
    let server = flock(&["a", "b", "c"]).await;
    let first = server.ask("GET ?limit=1", "").await.json();
    server.ask("DELETE b", "").await;
    let newest = server.store.revision().await.expect("a revision");
    server.store.compact(newest).await.expect("compacts");
    let token = first["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
    let gone = server.ask(&format!("GET ?limit=1&continue={token}"), "").await;
    assert_eq!((gone.code, gone.json()["reason"].as_str()), (410, Some("Expired")));
    let token = gone.json()["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
    let rest = server.ask(&format!("GET ?continue={token}"), "").await.json();
    assert_eq!(names(&rest), ["c"]);
}

#[tokio::test]
async fn selectors_choose() {
    let server = flock(&["a", "b", "c"]).await;
    server.ask("PATCH a", r#"{"metadata":{"labels":{"x":"1"}}}"#).await;
    server.ask("PATCH b", r#"{"metadata":{"labels":{"x":"2"}}}"#).await;
    let rows = [
        ("labelSelector=x%3D1", vec!["a"]),
        ("labelSelector=x", vec!["a", "b"]),
        ("labelSelector=%21x", vec!["c"]),
        ("labelSelector=x%20in%20%281%2C2%29", vec!["a", "b"]),
        ("labelSelector=x%21%3D1", vec!["b", "c"]),
        ("fieldSelector=metadata.name%3Db", vec!["b"]),
        ("fieldSelector=metadata.name%21%3Db", vec!["a", "c"]),
        ("fieldSelector=spec.species%3Dc", vec!["c"]),
        ("fieldSelector=spec.species%3Dc,metadata.name%3Da", vec![]),
        ("labelSelector=x&limit=1", vec!["a"]),
    ];
    for (query, expect) in rows {
        assert_eq!(names(&server.ask(&format!("GET ?{query}"), "").await.json()), expect, "{query}");
    }
    assert_eq!(
        server.ask("GET ?fieldSelector=spec.color%3Dc", "").await.failure(),
        "400 field label not supported: spec.color"
    );
    assert!(server.ask("GET ?labelSelector=%3D%3D", "").await.failure().starts_with("400 "));
}

#[tokio::test]
async fn versions_ask_for_a_state() {
    let server = flock(&["a"]).await;
    let version =
        server.ask("GET ", "").await.json()["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    server.bird("b", r#"{"species":"x","songs":["x"]}"#).await;
    let exact = server.ask(&format!("GET ?resourceVersion={version}&resourceVersionMatch=Exact"), "").await.json();
    assert_eq!((names(&exact), exact["metadata"]["resourceVersion"].as_str()), (vec!["a"], Some(version.as_str())));
    let later = server.ask("GET ", "").await.json();
    let later = later["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    assert_eq!(names(&server.ask(&format!("GET ?resourceVersion={later}"), "").await.json()), ["a", "b"]);
    let failure = server.ask("GET ?resourceVersionMatch=Exact", "").await.failure();
    assert!(failure.starts_with("422 ListOptions.meta.k8s.io"), "{failure}");
}

#[tokio::test]
async fn kubectl_gets_a_table() {
    let server = flock(&["a"]).await;
    let accept = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")];
    let table = server.send("GET ", &accept, "").await.json();
    assert_eq!(table["kind"], "Table");
    let columns: Vec<&str> =
        table["columnDefinitions"].as_array().into_iter().flatten().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(columns, ["Name", "Species"]);
    assert_eq!(table["rows"][0]["cells"], json!(["a", "a"]));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let single = server.send("GET a?includeObject=None", &accept, "").await.json();
    assert_eq!(single["rows"][0]["object"], Value::Null);
    let accept = [("accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")];
    let partial = server.send("GET ", &accept, "").await.json();
    assert_eq!((partial["kind"].as_str(), partial["items"][0].get("spec")), (Some("PartialObjectMetadataList"), None));
}

#[tokio::test]
async fn a_long_list_is_whole_in_every_form() {
    let server = Server::start().await;
    let song = "x".repeat(500);
    let all: Vec<String> = (0..300).map(|n| format!("b{n:03}")).collect();
    for name in &all {
        server.bird(name, &json!({"species": "wren", "songs": [song]}).to_string()).await;
    }
    let list = server.ask("GET ", "").await;
    assert!(list.text().len() > 192 << 10, "it comes in several pieces");
    assert_eq!(names(&list.json()), all);
    assert_eq!(names(&server.ask("GET ?pretty=true", "").await.json()), all);
    let as_metadata = [("accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")];
    assert_eq!(names(&server.send("GET ", &as_metadata, "").await.json()), all);
    let as_table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let table = server.send("GET ?includeObject=Object", &as_table, "").await.json();
    let rows = table["rows"].as_array().into_iter().flatten();
    assert_eq!(rows.filter_map(|row| row["object"]["metadata"]["name"].as_str()).collect::<Vec<_>>(), all);
}

#[tokio::test]
async fn a_watch_starts_with_what_is_there() {
    let server = flock(&["a", "b"]).await;
    let mut events = Events::open(&server, "").await;
    assert_eq!([events.next().await, events.next().await], ["ADDED a", "ADDED b"]);
    server.ask("PATCH a", r#"{"spec":{"color":"red"}}"#).await;
    server.ask("PATCH a", "{}").await;
    server.ask("DELETE b", "").await;
    assert_eq!([events.next().await, events.next().await], ["MODIFIED a", "DELETED b"]);
}

#[tokio::test]
async fn the_initial_state_ends_with_a_bookmark_even_when_it_is_empty() {
    let server = Server::start().await;
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut events = Events::open(&server, query).await;
    let bookmark = events.value().await;
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    server.bird("a", r#"{"species":"x","songs":["x"]}"#).await;
    assert_eq!(events.next().await, "ADDED a");
}

#[tokio::test]
async fn a_watch_resumes_after_a_version() {
    let server = flock(&["a"]).await;
    let version =
        server.ask("GET ", "").await.json()["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    server.bird("b", r#"{"species":"x","songs":["x"]}"#).await;
    server.ask("DELETE a", "").await;
    let mut events = Events::open(&server, &format!("resourceVersion={version}")).await;
    assert_eq!(events.next().await, "ADDED b");
    let deleted = events.value().await;
    assert_eq!((deleted["type"].as_str(), deleted["object"]["spec"]["species"].as_str()), (Some("DELETED"), Some("a")));
    let newest = server.store.revision().await.expect("a revision").to_string();
    assert_eq!(deleted["object"]["metadata"]["resourceVersion"], newest);
}

/// Whoever has just written may know a version before the cache does.
#[tokio::test]
async fn a_watch_from_a_version_that_is_still_to_come_starts_there() {
    let server = flock(&["a"]).await;
    let next = server.store.revision().await.expect("a revision").0 + 1;
    let mut events = Events::open(&server, &format!("resourceVersion={next}")).await;
    let mut all = Events::open(&server, "resourceVersion=1").await;
    server.bird("b", r#"{"species":"x","songs":["x"]}"#).await;
    server.bird("c", r#"{"species":"x","songs":["x"]}"#).await;
    assert_eq!(events.next().await, "ADDED c");
    assert_eq!([all.next().await, all.next().await, all.next().await], ["ADDED a", "ADDED b", "ADDED c"]);
}

#[tokio::test]
async fn an_object_that_leaves_a_selector_is_deleted_as_it_was() {
    let server = flock(&["a"]).await;
    server.ask("PATCH a", r#"{"metadata":{"labels":{"x":"1"}}}"#).await;
    let mut events = Events::open(&server, "labelSelector=x%3D1").await;
    assert_eq!(events.next().await, "ADDED a");
    server.ask("PATCH a", r#"{"metadata":{"labels":{"x":"2"}}}"#).await;
    let left = events.value().await;
    assert_eq!((left["type"].as_str(), &left["object"]["metadata"]["labels"]), (Some("DELETED"), &json!({ "x": "1" })));
    server.ask("PATCH a", r#"{"metadata":{"labels":{"x":"1"}}}"#).await;
    assert_eq!(events.next().await, "ADDED a");
}

#[tokio::test]
async fn removing_the_last_finalizer_is_one_deletion() {
    let server = flock(&["a"]).await;
    server.ask("PATCH a", r#"{"metadata":{"finalizers":["example.com/x"]}}"#).await;
    let mut events = Events::open(&server, "").await;
    assert_eq!(events.next().await, "ADDED a");
    server.ask("DELETE a", "").await;
    assert_eq!(events.next().await, "MODIFIED a");
    server.ask("PATCH a", r#"{"metadata":{"finalizers":null}}"#).await;
    assert_eq!(events.next().await, "DELETED a");
}

#[tokio::test]
async fn a_watch_from_too_long_ago_is_told_so_in_the_stream() {
    let server = flock(&["a"]).await;
    let newest = server.store.revision().await.expect("a revision");
    server.store.compact(newest).await.expect("compacts");
    let second = Server::on(server.store.clone()).await;
    let mut events = Events::open(&second, "resourceVersion=1").await;
    let error = events.value().await;
    assert_eq!(
        (error["type"].as_str(), &error["object"]["code"], error["object"]["reason"].as_str()),
        (Some("ERROR"), &json!(410), Some("Expired"))
    );
    assert_eq!(events.next().await, "end");
}

#[tokio::test]
async fn a_watch_ends_when_it_is_told_to() {
    let server = flock(&[]).await;
    let mut events = Events::open(&server, "timeoutSeconds=1").await;
    assert_eq!(events.next().await, "end");
    let mut events = Events::open(&server, "").await;
    server.endpoints.shutdown();
    assert_eq!(events.next().await, "end");
}

#[tokio::test]
async fn two_servers_on_one_store_are_one() {
    let first = flock(&["a"]).await;
    let second = Server::on(first.store.clone()).await;
    let mut events = Events::open(&second, "").await;
    assert_eq!(events.next().await, "ADDED a");
    let b = first.bird("b", r#"{"species":"x","songs":["x"]}"#).await;
    assert_eq!(second.ask("GET b", "").await.json(), b);
    assert_eq!(events.next().await, "ADDED b");
}

#[tokio::test]
async fn events_are_one_kind_in_two_groups() {
    let server = Server::start().await;
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": { "name": "e" },
        "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "c", "reportingInstance": "i", "action": "Do",
        "reason": "Because", "type": "Normal", "note": "hello",
        "regarding": { "kind": "Bird", "name": "robin", "namespace": "default" },
    });
    let created = server.ask("POST /apis/events.k8s.io/v1/namespaces/default/events", &event.to_string()).await;
    assert_eq!(created.code, 201, "{}", created.text());
    assert_eq!(created.json()["note"], "hello");
    let core = server.ask("GET /api/v1/namespaces/default/events/e", "").await.json();
    assert_eq!(
        (core["apiVersion"].as_str(), core["message"].as_str(), core["involvedObject"]["name"].as_str()),
        (Some("v1"), Some("hello"), Some("robin"))
    );
    let list =
        server.ask("GET /api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Drobin", "").await.json();
    assert_eq!(names(&list), ["e"]);
    let list = server
        .ask("GET /apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name%3Dother", "")
        .await
        .json();
    assert_eq!(names(&list), Vec::<&str>::new());
}
