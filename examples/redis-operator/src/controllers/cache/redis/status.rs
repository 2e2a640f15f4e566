//! What is told of a Redis: how far its StatefulSet is.

use apiserver::manager::conditions;
use k8s_openapi::api::apps::v1::StatefulSet;

use super::metadata::labels;
use super::service::{PORT, primary};
use crate::apis::cache::v1alpha1::redis::{Redis, RedisStatus};

/// Whether all is as the spec says.
pub const READY: &str = "Ready";

/// Brings a status up to date with what is known of the StatefulSet.
pub fn observe(status: &mut RedisStatus, redis: &Redis, set: &StatefulSet) {
    let (wanted, generation) = (redis.spec.replicas, redis.metadata.generation);
    let pods = set.status.clone().unwrap_or_default();
    let ready = pods.ready_replicas.unwrap_or_default();
    let updated = pods.updated_replicas.unwrap_or_default();
    status.observed_generation = generation;
    status.replicas = Some(pods.replicas);
    status.ready_replicas = Some(ready);
    status.selector = Some(selector(redis));
    status.endpoint = (wanted > 0).then(|| format!("{}:{PORT}", primary(redis)));

    // What is known of the pods of an earlier generation says nothing about this one.
    let is_current = pods.observed_generation == set.metadata.generation;
    let note = format!("{ready} of {wanted} pods are ready");
    let conditions = &mut status.conditions;
    if is_current && [pods.replicas, updated, ready] == [wanted; 3] {
        conditions::mark_true(conditions, READY, "AllReady", note, generation);
    } else {
        conditions::mark_false(conditions, READY, "RollingOut", note, generation);
    }
}

/// The labels of the pods, as text.
fn selector(redis: &Redis) -> String {
    let labels = labels(redis).into_iter();
    let labels: Vec<String> = labels
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    labels.join(",")
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::StatefulSetStatus;

    use super::super::example;
    use super::*;

    #[test]
    fn it_is_ready_once_all_pods_of_this_generation_are() {
        // Generation, replicas, updated, ready.
        check(None, "RollingOut");
        check(Some([1, 2, 2, 2]), "RollingOut");
        check(Some([2, 2, 2, 1]), "RollingOut");
        check(Some([2, 2, 1, 2]), "RollingOut");
        check(Some([2, 3, 2, 2]), "RollingOut");
        check(Some([2, 2, 2, 2]), "AllReady");
    }

    #[track_caller]
    fn check(pods: Option<[i32; 4]>, reason: &str) {
        let mut redis = example();
        redis.spec.replicas = 2;
        let mut set = StatefulSet::default();
        set.metadata.generation = Some(2);
        set.status = pods.map(|[generation, replicas, updated, ready]| StatefulSetStatus {
            observed_generation: Some(generation.into()),
            replicas,
            updated_replicas: Some(updated),
            ready_replicas: Some(ready),
            ..StatefulSetStatus::default()
        });
        let mut status = RedisStatus::default();
        observe(&mut status, &redis, &set);
        let ready = conditions::find(&status.conditions, READY).unwrap();
        assert_eq!(ready.reason, reason);
        let endpoint = "example-0.example.default.svc:6379";
        assert_eq!(status.endpoint.as_deref(), Some(endpoint));
    }
}
