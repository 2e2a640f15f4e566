//! docs/controllers.md

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use apiserver::manager::{Context, conditions};
use apiserver::{Apis, Manager, Strategy, TestServer};
use futures::TryStreamExt;
use k8s_openapi::api::events::v1::Event as RecordedEvent;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::finalizer;
use kube::runtime::finalizer::Event;
use kube::runtime::wait::{await_condition, conditions as wait};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{CustomResource, Resource, ResourceExt};
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
    pub conditions: Vec<Condition>,
}

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1alpha1", kind = "Nest", namespaced)]
pub struct NestSpec {
    pub tree: String,
}

struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;
}

struct NestStrategy;

impl Strategy for NestStrategy {
    type Object = Nest;
}

mod simple {
    use super::*;

    pub async fn run(cx: Context) {
        let birds = Controller::new(Api::<Bird>::all(cx.client()), watcher::Config::default());
        cx.run(birds, reconcile).await;
    }

    async fn reconcile(bird: Arc<Bird>, cx: Context) -> kube::Result<Action> {
        let generation = bird.metadata.generation;
        let mut status = bird.status.clone().unwrap_or_default();
        status.observed_generation = generation;
        let news = conditions::mark_true(&mut status.conditions, "Ready", "Fed", "It has had worms.", generation);
        cx.patch_status(&*bird, &status).await?;
        if news {
            cx.recorder().normal(&*bird, "Fed", "It has had worms.");
        }
        Ok(Action::await_change())
    }
}

mod owner {
    use super::*;

    pub async fn run(cx: Context) {
        let birds = Controller::new(Api::<Bird>::all(cx.client()), watcher::Config::default())
            .owns(Api::<Nest>::all(cx.client()), watcher::Config::default());
        cx.run(birds, reconcile).await;
    }

    async fn reconcile(bird: Arc<Bird>, cx: Context) -> kube::Result<Action> {
        let nests: Api<Nest> = Api::namespaced(cx.client(), &bird.namespace().unwrap_or_default());
        if nests.get_opt(&bird.name_any()).await?.is_none() {
            let mut nest = Nest::new(&bird.name_any(), NestSpec { tree: "oak".to_owned() });
            nest.metadata.owner_references = bird.controller_owner_ref(&()).map(|owner| vec![owner]);
            nests.create(&PostParams::default(), &nest).await?;
        }
        Ok(Action::await_change())
    }
}

mod cleaner {
    use super::*;

    const FINALIZER: &str = "demo.example.com/nest";

    pub async fn run(cx: Context) {
        let birds = Controller::new(Api::<Bird>::all(cx.client()), watcher::Config::default());
        cx.run(birds, reconcile).await;
    }

    async fn reconcile(bird: Arc<Bird>, cx: Context) -> Result<Action, finalizer::Error<kube::Error>> {
        let namespace = bird.namespace().unwrap_or_default();
        let birds: Api<Bird> = Api::namespaced(cx.client(), &namespace);
        let nests: Api<Nest> = Api::namespaced(cx.client(), &namespace);
        finalizer(&birds, FINALIZER, bird, async |event| match event {
            Event::Apply(bird) => build(&nests, &bird).await,
            Event::Cleanup(bird) => remove(&nests, &bird).await,
        })
        .await
    }

    async fn build(nests: &Api<Nest>, bird: &Bird) -> kube::Result<Action> {
        let nest = Nest::new(&bird.name_any(), NestSpec { tree: "oak".to_owned() });
        match nests.create(&PostParams::default(), &nest).await {
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {}
            result => drop(result?),
        }
        Ok(Action::await_change())
    }

    async fn remove(nests: &Api<Nest>, bird: &Bird) -> kube::Result<Action> {
        match nests.delete(&bird.name_any(), &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            result => drop(result?),
        }
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
        let birds = Controller::new(Api::<Bird>::all(cx.client()), watcher::Config::default());
        cx.run(birds, move |bird, _| reconcile(bird, weather.clone())).await;
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

const SOON: Duration = Duration::from_secs(10);

fn install(apis: &mut Apis) {
    apis.add(BirdStrategy).add(NestStrategy);
}

async fn start(controllers: impl FnOnce(&mut Manager)) -> (TestServer, Api<Bird>) {
    let server = TestServer::start(install).await;
    server.start_controllers(controllers);
    let birds = server.api_in("default");
    birds.create(&PostParams::default(), &Bird::new("robin", BirdSpec::default())).await.unwrap();
    (server, birds)
}

#[tokio::test]
async fn the_status_tells_that_it_is_ready_and_an_event_tells_why() {
    let (server, birds) = start(|manager| {
        manager.add("bird", simple::run).add("clock", clock::run);
    })
    .await;
    let ready = |bird: Option<&Bird>| {
        let status = bird.and_then(|bird| bird.status.as_ref());
        status.is_some_and(|status| conditions::is_true(&status.conditions, "Ready"))
    };
    tokio::time::timeout(SOON, await_condition(birds, "robin", ready)).await.unwrap().unwrap();
    let events = watcher(server.api::<RecordedEvent>(), watcher::Config::default());
    let event = tokio::time::timeout(SOON, std::pin::pin!(events.applied_objects()).try_next()).await;
    assert_eq!(event.unwrap().unwrap().unwrap().reason.as_deref(), Some("Fed"));
    server.stop().await;
}

#[tokio::test]
async fn a_nest_that_is_taken_away_is_built_again() {
    let (server, _birds) = start(|manager| {
        manager.add("bird", owner::run);
    })
    .await;
    let nests: Api<Nest> = server.api_in("default");
    let built = async || {
        let nest = await_condition(nests.clone(), "robin", |nest: Option<&Nest>| nest.is_some());
        tokio::time::timeout(SOON, nest).await.unwrap().unwrap().unwrap()
    };
    let first = built().await;
    assert_eq!(first.owner_references()[0].name, "robin");
    let uid = first.uid().unwrap();
    nests.delete("robin", &DeleteParams::default()).await.unwrap();
    let gone = await_condition(nests.clone(), "robin", wait::is_deleted(&uid));
    tokio::time::timeout(SOON, gone).await.unwrap().unwrap();
    assert_ne!(built().await.uid().unwrap(), uid);
}

#[tokio::test]
async fn a_bird_goes_once_its_nest_is_gone() {
    let (server, birds) = start(|manager| {
        manager.add("bird", cleaner::run);
    })
    .await;
    let nests: Api<Nest> = server.api_in("default");
    let built = await_condition(nests.clone(), "robin", |nest: Option<&Nest>| nest.is_some());
    tokio::time::timeout(SOON, built).await.unwrap().unwrap();
    birds.delete("robin", &DeleteParams::default()).await.unwrap();
    let gone = await_condition(birds, "robin", |bird: Option<&Bird>| bird.is_none());
    tokio::time::timeout(SOON, gone).await.unwrap().unwrap();
    assert!(nests.list(&ListParams::default()).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn a_reconcile_may_use_what_its_controller_made() {
    let (_server, _birds) = start(|manager| {
        manager.add("bird", other_data::run);
    })
    .await;
    tokio::time::timeout(SOON, async {
        while WEATHER.0.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(*WEATHER.0.lock().unwrap(), ["robin"]);
}
