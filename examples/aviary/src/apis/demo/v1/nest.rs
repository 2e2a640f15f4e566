//! The fields of Nest in v1.

use apiserver::schema::derive;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(transform = derive::without_nulls)]
#[kube(
    group = "demo.example.com",
    version = "v1",
    kind = "Nest",
    schema = "manual",
    shortname = "nst"
)]
pub struct NestSpec {
    // How many birds it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = derive::without_format)]
    pub capacity: Option<i64>,

    // Whatever else there is to say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "derive::any_object")]
    pub extra: Option<Map<String, Value>>,
}

// By hand, because the derive takes it for granted that every object has a spec.
impl JsonSchema for Nest {
    fn schema_name() -> Cow<'static, str> {
        "Nest".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A place where birds live.",
            "properties": { "spec": generator.subschema_for::<NestSpec>() },
        })
    }
}
