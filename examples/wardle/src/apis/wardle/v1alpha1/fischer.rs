//! The fields of Fischer in v1alpha1. Their comments are what `kubectl explain` prints.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a Fischer has beside its metadata.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "wardle.example.com",
    version = "v1alpha1",
    kind = "Fischer",
    doc = "Fischer is a kind of the group wardle.example.com.",
    plural = "fischers",
    deprecated = "wardle.example.com/v1alpha1 Fischer is deprecated in v1.3+, unavailable in v1.10+",
    no_spec
)]
#[serde(rename_all = "camelCase")]
pub struct FischerSpec {
    /// The names that no Flunder may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disallowed_flunders: Vec<String>,
}
