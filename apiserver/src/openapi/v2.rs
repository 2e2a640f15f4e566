//! The document of OpenAPI v2 (Swagger): everything in one, for clients that know nothing newer.
//!
//! It is made from the version 3 documents, so that the two cannot disagree. What version 2 cannot say is left out, in
//! the ways that kubectl's old checks need. Source:
//! <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/controller/openapi/v2/conversion.go>

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::definitions::{DELETE_OPTIONS, V3_PREFIX, WATCH_EVENT, definitions};
use super::v3;
use crate::discovery::documents::groups;
use crate::kind::Kind;

const PREFIX: &str = "#/definitions/";

/// The document of all kinds.
pub(super) fn document(kinds: &[Arc<Kind>]) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for name in v3::names(kinds) {
        let mut document = v3::named(kinds, &name);
        if let (Value::Object(more), Value::Object(parts)) =
            (document["paths"].take(), document["components"]["schemas"].take())
        {
            paths.extend(more.into_iter().map(|(path, item)| (path, path_item(item))));
            schemas.extend(parts);
        }
    }
    // These are of all versions, not of the one whose document came last.
    let groups = groups(kinds);
    let versions = groups.iter().flat_map(|group| &group.versions).map(|version| (version.group, version.version));
    let mut shared = definitions(versions);
    for name in [DELETE_OPTIONS, WATCH_EVENT] {
        if let (Some(schema), Some(all)) = (schemas.get_mut(name), shared.remove(name)) {
            *schema = all;
        }
    }
    let definitions: Map<String, Value> = schemas.into_iter().map(|(name, part)| (name, schema(part))).collect();
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes-style API", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "definitions": definitions,
    })
}

fn path_item(item: Value) -> Value {
    let Value::Object(fields) = item else { return item };
    let convert = |(key, value): (String, Value)| {
        let value = if key == "parameters" { parameters(value) } else { operation(value) };
        (key, value)
    };
    Value::Object(fields.into_iter().map(convert).collect())
}

/// A body is a parameter here, and media types are told once per operation.
fn operation(mut operation: Value) -> Value {
    let mut produces = Vec::new();
    if let Value::Object(responses) = &mut operation["responses"] {
        for response in responses.values_mut() {
            if let Some((media_types, schema)) = take_content(response) {
                response["schema"] = schema;
                produces = media_types;
            }
        }
    }
    operation["produces"] = produces.into();
    let mut all = match parameters(operation["parameters"].take()) {
        Value::Array(all) => all,
        _ => Vec::new(),
    };
    let mut body = operation["requestBody"].take();
    if let Some((media_types, schema)) = take_content(&mut body) {
        let required = body["required"] == true;
        all.push(json!({"name": "body", "in": "body", "required": required, "schema": schema}));
        operation["consumes"] = media_types.into();
    }
    operation["parameters"] = all.into();
    if let Value::Object(fields) = &mut operation {
        fields.remove("requestBody");
    }
    operation
}

/// Takes `content` out of a body or response: its media types, and the schema that all of them share.
fn take_content(part: &mut Value) -> Option<(Vec<Value>, Value)> {
    let Value::Object(content) = part.as_object_mut()?.remove("content")? else { return None };
    let media_types = content.keys().map(|media_type| media_type.as_str().into()).collect();
    let (_, mut first) = content.into_iter().next()?;
    Some((media_types, schema(first["schema"].take())))
}

/// A parameter's type stands beside its name.
fn parameters(parameters: Value) -> Value {
    let Value::Array(parameters) = parameters else { return parameters };
    let convert = |parameter: Value| match parameter {
        Value::Object(mut fields) => {
            if let Some(Value::Object(schema)) = fields.remove("schema") {
                fields.extend(schema);
            }
            Value::Object(fields)
        }
        other => other,
    };
    parameters.into_iter().map(convert).collect()
}

