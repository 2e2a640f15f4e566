//! What the hooks of Flunder promise. The server runs in the test's own process: no cluster, no port.

use apiserver::TestServer;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use wardle::apis;
use wardle::apis::wardle::v1beta1::flunder::{Flunder, FlunderSpec};

#[tokio::test]
async fn a_reference_needs_its_type() {
    let server = TestServer::start(apis::install).await;
    let message = refusal(create(&server, Some("x"), None, None).await);
    let expected = "spec.flunderReference: Invalid value: \"x\": cannot be set if referenceType is not Flunder";
    assert!(message.contains(expected), "{message}");
    let message = refusal(create(&server, None, Some("x"), Some("Flunder")).await);
    assert!(
        message.contains("spec.fischerReference: Invalid value"),
        "{message}"
    );
}

#[tokio::test]
async fn a_type_needs_its_reference() {
    let server = TestServer::start(apis::install).await;
    let message = refusal(create(&server, None, None, Some("Fischer")).await);
    assert!(
        message.contains("cannot be empty if referenceType is Fischer"),
        "{message}"
    );
    let message = refusal(create(&server, None, None, Some("Flunder")).await);
    assert!(
        message.contains("cannot be empty if referenceType is Flunder"),
        "{message}"
    );
}

#[tokio::test]
async fn there_is_one_reference_of_a_known_type() {
    let server = TestServer::start(apis::install).await;
    let message = refusal(create(&server, Some("x"), Some("y"), Some("Flunder")).await);
    assert!(
        message.contains("cannot be set with flunderReference at the same time"),
        "{message}"
    );
    let message = refusal(create(&server, None, None, Some("Other")).await);
    assert!(message.contains("must be Flunder or Fischer"), "{message}");
}

#[tokio::test]
async fn an_update_is_not_looked_at() {
    let server = TestServer::start(apis::install).await;
    create(&server, None, None, None).await.unwrap();
    let patch = Patch::Merge(json!({ "spec": { "flunderReference": "x" } }));
    let api: Api<Flunder> = server.api_in("default");
    let patched = api
        .patch("example", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(patched.spec.flunder_reference.as_deref(), Some("x"));
}

#[tokio::test]
async fn the_sample_is_valid() {
    let server = TestServer::start(apis::install).await;
    let sample = include_str!("../sample/flunder.yaml");
    let sample = serde_saphyr::from_str(sample).unwrap();
    let api: Api<Flunder> = server.api_in("default");
    api.create(&PostParams::default(), &sample).await.unwrap();
}

async fn create(
    server: &TestServer,
    flunder: Option<&str>,
    fischer: Option<&str>,
    reference_type: Option<&str>,
) -> kube::Result<Flunder> {
    let spec = FlunderSpec {
        flunder_reference: flunder.map(str::to_owned),
        fischer_reference: fischer.map(str::to_owned),
        reference_type: reference_type.map(str::to_owned),
    };
    let api: Api<Flunder> = server.api_in("default");
    api.create(&PostParams::default(), &Flunder::new("example", spec))
        .await
}

/// What the server says to a request that it must refuse.
fn refusal(result: kube::Result<Flunder>) -> String {
    match result {
        Err(kube::Error::Api(status)) if status.code == 422 => status.message,
        other => panic!("this should have been refused: {other:?}"),
    }
}
