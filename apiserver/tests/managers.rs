//! Controllers over the informers of a manager, against a server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apiserver::manager::{Context, conditions};
use apiserver::{Apis, Manager, Strategy, TestServer};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DeleteParams, PostParams};
use kube::core::{Expression, Selector};
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::wait::await_condition;
use kube::{CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(30);

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced, status = "BirdStatus")]
struct BirdSpec {
    #[serde(default)]
    songs: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct BirdStatus {
    observed_generation: Option<i64>,
    #[serde(default)]
    conditions: Vec<Condition>,
}

struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;
}

fn install(apis: &mut Apis) {
    apis.add(BirdStrategy);
}

async fn serve() -> TestServer {
    TestServer::start(install).await
}

fn map(name: &str) -> ConfigMap {
    let mut map = ConfigMap::default();
    map.metadata.name = Some(name.to_owned());
    map
}

/// Calls of reconcile, by object.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<BTreeMap<String, usize>>>);

impl Calls {
    fn note(&self, name: &str) {
        *self.0.lock().unwrap().entry(name.to_owned()).or_default() += 1;
    }

    fn of(&self, name: &str) -> usize {
        self.0.lock().unwrap().get(name).copied().unwrap_or_default()
    }

    /// Waits until an object was reconciled more often than that.
    async fn more(&self, name: &str, than: usize) {
        let more = async {
            while self.of(name) <= than {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, more).await.unwrap_or_else(|_| panic!("{name} was reconciled {} times", self.of(name)));
    }
}

async fn nothing_changes(calls: &Calls, name: &str) {
    let before = calls.of(name);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(calls.of(name), before, "{name}");
}

mod nests {
    use super::*;

    pub async fn run(cx: Context, calls: Calls) {
        let reconcile = move |bird: Arc<Bird>, cx: Context| {
            let calls = calls.clone();
            async move {
                let result = reconcile(&bird, &cx).await;
                calls.note(&bird.name_any());
                result
            }
        };
        cx.controller::<Bird>().owns::<ConfigMap>().concurrency(2).run(reconcile).await;
    }

