//! A small operator as any project may have one: it knows nothing of the server that its tests run against.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::api::{Patch, PatchParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::watcher;
use kube::{Api, Client, CustomResource, Resource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "cache.example.com", version = "v1", kind = "Redis", plural = "redises", namespaced)]
#[kube(status = "RedisStatus")]
pub struct RedisSpec {
    pub replicas: i32,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RedisStatus {
    pub ready_replicas: Option<i32>,
}

/// How often each Redis is looked at, whether or not anything has changed.
pub const LOOK_AGAIN: Duration = Duration::from_secs(3600);

/// Runs the operator until it is dropped.
pub async fn run(client: Client) {
    let redises: Api<Redis> = Api::all(client.clone());
    let sets: Api<StatefulSet> = Api::all(client.clone());
    Controller::new(redises, watcher::Config::default())
        .owns(sets, watcher::Config::default())
        .run(reconcile, retry, Arc::new(client))
        .for_each(|_| async {})
        .await;
}

async fn reconcile(redis: Arc<Redis>, client: Arc<Client>) -> kube::Result<Action> {
    let (name, namespace) = (redis.name_any(), redis.namespace().unwrap_or_default());
    let as_operator = PatchParams::apply("redis-operator").force();

    let sets: Api<StatefulSet> = Api::namespaced(Client::clone(&client), &namespace);
    let set = sets.patch(&name, &as_operator, &Patch::Apply(stateful_set(&redis))).await?;

    let redises: Api<Redis> = Api::namespaced(Client::clone(&client), &namespace);
    let ready = set.status.and_then(|status| status.ready_replicas);
    let status = json!({
        "apiVersion": Redis::api_version(&()), "kind": Redis::kind(&()), "status": {"readyReplicas": ready.unwrap_or(0)},
    });
    redises.patch_status(&name, &as_operator, &Patch::Apply(status)).await?;
    Ok(Action::requeue(LOOK_AGAIN))
}

fn retry(_redis: Arc<Redis>, _error: &kube::Error, _client: Arc<Client>) -> Action {
    Action::requeue(Duration::from_secs(5))
}

fn stateful_set(redis: &Redis) -> serde_json::Value {
    let name = redis.name_any();
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "ownerReferences": [redis.controller_owner_ref(&())]},
        "spec": {
            "replicas": redis.spec.replicas,
            "serviceName": name,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "redis", "image": "redis:8"}]},
            },
        },
    })
}
