//! What Note promises. The server runs in the test's own process: no cluster, no port.

use apiserver::TestServer;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use keepers::apis;
use keepers::apis::demo::v1::note::{Note, NoteFields};

#[tokio::test]
async fn any_fields_are_kept() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let fields = json!({ "title": "hello", "spec": 1, "list": [{ "a": null }, [], true] });
    let params = PostParams::default();
    let created = api.create(&params, &object(&fields)).await.unwrap();
    assert_eq!(json!(created.spec.others), fields);
    let read = api.get("example").await.unwrap();
    assert_eq!(json!(read.spec.others), fields);
}

#[tokio::test]
async fn a_patch_changes_one_field_and_leaves_the_others() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let fields = json!({ "one": { "a": 1 }, "two": 2 });
    let params = PostParams::default();
    api.create(&params, &object(&fields)).await.unwrap();
    let change = Patch::Merge(json!({ "one": { "b": 1 } }));
    let params = PatchParams::default();
    let changed = api.patch("example", &params, &change);
    let expected = json!({ "one": { "a": 1, "b": 1 }, "two": 2 });
    assert_eq!(json!(changed.await.unwrap().spec.others), expected);
}

#[tokio::test]
async fn a_title_is_text() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let params = PostParams::default();
    let result = api.create(&params, &object(&json!({ "title": 1 }))).await;
    match result {
        Err(kube::Error::Api(status)) => assert_eq!(status.code, 422),
        other => panic!("this should have been refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_sample_is_valid() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let sample = include_str!("../sample/note.yaml");
    let sample = serde_saphyr::from_str(sample).unwrap();
    let params = PostParams::default();
    api.create(&params, &sample).await.unwrap();
}

/// A client for one kind of a server.
fn api(server: &TestServer) -> Api<Note> {
    server.api_in("default")
}

/// An object with these fields.
fn object(fields: &serde_json::Value) -> Note {
    let others = serde_json::from_value(fields.clone()).unwrap();
    let fields = NoteFields { others };
    Note::new("example", fields)
}
