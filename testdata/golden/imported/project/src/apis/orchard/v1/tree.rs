//! The fields of Tree in v1, from its CustomResourceDefinition. Their comments are what
//! `kubectl explain` prints.

use std::borrow::Cow;
use std::collections::BTreeMap;

use apiserver::schema::derive;
use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a Tree shall be.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "orchard.example.org",
    version = "v1",
    kind = "Tree",
    doc = "Tree is a kind of the group orchard.example.org.",
    schema = "manual",
    plural = "trees",
    namespaced,
    status = "TreeStatus",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    shortname = "tr",
    category = "all",
    category = "orchard",
    selectable = ".spec.species",
    printcolumn = r#"{"jsonPath":".spec.species","name":"Species","type":"string"}"#,
    printcolumn = r#"{"description":"From the ground to the top, in metres.","format":"double","jsonPath":".spec.height","name":"Height","priority":1,"type":"number"}"#,
    printcolumn = r#"{"jsonPath":".metadata.creationTimestamp","name":"Age","type":"date"}"#
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.height) || self.height < 120.0")
        .field_path(".height")
        .message("no tree is that tall")
        .reason(Reason::FieldValueInvalid)
)]
#[x_kube(
    validation = Rule::new("self.replicas < 1000 || self.species == 'oak'")
        .message(Message::Expression("'a forest of ' + self.species + ' is too large'".into()))
)]
#[schemars(transform = derive::without_nulls)]
#[schemars(transform = derive::keep_conditions)]
pub struct TreeSpec {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    #[schemars(transform = derive::merge(r#"{
  "items": {
    "format": "ipv4",
    "x-kubernetes-validations": [
      {
        "rule": "self != '192.0.2.255'"
      }
    ]
  }
}"#))]
    pub addresses: Vec<String>,

    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "derive::any_object")]
    pub any_object: Map<String, Value>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
    pub anything: Option<Value>,

    /// Each by its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-map-keys" = ["name", "side"]))]
    #[schemars(extend("x-kubernetes-list-type" = "map"))]
    pub branches: Vec<Branch>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = derive::without_format)]
    pub crown: Option<f64>,

    /// The deed, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    #[schemars(extend("format" = "byte"))]
    pub deed: Option<ByteString>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<Empty>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub evergreen: Option<bool>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("allOf" = [{"pattern": "^[0-9]+%?$"}]))]
    pub feed: Option<IntOrString>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date"))]
    pub felled: Option<String>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "float", "multipleOf" = 0.5))]
    pub girth: Option<f64>,

    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = derive::merge(r#"{"items":{"items":{"minimum":1}}}"#))]
    pub grid: Vec<Vec<i32>>,

    /// An object of any kind.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "derive::any_object")]
    #[schemars(extend("x-kubernetes-embedded-resource" = true))]
    pub guest: Map<String, Value>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 130.5))]
    #[schemars(extend("exclusiveMinimum" = true))]
    pub height: Option<f64>,

    #[schemars(extend("maxProperties" = 10, "minProperties" = 1))]
    #[schemars(transform = derive::merge(r#"{"additionalProperties":{"maxLength":63}}"#))]
    pub labels: BTreeMap<String, String>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = derive::without_format)]
    #[schemars(extend("multipleOf" = 10))]
    pub leaves: Option<i64>,

    /// Who stands left of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_neighbour: Option<Neighbour>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["yes-or-no", null], "nullable" = true))]
    pub maybe: Option<String>,

    /// A nest in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = {}))]
    pub nest: Option<Nest>,

    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, Value>,

    /// What is known, and more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Open>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["<", ">", "=="]))]
    pub operator: Option<String>,

    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planted: Option<Time>,

    /// One way or the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruning: Option<Pruning>,

    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quotas: BTreeMap<String, IntOrString>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 5000000000_i64))]
    #[schemars(extend("default" = 1))]
    pub replicas: Option<i32>,

    /// Who stands right of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right_neighbour: Option<Neighbour>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -9000000000_i64))]
    pub rings: Option<i64>,

    /// Null if it has none.
    #[schemars(required)]
    #[schemars(extend("nullable" = true))]
    pub rootstock: Option<String>,

    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 3))]
    #[schemars(inner(length(min = 1), regex(pattern = "^[A-Z]")))]
    pub sayings: Vec<String>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true, "x-kubernetes-list-type" = "atomic"))]
    #[schemars(transform = derive::merge(r#"{
  "items": {
    "enum": [
      "Spring",
      "Summer"
    ],
    "nullable": true
  }
}"#))]
    pub seasons: Option<Vec<Option<Season>>>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Left", "Right"], "nullable" = true))]
    pub side: Option<Side>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri"))]
    pub site: Option<String>,

    /// Where it stands.
    pub soil: Soil,

    /// A number of metres or a share of the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spacing: Option<IntOrString>,

    /// What kind of tree it is. One of many, and for all of its life: whoever wants another species
    /// plants another tree, which is not done by changing this field.
    ///
    /// Examples:
    ///
    /// kubectl explain tree.spec
    /// let x = 1;
    ///
    /// ```text
    /// fn this_is_not_compiled(
    /// ```
    ///
    /// * a list that goes
    ///   on lazily
    /// * of two
    #[schemars(length(min = 2, max = 40))]
    #[schemars(regex(pattern = "^[a-z]+( [a-z]+)*$"))]
    #[x_kube(
        validation = Rule::new("self == oldSelf")
            .message("species is immutable")
            .reason(Reason::FieldValueForbidden)
    )]
    pub species: String,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = derive::without_format)]
    #[schemars(extend("enum" = [1, 2, 3]))]
    pub state: Option<i64>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uint32"))]
    pub twigs: Option<i64>,

    /// \# Not a heading
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "wild", "example" = "cox", "title" = "The variety"))]
    pub variety: Option<String>,

    /// An object of any kind with a spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("properties" = {
        "spec": {
            "properties": {"size": {"type": "integer"}},
            "required": ["size"],
            "type": "object",
        },
    }))]
    #[schemars(extend("required" = ["spec"]))]
    #[schemars(extend("type" = "object"))]
    #[schemars(extend("x-kubernetes-embedded-resource" = true))]
    pub ward: Option<Value>,

    /// How much it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"))]
    pub water: Option<Quantity>,
}

