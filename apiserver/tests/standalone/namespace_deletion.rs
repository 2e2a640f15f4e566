//! What becomes of a namespace that is deleted, and of what is in it.

use std::sync::Arc;

use apiserver::standalone::Standalone;
use apiserver::storage::Store;
use apiserver::storage::memory::MemoryStore;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::common::Server;
use crate::world::{World, apis, eventually, owner};

/// The conditions of a namespace that are met, as `TYPE REASON MESSAGE`.
fn met(namespace: &Value) -> Vec<String> {
    let conditions = namespace["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |condition: &Value, field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    let line = |condition: &Value| ["type", "reason", "message"].map(|field| text(condition, field)).join(" ");
    conditions.iter().filter(|condition| condition["status"] == "True").map(line).collect()
}

async fn until_gone(world: &World, namespace: &str) {
    eventually("the namespace is gone", async || world.get_namespace(namespace).await.is_none()).await;
}

#[tokio::test]
async fn a_thousand_objects_go_with_their_namespace() {
    let world = World::start().await;
    world.namespace("forest").await;
    world.create("Bird", "default", "stays", &[]).await;
    world.create("Forest", "", "forest", &[]).await;
    let create = async |number: usize| {
        let name = format!("n{number:03}");
        match number % 3 {
            0 => drop(world.create("Bird", "forest", &name, &[]).await),
            1 => drop(world.create("Nest", "forest", &name, &[]).await),
            _ => {
                let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}).to_string();
                assert_eq!(world.server.ask("POST /api/v1/namespaces/forest/configmaps", &map).await.code, 201);
            }
        }
    };
    stream::iter(0..1_000).for_each_concurrent(20, create).await;
    world.delete_namespace("forest").await;
    until_gone(&world, "forest").await;
    world.until("Bird", &["stays"]).await;
    assert_eq!(world.names("Nest").await.len(), 0);
    assert_eq!(world.names("Forest").await, ["forest"]);
    // What was in it does not come back with the name.
    world.namespace("forest").await;
    let maps = world.server.ask("GET /api/v1/namespaces/forest/configmaps", "").await.json();
    assert_eq!(maps["items"], json!([]));
}

#[tokio::test]
async fn finalizers_hold_a_namespace_and_its_conditions_name_them() {
    let world = World::start().await;
    world.namespace("forest").await;
    for (name, finalizers) in
        [("a", json!(["demo.example.com/nest"])), ("b", json!(["demo.example.com/nest", "x.y/z"]))]
    {
        world.create_with("Bird", "forest", name, json!({"finalizers": finalizers})).await;
    }
    world.create("Bird", "forest", "free", &[]).await;
    world.delete_namespace("forest").await;
    let expected = [
        "NamespaceContentRemaining SomeResourcesRemain Some resources are remaining: birds.demo.example.com has 2 resource \
         instances",
        "NamespaceFinalizersRemaining SomeFinalizersRemain Some finalizers are remaining: demo.example.com/nest in 2 \
         resource instances, x.y/z in 1 resource instances",
    ];
    eventually("the conditions tell", async || {
        met(&world.get_namespace("forest").await.expect("it waits")) == expected
    })
    .await;
    world.until("Bird", &["a", "b"]).await;
    // Nothing is written while nothing changes.
    let before = world.get_namespace("forest").await.expect("it waits");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.get_namespace("forest").await.expect("it waits"), before);
    for name in ["a", "b"] {
        world.patch("Bird", "forest", name, json!({"metadata": {"finalizers": null}})).await;
    }
    until_gone(&world, "forest").await;
}

#[tokio::test]
async fn a_namespace_waits_for_whoever_else_is_in_its_spec() {
    let world = World::start().await;
    let body = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "forest"}, "spec": {"finalizers": ["x.y/z"]},
    });
    assert_eq!(world.server.ask("POST /api/v1/namespaces", &body.to_string()).await.code, 201);
    world.create("Bird", "forest", "robin", &[]).await;
    world.delete_namespace("forest").await;
    eventually("ours is done", async || {
        world.get_namespace("forest").await.expect("it waits")["spec"]["finalizers"] == json!(["x.y/z"])
    })
    .await;
    assert_eq!(world.names("Bird").await.len(), 0);
    let mut namespace = world.get_namespace("forest").await.expect("it waits");
    assert_eq!(met(&namespace).len(), 0);
    namespace["spec"] = json!({});
    let answer = world.server.ask("PUT /api/v1/namespaces/forest/finalize", &namespace.to_string()).await;
    assert_eq!(answer.code, 200, "{}", answer.text());
    until_gone(&world, "forest").await;
}

#[tokio::test]
async fn owners_and_namespaces_go_together() {
    let world = World::start().await;
    world.namespace("forest").await;
    let uid = world.create("Bird", "forest", "robin", &[]).await;
    world.create("Nest", "forest", "n", &[owner("Bird", "robin", &uid, true)]).await;
    world.delete("Bird", "forest", "robin", "Foreground").await;
    world.delete_namespace("forest").await;
    until_gone(&world, "forest").await;
    world.until("Bird", &[]).await;
    world.until("Nest", &[]).await;
}

#[tokio::test]
async fn what_was_left_undone_is_done_at_the_next_start() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    {
        let alone = Standalone::default().without_controllers();
        let world = World { server: Server::alone(alone, apis(), store.clone()).await };
        world.namespace("forest").await;
        world.create("Bird", "forest", "robin", &[]).await;
        world.delete_namespace("forest").await;
        assert_eq!(world.names("Bird").await, ["robin"]);
    }
    let world = World::on(store).await;
    until_gone(&world, "forest").await;
    world.until("Bird", &[]).await;
}
