//! Many at once, on each storage: patches of one object that all take effect, and watchers who all see the same.
//!
//! `APISERVER_TEST_SOAK_SECONDS` says how long the writers write; five seconds unless told.

#[path = "../common/mod.rs"]
mod common;
mod watchers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apiserver::storage::Store;
use apiserver::storage::embedded::EmbeddedStore;
use apiserver::storage::etcd::testing::EtcdServer;
use apiserver::storage::memory::MemoryStore;
use common::Server;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use watchers::{Event, Plan};

macro_rules! on_each_storage {
    ($($promise:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(super::MemoryStore::default()).await;
            })*
        }
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                let folder = tempfile::tempdir().expect("a folder");
                let store = super::EmbeddedStore::open(&folder.path().join("data")).expect("a store");
                super::$promise(store).await;
            })*
        }
        mod etcd {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                let etcd = tokio::task::spawn_blocking(super::EtcdServer::start).await.expect("etcd starts");
                // `None` only where the tests were told to do without etcd.
                let Some(etcd) = etcd else { return };
                super::$promise(etcd.store().await).await;
            })*
        }
    };
}

on_each_storage! {
    patches_of_one_object_all_take_effect
    a_hundred_appliers_own_what_they_brought
    everybody_sees_every_change_once_and_in_one_order
}

/// Clients who patch at once; more than a client would ever retry for.
const CROWD: usize = 100;

