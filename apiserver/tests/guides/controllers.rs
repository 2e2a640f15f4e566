//! docs/controllers.md

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use apiserver::manager::{Context, Lister, conditions};
use apiserver::{Apis, Manager, Strategy, TestServer};
use k8s_openapi::api::events::v1::Event as RecordedEvent;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::finalizer::{Error, Event, finalizer};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1alpha1", kind = "Bird", namespaced, status = "BirdStatus")]
pub struct BirdSpec {
    #[serde(default)]
    pub songs: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BirdStatus {
    pub observed_generation: Option<i64>,
    #[serde(default)]
    pub trees: usize,
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1alpha1", kind = "Nest", namespaced)]
pub struct NestSpec {
    pub tree: String,
}

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1alpha1", kind = "Tree", namespaced)]
pub struct TreeSpec {}

struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;
}

struct TreeStrategy;

impl Strategy for TreeStrategy {
    type Object = Tree;
}

struct NestStrategy;

impl Strategy for NestStrategy {
    type Object = Nest;
}

mod nests {
    use super::*;

    const FINALIZER: &str = "demo.example.com/bird";

    pub async fn run(cx: Context) {
        cx.controller::<Bird>().owns::<Nest>().run(reconcile).await;
    }

    async fn reconcile(bird: Arc<Bird>, cx: Context) -> Result<Action, Error<kube::Error>> {
        let birds = Api::namespaced(cx.client(), &bird.namespace().unwrap_or_default());
        finalizer(&birds, FINALIZER, bird, async |event| match event {
            Event::Apply(bird) => apply(&bird, &cx).await,
            Event::Cleanup(bird) => cleanup(&bird, &cx).await,
        })
        .await
    }

    async fn apply(bird: &Bird, cx: &Context) -> kube::Result<Action> {
        let mut nest = desired_nest(bird);
        cx.owned(&mut nest, bird);
        cx.apply(&nest).await?;

        let generation = bird.metadata.generation;
        let mut status = bird.status.clone().unwrap_or_default();
        status.observed_generation = generation;
        let news = conditions::mark_true(&mut status.conditions, "Ready", "Housed", "It has a nest.", generation);
        cx.apply_status(bird, &status).await?;
        if news {
            cx.recorder().normal(bird, "Housed", "It has a nest.");
        }
        Ok(Action::requeue(Duration::from_secs(600)))
    }

    async fn cleanup(bird: &Bird, cx: &Context) -> kube::Result<Action> {
        cx.delete(&desired_nest(bird)).await?;
        Ok(Action::await_change())
    }
}

fn desired_nest(bird: &Bird) -> Nest {
    let mut nest = Nest::new(&bird.name_any(), NestSpec { tree: "oak".to_owned() });
    nest.metadata.namespace = bird.namespace();
    nest
}

mod trees {
    use super::*;

    pub async fn run(cx: Context) {
        let birds = cx.lister::<Bird>();
        cx.controller::<Bird>().watches::<Tree, _, _>(move |tree| birds_near(&birds, &tree)).run(reconcile).await;
    }

    fn birds_near(birds: &Lister<Bird>, tree: &Tree) -> Vec<ObjectRef<Bird>> {
        let near = birds.list(&tree.namespace().unwrap_or_default());
        near.iter().map(|bird| ObjectRef::from_obj(&**bird)).collect()
    }

    async fn reconcile(bird: Arc<Bird>, cx: Context) -> kube::Result<Action> {
        let trees = cx.lister::<Tree>().list(&bird.namespace().unwrap_or_default());
        let mut status = bird.status.clone().unwrap_or_default();
        status.trees = trees.len();
        cx.apply_status(&*bird, &status).await?;
        Ok(Action::await_change())
    }
}

mod elsewhere {
    use super::*;

    pub async fn run(cx: Context) {
        let prod = cx.cluster("prod");
        cx.controller::<Bird>().watches_in::<Nest, _, _>(&prod, bird_of).run(reconcile).await;
    }

    fn bird_of(nest: Arc<Nest>) -> Option<ObjectRef<Bird>> {
        Some(ObjectRef::new(&nest.name_any()).within(&nest.namespace()?))
    }

    async fn reconcile(bird: Arc<Bird>, cx: Context) -> kube::Result<Action> {
        cx.cluster("prod").apply(&desired_nest(&bird)).await?;
        Ok(Action::await_change())
    }
}

mod by_hand {
    use super::*;

    pub async fn run(cx: Context) {
        let birds = Controller::new(Api::<Bird>::all(cx.client()), watcher::Config::default().labels("song=loud"));
        cx.run(birds, reconcile).await;
    }

    async fn reconcile(bird: Arc<Bird>, cx: Context) -> kube::Result<Action> {
        cx.recorder().normal(&*bird, "Heard", "It is loud.");
        Ok(Action::await_change())
    }
}

/// Stands for a client of some other service.
#[derive(Clone, Default)]
pub struct Weather(Arc<Mutex<Vec<String>>>);

static WEATHER: LazyLock<Weather> = LazyLock::new(Weather::default);

impl Weather {
    fn connect() -> Self {
        WEATHER.clone()
    }

    async fn ask(&self, place: &str) -> Result<(), std::io::Error> {
        self.0.lock().unwrap().push(place.to_owned());
        Ok(())
    }
}

mod other_data {
    use super::*;

