//! What the backend of Flock promises. The server runs in the test's own process: no cluster, no port.

use apiserver::TestServer;
use futures::StreamExt;
use kube::api::{DeleteParams, ListParams, PostParams, WatchParams};
use kube::core::WatchEvent;
use kube::{Api, Resource, ResourceExt};

use special::apis;
use special::apis::demo::v1::flock::{Flock, FlockSpec};

const PLURAL: &str = "flocks";

#[tokio::test]
async fn what_is_created_is_there_until_it_is_deleted() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let params = PostParams::default();
    let created = api.create(&params, &example()).await.unwrap();
    assert_eq!(created.spec.replicas, Some(1));
    assert_eq!(code(api.create(&params, &example()).await), 409);
    let read = api.get("example").await.unwrap();
    assert_eq!(read.metadata, created.metadata);
    let listed = api.list(&ListParams::default()).await.unwrap();
    assert_eq!(listed.items[0].metadata, created.metadata);
    let params = DeleteParams::default();
    api.delete("example", &params).await.unwrap();
    assert_eq!(code(api.get("example").await), 404);
}

#[tokio::test]
async fn a_watch_tells_what_happens() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let listed = api.list(&ListParams::default()).await.unwrap();
    let version = listed.metadata.resource_version.unwrap();
    let events = api.watch(&WatchParams::default(), &version).await.unwrap();
    let mut events = events.boxed();
    let params = PostParams::default();
    api.create(&params, &example()).await.unwrap();
    let params = DeleteParams::default();
    api.delete("example", &params).await.unwrap();
    let event = events.next().await.unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Added(it) if it.name_any() == "example"));
    let event = events.next().await.unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Deleted(it) if it.name_any() == "example"));
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    api.create(&params, &example()).await.unwrap();
    assert_eq!(code(api.get("example").await), 404);
}

#[tokio::test]
async fn a_blank_message_is_refused() {
    let server = TestServer::start(apis::install).await;
    let mut blank = example();
    blank.spec.message = " ".to_owned();
    let params = PostParams::default();
    assert_eq!(code(api(&server).create(&params, &blank).await), 422);
}

#[tokio::test]
async fn an_update_that_has_missed_another_is_refused() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let params = PostParams::default();
    let mut object = api.create(&params, &example()).await.unwrap();
    object.spec.replicas = Some(3);
    let updated = api.replace("example", &params, &object).await.unwrap();
    assert_eq!(updated.spec.replicas, Some(3));
    assert_eq!(updated.metadata.generation, Some(2));
    assert_eq!(code(api.replace("example", &params, &object).await), 409);
}

#[tokio::test]
async fn discovery_lists_what_is_implemented() {
    let server = TestServer::start(apis::install).await;
    let version = Flock::api_version(&());
    let client = server.client();
    let all = client.list_api_group_resources(&version).await.unwrap();
    let mut kinds = all.resources.into_iter();
    let own = kinds.find(|own| own.name == PLURAL).unwrap();
    let verbs = "create delete deletecollection get list patch update watch";
    assert_eq!(own.verbs.join(" "), verbs);
}

#[tokio::test]
async fn the_sample_is_valid() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let sample = include_str!("../sample/flock.yaml");
    let sample = serde_saphyr::from_str(sample).unwrap();
    let params = PostParams::default();
    api.create(&params, &sample).await.unwrap();
}

/// A client for one kind of a server.
fn api(server: &TestServer) -> Api<Flock> {
    server.api()
}

/// An object with nothing but what is required.
fn example() -> Flock {
    let spec = FlockSpec {
        message: "hello".to_owned(),
        ..FlockSpec::default()
    };
    Flock::new("example", spec)
}

/// The code with which the server refuses what it must refuse.
fn code(result: kube::Result<Flock>) -> u16 {
    match result {
        Err(kube::Error::Api(status)) => status.code,
        other => panic!("this should have been refused: {other:?}"),
    }
}
