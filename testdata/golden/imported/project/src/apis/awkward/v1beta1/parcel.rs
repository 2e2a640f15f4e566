//! The fields of Parcel in v1beta1, from its CustomResourceDefinition. Their comments are what
//! `kubectl explain` prints.

use std::borrow::Cow;

use apiserver::schema::derive;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A Parcel has a spec, and more beside it.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "awkward.example.org",
    version = "v1beta1",
    kind = "Parcel",
    doc = "Parcel is a kind of the group awkward.example.org.",
    schema = "manual",
    plural = "parcels",
    namespaced,
    no_spec,
    status = "ParcelStatus"
)]
#[schemars(transform = derive::without_nulls)]
pub struct ParcelFields {
    pub operation: Operation,

    pub spec: ParcelSpec,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(transform = derive::without_nulls)]
pub struct ParcelStatus {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Operation {
    pub kind: Kind,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ParcelSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Kind {
    Send,
    Return,
}

// By hand, because the derive takes a spec for granted, and lets a status be null.
impl JsonSchema for Parcel {
    fn schema_name() -> Cow<'static, str> {
        "Parcel".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ParcelFields::json_schema(generator);
        let properties = schema.ensure_object().entry("properties");
        let properties = properties.or_insert(json!({}));
        let status = generator.subschema_for::<ParcelStatus>();
        properties["status"] = status.to_value();
        schema
    }
}