    async fn reconcile(bird: &Bird, cx: &Context) -> kube::Result<Action> {
        let mut nest = map(&bird.name_any());
        nest.data = Some([("songs".to_owned(), bird.spec.songs.join(", "))].into());
        cx.owned(&mut nest, bird);
        let nest = cx.apply(&nest).await?;
        assert!(nest.metadata.uid.is_some());
        let generation = bird.metadata.generation;
        let mut status = bird.status.clone().unwrap_or_default();
        status.observed_generation = generation;
        conditions::mark_true(&mut status.conditions, "Ready", "Built", "It has a nest.", generation);
        cx.apply_status(bird, &status).await?;
        Ok(Action::await_change())
    }
}

fn is_ready(bird: Option<&Bird>) -> bool {
    let status = bird.and_then(|bird| bird.status.as_ref());
    status.is_some_and(|status| conditions::is_true(&status.conditions, "Ready"))
}

#[tokio::test]
async fn what_an_object_owns_is_made_repaired_and_left_alone() {
    let (server, calls) = (serve().await, Calls::default());
    let told = calls.clone();
    server.start_controllers(|manager| {
        manager.add("nests", move |cx| nests::run(cx, told));
    });
    let (birds, maps) = (server.api_in::<Bird>("default"), server.api_in::<ConfigMap>("default"));
    let robin = Bird::new("robin", BirdSpec { songs: vec!["tic".to_owned()] });
    birds.create(&PostParams::default(), &robin).await.unwrap();
    let robin = timeout(SOON, await_condition(birds.clone(), "robin", is_ready)).await.unwrap().unwrap().unwrap();
    let managers: Vec<_> = robin.managed_fields().iter().filter_map(|entry| entry.subresource.clone()).collect();
    assert_eq!(managers, ["status"]);
    let nest = maps.get("robin").await.unwrap();
    assert_eq!(nest.data.as_ref().unwrap()["songs"], "tic");
    assert_eq!(nest.owner_references()[0].controller, Some(true));
    assert_eq!(nest.managed_fields()[0].manager.as_deref(), Some("nests"));

    // Its own writes wake it a few times, and then there is nothing to do.
    tokio::time::sleep(Duration::from_millis(100)).await;
    nothing_changes(&calls, "robin").await;
    let before = calls.of("robin");
    maps.delete("robin", &DeleteParams::default()).await.unwrap();
    calls.more("robin", before).await;
    let repaired = timeout(SOON, await_condition(maps.clone(), "robin", |map: Option<&ConfigMap>| map.is_some()));
    assert_ne!(repaired.await.unwrap().unwrap().unwrap().uid(), nest.uid());
    server.stop().await;
}

#[tokio::test]
async fn controllers_share_what_they_watch_and_wake_each_for_itself() {
    let server = serve().await;
    let (early, late) = (Calls::default(), Calls::default());
    let (told_early, told_late) = (early.clone(), late.clone());
    let listed = Arc::new(Mutex::new(String::new()));
    let told = listed.clone();
    let maps = server.api_in::<ConfigMap>("default");
    for (name, tree) in [("oak", "tall"), ("elm", "small")] {
        let mut map = map(name);
        map.labels_mut().insert("tree".to_owned(), tree.to_owned());
        maps.create(&PostParams::default(), &map).await.unwrap();
    }
    let birds = server.api_in::<Bird>("default");
    birds.create(&PostParams::default(), &Bird::new("robin", BirdSpec::default())).await.unwrap();
    server.start_controllers(|manager| {
        manager.add("early", async move |cx: Context| {
            let trees = cx.lister::<ConfigMap>();
            let reconcile = move |bird: Arc<Bird>, _| {
                let names =
                    |maps: Vec<Arc<ConfigMap>>| maps.iter().map(|map| map.name_any()).collect::<Vec<_>>().join(" ");
                let tall = Selector::from(Expression::Equal("tree".to_owned(), "tall".to_owned()));
                *told.lock().unwrap() = format!(
                    "{} | {} | {} | {}",
                    names(trees.list("default")),
                    names(trees.list("elsewhere")),
                    names(trees.matching("", &tall)),
                    trees.get("default", "elm").is_some(),
                );
                told_early.note(&bird.name_any());
                std::future::ready(Ok::<_, kube::Error>(Action::await_change()))
            };
            cx.controller::<Bird>().run(reconcile).await;
        });
        manager.add("late", async move |cx: Context| {
            // When the other has long begun.
            tokio::time::sleep(Duration::from_millis(200)).await;
            let reconcile = move |bird: Arc<Bird>, _| {
                told_late.note(&bird.name_any());
                std::future::ready(Ok::<_, kube::Error>(Action::await_change()))
            };
            let all_birds = |_: Arc<ConfigMap>| [ObjectRef::new("robin").within("default")];
            cx.controller::<Bird>().watches::<ConfigMap, _, _>(all_birds).run(reconcile).await;
        });
    });
    early.more("robin", 0).await;
    late.more("robin", 0).await;
    assert_eq!(*listed.lock().unwrap(), "elm oak |  | oak | true");

    tokio::time::sleep(Duration::from_millis(100)).await;
    let before = (early.of("robin"), late.of("robin"));
    maps.delete("oak", &DeleteParams::default()).await.unwrap();
    late.more("robin", before.1).await;
    assert_eq!(early.of("robin"), before.0);
    server.stop().await;
}

#[tokio::test]
async fn objects_are_reconciled_again_though_nothing_changed() {
    let (server, calls) = (serve().await, Calls::default());
    let birds = server.api_in::<Bird>("default");
    birds.create(&PostParams::default(), &Bird::new("robin", BirdSpec::default())).await.unwrap();
    let told = calls.clone();
    server.start_controllers(|manager| {
        manager.add("again", async move |cx: Context| {
            let reconcile = move |bird: Arc<Bird>, _| {
                told.note(&bird.name_any());
                std::future::ready(Ok::<_, kube::Error>(Action::await_change()))
            };
            cx.controller::<Bird>().resync(Duration::from_millis(20)).run(reconcile).await;
        });
    });
    calls.more("robin", 3).await;
    server.stop().await;
}

#[tokio::test]
async fn another_cluster_wakes_a_controller_that_acts_there() {
    let (here, there) = (serve().await, serve().await);
    let prod = there.client();
    here.start_controllers(|manager: &mut Manager| {
        manager.cluster("prod", prod).add("mirror", async |cx: Context| {
            let prod = cx.cluster("prod");
            let (listed, client) = (prod.lister::<ConfigMap>(), prod.client());
            let reconcile = move |bird: Arc<Bird>, _| {
                let (listed, client) = (listed.clone(), client.clone());
                async move {
                    if listed.get("default", "wanted").is_some() {
                        let maps = Api::<ConfigMap>::namespaced(client, "default");
                        maps.create(&PostParams::default(), &map(&bird.name_any())).await?;
                    }
                    Ok::<_, kube::Error>(Action::await_change())
                }
            };
            let wake = |_: Arc<ConfigMap>| [ObjectRef::new("robin").within("default")];
            cx.controller::<Bird>().watches_in::<ConfigMap, _, _>(&prod, wake).run(reconcile).await;
        });
    });
    let birds = here.api_in::<Bird>("default");
    birds.create(&PostParams::default(), &Bird::new("robin", BirdSpec::default())).await.unwrap();
    let maps = there.api_in::<ConfigMap>("default");
    maps.create(&PostParams::default(), &map("wanted")).await.unwrap();
    let made = await_condition(maps.clone(), "robin", |map: Option<&ConfigMap>| map.is_some());
    timeout(SOON, made).await.unwrap().unwrap();
    assert!(here.api_in::<ConfigMap>("default").get_opt("robin").await.unwrap().is_none());
}
