//! Note in v1: any JSON beside apiVersion, kind and metadata.

use apiserver::AnyFields;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The fields of each Note.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "demo.keepers.example.com",
    version = "v1",
    kind = "Note",
    doc = "Note is a kind of the group demo.keepers.example.com. It takes any field.",
    namespaced,
    no_spec,
    printcolumn = r#"{"name":"Title","type":"string","jsonPath":".title"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
pub struct NoteFields {
    /// All fields that are not named here. One that gets a line of its own is checked and explained.
    #[serde(flatten)]
    pub others: AnyFields,
}
