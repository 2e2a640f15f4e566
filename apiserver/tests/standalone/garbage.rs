//! What becomes of objects whose owners are deleted.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apiserver::admission::{Admission, Attributes, Denied, Operation, Target};
use apiserver::standalone::Standalone;
use apiserver::storage::Store;
use apiserver::storage::memory::MemoryStore;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::common::Server;
use crate::world::{World, apis, eventually, owner};

/// A bird that owns as many nests.
async fn bird_with_nests(world: &World, nests: usize, blocks: bool) -> String {
    let uid = world.create("Bird", "default", "robin", &[]).await;
    for number in 0..nests {
        world.create("Nest", "default", &format!("n{number}"), &[owner("Bird", "robin", &uid, blocks)]).await;
    }
    uid
}

#[tokio::test]
async fn what_a_deleted_object_owned_is_deleted() {
    let world = World::start().await;
    bird_with_nests(&world, 3, false).await;
    world.create("Nest", "default", "other", &[]).await;
    world.delete("Bird", "default", "robin", "Background").await;
    world.until("Nest", &["other"]).await;
}

#[tokio::test]
async fn it_is_deleted_when_no_policy_is_named() {
    let world = World::start().await;
    bird_with_nests(&world, 1, true).await;
    world.server.ask("DELETE robin", "").await;
    world.until("Nest", &[]).await;
}

#[tokio::test]
async fn dependents_are_let_go() {
    let world = World::start().await;
    let uid = bird_with_nests(&world, 30, true).await;
    let eagle = world.create("Bird", "default", "eagle", &[]).await;
    let owners = [owner("Bird", "robin", &uid, true), owner("Bird", "eagle", &eagle, false)];
    world.create("Nest", "default", "shared", &owners).await;
    world.delete("Bird", "default", "robin", "Orphan").await;
    world.until("Bird", &["eagle"]).await;
    assert_eq!(world.names("Nest").await.len(), 31);
    let nest = world.get("Nest", "default", "n0").await.expect("it stays");
    assert_eq!(nest["metadata"]["ownerReferences"], Value::Null);
    let shared = world.get("Nest", "default", "shared").await.expect("it stays");
    assert_eq!(shared["metadata"]["ownerReferences"], json!([owners[1]]));
}

