//! What the subresource notes/v1 promises. The server runs in the test's own process.

use apiserver::TestServer;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use special::apis;
use special::apis::demo::note_v1::NoteV1;
use special::apis::demo::v1::note::Note;

const SUBRESOURCE: &str = "v1";

#[tokio::test]
async fn what_is_written_is_read() {
    let server = TestServer::start(apis::install).await;
    let name = parent(&server).await;
    let api = api(&server);
    let mut object = api.get_subresource(SUBRESOURCE, &name).await.unwrap();
    assert_eq!(object.spec.note, "");
    object.spec.note = "hello".to_owned();
    let params = PostParams::default();
    let written = api.replace_subresource(SUBRESOURCE, &name, &params, &object);
    let written = written.await.unwrap();
    let read = api.get_subresource(SUBRESOURCE, &name).await.unwrap();
    assert_eq!(read.spec.note, "hello");
    assert_eq!(read.resource_version(), written.resource_version());
}

#[tokio::test]
async fn it_can_be_patched() {
    let server = TestServer::start(apis::install).await;
    let name = parent(&server).await;
    let patch = Patch::Merge(json!({ "spec": { "note": "hello" } }));
    let params = PatchParams::default();
    let api = api(&server);
    let patched = api.patch_subresource(SUBRESOURCE, &name, &params, &patch);
    assert_eq!(patched.await.unwrap().spec.note, "hello");
}

#[tokio::test]
async fn a_write_that_has_missed_another_is_refused() {
    let server = TestServer::start(apis::install).await;
    let name = parent(&server).await;
    let api = api(&server);
    let mut object = api.get_subresource(SUBRESOURCE, &name).await.unwrap();
    let params = PostParams::default();
    for code in [None, Some(409)] {
        object.spec.note = "hello".to_owned();
        let written = api.replace_subresource(SUBRESOURCE, &name, &params, &object);
        assert_eq!(refusal(written.await), code);
    }
}

#[tokio::test]
async fn without_its_parent_it_is_not_found() {
    let server = TestServer::start(apis::install).await;
    let read = api(&server).get_subresource(SUBRESOURCE, "nobody").await;
    assert_eq!(refusal(read), Some(404));
}

/// A client for the subresource.
fn api(server: &TestServer) -> Api<NoteV1> {
    server.api_in("default")
}

/// Makes the object that the subresource belongs to, and gives its name.
async fn parent(server: &TestServer) -> String {
    let api: Api<Note> = server.api_in("default");
    let sample = include_str!("../sample/note.yaml");
    let sample = serde_saphyr::from_str(sample).unwrap();
    let params = PostParams::default();
    api.create(&params, &sample).await.unwrap().name_any()
}

/// The code with which the server refuses, if it does.
fn refusal<T>(result: kube::Result<T>) -> Option<u16> {
    match result {
        Ok(_) => None,
        Err(kube::Error::Api(status)) => Some(status.code),
        Err(other) => panic!("{other}"),
    }
}
