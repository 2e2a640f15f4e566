//! Kinds whose objects the server does not store.

mod common;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apiserver::admission::{Admission, Attributes, Denied};
use apiserver::registry::backend::{Event, Events, Filter, History, List};
use apiserver::storage::memory::MemoryStore;
use apiserver::{Apis, Backend, Error, Parent, RequestContext, Subresource, TestServer, Verb, field};
use common::Server;
use futures::{StreamExt, TryStreamExt};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced, status = "BirdStatus", shortname = "bd")]
#[kube(printcolumn = r#"{"name": "Species", "type": "string", "jsonPath": ".spec.species"}"#)]
#[kube(selectable = ".spec.species", derive = "PartialEq")]
struct BirdSpec {
    species: String,
    #[serde(default = "two")]
    wings: u8,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
struct BirdStatus {
    #[serde(default)]
    phase: String,
}

fn two() -> u8 {
    2
}

/// Birds in a map of this process.
#[derive(Clone)]
struct Aviary {
    birds: Arc<Mutex<BTreeMap<(String, String), Bird>>>,
    history: Arc<History<Bird>>,
}

impl Default for Aviary {
    fn default() -> Self {
        Self { birds: Arc::default(), history: Arc::new(History::new(100, 8)) }
    }
}

impl Aviary {
    fn key(bird: &Bird) -> (String, String) {
        (bird.namespace().unwrap_or_default(), bird.name_any())
    }

    fn put(&self, mut bird: Bird, event: fn(Bird) -> Event<Bird>) -> Bird {
        let mut birds = self.birds.lock().unwrap();
        self.history.add(|version| {
            bird.metadata.resource_version = Some(version.to_string());
            event(bird.clone())
        });
        birds.insert(Self::key(&bird), bird.clone());
        bird
    }
}

impl Backend for Aviary {
    type Object = Bird;
    const VERBS: &'static [Verb] = &[Verb::Get, Verb::List, Verb::Watch, Verb::Create, Verb::Update, Verb::Delete];

    async fn get(&self, cx: &RequestContext, name: &str) -> Result<Bird, Error> {
        let key = (cx.namespace.clone(), name.to_owned());
        self.birds.lock().unwrap().get(&key).cloned().ok_or_else(|| Error::not_found(name))
    }

    async fn list(&self, _: &RequestContext, _: &Filter) -> Result<List<Bird>, Error> {
        let birds = self.birds.lock().unwrap();
        Ok(List::at(self.history.version(), birds.values().cloned()))
    }

    async fn watch(&self, _: &RequestContext, _: &Filter, after: u64) -> Result<Events<Bird>, Error> {
        self.history.after(after)
    }

    async fn create(&self, cx: &RequestContext, mut bird: Bird) -> Result<Bird, Error> {
        if self.get(cx, &bird.name_any()).await.is_ok() {
            return Err(Error::already_exists(bird.name_any()));
        }
        bird.status = Some(BirdStatus { phase: "Egg".into() });
        if cx.dry_run {
            return Ok(bird);
        }
        Ok(self.put(bird, Event::Added))
    }

    async fn update(&self, cx: &RequestContext, new: Bird, old: &Bird) -> Result<Bird, Error> {
        if self.get(cx, &new.name_any()).await?.metadata.resource_version != old.metadata.resource_version {
            return Err(Error::conflict("it has flown on"));
        }
        if cx.dry_run {
            return Ok(new);
        }
        Ok(self.put(new, Event::Modified))
    }

    async fn delete(&self, cx: &RequestContext, bird: &Bird) -> Result<(), Error> {
        if cx.dry_run {
            return Ok(());
        }
        let mut birds = self.birds.lock().unwrap();
        let mut bird = birds.remove(&Self::key(bird)).ok_or_else(|| Error::not_found(""))?;
        self.history.add(|version| {
            bird.metadata.resource_version = Some(version.to_string());
            Event::Deleted(bird)
        });
        Ok(())
    }