fn schema(node: Value) -> Value {
    let Value::Object(mut fields) = node else { return node };
    if let Some(Value::Array(parts)) = fields.remove("allOf") {
        // Version 2 allows a description beside a reference.
        if let Some(reference) = parts.first().and_then(|part| part.get("$ref")) {
            fields.insert("$ref".into(), reference.clone());
        }
    }
    if let Some(Value::String(reference)) = fields.get_mut("$ref") {
        *reference = reference.replace(V3_PREFIX, PREFIX);
        return Value::Object(fields);
    }
    for unknown in ["oneOf", "anyOf", "not"] {
        fields.remove(unknown);
    }
    let nullable = is_nullable(&fields);
    fields.remove("nullable");
    let open = fields.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    if nullable || open {
        // kubectl refuses null where there is a type, and unknown fields where there are properties.
        for part in ["type", "items", "properties"] {
            let keep = part == "type" && !nullable && fields.get("type").is_some_and(|t| t != "object" && t != "array");
            if !keep {
                fields.remove(part);
            }
        }
    }
    if fields.get("type").is_some_and(|type_| type_ == "array") && !fields.contains_key("items") {
        fields.remove("type");
    }
    if let Some(Value::Object(properties)) = fields.get("properties") {
        let nullable = |name: &Value| {
            name.as_str().and_then(|name| properties.get(name)).and_then(Value::as_object).is_some_and(is_nullable)
        };
        let required = fields.get("required").and_then(Value::as_array);
        let required: Option<Vec<Value>> =
            required.map(|names| names.iter().filter(|name| !nullable(name)).cloned().collect());
        match required {
            Some(names) if names.is_empty() => drop(fields.remove("required")),
            Some(names) => drop(fields.insert("required".into(), names.into())),
            None => {}
        }
    }
    for (key, field) in &mut fields {
        match (key.as_str(), field) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(|property| *property = schema(property.take()));
            }
            ("items" | "additionalProperties", field) => *field = schema(field.take()),
            _ => {}
        }
    }
    Value::Object(fields)
}

fn is_nullable(fields: &Map<String, Value>) -> bool {
    fields.get("nullable") == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::tests::kinds;

    fn check(v3: Value, v2: Value) {
        assert_eq!(schema(v3.clone()), v2, "{v3}");
    }

    #[test]
    fn what_version_2_cannot_say_is_left_out() {
        let string = json!({"type": "string"});
        check(json!({"type": "string", "nullable": true, "description": "A ring."}), json!({"description": "A ring."}));
        check(
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"a": string}}),
            json!({"x-kubernetes-preserve-unknown-fields": true}),
        );
        check(
            json!({"anyOf": [string], "x-kubernetes-int-or-string": true}),
            json!({"x-kubernetes-int-or-string": true}),
        );
        check(json!({"type": "array"}), json!({}));
        check(
            json!({"type": "object", "required": ["a", "b"], "properties": {"a": string, "b": {"nullable": true}}}),
            json!({"type": "object", "required": ["a"], "properties": {"a": string, "b": {}}}),
        );
        check(
            json!({"allOf": [{"$ref": "#/components/schemas/x"}], "description": "An x."}),
            json!({"$ref": "#/definitions/x", "description": "An x."}),
        );
        check(
            json!({"type": "array", "items": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/x"}}}),
            json!({"type": "array", "items": {"type": "object", "additionalProperties": {"$ref": "#/definitions/x"}}}),
        );
    }

    #[test]
    fn operations_take_their_body_as_a_parameter() {
        let document = document(&kinds());
        let post = &document["paths"]["/apis/demo.example.com/v1/namespaces/{namespace}/birds"]["post"];
        assert_eq!(post["consumes"], json!(["application/json", "application/yaml"]));
        assert_eq!(post["produces"], json!(["application/json", "application/yaml"]));
        let bird = json!({"$ref": "#/definitions/com.example.demo.v1.Bird"});
        assert_eq!(post["responses"]["201"], json!({"description": "Created", "schema": bird}));
        let parameters = post["parameters"].as_array().unwrap();
        assert_eq!(parameters[0]["type"], "string");
        assert_eq!(parameters[3], json!({"name": "body", "in": "body", "required": true, "schema": bird}));
        assert_eq!(post.get("requestBody"), None);
    }

    #[test]
    fn kinds_are_found_by_their_names() {
        let document = document(&kinds());
        let definitions = document["definitions"].as_object().unwrap();
        for (name, kind) in [("com.example.demo.v1.Bird", "Bird"), ("com.example.demo.v1alpha1.BirdList", "BirdList")] {
            assert_eq!(definitions[name]["x-kubernetes-group-version-kind"][0]["kind"], kind);
        }
        let gvks = definitions[DELETE_OPTIONS]["x-kubernetes-group-version-kind"].as_array().unwrap();
        assert_eq!(gvks.len(), 3, "core/v1, v1 and v1alpha1");
        assert_eq!(document["swagger"], "2.0");
    }
}
