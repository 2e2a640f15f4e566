//! What the hooks of Nest promise. The server runs in the test's own process: no cluster, no port.

use apiserver::TestServer;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use keepers::apis;
use keepers::apis::demo::v1::nest::{Nest, NestSpec};

#[tokio::test]
async fn replicas_are_one_unless_given() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let params = PostParams::default();
    let created = api.create(&params, &example()).await.unwrap();
    assert_eq!(created.spec.replicas, Some(1));
}

#[tokio::test]
async fn a_blank_message_is_refused() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let mut blank = example();
    blank.spec.message = " ".to_owned();
    let params = PostParams::default();
    let message = refusal(api.create(&params, &blank).await);
    assert!(message.contains("spec.message: Invalid value"), "{message}");
}

#[tokio::test]
async fn a_blank_message_is_refused_on_update_too() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let params = PostParams::default();
    api.create(&params, &example()).await.unwrap();
    let blank = Patch::Merge(json!({ "spec": { "message": " " } }));
    let message = refusal(api.patch("example", &PatchParams::default(), &blank).await);
    assert!(message.contains("spec.message: Invalid value"), "{message}");
}

#[tokio::test]
async fn tags_are_sorted_and_distinct() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let mut tagged = example();
    tagged.spec.tags = ["b", "a", "b"].map(String::from).to_vec();
    let params = PostParams::default();
    let created = api.create(&params, &tagged).await.unwrap();
    assert_eq!(created.spec.tags, ["a", "b"]);
}

#[tokio::test]
async fn the_sample_is_valid() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let sample = include_str!("../sample/nest.yaml");
    let sample = serde_saphyr::from_str(sample).unwrap();
    let params = PostParams::default();
    api.create(&params, &sample).await.unwrap();
}

/// A client for one kind of a server.
fn api(server: &TestServer) -> Api<Nest> {
    server.api()
}

/// An object with nothing but what is required.
fn example() -> Nest {
    let spec = NestSpec {
        message: "hello".to_owned(),
        ..NestSpec::default()
    };
    Nest::new("example", spec)
}

/// What the server says to a request that it must refuse.
fn refusal(result: kube::Result<Nest>) -> String {
    match result {
        Err(kube::Error::Api(status)) if status.code == 422 => status.message,
        other => panic!("this should have been refused: {other:?}"),
    }
}