/// What is known of a Tree.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(transform = derive::without_nulls)]
pub struct TreeStatus {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-map-keys" = ["type"], "x-kubernetes-list-type" = "map"))]
    pub conditions: Vec<Condition>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,

    pub replicas: i32,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
}

/// A Branch bears fruit.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Branch {
    /// Of what, how many.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bears: BTreeMap<String, Bear>,

    pub name: String,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "north"))]
    pub side: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Empty {}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(extend("oneOf" = [
    {"properties": {"kind": {"enum": ["Tree"]}}, "required": ["nearness"]},
    {"properties": {"kind": {"enum": ["Wall", "Road"]}}},
]))]
pub struct Neighbour {
    pub kind: String,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = derive::without_format)]
    pub nearness: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct Nest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = derive::without_format)]
    #[schemars(extend("default" = 2))]
    pub eggs: Option<i64>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Open {
    pub known: String,

    /// All fields that are not named here.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(extend("allOf" = [{"properties": {"hard": {"minimum": 1}}}]))]
#[schemars(extend("anyOf" = [{"required": ["hard"]}, {"required": ["soft"]}]))]
#[schemars(extend("not" = {"required": ["hard", "soft"]}))]
pub struct Pruning {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = derive::without_format)]
    pub hard: Option<i64>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = derive::without_format)]
    pub soft: Option<i64>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Season {
    Spring,
    Summer,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Side {
    Left,
    Right,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Soil {
    Clay,
    Loam,
    #[serde(rename = "sandy-silt")]
    SandySilt,
    #[serde(rename = "")]
    Empty,
    #[serde(rename = "2nd")]
    V2nd,
    #[serde(rename = "self")]
    SelfValue,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,

    pub status: Status,

    #[schemars(length(max = 316))]
    pub r#type: String,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[allow(clippy::enum_variant_names)]
pub enum Phase {
    TreePlanted,
    TreeGrown,
    TreeFelled,
}

/// A Fruit is counted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Bear {
    #[schemars(transform = derive::without_format)]
    pub count: i64,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Status {
    True,
    False,
    Unknown,
}

// By hand, because the derive takes a spec for granted, and lets a status be null.
impl JsonSchema for Tree {
    fn schema_name() -> Cow<'static, str> {
        "Tree".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A Tree stands in an orchard.\n\nIt may be \"old\", and C:\\paths in its description mean nothing.",
            "required": ["spec"],
            "x-kubernetes-validations": [
                {"message": "a tree has a short name", "rule": "self.metadata.name.size() < 60"},
            ],
            "properties": {
                "spec": generator.subschema_for::<TreeSpec>(),
                "status": generator.subschema_for::<TreeStatus>(),
            },
        })
    }
}
