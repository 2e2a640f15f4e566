//! What a Fischer is there for: names that no Flunder may have.

use apiserver::TestServer;
use kube::Api;
use kube::api::PostParams;

use wardle::apis;
use wardle::apis::wardle::v1alpha1::fischer::Fischer;
use wardle::apis::wardle::v1beta1::flunder::{Flunder, FlunderSpec};

#[tokio::test]
async fn a_flunder_with_a_name_that_is_disallowed_is_refused() {
    let server = TestServer::start(apis::install).await;
    let sample: Fischer = serde_saphyr::from_str(include_str!("../sample/fischer.yaml")).unwrap();
    let fischers: Api<Fischer> = server.api();
    fischers
        .create(&PostParams::default(), &sample)
        .await
        .unwrap();
    let flunders: Api<Flunder> = server.api_in("default");
    let flunder = |name| Flunder::new(name, FlunderSpec::default());
    let refused = flunders
        .create(&PostParams::default(), &flunder("forbidden-flunder"))
        .await;
    match refused {
        Err(kube::Error::Api(status)) if status.code == 403 => assert_eq!(
            status.message,
            "flunders.wardle.example.com \"forbidden-flunder\" is forbidden: this name may not be used, please change \
             the resource name"
        ),
        other => panic!("this should have been refused: {other:?}"),
    }
    flunders
        .create(&PostParams::default(), &flunder("another"))
        .await
        .unwrap();
}
