//! docs/testing.md

use std::time::Duration;

use apiserver::request::user::UserInfo;
use apiserver::testing::trials;
use apiserver::{RequestContext, Strategy, TestServer, field};
use kube::api::{Api, PostParams};
use kube::runtime::wait::await_condition;
use kube::{CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1alpha1", kind = "Bird", namespaced, status = "BirdStatus")]
pub struct BirdSpec {
    pub song: String,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct BirdStatus {
    pub sings: Option<bool>,
}

struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;

    fn prepare_for_create(&self, cx: &RequestContext, bird: &mut Bird) {
        bird.annotations_mut().insert("demo.example.com/keeper".to_owned(), cx.user.username.clone());
    }

    fn validate(&self, _cx: &RequestContext, bird: &Bird, errors: &mut field::Errors) {
        if bird.spec.song.is_empty() {
            errors.required("spec.song", "a bird sings");
        }
    }
}

/// What a project has in its own crate.
mod aviary {
    pub mod apis {
        pub fn install(apis: &mut apiserver::Apis) {
            apis.add(super::super::BirdStrategy);
        }
    }

    pub mod controllers {
        use std::sync::Arc;

        use apiserver::manager::Context;
        use kube::Api;
        use kube::runtime::controller::{Action, Controller};
        use kube::runtime::watcher;

        use super::super::{Bird, BirdStatus};

        pub fn install(manager: &mut apiserver::Manager) {
            manager.add("bird", run);
        }

        async fn run(cx: Context) {
            let birds = Controller::new(Api::<Bird>::all(cx.client()), watcher::Config::default());
            cx.run(birds, reconcile).await;
        }

        async fn reconcile(bird: Arc<Bird>, cx: Context) -> kube::Result<Action> {
            cx.patch_status(&*bird, &BirdStatus { sings: Some(true) }).await?;
            Ok(Action::await_change())
        }
    }
}

#[tokio::test]
async fn a_bird_needs_a_song() {
    let server = TestServer::start(aviary::apis::install).await;
    let birds: Api<Bird> = server.api_in("default");

    let robin = Bird::new("robin", BirdSpec { song: "tic-tic".to_owned() });
    birds.create(&PostParams::default(), &robin).await.unwrap();

    let mute = Bird::new("mute", BirdSpec { song: String::new() });
    let error = birds.create(&PostParams::default(), &mute).await.unwrap_err();
    assert!(error.to_string().contains("spec.song: Required value"), "{error}");
}

#[tokio::test]
async fn a_bird_sings() {
    let server = TestServer::start(aviary::apis::install).await;
    server.start_controllers(aviary::controllers::install);
    let birds: Api<Bird> = server.api_in("default");
    let robin = Bird::new("robin", BirdSpec { song: "tic-tic".to_owned() });
    birds.create(&PostParams::default(), &robin).await.unwrap();

    let sings = |bird: Option<&Bird>| bird.and_then(|bird| bird.status.as_ref()?.sings) == Some(true);
    timeout(Duration::from_secs(10), await_condition(birds, "robin", sings)).await.unwrap().unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_bird_sings_on_a_bad_day() {
    trials(0..5, async |trial| {
        let server = TestServer::start(aviary::apis::install).await;
        server.faults(trial.faults());
        server.start_controllers(aviary::controllers::install);
        let birds: Api<Bird> = server.api_in("default");
        let robin = Bird::new("robin", BirdSpec { song: "tic-tic".to_owned() });
        birds.create(&PostParams::default(), &robin).await.unwrap();

        let sings = |bird: Option<&Bird>| bird.and_then(|bird| bird.status.as_ref()?.sings) == Some(true);
        server.eventually(&birds, "robin", sings).await;
        server.calm();
        server.quiet().await;
        server.stop_controllers().await;

        // Started again, they look at everything once more.
        let before = server.writes();
        server.start_controllers(aviary::controllers::install);
        server.quiet().await;
        assert_eq!(server.writes(), before, "a second pass changes nothing");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_keeper_is_whoever_creates_it() {
    let server = TestServer::start(aviary::apis::install).await;
    let alice = server.client_as(UserInfo::authenticated("alice", ["keepers".to_owned()]));
    let birds: Api<Bird> = Api::namespaced(alice, "default");
    let robin = Bird::new("robin", BirdSpec { song: "tic-tic".to_owned() });
    let robin = birds.create(&PostParams::default(), &robin).await.unwrap();
    assert_eq!(robin.annotations()["demo.example.com/keeper"], "alice");
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let server = TestServer::start(aviary::apis::install).await;
    let request = http::Request::post("/apis/demo.example.com/v1alpha1/namespaces/default/birds")
        .header("content-type", "application/json")
        .body("{\"spec\": ")
        .unwrap();
    assert_eq!(server.request(request).await.status(), 400);
}
