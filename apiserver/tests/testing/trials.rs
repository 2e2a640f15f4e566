//! An operator on a bad day.

use std::sync::Arc;
use std::time::Duration;

use apiserver::testing::trials;
use futures::StreamExt;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::api::{Patch, PatchParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;

use crate::{Redis, RedisStatus, create, redises, start};

async fn reconcile(redis: Arc<Redis>, client: Arc<Client>) -> kube::Result<Action> {
    let client = Client::clone(&client);
    let apply = PatchParams::apply("redis-operator").force();
    let labels = json!({"app": redis.name_any()});
    let set = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": redis.name_any(), "ownerReferences": [redis.controller_owner_ref(&())]},
        "spec": {
            "replicas": redis.spec.replicas, "serviceName": redis.name_any(), "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "redis", "image": "redis:8"}]}},
        },
    });
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), "default");
    sets.patch(&redis.name_any(), &apply, &Patch::Apply(&set)).await?;
    let status = json!({
        "apiVersion": "cache.example.com/v1", "kind": "Redis", "status": {"observedGeneration": redis.metadata.generation},
    });
    redises(client).patch_status(&redis.name_any(), &apply, &Patch::Apply(&status)).await?;
    Ok(Action::await_change())
}

async fn operate(client: Client) {
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), "default");
    let retry = |_: Arc<Redis>, _: &kube::Error, _: Arc<Client>| Action::requeue(Duration::from_millis(20));
    Controller::new(redises(client.clone()), watcher::Config::default())
        .owns(sets, watcher::Config::default())
        .run(reconcile, retry, Arc::new(client))
        .for_each(|_| async {})
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_operator_arrives_where_it_should_under_all_faults() {
    trials(0..12, async |trial| {
        let server = start().await;
        server.faults(trial.faults());
        let operator = tokio::spawn(operate(server.unreliable_client()));
        for number in 0..3 {
            create(&server, &format!("redis-{number}"), 1).await;
        }
        let replicas = 2 + i32::try_from(trial.below(5)).unwrap();
        let scale = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        redises(server.client()).patch("redis-1", &PatchParams::default(), &scale).await.unwrap();
        server.advance(Duration::from_secs(60)).await;

        server.calm();
        // kube's controller may have skipped an object, until it lists them anew.
        operator.abort();
        let operator = tokio::spawn(operate(server.unreliable_client()));
        let sets: Api<StatefulSet> = server.api_in("default");
        let scaled = |set: Option<&StatefulSet>| {
            set.and_then(|set| set.spec.as_ref()).is_some_and(|spec| spec.replicas == Some(replicas))
        };
        server.eventually(&sets, "redis-1", scaled).await;
        let redises = redises(server.client());
        for number in 0..3 {
            let seen = |redis: Option<&Redis>| {
                redis.is_some_and(|redis| {
                    redis.status == Some(RedisStatus { observed_generation: redis.metadata.generation })
                })
            };
            server.eventually(&redises, &format!("redis-{number}"), seen).await;
        }
        server.quiet().await;

        // All objects are looked at once more, and nothing is left to do.
        let before = server.writes();
        server.restart().await;
        server.quiet().await;
        assert_eq!(server.writes(), before);
        operator.abort();
    })
    .await;
}
