//! What Bird promises in v1beta1. The server runs in the test's own process: no cluster, no port.

use apiserver::TestServer;
use kube::api::PostParams;
use kube::{Api, ResourceExt};
use serde_json::json;

use versions::apis;
use versions::apis::demo::{v1alpha1, v1beta1};

#[tokio::test]
async fn what_is_created_in_it_can_be_used_in_another_version() {
    let server = TestServer::start(apis::install).await;
    let api: Api<v1beta1::bird::Bird> = server.api_in("default");
    let sample = include_str!("../sample/bird-v1beta1.yaml");
    let sample = serde_saphyr::from_str(sample).unwrap();
    let params = PostParams::default();
    let created = api.create(&params, &sample).await.unwrap();

    let name = created.name_any();
    let other: Api<v1alpha1::bird::Bird> = server.api_in("default");
    let read = other.get(&name).await.unwrap();
    assert_eq!(read.uid(), created.uid());
    other.replace(&name, &params, &read).await.unwrap();

    let again = api.get(&name).await.unwrap();
    assert_eq!(json!(again.spec), json!(created.spec));
}
