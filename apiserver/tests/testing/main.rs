//! The test server as others use it: with CRDs in YAML, faults, restarts, a port.

mod faults;
mod listening;
mod quiet;
mod restart;
mod startup;
mod time;
mod trials;

use apiserver::TestServer;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::api::PostParams;
use kube::{Api, Client, CustomResource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an operator of somebody else's has in its repository.
const REDISES: &str = include_str!("redises.yaml");

/// What is asked for.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "cache.example.com", version = "v1", kind = "Redis", plural = "redises", namespaced)]
#[kube(status = "RedisStatus")]
pub struct RedisSpec {
    /// How many.
    pub replicas: i32,
}

/// What there is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RedisStatus {
    /// Up to which change.
    pub observed_generation: Option<i64>,
}

/// A server with the operator's kinds.
pub async fn start() -> TestServer {
    TestServer::builder().crd_yaml(REDISES).native::<StatefulSet>().serve().await
}

/// All in the default namespace.
pub fn redises(client: Client) -> Api<Redis> {
    Api::namespaced(client, "default")
}

/// Creates one.
pub async fn create(server: &TestServer, name: &str, replicas: i32) -> Redis {
    let redis = Redis::new(name, RedisSpec { replicas });
    redises(server.client()).create(&PostParams::default(), &redis).await.unwrap()
}
