//! The test server through the clients that tests have.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::{Request, Response, StatusCode};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::wait::await_condition;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::TestServer;
use crate::apis::Apis;
use crate::manager::{Context, conditions};
use crate::registry::strategy::Strategy;
use crate::request::context::RequestContext;
use crate::request::user::UserInfo;

#[derive(kube::CustomResource, Clone, Debug, Default, Deserialize, PartialEq, Serialize, schemars::JsonSchema)]
#[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced, status = "BirdStatus")]
struct BirdSpec {
    /// Who created it, as the strategy saw it.
    #[serde(default)]
    keeper: String,
    #[serde(default)]
    wings: u8,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct BirdStatus {
    observed_generation: Option<i64>,
    #[serde(default)]
    conditions: Vec<Condition>,
}

struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;

    fn prepare_for_create(&self, cx: &RequestContext, bird: &mut Bird) {
        bird.spec.keeper = cx.user.username.clone();
    }
}

fn install(apis: &mut Apis) {
    apis.add(BirdStrategy);
}

fn bird(name: &str) -> Bird {
    Bird::new(name, BirdSpec::default())
}

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_ordinary_client_creates_lists_and_deletes() {
    let server = TestServer::start(install).await;
    let birds: Api<Bird> = server.api_in("default");
    birds.create(&PostParams::default(), &bird("robin")).await.unwrap();
    server.namespace("forest").await;
    server.api_in("forest").create(&PostParams::default(), &bird("owl")).await.unwrap();
    let names = |list: kube::core::ObjectList<Bird>| list.iter().map(ResourceExt::name_any).collect::<Vec<_>>();
    assert_eq!(names(birds.list(&ListParams::default()).await.unwrap()), ["robin"]);
    let everywhere: Api<Bird> = server.api();
    assert_eq!(names(everywhere.list(&ListParams::default()).await.unwrap()), ["robin", "owl"]);
    birds.delete("robin", &DeleteParams::default()).await.unwrap();
    assert!(birds.get_opt("robin").await.unwrap().is_none());
}

#[tokio::test]
async fn a_watch_streams_and_ends_with_the_server() {
    let server = TestServer::start(install).await;
    let birds: Api<Bird> = server.api_in("default");
    let without_bookmarks = WatchParams::default().disable_bookmarks();
    let mut events = pin!(birds.watch(&without_bookmarks, "0").await.unwrap());
    for name in ["robin", "wren"] {
        birds.create(&PostParams::default(), &bird(name)).await.unwrap();
        let event = timeout(SOON, events.try_next()).await.unwrap().unwrap();
        let Some(WatchEvent::Added(bird)) = event else { panic!("{event:?}") };
        assert_eq!(bird.name_any(), name);
    }
    drop(server);
    assert!(timeout(SOON, events.next()).await.unwrap().is_none());
    let refused = birds.list(&ListParams::default()).await;
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.code == 503));
}

#[tokio::test]
async fn hooks_see_the_user_of_the_client() {
    let server = TestServer::start(install).await;
    let keeper = async |client| {
        let birds: Api<Bird> = Api::default_namespaced(client);
        let mut bird = bird("");
        bird.metadata.generate_name = Some("bird-".into());
        birds.create(&PostParams::default(), &bird).await.map(|bird| bird.spec.keeper)
    };
    assert_eq!(keeper(server.client()).await.unwrap(), "test-admin");
    let alice = server.client_as(UserInfo::authenticated("alice", []));
    assert_eq!(keeper(alice).await.unwrap(), "alice");
    let refused = keeper(server.client_as(UserInfo::anonymous())).await;
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.code == 403));
}

#[tokio::test]
async fn a_raw_request_is_answered_as_it_is() {
    let server = TestServer::start(install).await;
    #[track_caller]
    fn check(answer: Response<Bytes>, status: StatusCode, holds: &str) {
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(answer.status() == status && text.contains(holds), "{} {text}", answer.status());
    }
    let birds = "/apis/demo.example.com/v1/namespaces/default/birds";
    let get = |path: &str| Request::get(path).body("").unwrap();
    check(server.request(get("/readyz")).await, StatusCode::OK, "ok");
    check(server.request(get(birds)).await, StatusCode::OK, "BirdList");
    check(server.request(get("/apis/nowhere")).await, StatusCode::NOT_FOUND, "404");
    let post = Request::post(birds).header("content-type", "application/json").body("{").unwrap();
    check(server.request(post).await, StatusCode::BAD_REQUEST, "Status");
    let mut anonymous = get(birds);
    anonymous.extensions_mut().insert(Arc::new(UserInfo::anonymous()));
    check(server.request(anonymous).await, StatusCode::FORBIDDEN, "system:anonymous");
}

