//! What the schema of Nest promises. The server runs in the test's own process: no cluster, no port.

use apiserver::TestServer;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use aviary::apis;
use aviary::apis::demo::v1::nest::Nest;

#[tokio::test]
async fn whatever_else_there_is_to_say_is_kept() {
    let server = TestServer::start(apis::install).await;
    let api: Api<Nest> = server.api();
    let sample = include_str!("../sample/nest.yaml");
    let sample = serde_saphyr::from_str(sample).unwrap();
    let params = PostParams::default();
    let created = api.create(&params, &sample).await.unwrap();
    let extra = created.spec.extra.unwrap();
    assert_eq!(extra["twigs"], json!({ "oak": 12, "birch": 30 }));
}

#[tokio::test]
async fn a_nest_needs_no_spec() {
    let server = TestServer::start(apis::install).await;
    let nest = json!({
        "apiVersion": "demo.example.com/v1",
        "kind": "Nest",
        "metadata": { "name": "bare" },
    });
    let request = http::Request::post("/apis/demo.example.com/v1/nests");
    let request = request.body(nest.to_string()).unwrap();
    let answer = server.request(request).await;
    assert_eq!(answer.status(), 201);
    let nest: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert!(nest.get("spec").is_none(), "{nest}");
}
