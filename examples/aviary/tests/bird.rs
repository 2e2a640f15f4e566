//! What the schema of Bird promises. The server runs in the test's own process: no cluster, no port.

use apiserver::TestServer;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use aviary::apis;
use aviary::apis::demo::v1::bird::{Bird, BirdSpec};

#[tokio::test]
async fn a_bird_is_brown_and_alone_unless_it_says_otherwise() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let robin = serde_json::from_value(json!({
        "apiVersion": "demo.example.com/v1",
        "kind": "Bird",
        "metadata": { "name": "example" },
        "spec": { "species": "robin" },
    }));
    let created = api.create(&PostParams::default(), &robin.unwrap()).await;
    let spec = created.unwrap().spec;
    assert_eq!((spec.color.as_str(), spec.replicas), ("brown", 1));
}

#[tokio::test]
async fn no_more_than_ten_birds_are_one() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let mut flock = example();
    flock.spec.replicas = 11;
    let message = refusal(api.create(&PostParams::default(), &flock).await);
    assert!(message.contains("replicas must be at most 10"), "{message}");
}

#[tokio::test]
async fn a_bird_stays_what_it_is() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let params = PostParams::default();
    api.create(&params, &example()).await.unwrap();
    let wren = Patch::Merge(json!({ "spec": { "species": "wren" } }));
    let message = refusal(api.patch("example", &PatchParams::default(), &wren).await);
    assert!(message.contains("species is immutable"), "{message}");
}

#[tokio::test]
async fn the_sample_is_valid() {
    let server = TestServer::start(apis::install).await;
    let api = api(&server);
    let sample = include_str!("../sample/bird.yaml");
    let sample = serde_saphyr::from_str(sample).unwrap();
    let params = PostParams::default();
    api.create(&params, &sample).await.unwrap();
}

/// A client for one kind of a server.
fn api(server: &TestServer) -> Api<Bird> {
    server.api_in("default")
}

fn example() -> Bird {
    let spec = BirdSpec {
        species: "robin".to_owned(),
        color: "red".to_owned(),
        replicas: 1,
        ..BirdSpec::default()
    };
    Bird::new("example", spec)
}

/// What the server says to a request that it must refuse.
fn refusal(result: kube::Result<Bird>) -> String {
    match result {
        Err(kube::Error::Api(status)) if status.code == 422 => status.message,
        other => panic!("this should have been refused: {other:?}"),
    }
}