    fn validate(&self, _: &RequestContext, bird: &Bird, errors: &mut field::Errors) {
        if bird.spec.species == "dragon" {
            errors.invalid("spec.species", &bird.spec.species, "dragons are no birds");
        }
    }
}

/// Something to read that has no versions.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Moon", no_spec)]
struct MoonFields {
    planet: String,
}

struct Moons;

impl Moons {
    const ALL: [(&str, &str); 3] = [("io", "jupiter"), ("luna", "earth"), ("europa", "jupiter")];
}

impl Backend for Moons {
    type Object = Moon;
    const VERBS: &'static [Verb] = &[Verb::Get, Verb::List];

    async fn get(&self, cx: &RequestContext, name: &str) -> Result<Moon, Error> {
        let all = self.list(cx, &Filter::default()).await?;
        all.items.into_iter().find(|moon| moon.name_any() == name).ok_or_else(|| Error::not_found(name))
    }

    async fn list(&self, _: &RequestContext, _: &Filter) -> Result<List<Moon>, Error> {
        let moon = |(name, planet): (&str, &str)| Moon::new(name, MoonFields { planet: planet.into() });
        Ok(Self::ALL.into_iter().map(moon).collect::<Vec<_>>().into())
    }
}

/// A question and its answer.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "FlightReview", status = "FlightReviewStatus")]
struct FlightReviewSpec {
    species: String,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
struct FlightReviewStatus {
    flies: bool,
}

struct FlightReviews;

impl Backend for FlightReviews {
    type Object = FlightReview;
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(&self, cx: &RequestContext, mut review: FlightReview) -> Result<FlightReview, Error> {
        if cx.user.username == "nobody" {
            return Err(Error::forbidden("ask somebody else"));
        }
        if review.spec.species == "dodo" {
            return Err(Error::unavailable("nobody has seen one for long"));
        }
        review.status = Some(FlightReviewStatus { flies: review.spec.species != "penguin" });
        Ok(review)
    }
}

/// Of a bird that the server does not store.
struct Hatching;

impl Subresource for Hatching {
    type Parent = Bird;
    type Object = Moon;
    const NAME: &'static str = "hatching";
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(&self, _: &RequestContext, bird: &Parent<Bird>, moon: Moon) -> Result<Moon, Error> {
        bird.update_status(|bird| {
            bird.status = Some(BirdStatus { phase: format!("Hatched under {}", moon.spec.planet) });
            Ok(())
        })
        .await?;
        Ok(moon)
    }
}

fn install(apis: &mut Apis, aviary: Aviary) {
    apis.add_backend(aviary).subresource(Hatching);
    apis.add_backend(Moons).add_backend(FlightReviews);
}

async fn server() -> Server {
    let mut apis = Apis::default();
    install(&mut apis, Aviary::default());
    Server::of(apis, Arc::new(MemoryStore::default())).await
}

fn bird(name: &str, species: &str) -> Bird {
    Bird::new(name, BirdSpec { species: species.into(), wings: 2 })
}

#[tokio::test]
async fn an_ordinary_client_sees_nothing_unusual() {
    let server = TestServer::start(|apis| install(apis, Aviary::default())).await;
    let birds: Api<Bird> = server.api_in("default");
    let robin = birds.create(&PostParams::default(), &bird("robin", "robin")).await.unwrap();
    assert!(robin.uid().is_some() && robin.creation_timestamp().is_some());
    assert_eq!(robin.resource_version().as_deref(), Some("101"));
    server.namespace("forest").await;
    server.api_in::<Bird>("forest").create(&PostParams::default(), &bird("owl", "owl")).await.unwrap();
    let again = birds.create(&PostParams::default(), &bird("robin", "robin")).await;
    assert!(matches!(again, Err(kube::Error::Api(status)) if status.reason == "AlreadyExists"));

    let names = |list: kube::core::ObjectList<Bird>| list.iter().map(ResourceExt::name_any).collect::<Vec<_>>();
    assert_eq!(names(birds.list(&ListParams::default()).await.unwrap()), ["robin"]);
    let everywhere: Api<Bird> = server.api();
    let list = everywhere.list(&ListParams::default()).await.unwrap();
    assert_eq!(list.metadata.resource_version.as_deref(), Some("102"));
    assert_eq!(names(list), ["robin", "owl"], "in the order of namespaces");
    assert_eq!(names(everywhere.list(&ListParams::default().fields("spec.species=owl")).await.unwrap()), ["owl"]);

    let patch = Patch::Merge(json!({"metadata": {"labels": {"tame": "yes"}}, "spec": {"species": "redbreast"}}));
    let tame = birds.patch("robin", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!((tame.spec.species.as_str(), tame.status.unwrap().phase.as_str()), ("redbreast", "Egg"));
    assert_eq!(names(birds.list(&ListParams::default().labels("tame")).await.unwrap()), ["robin"]);
    let status = Patch::Merge(json!({"spec": {"species": "lost"}, "status": {"phase": "Singing"}}));
    let singing = birds.patch_status("robin", &PatchParams::default(), &status).await.unwrap();
    assert_eq!((singing.spec.species.as_str(), singing.status.unwrap().phase.as_str()), ("redbreast", "Singing"));

    let partial = birds.get_metadata("robin").await.unwrap();
    assert_eq!(partial.labels()["tame"], "yes");
    birds.delete("robin", &DeleteParams::default()).await.unwrap();
    assert!(birds.get_opt("robin").await.unwrap().is_none());
}

#[tokio::test]
async fn a_watch_follows_the_source() {
    let aviary = Aviary::default();
    let server = TestServer::start(|apis| install(apis, aviary.clone())).await;
    let birds: Api<Bird> = server.api_in("default");
    birds.create(&PostParams::default(), &bird("robin", "robin")).await.unwrap();
    let mut seen = pin!(watcher(birds.clone(), watcher::Config::default().streaming_lists()).applied_objects());
    let next = timeout(SOON, seen.try_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(next.name_any(), "robin");
    let mut changed = next;
    changed.spec.wings = 3;
    // The source may change without the server.
    aviary.put(changed, Event::Modified);
    let next = timeout(SOON, seen.try_next()).await.unwrap().unwrap().unwrap();
    assert_eq!((next.spec.wings, next.resource_version().as_deref()), (3, Some("102")));

    let mut reds = pin!(birds.watch(&WatchParams::default().labels("color=red"), "102").await.unwrap());
    let paint = async |color: Value| {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"color": color}}}));
        birds.patch("robin", &PatchParams::default(), &patch).await.unwrap();
    };
    paint("red".into()).await;
    paint("blue".into()).await;
    paint("red".into()).await;
    birds.delete("robin", &DeleteParams::default()).await.unwrap();
    let mut events = Vec::new();
    while events.len() < 4 {
        events.push(match timeout(SOON, reds.try_next()).await.unwrap().unwrap().unwrap() {
            WatchEvent::Added(bird) => format!("added {}", bird.labels()["color"]),
            WatchEvent::Modified(bird) => format!("modified {}", bird.labels()["color"]),
            WatchEvent::Deleted(bird) => {
                format!("deleted {} {}", bird.labels()["color"], bird.resource_version().unwrap())
            }
            other => format!("{other:?}"),
        });
    }
    // What is gone from the selector is shown as it was.
    assert_eq!(events, ["modified red", "deleted red 104", "added red", "deleted red 106"]);
}

