//! What Parcel promises. The server runs in the test's own process: no cluster, no port.

use apiserver::TestServer;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, PostParams};
use serde_json::json;

use imported::apis;
use imported::apis::awkward::v1beta1::parcel::Parcel;

#[tokio::test]
async fn the_sample_is_valid_and_its_types_read_it() {
    let server = TestServer::start(apis::install).await;
    let params = PostParams::default();
    let created = api(&server).create(&params, &sample()).await.unwrap();
    assert!(created.metadata.uid.is_some());
    created.try_parse::<Parcel>().unwrap();
}

#[tokio::test]
async fn what_the_schema_forbids_is_refused() {
    let server = TestServer::start(apis::install).await;
    let mut wrong = sample();
    wrong.data["operation"]["kind"] = json!("none of these");
    let params = PostParams::default();
    let message = refusal(api(&server).create(&params, &wrong).await);
    let path = "operation.kind";
    assert!(message.contains(path), "{message}");
}

/// A client for one kind of a server, which sends whatever JSON it is given.
fn api(server: &TestServer) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<Parcel>(&());
    Api::namespaced_with(server.client(), "default", &resource)
}

/// An object with little more than what is required.
fn sample() -> DynamicObject {
    let sample = include_str!("../sample/parcel.yaml");
    serde_saphyr::from_str(sample).unwrap()
}

/// What the server says to a request that it must refuse.
fn refusal(result: kube::Result<DynamicObject>) -> String {
    match result {
        Err(kube::Error::Api(status)) if status.code == 422 => status.message,
        other => panic!("this should have been refused: {other:?}"),
    }
}
