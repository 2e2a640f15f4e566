//! What schemars derives of a type, brought into the form in which people write CRDs. For attributes of fields and types:
//!
//! ```
//! use apiserver::schema::derive;
//! use schemars::JsonSchema;
//!
//! #[derive(JsonSchema)]
//! struct Spec {
//!     #[schemars(transform = derive::without_format)]
//!     replicas: i64,
//!     #[schemars(schema_with = "derive::any_object")]
//!     extra: serde_json::Map<String, serde_json::Value>,
//! }
//! ```

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

/// An `Option` may be absent but not null, on all levels. Derived as it is, it may be null as well, and clients then read
/// back a null where others would find nothing.
pub fn without_nulls(schema: &mut Schema) {
    if let Some(fields) = schema.as_object_mut() {
        fields.values_mut().for_each(drop_nulls);
        drop_null_alternatives(fields);
    }
}

/// Drops the format that schemars names for the width of a number, such as `int64` or `double`; of lists, that of the
/// items.
pub fn without_format(schema: &mut Schema) {
    let Some(fields) = schema.as_object_mut() else { return };
    fields.remove("format");
    // For unsigned numbers schemars adds a minimum, which is a rule of its own and stays.
    if let Some(Value::Object(items)) = fields.get_mut("items") {
        items.remove("format");
    }
}

/// An object with any fields: `x-kubernetes-preserve-unknown-fields`.
pub fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(drop_nulls);
            drop_null_alternatives(fields);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn drop_null_alternatives(fields: &mut serde_json::Map<String, Value>) {
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            fields.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(alternatives)) = fields.get_mut("anyOf") {
        alternatives.retain(|schema| schema["type"] != "null");
        if let [Value::Object(only)] = alternatives.as_slice() {
            let only = only.clone();
            fields.remove("anyOf");
            for (name, value) in only {
                fields.entry(name).or_insert(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;

    #[derive(JsonSchema)]
    #[schemars(transform = without_nulls)]
    #[allow(dead_code, reason = "only its schema is looked at")]
    struct Nest {
        #[schemars(transform = without_format)]
        capacity: Option<i64>,
        #[schemars(transform = without_format)]
        heights: Vec<f64>,
        twigs: Option<Vec<Option<String>>>,
        #[schemars(schema_with = "any_object")]
        extra: Option<serde_json::Map<String, Value>>,
    }

    #[test]
    fn a_derived_schema_takes_the_form_in_which_people_write_it() {
        let schema = schemars::schema_for!(Nest);
        assert_eq!(
            schema.as_value()["properties"],
            json!({
                "capacity": {"type": "integer"},
                "heights": {"type": "array", "items": {"type": "number"}},
                "twigs": {"type": "array", "items": {"type": "string"}},
                "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            })
        );
    }
}
