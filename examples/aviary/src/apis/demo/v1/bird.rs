//! The fields of Bird in v1. Their comments are no documentation comments, so that the schema carries no descriptions:
//! it is the one of the reference recordings, word for word.

use apiserver::schema::derive;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

#[derive(Clone, CustomResource, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "demo.example.com",
    version = "v1",
    kind = "Bird",
    schema = "manual",
    namespaced,
    status = "BirdStatus",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    shortname = "bd",
    category = "aviary",
    selectable = ".spec.species",
    selectable = ".spec.color",
    printcolumn = r#"{"name":"Species","type":"string","jsonPath":".spec.species"}"#,
    printcolumn = r#"{"name":"Wingspan","type":"integer","jsonPath":".spec.wingspanCm","priority":1}"#,
    printcolumn = r#"{"name":"Phase","type":"string","jsonPath":".status.phase"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[schemars(transform = derive::without_nulls)]
#[x_kube(validation = ("self.replicas <= 10", "replicas must be at most 10"))]
#[serde(rename_all = "camelCase")]
pub struct BirdSpec {
    // What it is, for all its life.
    #[schemars(length(min = 1))]
    #[x_kube(validation = ("self == oldSelf", "species is immutable"))]
    pub species: String,

    // Brown unless given.
    #[serde(default = "brown")]
    pub color: String,

    // From tip to tip, in centimetres.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 400))]
    pub wingspan_cm: Option<i32>,

    // No song twice; two appliers may each bring some.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub songs: Option<Vec<String>>,

    // Where it sits, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub perches: Option<Vec<Perch>>,

    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,

    // Whoever changes a part of it owns all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    pub diet: Option<Diet>,

    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub schedule: Option<Vec<Shift>>,

    // How many of it there shall be.
    #[serde(default = "one")]
    #[schemars(transform = derive::without_format)]
    pub replicas: i64,
}

// A place to sit.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Perch {
    pub name: String,

    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = derive::without_format)]
    pub height_m: Option<f64>,

    #[serde(default)]
    pub occupied: bool,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Diet {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,

    #[serde(skip_serializing_if = "Option::is_none")]
    pub secondary: Option<String>,
}

// When it can be seen on one day.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Shift {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,

    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = derive::without_format)]
    pub hours: Option<Vec<i64>>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = derive::without_nulls)]
pub struct BirdStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,

    // The `metadata.generation` that the rest of the status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = derive::without_format)]
    pub replicas: Option<i64>,

    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Option<Vec<Condition>>,
}

// By hand, because the derive lets a status be null.
impl JsonSchema for Bird {
    fn schema_name() -> Cow<'static, str> {
        "Bird".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A bird of the aviary.",
            "required": ["spec"],
            "properties": {
                "spec": generator.subschema_for::<BirdSpec>(),
                "status": generator.subschema_for::<BirdStatus>(),
            },
        })
    }
}

fn brown() -> String {
    "brown".to_owned()
}

fn one() -> i64 {
    1
}

// The limits that Kubernetes' own kinds set to their conditions.
fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {"type": "string", "maxLength": 316, "pattern": TYPE},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
                "lastTransitionTime": {"type": "string", "format": "date-time"},
                "reason": {"type": "string", "minLength": 1, "maxLength": 1024, "pattern": REASON},
                "message": {"type": "string", "maxLength": 32768},
            },
        },
    })
}

const TYPE: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$";
const REASON: &str = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$";
