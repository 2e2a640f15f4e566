//! The fields of Note in v1beta1, from its CustomResourceDefinition. Their comments are what
//! `kubectl explain` prints.

use std::borrow::Cow;

use apiserver::AnyFields;
use apiserver::schema::derive;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// A Note has no spec, and its status is no subresource.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "awkward.example.org",
    version = "v1beta1",
    kind = "Note",
    doc = "Note is a kind of the group awkward.example.org.",
    schema = "manual",
    plural = "notes",
    namespaced,
    no_spec
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = derive::without_nulls)]
pub struct NoteFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others_: Option<String>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_: Option<NoteStatus>,

    #[schemars(length(min = 1))]
    pub text: String,

    /// All fields that are not named here.
    #[serde(flatten)]
    pub others: AnyFields,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct NoteStatus {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<bool>,
}

// By hand, because the derive takes a spec for granted, and lets a status be null.
impl JsonSchema for Note {
    fn schema_name() -> Cow<'static, str> {
        "Note".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        NoteFields::json_schema(generator)
    }
}
