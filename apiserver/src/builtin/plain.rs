//! What the kinds of Kubernetes have in common that are stored as they are: a description made of their type, with what
//! their type does not tell.

use std::sync::Arc;

use serde_json::Value;

use super::native::{Native, native};
use crate::kind::{Column, Kind, SelectableField};
use crate::schema::Schema;
use crate::schema::json_path::JsonPath;

/// A kind by its type, with these columns, which are given its schema. `refine` adds to the schema what types do not tell.
/// Which fields are required is told to clients and left to the checks of the kind, which have Kubernetes' words for it.
pub(super) fn kind<K: Native>(refine: fn(&mut Value), columns: fn(&Value) -> Vec<Column>) -> Kind {
    let mut kind = native::<K>();
    kind.generation = false;
    let version = &mut kind.versions[0];
    refine(&mut version.openapi);
    let mut checked = version.openapi.clone();
    loosen(&mut checked);
    version.schema = Arc::new(Schema::compile(&checked).expect("the schema of a type is structural"));
    version.columns = columns(&version.openapi);
    kind
}

/// What the schema says of a field, by its JSON pointer: what a column that shows it says of itself.
pub(super) fn description<'a>(openapi: &'a Value, pointer: &str) -> &'a str {
    openapi.pointer(pointer).and_then(|field| field["description"].as_str()).unwrap_or_default()
}

/// A field that selectors may name.
pub(super) fn selectable(name: &str, path: &str) -> SelectableField {
    SelectableField { name: name.into(), path: JsonPath::parse(path).expect("a constant path") }
}

/// Takes out what the checks of the kind look at: what is required, save for what tells the items of a list apart, and
/// bytes, which may be none at all here and not in custom resources.
fn loosen(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    fields.remove("required");
    if fields.get("format").is_some_and(|format| format == "byte") {
        fields.remove("format");
    }
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(loosen);
    }
    for inner in ["additionalProperties", "items"] {
        if let Some(inner) = fields.get_mut(inner).filter(|inner| inner.is_object()) {
            loosen(inner);
        }
    }
    if let Some(keys) = fields.get("x-kubernetes-list-map-keys").cloned() {
        fields["items"]["required"] = keys;
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_required_is_told_but_not_checked() {
        let mut schema = json!({
            "type": "object", "required": ["a"],
            "properties": {
                "a": { "type": "object", "required": ["b"] }, "c": { "type": "string", "format": "byte" },
                "list": {
                    "items": { "required": ["x", "y"] },
                    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["x"],
                },
            },
        });
        loosen(&mut schema);
        let list = json!({
            "items": { "required": ["x"] }, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["x"],
        });
        assert_eq!(
            schema,
            json!({ "type": "object", "properties": { "a": { "type": "object" }, "c": { "type": "string" }, "list": list } })
        );
        let kind = kind::<ClusterRoleBinding>(|_| {}, |_| Vec::new());
        assert_eq!(kind.storage_version().openapi["required"], json!(["roleRef"]));
        let mut errors = crate::field::Errors::default();
        kind.storage_version().schema.validate(&json!({ "subjects": [{}] }), &mut errors);
        assert!(errors.is_empty(), "{errors:?}");
    }
}
