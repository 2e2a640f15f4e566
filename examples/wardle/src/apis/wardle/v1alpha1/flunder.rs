//! The fields of Flunder in v1alpha1. Their comments are what `kubectl explain` prints.

use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// What users ask of each Flunder.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "wardle.example.com",
    version = "v1alpha1",
    kind = "Flunder",
    plural = "flunders",
    namespaced,
    schema = "manual"
)]
#[serde(rename_all = "camelCase")]
pub struct FlunderSpec {
    /// The name of another Flunder or of a Fischer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,

    /// What `reference` names: Flunder, unless it says Fischer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_type: Option<String>,
}

/// All fields. The status is one of them, and no subresource, which the derive cannot say.
#[derive(JsonSchema)]
#[allow(dead_code)]
struct FlunderFields {
    #[schemars(default)]
    spec: FlunderSpec,
    #[schemars(default)]
    status: FlunderStatus,
}

/// Nothing is known of a Flunder.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct FlunderStatus {}

impl JsonSchema for Flunder {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Flunder".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        FlunderFields::json_schema(generator)
    }
}