async fn run(cx: Context) {
    let birds = Controller::new(Api::<Bird>::all(cx.client()), watcher::Config::default());
    cx.run(birds, reconcile).await;
}

async fn reconcile(bird: Arc<Bird>, cx: Context) -> kube::Result<Action> {
    let generation = bird.metadata.generation;
    let mut status = bird.status.clone().unwrap_or_default();
    status.observed_generation = generation;
    let news = conditions::mark_true(&mut status.conditions, "Ready", "Hatched", "It is out.", generation);
    cx.patch_status(&*bird, &status).await?;
    if news {
        cx.recorder().normal(&*bird, "Hatched", "It is out.");
    }
    Ok(Action::await_change())
}

#[tokio::test]
async fn controllers_reconcile_until_the_server_stops() {
    let server = TestServer::start(install).await;
    server.start_controllers(|manager| {
        manager.add("bird", run);
    });
    let birds: Api<Bird> = server.api_in("default");
    birds.create(&PostParams::default(), &bird("robin")).await.unwrap();
    let ready = async |generation: i64| {
        let seen = |bird: Option<&Bird>| {
            let status = bird.and_then(|bird| bird.status.as_ref());
            status.is_some_and(|status| {
                conditions::is_true(&status.conditions, "Ready") && status.observed_generation == Some(generation)
            })
        };
        timeout(SOON, await_condition(birds.clone(), "robin", seen)).await.unwrap().unwrap().unwrap()
    };
    assert_eq!(ready(1).await.metadata.generation, Some(1));
    let wings = Patch::Merge(json!({"spec": {"wings": 2}}));
    birds.patch("robin", &PatchParams::default(), &wings).await.unwrap();
    let bird = ready(2).await;
    assert_eq!((bird.metadata.generation, bird.spec.wings), (Some(2), 2));

    let events = watcher(server.api_in::<Event>("default"), watcher::Config::default());
    let event = timeout(SOON, pin!(events.applied_objects()).try_next()).await.unwrap().unwrap().unwrap();
    assert_eq!((event.reason.as_deref(), event.note.as_deref()), (Some("Hatched"), Some("It is out.")));
    server.stop().await;
}

#[tokio::test]
async fn repeated_events_are_one_event_with_a_count() {
    let server = TestServer::start(install).await;
    server.start_controllers(|manager| {
        manager.add("bird", async |cx: Context| {
            for _ in 0..3 {
                cx.recorder().warning(&bird("robin"), "Hungry", "Where are the worms?");
            }
            cx.shutdown().await;
        });
    });
    let counted = |event: &Event| event.series.as_ref().map(|series| series.count);
    let events = watcher(server.api::<Event>(), watcher::Config::default());
    let mut events = pin!(events.applied_objects());
    let mut last = None;
    while last.as_ref().and_then(counted) != Some(3) {
        last = timeout(SOON, events.try_next()).await.unwrap().unwrap();
    }
    assert_eq!(server.api::<Event>().list(&ListParams::default()).await.unwrap().items.len(), 1);
    let core = "/api/v1/namespaces/default/events";
    let answer = server.request(Request::get(core).body("").unwrap()).await;
    let list: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(list["items"][0]["message"], "Where are the worms?");
}

#[tokio::test]
#[should_panic(expected = "controller \"lazy\" ended")]
async fn stopping_tells_of_a_controller_that_ended_early() {
    let server = TestServer::start(install).await;
    server.start_controllers(|manager| {
        manager.add("lazy", async |_| {});
    });
    // Whichever is first: the end of the controller, or that it is seen when the manager stops.
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.stop().await;
}

#[tokio::test]
#[should_panic(expected = "added twice")]
async fn kinds_that_cannot_be_served_are_told() {
    let _server = TestServer::start(|apis| {
        apis.add(BirdStrategy).add(BirdStrategy);
    })
    .await;
}
