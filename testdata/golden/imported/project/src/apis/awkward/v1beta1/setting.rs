//! The fields of Setting in v1beta1, from its CustomResourceDefinition. Their comments are what
//! `kubectl explain` prints.

use std::borrow::Cow;
use std::collections::BTreeMap;

use apiserver::schema::derive;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Words and their meanings.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "awkward.example.org",
    version = "v1beta1",
    kind = "Setting",
    doc = "Setting is a kind of the group awkward.example.org.",
    schema = "manual",
    plural = "settings",
    namespaced,
    status = "SettingStatus"
)]
#[schemars(transform = derive::without_nulls)]
pub struct SettingSpec {
    /// All fields that are not named here.
    #[serde(flatten)]
    pub entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(extend("nullable" = true, "x-kubernetes-preserve-unknown-fields" = true))]
#[schemars(transform = derive::merge(r#"{"additionalProperties":null}"#))]
#[schemars(transform = derive::without_nulls)]
pub struct SettingStatus {
    /// All fields that are not named here.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Entry {
    pub meaning: String,
}

// By hand, because the derive takes a spec for granted, and lets a status be null.
impl JsonSchema for Setting {
    fn schema_name() -> Cow<'static, str> {
        "Setting".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "spec": generator.subschema_for::<SettingSpec>(),
                "status": generator.subschema_for::<SettingStatus>(),
            },
        })
    }
}
