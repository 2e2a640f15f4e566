//! What the schema of Redis promises. The server runs in the test's own process: no cluster, no port.

use std::fmt::Debug;

use apiserver::TestServer;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use redis_operator::apis;
use redis_operator::apis::cache::v1alpha1::redis::Redis;

#[tokio::test]
async fn a_version_is_enough() {
    let server = TestServer::start(apis::install).await;
    let created = create(&server, json!({ "version": "8.2" })).await.unwrap();
    let expected = json!({
        "version": "8.2",
        "replicas": 1,
        "maxMemory": "100mb",
        "storage": "1Gi",
        "statusBackup": { "intervalSeconds": 3600, "historyLimit": 3 },
    });
    assert_eq!(created.data["spec"], expected);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = TestServer::start(apis::install).await;
    for (spec, told) in [
        (json!({}), "spec.version: Required value"),
        (
            json!({ "version": "latest" }),
            "spec.version: Invalid value",
        ),
        (
            json!({ "version": "8.2", "replicas": -1 }),
            "spec.replicas: Invalid value",
        ),
        (
            json!({ "version": "8.2", "maxMemory": "all" }),
            "spec.maxMemory: Invalid value",
        ),
        (
            json!({ "version": "8.2", "config": { "port": "1" } }),
            "are set by the operator",
        ),
    ] {
        let message = refusal(create(&server, spec).await);
        assert!(message.contains(told), "{message}");
    }
}

#[tokio::test]
async fn volumes_do_not_grow() {
    let server = TestServer::start(apis::install).await;
    create(&server, json!({ "version": "8.2" })).await.unwrap();
    let api: Api<Redis> = server.api_in("default");
    let larger = Patch::Merge(json!({ "spec": { "storage": "2Gi" } }));
    let params = PatchParams::default();
    let message = refusal(api.patch("example", &params, &larger).await);
    assert!(message.contains("storage cannot be changed"), "{message}");
}

#[tokio::test]
async fn the_sample_is_valid() {
    let server = TestServer::start(apis::install).await;
    let api: Api<Redis> = server.api_in("default");
    let sample = include_str!("../sample/redis.yaml");
    let sample = serde_saphyr::from_str(sample).unwrap();
    api.create(&PostParams::default(), &sample).await.unwrap();
}

/// Sends a spec as it is, so that the server fills in what is left out.
async fn create(server: &TestServer, spec: Value) -> kube::Result<DynamicObject> {
    let resource = ApiResource::erase::<Redis>(&());
    let api = Api::namespaced_with(server.client(), "default", &resource);
    let object = DynamicObject::new("example", &resource).data(json!({ "spec": spec }));
    api.create(&PostParams::default(), &object).await
}

/// What the server says to a request that it must refuse.
fn refusal<K: Debug>(result: kube::Result<K>) -> String {
    match result {
        Err(kube::Error::Api(status)) if status.code == 422 => status.message,
        other => panic!("this should have been refused: {other:?}"),
    }
}