#[tokio::test]
async fn who_is_deleted_in_the_foreground_waits_for_those_that_block() {
    let world = World::start().await;
    let uid = bird_with_nests(&world, 2, true).await;
    let held = json!({
        "ownerReferences": [owner("Bird", "robin", &uid, true)], "finalizers": ["demo.example.com/hold"],
    });
    world.create_with("Nest", "default", "held", held).await;
    world.delete("Bird", "default", "robin", "Foreground").await;
    world.until("Nest", &["held"]).await;
    world.settle().await;
    let robin = world.get("Bird", "default", "robin").await.expect("it waits");
    assert_eq!(robin["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    let nest = world.get("Nest", "default", "held").await.expect("it is held");
    assert!(nest["metadata"]["deletionTimestamp"].is_string());
    world.patch("Nest", "default", "held", json!({"metadata": {"finalizers": null}})).await;
    world.until("Bird", &[]).await;
    world.until("Nest", &[]).await;
}

#[tokio::test]
async fn who_does_not_block_is_not_waited_for() {
    let world = World::start().await;
    let uid = world.create("Bird", "default", "robin", &[]).await;
    let held = json!({
        "ownerReferences": [owner("Bird", "robin", &uid, false)], "finalizers": ["demo.example.com/hold"],
    });
    world.create_with("Nest", "default", "held", held).await;
    world.delete("Bird", "default", "robin", "Foreground").await;
    world.until("Bird", &[]).await;
    eventually("the nest is being deleted", async || {
        let nest = world.get("Nest", "default", "held").await.expect("it is held");
        nest["metadata"]["deletionTimestamp"].is_string()
    })
    .await;
    // Once it no longer blocks, one that waited is released as well.
    let uid = world.create("Bird", "default", "eagle", &[]).await;
    let held = json!({
        "ownerReferences": [owner("Bird", "eagle", &uid, true)], "finalizers": ["demo.example.com/hold"],
    });
    world.create_with("Nest", "default", "blocking", held).await;
    world.delete("Bird", "default", "eagle", "Foreground").await;
    world.settle().await;
    assert_eq!(world.names("Bird").await, ["eagle"]);
    let unblocked = json!({"metadata": {"ownerReferences": [owner("Bird", "eagle", &uid, false)]}});
    world.patch("Nest", "default", "blocking", unblocked).await;
    world.until("Bird", &[]).await;
}

#[tokio::test]
async fn who_has_another_owner_stays_and_forgets_the_one_that_is_gone() {
    let world = World::start().await;
    for propagation in ["Background", "Foreground"] {
        let robin = world.create("Bird", "default", "robin", &[]).await;
        let eagle = world.create("Bird", "default", "eagle", &[]).await;
        let owners = [owner("Bird", "robin", &robin, true), owner("Bird", "eagle", &eagle, true)];
        world.create("Nest", "default", "shared", &owners).await;
        world.delete("Bird", "default", "robin", propagation).await;
        world.until("Bird", &["eagle"]).await;
        eventually("the nest has one owner", async || {
            let nest = world.get("Nest", "default", "shared").await.expect("it stays");
            nest["metadata"]["ownerReferences"] == json!([owners[1]])
        })
        .await;
        world.delete("Bird", "default", "eagle", propagation).await;
        world.until("Nest", &[]).await;
        world.until("Bird", &[]).await;
    }
}

#[tokio::test]
async fn an_owner_that_is_not_there_is_as_good_as_deleted() {
    let world = World::start().await;
    let robin = world.create("Bird", "default", "robin", &[]).await;
    world.create("Nest", "default", "of-nobody", &[owner("Bird", "nobody", "11", true)]).await;
    world.create("Nest", "default", "of-another", &[owner("Bird", "robin", "12", true)]).await;
    world.create("Nest", "default", "of-robin", &[owner("Bird", "robin", &robin, true)]).await;
    world.create("Nest", "default", "of-no-forest", &[owner("Forest", "nobody", "13", true)]).await;
    world.create("Forest", "", "of-no-forest", &[owner("Forest", "nobody", "14", true)]).await;
    world.until("Nest", &["of-robin"]).await;
    world.until("Forest", &[]).await;
}

#[tokio::test]
async fn another_object_of_the_name_is_not_the_owner() {
    let world = World::start().await;
    bird_with_nests(&world, 2, false).await;
    world.delete("Bird", "default", "robin", "Background").await;
    let robin = world.create("Bird", "default", "robin", &[]).await;
    world.create("Nest", "default", "new", &[owner("Bird", "robin", &robin, true)]).await;
    world.until("Nest", &["new"]).await;
    assert_eq!(world.names("Bird").await, ["robin"]);
}

#[tokio::test]
async fn what_cannot_be_told_is_left_alone() {
    let world = World::start().await;
    let robin = world.create("Bird", "default", "robin", &[]).await;
    let unknown = |kind: &str, api_version: &str| json!({"apiVersion": api_version, "kind": kind, "name": "x", "uid": "u", "blockOwnerDeletion": true});
    world.create("Nest", "default", "a", &[unknown("Deployment", "apps/v1")]).await;
    world.create("Nest", "default", "b", &[unknown("Bird", "demo.example.com/v7")]).await;
    // One owner is gone, and of the other nobody can tell.
    let both = [unknown("Deployment", "apps/v1"), owner("Bird", "nobody", "11", true)];
    world.create("Nest", "default", "c", &both).await;
    // An object outside of namespaces cannot have an owner in one.
    world.create("Forest", "", "f", &[owner("Bird", "robin", &robin, true)]).await;
    world.create("Forest", "", "g", &[owner("Bird", "nobody", "11", true)]).await;
    world.delete("Bird", "default", "robin", "Background").await;
    world.settle().await;
    assert_eq!(world.names("Nest").await, ["a", "b", "c"]);
    assert_eq!(world.names("Forest").await, ["f", "g"]);
}

#[tokio::test]
async fn forests_own_what_is_in_namespaces() {
    let world = World::start().await;
    let forest = world.create("Forest", "", "oaks", &[]).await;
    world.create("Bird", "default", "robin", &[owner("Forest", "oaks", &forest, true)]).await;
    world.create("Forest", "", "grove", &[owner("Forest", "oaks", &forest, true)]).await;
    world.settle().await;
    assert_eq!(world.names("Bird").await, ["robin"]);
    world.delete("Forest", "", "oaks", "Foreground").await;
    world.until("Forest", &[]).await;
    world.until("Bird", &[]).await;
}

#[tokio::test]
async fn an_owner_in_another_namespace_counts_as_missing_and_an_event_says_so() {
    let world = World::start().await;
    world.namespace("here").await;
    world.namespace("there").await;
    let robin = world.create("Bird", "there", "robin", &[]).await;
    world.create("Nest", "here", "far", &[owner("Bird", "robin", &robin, true)]).await;
    world.create("Nest", "there", "near", &[owner("Bird", "robin", &robin, true)]).await;
    world.until("Nest", &["near"]).await;
    let events = world.server.ask("GET /api/v1/namespaces/here/events", "").await.json();
    let event = &events["items"][0];
    assert_eq!((&event["reason"], &event["type"]), (&json!("OwnerRefInvalidNamespace"), &json!("Warning")));
    assert_eq!((&event["involvedObject"]["name"], &event["involvedObject"]["kind"]), (&json!("far"), &json!("Nest")));
    let message = format!(
        "ownerRef [demo.example.com/v1/Bird, namespace: here, name: robin, uid: {robin}] does not exist in namespace \
         \"here\""
    );
    assert_eq!(event["message"], json!(message));
    assert_eq!(events["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_chain_of_a_thousand_goes_from_either_end() {
    for propagation in ["Background", "Foreground"] {
        let world = World::start().await;
        let mut uid = String::new();
        for level in 0..1_000 {
            let above = owner("Bird", &format!("b{}", level - 1), &uid, true);
            let owners = if level == 0 { Vec::new() } else { vec![above] };
            uid = world.create("Bird", "default", &format!("b{level}"), &owners).await;
        }
        world.delete("Bird", "default", "b0", propagation).await;
        for end in ["b0", "b999"] {
            eventually("the end of the chain is gone", async || world.get("Bird", "default", end).await.is_none())
                .await;
        }
        world.until("Bird", &[]).await;
    }
}

#[tokio::test]
async fn owners_in_a_ring_go_together() {
    for deleted in [&["a"] as &[&str], &["a", "c"], &["a", "b", "c"]] {
        for propagation in ["Background", "Foreground"] {
            let world = World::start().await;
            let a = world.create("Bird", "default", "a", &[]).await;
            let b = world.create("Bird", "default", "b", &[owner("Bird", "a", &a, true)]).await;
            let c = world.create("Bird", "default", "c", &[owner("Bird", "b", &b, true)]).await;
            let ring = json!({"metadata": {"ownerReferences": [owner("Bird", "c", &c, true)]}});
            assert_eq!(world.patch("Bird", "default", "a", ring).await.code, 200);
            for name in deleted {
                world.delete("Bird", "default", name, propagation).await;
            }
            world.until("Bird", &[]).await;
        }
    }
}

#[tokio::test]
async fn what_was_left_undone_is_done_at_the_next_start() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    {
        let alone = Standalone::default().without_controllers();
        let world = World { server: Server::alone(alone, apis(), store.clone()).await };
        for (name, propagation) in [("robin", "Background"), ("eagle", "Foreground"), ("owl", "Orphan")] {
            let uid = world.create("Bird", "default", name, &[]).await;
            world.create("Nest", "default", name, &[owner("Bird", name, &uid, true)]).await;
            world.delete("Bird", "default", name, propagation).await;
        }
        assert_eq!(world.names("Bird").await, ["eagle", "owl"]);
        assert_eq!(world.names("Nest").await, ["eagle", "owl", "robin"]);
    }
    let world = World::on(store).await;
    world.until("Bird", &[]).await;
    world.until("Nest", &["owl"]).await;
    assert_eq!(
        world.get("Nest", "default", "owl").await.expect("it stays")["metadata"]["ownerReferences"],
        Value::Null
    );
}

/// Who deleted what, and a nest that the collector is not let delete at first.
#[derive(Clone, Default)]
struct Guard(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    users: BTreeSet<String>,
    asked: usize,
}

#[async_trait::async_trait]
impl Admission for Guard {
    fn handles(&self, target: &Target<'_>) -> bool {
        target.operation == Operation::Delete && target.kind.plural == "nests"
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let mut seen = self.0.lock().expect("a lock");
        seen.users.insert(request.user.username.clone());
        seen.asked += 1;
        if seen.asked > 3 { Ok(()) } else { Err("not yet".into()) }
    }
}

#[tokio::test]
async fn admission_is_asked_and_what_it_refuses_is_tried_again() {
    let guard = Guard::default();
    let mut apis = apis();
    apis.admission(guard.clone());
    let world = World { server: Server::of(apis, Arc::new(MemoryStore::default())).await };
    bird_with_nests(&world, 1, true).await;
    world.delete("Bird", "default", "robin", "Background").await;
    world.until("Nest", &[]).await;
    let seen = guard.0.lock().expect("a lock");
    assert_eq!(seen.asked, 4);
    let collector = "system:serviceaccount:kube-system:generic-garbage-collector";
    assert_eq!(seen.users.iter().collect::<Vec<_>>(), [collector]);
}

#[tokio::test]
async fn it_stops_when_it_is_told_to() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let alone = Standalone::default().start(apis(), store).expect("kinds");
    alone.endpoints().filled().await;
    let stopped = tokio::time::timeout(Duration::from_secs(3), alone.stop()).await;
    assert!(stopped.is_ok(), "it goes on");
}

/// How long it takes to write objects that own nothing and are not owned, with the collector and without.
/// `cargo test --release -p apiserver --test standalone -- --ignored --nocapture cost`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures, and has nothing to fail by"]
async fn what_the_collector_costs_writes() {
    const WRITES: usize = 20_000;
    for round in 0..3 {
        for with in [true, false] {
            let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
            let alone = Standalone::default();
            let alone = if with { alone } else { alone.without_controllers() };
            let world = World { server: Server::alone(alone, apis(), store).await };
            let (begun, cpu) = (std::time::Instant::now(), cpu());
            let create = async |number: usize| drop(world.create("Bird", "default", &format!("b{number}"), &[]).await);
            stream::iter(0..WRITES).for_each_concurrent(8, create).await;
            let each = begun.elapsed() / u32::try_from(WRITES).expect("few");
            let cpu = (self::cpu() - cpu) / u32::try_from(WRITES).expect("few");
            println!("round {round}: {each:?} for each write, {cpu:?} of them computing; with the collector: {with}");
        }
    }
}

/// How long this process has been computing, in all its threads, in hundredths of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