#[tokio::test]
async fn a_watch_keeps_the_rules_of_the_stream() {
    let aviary = Aviary::default();
    let mut apis = Apis::default();
    install(&mut apis, aviary.clone());
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    server.bird("robin", r#"{"species":"robin"}"#).await;
    server.bird("wren", r#"{"species":"wren"}"#).await;
    let check = async |query: &str, expect: &[&str]| {
        let mut events = common::Events::open(&server, query).await;
        let mut found = Vec::new();
        while found.len() < expect.len() {
            found.push(events.next().await);
        }
        assert_eq!(found, expect, "{query}");
    };
    check("timeoutSeconds=1", &["ADDED robin", "ADDED wren", "end"]).await;
    check("resourceVersion=101&timeoutSeconds=1", &["ADDED wren", "end"]).await;
    check("fieldSelector=metadata.name%3Dwren&timeoutSeconds=1", &["ADDED wren", "end"]).await;
    let initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1";
    check(initial, &["ADDED robin", "ADDED wren", "BOOKMARK", "end"]).await;
    let bookmark = async {
        let mut events = common::Events::open(&server, initial).await;
        (events.next().await, events.next().await, events.value().await)
    };
    let (_, _, bookmark) = bookmark.await;
    assert_eq!(
        bookmark["object"]["metadata"],
        json!({"resourceVersion": "102", "annotations": {"k8s.io/initial-events-end": "true"}})
    );
    let mut future =
        common::Events::open(&server, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=200")
            .await;
    assert_eq!(future.value().await["object"]["code"], 504);
    for wings in 0..20 {
        aviary.put(
            Bird { metadata: bird("x", "x").metadata, ..bird("x", "x") },
            if wings == 0 { Event::Added } else { Event::Modified },
        );
    }
    let mut late = common::Events::open(&server, "resourceVersion=101").await;
    let expired = late.value().await;
    assert_eq!((&expired["type"], &expired["object"]["code"]), (&json!("ERROR"), &json!(410)));
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let response = server.open("GET ?watch=1", &table, "").await;
    let chunk = response.into_body();
    let chunk = http_body_util::BodyExt::into_data_stream(chunk).next().await.unwrap().unwrap();
    let first: Value = serde_json::from_slice(chunk.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!(first["object"]["rows"][0]["cells"][0], "robin");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let aviary = Aviary::default();
    let mut apis = Apis::default();
    install(&mut apis, aviary.clone());
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    for name in ["a", "b", "c", "d", "e"] {
        server.bird(name, r#"{"species":"robin"}"#).await;
    }
    let names = |page: &Value| {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = server.ask("GET ?limit=2", "").await.json();
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["a".into(), "b".into()], &json!(3)));
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = server.ask(&format!("GET ?limit=2&continue={token}"), "").await.json();
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
    let last = second["metadata"]["continue"].as_str().unwrap();
    let last = server.ask(&format!("GET ?continue={last}"), "").await.json();
    assert_eq!((names(&last), last["metadata"]["continue"].as_str()), (vec!["e".into()], Some("")));

    server.bird("bb", r#"{"species":"robin"}"#).await;
    let stale = server.ask(&format!("GET ?limit=2&continue={token}"), "").await;
    assert_eq!((stale.code, &stale.json()["reason"]), (410, &json!("Expired")));
    let onward = stale.json()["metadata"]["continue"].as_str().unwrap().to_owned();
    assert_eq!(names(&server.ask(&format!("GET ?continue={onward}"), "").await.json()), ["c", "d", "e"]);
    assert_eq!(server.ask("GET ?continue=nonsense", "").await.code, 400);
    assert_eq!(server.ask("GET ?resourceVersion=500", "").await.code, 504);
    assert_eq!(server.ask("GET ?resourceVersion=101&resourceVersionMatch=Exact", "").await.code, 410);

    // Without versions, pages show what there is.
    let moons = "/apis/demo.example.com/v1/moons";
    let first = server.ask(&format!("GET {moons}?limit=2"), "").await.json();
    let token = first["metadata"]["continue"].as_str().unwrap();
    let rest = server.ask(&format!("GET {moons}?limit=2&continue={token}"), "").await.json();
    assert_eq!((names(&first), names(&rest)), (vec!["europa".into(), "io".into()], vec!["luna".into()]));
}

#[tokio::test]
async fn writes_are_checked_as_everywhere() {
    let server = server().await;
    let made = server.bird("robin", r#"{"species":"robin","size":3}"#).await;
    assert_eq!((&made["spec"], &made["status"]["phase"]), (&json!({"species": "robin", "wings": 2}), &json!("Egg")));
    let check = async |line: &str, body: &str, expect: &str| {
        let failure = server.ask(line, body).await.failure();
        assert!(failure.starts_with(expect), "{line}: {failure}");
    };
    let post = |name: &str, spec: &str| {
        format!(r#"{{"apiVersion":"demo.example.com/v1","kind":"Bird","metadata":{{"name":"{name}"}},"spec":{spec}}}"#)
    };
    let strict = "POST ?fieldValidation=Strict";
    check(strict, &post("wren", r#"{"species":"wren","size":1}"#), "400 Bird in version \"v1\" cannot be handled")
        .await;
    check("POST ", &post("wren", r#"{"species":1}"#), "422 Bird.demo.example.com \"wren\" is invalid: spec.species")
        .await;
    check(
        "POST ",
        &post("wren", r#"{"species":"dragon"}"#),
        "422 Bird.demo.example.com \"wren\" is invalid: spec.species",
    )
    .await;
    check("POST ", &post("Wren", r#"{"species":"wren"}"#), "422 ").await;
    check("POST ", &post("robin", r#"{"species":"wren"}"#), "409 birds.demo.example.com \"robin\" already exists")
        .await;
    check("PUT wren", &post("wren", r#"{"species":"wren"}"#), "404 birds.demo.example.com \"wren\" not found").await;
    check("PUT robin", &post("robin", r#"{"species":"wren"}"#), "422 ").await;
    check("PATCH robin", r#"{"metadata":{"resourceVersion":"7"}}"#, "409 ").await;
    check("PATCH robin", r#"{"spec":{"species":"dragon"}}"#, "422 ").await;
    check("PATCH wren", r#"{"spec":{"species":"wren"}}"#, "404 ").await;
    check("DELETE wren", "", "404 birds.demo.example.com \"wren\" not found").await;
    let options = r#"{"preconditions":{"uid":"other"}}"#;
    check("DELETE robin", options, "409 ").await;

    let unchanged = server.ask("PATCH robin", r#"{"spec":{"species":"robin"}}"#).await.json();
    assert_eq!(unchanged["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    let dry = server.ask("PATCH robin?dryRun=All", r#"{"spec":{"species":"wren"}}"#).await.json();
    assert_eq!(dry["spec"]["species"], "wren");
    assert_eq!(server.ask("DELETE robin?dryRun=All", "").await.code, 200);
    assert_eq!(server.ask("GET robin", "").await.json()["spec"]["species"], "robin");

    let held = server.ask("PATCH robin", r#"{"metadata":{"finalizers":["demo.example.com/cage"]}}"#).await;
    assert_eq!(held.code, 200);
    let marked = server.ask("DELETE robin", "").await.json();
    assert!(marked["metadata"]["deletionTimestamp"].is_string(), "{marked}");
    assert_eq!(server.ask("GET robin", "").await.code, 200);
    assert_eq!(server.ask("PATCH robin", r#"{"metadata":{"finalizers":null}}"#).await.code, 200);
    assert_eq!(server.ask("GET robin", "").await.code, 404);

    for name in ["a", "b", "c"] {
        server.bird(name, r#"{"species":"robin"}"#).await;
    }
    let gone = server.ask("DELETE ?fieldSelector=metadata.name%21%3Db", "").await.json();
    assert_eq!(gone["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(server.ask("GET ", "").await.json()["items"].as_array().map(Vec::len), Some(1));
    let generated = r#"{"apiVersion":"demo.example.com/v1","kind":"Bird","metadata":{"generateName":"tit-"},"spec":{"species":"tit"}}"#;
    let generated = server.ask("POST ", generated).await.json();
    assert!(generated["metadata"]["name"].as_str().is_some_and(|name| name.len() == 9), "{generated}");
}

#[tokio::test]
async fn objects_are_applied() {
    let server = TestServer::start(|apis| install(apis, Aviary::default())).await;
    let birds: Api<Bird> = server.api_in("default");
    let apply = async |manager: &str, spec: Value| {
        let bird = json!({
            "apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": {"name": "robin"}, "spec": spec,
        });
        birds.patch("robin", &PatchParams::apply(manager), &Patch::Apply(bird)).await
    };
    let made = apply("keeper", json!({"species": "robin", "wings": 3})).await.unwrap();
    assert_eq!((made.spec.wings, made.status.unwrap().phase.as_str()), (3, "Egg"));
    let same = apply("keeper", json!({"species": "robin", "wings": 3})).await.unwrap();
    assert_eq!(same.metadata.resource_version, made.metadata.resource_version);
    let refused = apply("visitor", json!({"species": "wren"})).await;
    assert!(matches!(&refused, Err(kube::Error::Api(status)) if status.code == 409), "{refused:?}");
    let less = apply("keeper", json!({"species": "robin"})).await.unwrap();
    assert_eq!(less.spec.wings, 2, "what is wanted no more is as by default");
}

#[tokio::test]
async fn objects_come_in_every_form() {
    let server = server().await;
    server.bird("robin", r#"{"species":"robin"}"#).await;
    let table = server.send("GET ", &[("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")], "").await.json();
    assert_eq!(table["rows"][0]["cells"], json!(["robin", "robin"]));
    assert_eq!(table["columnDefinitions"][1]["name"], "Species");
    let yaml = server.send("GET robin", &[("accept", "application/yaml")], "").await.text();
    assert!(yaml.contains("species: robin"), "{yaml}");
    let partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let partial = server.send("GET ", &[("accept", partial)], "").await.json();
    assert_eq!((&partial["kind"], &partial["items"][0]["spec"]), (&json!("PartialObjectMetadataList"), &Value::Null));
    let moon = server.ask("GET /apis/demo.example.com/v1/moons/luna", "").await.json();
    assert_eq!(
        moon,
        json!({"apiVersion": "demo.example.com/v1", "kind": "Moon", "metadata": {"name": "luna"}, "planet": "earth"})
    );
    let moons = server
        .send("GET /apis/demo.example.com/v1/moons", &[("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")], "")
        .await;
    assert_eq!(moons.json()["rows"][2]["cells"], json!(["luna", null]), "{}", moons.text());
}

#[tokio::test]
async fn a_question_needs_no_name() {
    let server = server().await;
    let reviews = "/apis/demo.example.com/v1/flightreviews";
    let ask = async |species: &str| {
        let body = json!({
            "apiVersion": "demo.example.com/v1", "kind": "FlightReview", "spec": {"species": species},
        });
        server.ask(&format!("POST {reviews}"), &body.to_string()).await
    };
    let answer = ask("penguin").await;
    assert_eq!((answer.code, &answer.json()["status"]), (201, &json!({"flies": false})), "{}", answer.text());
    assert_eq!(answer.json()["metadata"], json!({}));
    let dodo = ask("dodo").await;
    assert_eq!(
        (dodo.failure().as_str(), &dodo.headers["retry-after"]),
        ("503 nobody has seen one for long", &"5".parse().unwrap())
    );
    let message = r#"405 list is not supported on resources of kind "flightreviews.demo.example.com""#;
    assert_eq!(server.ask(&format!("GET {reviews}"), "").await.failure(), message);
    assert_eq!(server.ask(&format!("GET {reviews}/x"), "").await.code, 405);
}

#[tokio::test]
async fn only_what_is_implemented_is_listed() {
    let server = server().await;
    let list = server.ask("GET /apis/demo.example.com/v1", "").await.json();
    let rows: Vec<String> = list["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| format!("{} {}", resource["name"].as_str().unwrap(), resource["verbs"]))
        .collect();
    assert_eq!(
        rows,
        [
            r#"birds ["create","delete","deletecollection","get","list","patch","update","watch"]"#,
            r#"birds/hatching ["create"]"#,
            r#"birds/status ["get","patch","update"]"#,
            r#"flightreviews ["create"]"#,
            r#"moons ["get","list"]"#,
        ]
    );
    assert!(list["resources"][0].get("storageVersionHash").is_none());
    let document = server.ask("GET /openapi/v3/apis/demo.example.com/v1", "").await.json();
    let paths = document["paths"].as_object().unwrap();
    let methods = |path: &str| {
        let item = paths.get(&format!("/apis/demo.example.com/v1/{path}"));
        let item = item.and_then(Value::as_object).into_iter().flat_map(|item| item.keys());
        item.filter(|key| *key != "parameters").cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(methods("moons"), "get");
    assert_eq!(methods("moons/{name}"), "get");
    assert_eq!(methods("flightreviews"), "post");
    assert_eq!(methods("flightreviews/{name}"), "");
    assert_eq!(methods("flightreviews/{name}/status"), "");
    assert_eq!(methods("namespaces/{namespace}/birds"), "delete get post");
    for (line, verb) in [("DELETE", "delete"), ("PUT", "update"), ("PATCH", "patch")] {
        let body = r#"{"apiVersion":"demo.example.com/v1","kind":"Moon","metadata":{"name":"io"},"planet":"mars"}"#;
        let answer = server.ask(&format!("{line} /apis/demo.example.com/v1/moons/io"), body).await;
        assert_eq!(
            answer.failure(),
            format!("405 {verb} is not supported on resources of kind \"moons.demo.example.com\"")
        );
        assert_eq!(answer.json()["details"], json!({"group": "demo.example.com", "kind": "moons"}));
    }
}

#[tokio::test]
async fn subresources_change_their_parent_through_the_backend() {
    let server = server().await;
    server.bird("robin", r#"{"species":"robin"}"#).await;
    let moon = r#"{"apiVersion":"demo.example.com/v1","kind":"Moon","planet":"earth"}"#;
    let answer = server.ask("POST robin/hatching", moon).await;
    assert_eq!(answer.code, 201, "{}", answer.text());
    assert_eq!(server.ask("GET robin", "").await.json()["status"]["phase"], "Hatched under earth");
}

/// Names what it is shown.
struct Witness(Arc<Mutex<Vec<String>>>);

#[async_trait::async_trait]
impl Admission for Witness {
    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let species =
            |object: Option<&Value>| object.map_or("-".into(), |object| object["spec"]["species"].to_string());
        let (new, old) = (species(request.object()), species(request.old_object()));
        self.0.lock().unwrap().push(format!("{:?} {} {new} {old}", request.operation, request.name));
        Ok(())
    }
}

#[tokio::test]
async fn admission_sees_every_write() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut apis = Apis::default();
    install(&mut apis, Aviary::default());
    apis.admission(Witness(seen.clone()));
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    server.bird("robin", r#"{"species":"robin"}"#).await;
    server.ask("PATCH robin", r#"{"spec":{"species":"wren"}}"#).await;
    server.ask("DELETE robin", "").await;
    let expect = [r#"Create robin "robin" -"#, r#"Update robin "wren" "robin""#, r#"Delete robin - "wren""#];
    assert_eq!(*seen.lock().unwrap(), expect);
}

#[tokio::test]
async fn a_backend_is_no_crd_and_its_verbs_make_sense() {
    let mut apis = Apis::default();
    install(&mut apis, Aviary::default());
    assert!(apis.crds().is_empty());
    assert_eq!(apis.kinds().unwrap().len(), 3);

    struct Blind;
    impl Backend for Blind {
        type Object = Moon;
        const VERBS: &'static [Verb] = &[Verb::Update];
    }
    let mut apis = Apis::default();
    apis.add_backend(Blind);
    let error = apis.kinds().unwrap_err().to_string();
    assert!(error.contains("Update and Delete need Get"), "{error}");
}

#[tokio::test]
async fn what_a_project_keeps_owns_and_is_owned() {
    let mut apis = Apis::default();
    apis.add_backend(Aviary::default());
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    const MAPS: &str = "/api/v1/namespaces/default/configmaps";
    let map = |name: &str, owners: Value| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": owners}})
            .to_string()
    };
    let gone = async |path: &str| {
        timeout(SOON, async {
            while server.ask(&format!("GET {path}"), "").await.code != 404 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .expect("it is collected");
    };
    let owner = server.ask(&format!("POST {MAPS}"), &map("owner", json!([]))).await.json();
    let reference =
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}]);
    let bird = json!({
        "apiVersion": "demo.example.com/v1", "kind": "Bird", "spec": {"species": "robin"},
        "metadata": {"name": "robin", "ownerReferences": reference},
    });
    let bird = server.ask("POST ", &bird.to_string()).await.json();
    let reference = json!([{
        "apiVersion": "demo.example.com/v1", "kind": "Bird", "name": "robin", "uid": bird["metadata"]["uid"],
    }]);
    assert_eq!(server.ask(&format!("POST {MAPS}"), &map("owned", reference)).await.code, 201);
    assert_eq!(server.ask(&format!("DELETE {MAPS}/owner"), "").await.code, 200);
    gone("robin").await;
    gone(&format!("{MAPS}/owned")).await;
}
