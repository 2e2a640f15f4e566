//! Flunders of v1alpha1 beside those of v1beta1, which are stored.

use apiserver::TestServer;
use kube::Api;
use kube::api::PostParams;

use wardle::apis;
use wardle::apis::wardle::{v1alpha1, v1beta1};

#[tokio::test]
async fn a_reference_names_a_flunder_unless_it_says_otherwise() {
    let server = TestServer::start(apis::install).await;
    for (reference_type, flunder, fischer) in [
        (None, Some("x"), None),
        (Some("Flunder"), Some("x"), None),
        (Some("Fischer"), None, Some("x")),
    ] {
        let spec = v1alpha1::flunder::FlunderSpec {
            reference: Some("x".to_owned()),
            reference_type: reference_type.map(str::to_owned),
        };
        let name = format!("of-{}", reference_type.unwrap_or("none").to_lowercase());
        let old: Api<v1alpha1::flunder::Flunder> = server.api_in("default");
        let created = old
            .create(
                &PostParams::default(),
                &v1alpha1::flunder::Flunder::new(&name, spec),
            )
            .await
            .unwrap();
        let expected = reference_type.unwrap_or("Flunder");
        assert_eq!(created.spec.reference_type.as_deref(), Some(expected));
        assert_eq!(created.spec.reference.as_deref(), Some("x"));
        let new: Api<v1beta1::flunder::Flunder> = server.api_in("default");
        let spec = new.get(&name).await.unwrap().spec;
        assert_eq!(
            (
                spec.flunder_reference.as_deref(),
                spec.fischer_reference.as_deref()
            ),
            (flunder, fischer)
        );
        assert_eq!(spec.reference_type.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn the_sample_is_valid() {
    let server = TestServer::start(apis::install).await;
    let sample = include_str!("../sample/flunder-v1alpha1.yaml");
    let sample = serde_saphyr::from_str(sample).unwrap();
    let api: Api<v1alpha1::flunder::Flunder> = server.api_in("default");
    api.create(&PostParams::default(), &sample).await.unwrap();
}
