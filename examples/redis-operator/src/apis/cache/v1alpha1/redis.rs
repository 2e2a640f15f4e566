//! The fields of Redis in v1alpha1. Their comments are what `kubectl explain` prints.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What users ask of each Redis.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "cache.example.com",
    version = "v1alpha1",
    kind = "Redis",
    doc = "Redis is one server that takes writes, and others that follow it.",
    namespaced,
    status = "RedisStatus",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    validation = Rule::new("self.metadata.name.size() <= 52").message("the name must leave room for those of the pods"),
    printcolumn = r#"{"name":"Version","type":"string","jsonPath":".spec.version"}"#,
    printcolumn = r#"{"name":"Replicas","type":"integer","jsonPath":".spec.replicas"}"#,
    printcolumn = r#"{"name":"Ready","type":"integer","jsonPath":".status.readyReplicas"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct RedisSpec {
    /// The version of Redis: a tag of its image, such as 8.2 or 8.2.1.
    #[schemars(regex(pattern = r"^[0-9]+\.[0-9]+(\.[0-9]+)?$"))]
    pub version: String,

    /// How many pods there shall be: the first takes writes, the others follow it.
    #[serde(default = "one")]
    #[schemars(range(min = 0))]
    pub replicas: i32,

    /// How much memory the data of each pod may take, in the words of Redis: 100mb.
    #[serde(default = "hundred_megabytes")]
    #[schemars(regex(pattern = "^[1-9][0-9]*(kb|mb|gb)$"))]
    pub max_memory: String,

    /// Further settings of redis.conf, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 100))]
    #[x_kube(validation = (
        "['bind', 'dir', 'maxmemory', 'port', 'protected-mode', 'replicaof'].all(ours, !(ours in self))",
        "bind, dir, maxmemory, port, protected-mode and replicaof are set by the operator"
    ))]
    pub config: BTreeMap<String, String>,

    /// The size of each pod's volume.
    #[serde(default = "one_gibibyte")]
    #[schemars(regex(pattern = "^[1-9][0-9]*(Mi|Gi|Ti)$"))]
    #[x_kube(validation = ("self == oldSelf", "storage cannot be changed"))]
    pub storage: String,

    /// How copies of the status are kept.
    #[serde(default)]
    pub status_backup: StatusBackup,
}

/// How copies of the status are kept.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusBackup {
    /// The seconds from one copy to the next.
    #[serde(default = "one_hour")]
    #[schemars(range(min = 1))]
    pub interval_seconds: i32,

    /// How many copies are kept: the newest.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 50))]
    pub history_limit: i32,
}

/// What is known of each Redis.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RedisStatus {
    /// The `metadata.generation` that the rest of the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// How many pods there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,

    /// How many of them answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,

    /// Selects the pods, for whoever scales by their load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,

    /// Where writes go: host and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,

    /// The newest version that has had the data. Older ones may not be able to read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_version: Option<String>,

    /// When the status was last copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_backup: Option<Time>,

    /// In detail, one for each aspect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

impl Default for StatusBackup {
    fn default() -> Self {
        Self {
            interval_seconds: one_hour(),
            history_limit: three(),
        }
    }
}

fn one() -> i32 {
    1
}

fn three() -> i32 {
    3
}

fn one_hour() -> i32 {
    3600
}

fn hundred_megabytes() -> String {
    "100mb".to_owned()
}

fn one_gibibyte() -> String {
    "1Gi".to_owned()
}
