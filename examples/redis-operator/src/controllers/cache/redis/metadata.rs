//! What the objects of a Redis have in common.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::{Resource, ResourceExt};

use crate::apis::cache::v1alpha1::redis::Redis;

/// The metadata of an object that belongs to a Redis and has its name: with the Redis it goes.
pub fn metadata(redis: &Redis) -> ObjectMeta {
    ObjectMeta {
        name: Some(redis.name_any()),
        namespace: redis.namespace(),
        labels: Some(labels(redis)),
        owner_references: redis.controller_owner_ref(&()).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

/// The labels by which its objects are found, and which no other Redis of the namespace gives.
pub fn labels(redis: &Redis) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("app.kubernetes.io/name".to_owned(), "redis".to_owned()),
        ("app.kubernetes.io/instance".to_owned(), redis.name_any()),
    ])
}

/// Selects its pods.
pub fn selector(redis: &Redis) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels(redis)),
        ..LabelSelector::default()
    }
}
