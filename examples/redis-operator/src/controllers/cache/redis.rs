//! Makes true what each Redis asks for.

mod backup;
mod config;
mod metadata;
mod service;
mod stateful_set;
mod status;
mod version;

use std::sync::Arc;

use apiserver::manager::{Context, conditions};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::runtime::controller::Action;

use crate::apis::cache::v1alpha1::redis::{Redis, RedisStatus};

/// Calls `reconcile` for each Redis that is new or has changed, or of which something that belongs
/// to it has, until the process ends.
pub async fn run(cx: Context) {
    cx.controller::<Redis>()
        .owns::<ConfigMap>()
        .owns::<Service>()
        .owns::<StatefulSet>()
        .run(reconcile)
        .await;
}

/// Makes what the spec asks for, and tells how far that is. An error is logged and tried again.
async fn reconcile(redis: Arc<Redis>, cx: Context) -> kube::Result<Action> {
    // One that is on its way out gets nothing new: what belongs to it goes with it.
    if redis.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let copies = backup::read(&cx, &redis).await?;
    let mut status = redis.status.clone().unwrap_or_default();
    if let Some(copy) = copies.newest() {
        status.data_version = copy.data_version;
    }
    if !version::hand_over(&mut status, &redis) {
        tell(&cx, &redis, &status).await?;
        return Ok(Action::await_change());
    }
    // Before the first pod of that version can start.
    let next_copy = backup::keep(&cx, &redis, copies, &mut status).await?;

    cx.apply(&config::config_map(&redis)).await?;
    cx.apply(&service::service(&redis)).await?;
    let set = cx.apply(&stateful_set::stateful_set(&redis)).await?;
    status::observe(&mut status, &redis, &set);
    tell(&cx, &redis, &status).await?;
    Ok(Action::requeue(next_copy))
}

/// Writes the status, and an event if there is another reason to be ready or not.
async fn tell(cx: &Context, redis: &Redis, status: &RedisStatus) -> kube::Result<()> {
    cx.apply_status(redis, status).await?;
    let ready = |status: &RedisStatus| conditions::find(&status.conditions, status::READY).cloned();
    let before = redis.status.as_ref().and_then(ready);
    if let Some(now) = ready(status)
        && before.is_none_or(|before| before.reason != now.reason)
    {
        let recorder = cx.recorder();
        match now.reason.as_str() {
            version::DOWNGRADE => recorder.warning(redis, version::DOWNGRADE, now.message),
            reason => recorder.normal(redis, reason, now.message),
        }
    }
    Ok(())
}

/// What the tests of these files begin with.
#[cfg(test)]
fn example() -> Redis {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "cache.example.com/v1alpha1",
        "kind": "Redis",
        "metadata": { "name": "example", "namespace": "default", "uid": "1", "generation": 1 },
        "spec": { "version": "8.2" },
    }))
    .unwrap()
}
