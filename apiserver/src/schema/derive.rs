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

use schemars::transform::transform_subschemas;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

/// An `Option` may be absent but not null, on all levels. Derived as it is, it may be null as well, and clients then read
/// back a null where others would find nothing. What says `nullable` itself may be null still.
pub fn without_nulls(schema: &mut Schema) {
    transform_subschemas(&mut without_nulls, schema);
    let Some(fields) = schema.as_object_mut() else { return };
    drop_null(fields);
    // Said aloud, because kube lets the optional ones among these be null otherwise.
    if fields.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        fields.entry("nullable").or_insert(Value::Bool(false));
    }
}

/// Keeps conditions (`oneOf` and `anyOf` that say more of fields which are described elsewhere) as they are. Of those
/// that it finds, kube makes the variants of an enum: it moves what they say of fields up to where the fields are.
pub fn keep_conditions(schema: &mut Schema) {
    transform_subschemas(&mut keep_conditions, schema);
    let Some(fields) = schema.as_object_mut() else { return };
    for keyword in ["oneOf", "anyOf"] {
        for condition in fields.get_mut(keyword).and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(says) = condition.as_object() else { continue };
            // The variants of an enum have a type, which a condition must not have.
            let is_condition = !says.contains_key("type") && !says.contains_key("const");
            if is_condition && (says.contains_key("properties") || says.contains_key("enum")) {
                *condition = serde_json::json!({ "allOf": [condition.take()] });
            }
        }
    }
}

/// Changes a schema by a JSON merge patch (RFC 7386): null takes a keyword away, lists are replaced. For what no
/// attribute says, such as a format of the values of a map: `derive::merge(r#"{"additionalProperties": {"format": "uri"}}"#)`.
///
/// # Panics
/// When the schema is made, if the patch is not a JSON object.
pub fn merge(patch: &'static str) -> impl FnMut(&mut Schema) {
    move |schema| match serde_json::from_str(patch) {
        Ok(Value::Object(patch)) => merge_fields(schema.ensure_object(), &patch),
        _ => panic!("the patch of a schema is not a JSON object: {patch}"),
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

fn drop_null(fields: &mut Map<String, Value>) {
    let may_be_null = fields.get("nullable") == Some(&Value::Bool(true));
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        let before = types.len();
        types.retain(|name| name != "null");
        let dropped = types.len() < before;
        if let [only] = types.as_slice() {
            let only = only.clone();
            fields.insert("type".into(), only);
        }
        if let Some(Value::Array(values)) = fields.get_mut("enum").filter(|_| dropped && !may_be_null) {
            values.retain(|value| !value.is_null());
        }
    }
    if let Some(Value::Array(alternatives)) = fields.get_mut("anyOf") {
        let before = alternatives.len();
        alternatives.retain(|schema| schema["type"] != "null");
        if let [Value::Object(only)] = alternatives.as_slice()
            && before > 1
        {
            let only = only.clone();
            fields.remove("anyOf");
            for (name, value) in only {
                fields.entry(name).or_insert(value);
            }
        }
    }
}

fn merge_fields(fields: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => drop(fields.remove(name)),
            Value::Object(patch) => {
                let field = fields.entry(name).or_insert(Value::Null);
                if !field.is_object() {
                    *field = Value::Object(Map::new());
                }
                if let Value::Object(fields) = field {
                    merge_fields(fields, patch);
                }
            }
            value => drop(fields.insert(name.clone(), value.clone())),
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

    #[track_caller]
    fn check(mut transform: impl FnMut(&mut Schema), schema: Value, expected: Value) {
        let mut schema = Schema::try_from(schema).unwrap();
        transform(&mut schema);
        assert_eq!(*schema.as_value(), expected);
    }

    #[test]
    fn what_may_be_null_says_so() {
        let check = |schema, expected| check(without_nulls, schema, expected);
        check(json!({"type": ["string", "null"], "enum": ["a", null]}), json!({"type": "string", "enum": ["a"]}));
        check(
            json!({"type": ["string", "null"], "enum": ["a", null], "nullable": true}),
            json!({"type": "string", "enum": ["a", null], "nullable": true}),
        );
        check(json!({"default": {"type": ["null", "a"]}}), json!({"default": {"type": ["null", "a"]}}));
        check(json!({"anyOf": [{"required": ["a"]}]}), json!({"anyOf": [{"required": ["a"]}]}));
        check(
            json!({"anyOf": [{"type": "object", "oneOf": []}, {"type": "null"}], "title": "t"}),
            json!({"type": "object", "oneOf": [], "title": "t"}),
        );
        check(
            json!({"properties": {"a": {"x-kubernetes-int-or-string": true}}}),
            json!({"properties": {"a": {"x-kubernetes-int-or-string": true, "nullable": false}}}),
        );
    }

    #[test]
    fn conditions_are_told_from_variants() {
        let condition = json!({"properties": {"a": {"enum": ["b"]}}});
        let variant = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        check(
            keep_conditions,
            json!({"oneOf": [condition, variant, {"required": ["a"]}]}),
            json!({"oneOf": [{"allOf": [condition]}, variant, {"required": ["a"]}]}),
        );
    }

    #[test]
    fn a_patch_adds_and_takes_away() {
        let check = |patch, schema, expected| check(merge(patch), schema, expected);
        check(
            r#"{"items": {"format": null, "maxLength": 3}, "minItems": 1}"#,
            json!({"type": "array", "items": {"type": "integer", "format": "int64"}}),
            json!({"type": "array", "items": {"type": "integer", "maxLength": 3}, "minItems": 1}),
        );
        check(r#"{"items": {"type": "string"}}"#, json!({"items": true}), json!({"items": {"type": "string"}}));
    }
}
