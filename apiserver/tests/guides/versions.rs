//! docs/versions.md

use apiserver::{Apis, Strategy, TestServer};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

mod v1 {
    use kube::CustomResource;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
    #[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced)]
    #[serde(rename_all = "camelCase")]
    pub struct BirdSpec {
        pub species: String,
        /// In centimetres.
        pub wingspan: u32,
        pub nickname: Option<String>,
    }
}

mod v1alpha1 {
    use apiserver::versions::Version;
    use kube::CustomResource;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::v1;

    #[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
    #[kube(group = "demo.example.com", version = "v1alpha1", kind = "Bird", namespaced)]
    pub struct BirdSpec {
        pub species: String,
        /// In millimetres.
        pub size: u32,
        pub color: Option<String>,
    }

    impl From<Bird> for v1::Bird {
        fn from(old: Bird) -> Self {
            let spec = v1::BirdSpec { species: old.spec.species, wingspan: old.spec.size / 10, nickname: None };
            Self { metadata: old.metadata, spec }
        }
    }

    impl From<v1::Bird> for Bird {
        fn from(bird: v1::Bird) -> Self {
            let size = bird.spec.wingspan.saturating_mul(10);
            Self { metadata: bird.metadata, spec: BirdSpec { species: bird.spec.species, size, color: None } }
        }
    }

    pub fn version() -> Version<v1::Bird> {
        Version::of::<Bird>().keep_lost_fields()
    }
}

struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = v1::Bird;
}

fn install(apis: &mut Apis) {
    apis.add(BirdStrategy).stored_as::<v1::Bird>().version(v1alpha1::version().deprecated("use v1"));
}

#[test]
fn birds_survive_the_way_to_v1_and_back() {
    apiserver::testing::round_trips(&v1alpha1::version());
}

#[tokio::test]
async fn a_bird_is_the_same_in_both_versions() {
    let server = TestServer::start(install).await;
    let old: Api<v1alpha1::Bird> = server.api_in("default");
    let spec = v1alpha1::BirdSpec { species: "robin".into(), size: 225, color: Some("red".into()) };
    old.create(&PostParams::default(), &v1alpha1::Bird::new("robin", spec)).await.unwrap();
    let new: Api<v1::Bird> = server.api_in("default");
    let patch = Patch::Merge(json!({"spec": {"nickname": "Rob"}}));
    assert_eq!(new.patch("robin", &PatchParams::default(), &patch).await.unwrap().spec.wingspan, 22);
    let bird = old.get("robin").await.unwrap();
    assert_eq!((bird.spec.size, bird.spec.color.as_deref()), (225, Some("red")));
}