async fn patches_of_one_object_all_take_effect(store: impl Store) {
    let server = Server::on(Arc::new(store)).await;
    server.bird("robin", r#"{"species":"robin","songs":["first"]}"#).await;
    let patch = async |number: usize| match number % 4 {
        0 => server.ask("PATCH robin", &format!(r#"{{"metadata":{{"labels":{{"l{number}":"x"}}}}}}"#)).await,
        1 => server.ask("PATCH robin", &format!(r#"{{"metadata":{{"annotations":{{"a{number}":"x"}}}}}}"#)).await,
        2 => server.ask("PATCH robin", &json!([add("/spec/songs/-", &format!("s{number}"))]).to_string()).await,
        // The status is written by a way of its own, and counts as a write of the object all the same.
        _ => {
            let path = "PATCH /apis/demo.example.com/v1/namespaces/default/birds/robin/status";
            server.ask(path, &json!([add("/status/phase", &format!("p{number}"))]).to_string()).await
        }
    };
    let answers = join_all((0..CROWD).map(patch)).await;
    let mut versions: Vec<u64> = Vec::new();
    for answer in answers {
        assert_eq!(answer.code, 200, "{}", answer.text());
        versions.push(version(&answer.json()));
    }
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), CROWD, "each patch is a write of its own");
    let robin = server.ask("GET robin", "").await.json();
    assert_eq!(version(&robin), versions[CROWD - 1]);
    assert_eq!(robin["metadata"]["labels"].as_object().map(|labels| labels.len()), Some(CROWD / 4));
    assert_eq!(robin["metadata"]["annotations"].as_object().map(|annotations| annotations.len()), Some(CROWD / 4));
    assert_eq!(robin["spec"]["songs"].as_array().map(Vec::len), Some(CROWD / 4 + 1));
    assert_eq!(robin["metadata"]["generation"], CROWD / 4 + 1, "only the spec has generations");
    assert!(robin["status"]["phase"].as_str().is_some_and(|phase| phase.starts_with('p')));
}

async fn a_hundred_appliers_own_what_they_brought(store: impl Store) {
    let server = Server::on(Arc::new(store)).await;
    let apply = async |number: usize, labels: Value| {
        let body = json!({
            "apiVersion": "demo.example.com/v1", "kind": "Bird",
            "metadata": { "name": "robin", "labels": labels }, "spec": { "species": "robin" },
        });
        let line = format!("PATCH robin?fieldManager=manager-{number}");
        server.send(&line, &[("content-type", "application/apply-patch+yaml")], &body.to_string()).await
    };
    // Nobody has made it: one of them creates it, and the others find it there.
    let answers = join_all((0..CROWD).map(|number| apply(number, json!({ format!("l{number}"): "x" })))).await;
    let created = answers.iter().filter(|answer| answer.code == 201).count();
    for answer in &answers {
        assert!(matches!(answer.code, 200 | 201), "{}", answer.text());
    }
    assert_eq!(created, 1);
    let robin = server.ask("GET robin", "").await.json();
    assert_eq!(robin["metadata"]["labels"].as_object().map(|labels| labels.len()), Some(CROWD));
    let owners: BTreeMap<&str, &Value> = robin["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((entry["manager"].as_str()?, &entry["fieldsV1"]["f:metadata"]["f:labels"])))
        .collect();
    assert_eq!(owners.len(), CROWD);
    for number in 0..CROWD {
        assert_eq!(*owners[format!("manager-{number}").as_str()], json!({ format!("f:l{number}"): {} }));
    }
    // Half of them take back what they brought, while the others say it again.
    let again = async |number: usize| {
        let labels = if number.is_multiple_of(2) { json!({}) } else { json!({ format!("l{number}"): "x" }) };
        apply(number, labels).await
    };
    for answer in join_all((0..CROWD).map(again)).await {
        assert_eq!(answer.code, 200, "{}", answer.text());
    }
    let robin = server.ask("GET robin", "").await.json();
    assert_eq!(robin["metadata"]["labels"].as_object().map(|labels| labels.len()), Some(CROWD / 2));
}

const WRITERS: usize = 10;
const WATCHERS: usize = 50;
/// Names that the writers share, in each of two namespaces: few, so that they meet.
const NAMES: usize = 15;
const NAMESPACES: [&str; 2] = ["default", "forest"];
/// Between two writes of a writer, at most; without a pause the machine would be busy with reading events alone.
const PAUSE_MS: u64 = 100;

async fn everybody_sees_every_change_once_and_in_one_order(store: impl Store) {
    let seconds = std::env::var("APISERVER_TEST_SOAK_SECONDS").map_or(5, |text| text.parse().expect("seconds"));
    let server = Server::on(Arc::new(store)).await;
    server.namespace(NAMESPACES[1]).await;
    let start = version(&server.ask("GET ", "").await.json()["metadata"]);
    let end = Instant::now() + Duration::from_secs(seconds);
    let written = Arc::new(Mutex::new(Written::default()));
    let writers: Vec<_> =
        (0..WRITERS).map(|number| tokio::spawn(write(server.clone(), number as u64, end, written.clone()))).collect();
    let watchers: Vec<_> = (0..WATCHERS)
        .map(|number| {
            let plan = Plan::of(number, seconds);
            (plan, tokio::spawn(watchers::follow(server.clone(), plan, start)))
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer");
    }
    // What every watcher waits for, whatever it selects.
    for namespace in NAMESPACES {
        let body = bird(watchers::LAST, "robin", "a");
        let answer = server.ask(&format!("POST {}", path(namespace, "")), &body.to_string()).await;
        assert_eq!(answer.code, 201, "{}", answer.text());
        written.lock().expect("no panic").versions.insert(version(&answer.json()));
    }
    let mut all: Vec<(Plan, Vec<Event>)> = Vec::new();
    for (plan, watcher) in watchers {
        let seen = tokio::time::timeout(Duration::from_secs(120), watcher).await;
        all.push((plan, seen.unwrap_or_else(|_| panic!("{plan:?} is still waiting")).expect("a watcher")));
    }
    let (_, reference) = all.iter().find(|(plan, _)| plan.is_whole()).expect("somebody sees everything");
    let versions: Vec<u64> = reference.iter().map(|event| event.version).collect();
    assert!(versions.is_sorted_by(|a, b| a < b), "every change comes once, in order");
    let written = std::mem::take(&mut *written.lock().expect("no panic"));
    let (deletions, writes): (Vec<&Event>, _) = reference.iter().partition(|event| event.kind == "DELETED");
    let seen: BTreeSet<u64> = writes.iter().map(|event| event.version).collect();
    assert_eq!(seen, written.versions, "every write that was acknowledged is seen, and nothing else");
    assert_eq!(deletions.len(), written.deletions);
    for (plan, seen) in &all {
        let expected = plan.expected(reference, seen);
        let differs = seen.iter().zip(&expected).position(|(seen, expected)| seen != expected);
        let differs = differs.unwrap_or_else(|| seen.len().min(expected.len()));
        assert!(
            seen.len() == expected.len() && differs == seen.len(),
            "{plan:?} saw {} events of {}; from {differs} on:\n{:#?}\ninstead of\n{:#?}",
            seen.len(),
            expected.len(),
            &seen[differs..seen.len().min(differs + 3)],
            &expected[differs..expected.len().min(differs + 3)],
        );
    }
    println!("{} changes, each seen by up to {WATCHERS} watchers", reference.len());
}

/// What was acknowledged to the writers.
#[derive(Default)]
struct Written {
    /// That of each object that was written.
    versions: BTreeSet<u64>,
    /// Those that are done: their answers carry no version.
    deletions: usize,
}

/// Writes until `end`.
async fn write(server: Server, seed: u64, end: Instant, written: Arc<Mutex<Written>>) {
    let mut random = StdRng::seed_from_u64(seed);
    while Instant::now() < end {
        sleep(Duration::from_millis(random.random_range(0..PAUSE_MS))).await;
        let name = format!("bird-{}", random.random_range(0..NAMES));
        let namespace = NAMESPACES[random.random_range(0..NAMESPACES.len())];
        let group = ["a", "b", "c"][random.random_range(0..3)];
        let species = ["robin", "wren"][random.random_range(0..2)];
        let answer = match random.random_range(0..10) {
            0..3 => {
                let mut body = bird(&name, species, group);
                if random.random_ratio(1, 4) {
                    body["metadata"]["finalizers"] = json!(["demo.example.com/ring"]);
                }
                server.ask(&format!("POST {}", path(namespace, "")), &body.to_string()).await
            }
            3..7 => {
                let note = random.random::<u64>().to_string();
                let patch = json!({
                    "metadata": { "labels": { "group": group }, "annotations": { "note": note } },
                    "spec": { "species": species },
                });
                server.ask(&format!("PATCH {}", path(namespace, &name)), &patch.to_string()).await
            }
            7 => {
                let patch = json!({ "metadata": { "finalizers": null, "annotations": { "free": seed.to_string() } } });
                server.ask(&format!("PATCH {}", path(namespace, &name)), &patch.to_string()).await
            }
            _ => server.ask(&format!("DELETE {}", path(namespace, &name)), "").await,
        };
        let body = answer.json();
        let metadata = &body["metadata"];
        // The last finalizer of an object that waits for it takes the object along.
        let gone = metadata["deletionTimestamp"].is_string() && metadata["finalizers"].is_null();
        match answer.code {
            200 if gone || body["kind"] == "Status" => written.lock().expect("no panic").deletions += 1,
            200 | 201 => drop(written.lock().expect("no panic").versions.insert(version(&body))),
            404 | 409 => {}
            code => panic!("{code} {}", answer.text()),
        }
    }
}

fn bird(name: &str, species: &str, group: &str) -> Value {
    json!({
        "apiVersion": "demo.example.com/v1", "kind": "Bird",
        "metadata": { "name": name, "labels": { "group": group } }, "spec": { "species": species, "songs": ["x"] },
    })
}

fn path(namespace: &str, name: &str) -> String {
    format!("/apis/demo.example.com/v1/namespaces/{namespace}/birds/{name}").trim_end_matches('/').to_owned()
}

fn add(path: &str, value: &str) -> Value {
    json!({ "op": "add", "path": path, "value": value })
}

/// The version of an object, or of a list's metadata.
fn version(object: &Value) -> u64 {
    let version = object["metadata"].get("resourceVersion").or_else(|| object.get("resourceVersion"));
    version.and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no version: {object}"))
}