    pub async fn run(cx: Context) {
        let weather = Weather::connect();
        cx.controller::<Bird>().run(move |bird, _| reconcile(bird, weather.clone())).await;
    }

    async fn reconcile(bird: Arc<Bird>, weather: Weather) -> Result<Action, std::io::Error> {
        weather.ask(&bird.name_any()).await?;
        Ok(Action::requeue(Duration::from_secs(600)))
    }
}

mod clock {
    use super::*;

    pub async fn run(cx: Context) {
        let mut shutdown = cx.shutdown();
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(Duration::from_secs(60)) => tracing::info!(controller = cx.name(), "still here"),
            }
        }
    }
}

fn install(apis: &mut Apis) {
    apis.add(BirdStrategy).add(NestStrategy).add(TreeStrategy);
}

async fn start(controllers: impl FnOnce(&mut Manager)) -> (TestServer, Api<Bird>) {
    let server = TestServer::start(install).await;
    server.start_controllers(controllers);
    let birds = server.api_in("default");
    let mut robin = Bird::new("robin", BirdSpec::default());
    robin.labels_mut().insert("song".to_owned(), "loud".to_owned());
    birds.create(&PostParams::default(), &robin).await.unwrap();
    (server, birds)
}

fn is_there<K>(object: Option<&K>) -> bool {
    object.is_some()
}

fn is_gone<K>(object: Option<&K>) -> bool {
    object.is_none()
}

async fn reasons(server: &TestServer) -> Vec<String> {
    server.stop_controllers().await;
    let events: Api<RecordedEvent> = server.api();
    let events = events.list(&ListParams::default()).await.unwrap();
    events.into_iter().filter_map(|event| event.reason).collect()
}

#[tokio::test]
async fn the_status_tells_that_it_is_ready_and_an_event_tells_why() {
    let (server, birds) = start(|manager| {
        manager.add("bird", nests::run).add("clock", clock::run);
    })
    .await;
    let ready = |bird: Option<&Bird>| {
        let status = bird.and_then(|bird| bird.status.as_ref());
        status.is_some_and(|status| conditions::is_true(&status.conditions, "Ready"))
    };
    server.eventually(&birds, "robin", ready).await;
    assert_eq!(reasons(&server).await, ["Housed"]);
}

#[tokio::test]
async fn a_nest_that_is_taken_away_is_built_again() {
    let (server, _birds) = start(|manager| {
        manager.add("bird", nests::run);
    })
    .await;
    let nests: Api<Nest> = server.api_in("default");
    let first = server.eventually(&nests, "robin", is_there).await.unwrap();
    assert_eq!(first.owner_references()[0].name, "robin");
    nests.delete("robin", &DeleteParams::default()).await.unwrap();
    let is_another = |nest: Option<&Nest>| nest.is_some_and(|nest| nest.uid() != first.uid());
    server.eventually(&nests, "robin", is_another).await;
    server.stop().await;
}

#[tokio::test]
async fn a_bird_goes_once_its_nest_is_gone() {
    let (server, birds) = start(|manager| {
        manager.add("bird", nests::run);
    })
    .await;
    let nests: Api<Nest> = server.api_in("default");
    server.eventually(&nests, "robin", is_there).await;
    birds.delete("robin", &DeleteParams::default()).await.unwrap();
    server.eventually(&birds, "robin", is_gone).await;
    assert!(nests.list(&ListParams::default()).await.unwrap().items.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_bird_knows_of_the_trees_around() {
    let (server, birds) = start(|manager| {
        manager.add("bird", trees::run);
    })
    .await;
    let trees: Api<Tree> = server.api_in("default");
    trees.create(&PostParams::default(), &Tree::new("oak", TreeSpec {})).await.unwrap();
    let knows =
        |bird: Option<&Bird>| bird.and_then(|bird| bird.status.as_ref()).is_some_and(|status| status.trees == 1);
    server.eventually(&birds, "robin", knows).await;
    server.stop().await;
}

#[tokio::test]
async fn a_nest_in_another_cluster_is_built_again() {
    let prod = TestServer::start(install).await;
    let (server, _birds) = start(|manager| {
        manager.cluster("prod", prod.client());
        manager.add("bird", elsewhere::run);
    })
    .await;
    let nests: Api<Nest> = prod.api_in("default");
    let first = prod.eventually(&nests, "robin", is_there).await.unwrap();
    nests.delete("robin", &DeleteParams::default()).await.unwrap();
    let is_another = |nest: Option<&Nest>| nest.is_some_and(|nest| nest.uid() != first.uid());
    prod.eventually(&nests, "robin", is_another).await;
    server.stop().await;
}

#[tokio::test]
async fn a_controller_may_be_built_by_hand() {
    let (server, _birds) = start(|manager| {
        manager.add("bird", by_hand::run);
    })
    .await;
    let events: Api<RecordedEvent> = server.api();
    while events.list(&ListParams::default()).await.unwrap().items.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(reasons(&server).await, ["Heard"]);
}

#[tokio::test]
async fn a_reconcile_may_use_what_its_controller_made() {
    let (_server, _birds) = start(|manager| {
        manager.add("bird", other_data::run);
    })
    .await;
    tokio::time::timeout(Duration::from_secs(10), async {
        while WEATHER.0.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(*WEATHER.0.lock().unwrap(), ["robin"]);
}
