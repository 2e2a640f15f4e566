//! Filling in what an object leaves out. Sources:
//! <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/schema/defaulting/algorithm.go>,
//! <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/schema/defaulting/prunenulls.go>

use serde_json::Value;

use super::META_FIELDS;
use super::node::{Additional, Node};

/// Fills in the defaults of a whole object.
pub(super) fn apply(root: &Node, object: &mut Value) {
    if root.below.defaults {
        apply_fields(root, true, object);
    }
}

/// Fills in the defaults of what is within one value.
pub(super) fn apply_below(node: &Node, value: &mut Value) {
    if !node.below.defaults {
        return;
    }
    match value {
        Value::Object(_) => apply_fields(node, false, value),
        Value::Array(items) => {
            if let Some(node) = node.items() {
                items.iter_mut().for_each(|item| apply_to(node, item));
            }
        }
        _ => {}
    }
}

fn apply_fields(node: &Node, is_root: bool, value: &mut Value) {
    let Value::Object(fields) = value else { return };
    let is_meta = |name: &str| is_root && META_FIELDS.contains(&name);
    for (name, property) in &node.properties {
        if let Some(default) = property.default.as_ref().filter(|_| !is_meta(name) && !fields.contains_key(name)) {
            fields.insert(name.clone(), default.clone());
        }
    }
    for (name, value) in fields.iter_mut().filter(|(name, _)| !is_meta(name)) {
        if let Some(node) = node.field(name) {
            apply_to(node, value);
        }
    }
}

fn apply_to(node: &Node, value: &mut Value) {
    if value.is_null()
        && !node.nullable
        && let Some(default) = &node.default
    {
        *value = default.clone();
    }
    apply_below(node, value);
}

/// Drops the nulls of a whole object that mean nothing. Items of lists stay, as dropping one would move the others.
pub(super) fn prune_nulls(root: &Node, object: &mut Value) {
    prune_fields(root, true, object);
}

fn prune_fields(node: &Node, is_root: bool, value: &mut Value) {
    let Value::Object(fields) = value else { return };
    fields.retain(|name, value| {
        let Some(node) = node.field(name).filter(|_| !is_root || !META_FIELDS.contains(&name.as_str())) else {
            return true;
        };
        if value.is_null() && !node.nullable && node.default.is_none() {
            return false;
        }
        prune_value(node, value);
        true
    });
}

/// Drops the nulls within one value that mean nothing.
pub(super) fn prune_value(node: &Node, value: &mut Value) {
    match value {
        Value::Object(_) if !node.properties.is_empty() || matches!(node.additional, Additional::Schema(_)) => {
            prune_fields(node, false, value);
        }
        Value::Array(items) => {
            if let Some(node) = node.items() {
                items.iter_mut().for_each(|item| prune_value(node, item));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Schema;
    use super::*;

    #[track_caller]
    fn check(spec: Value, object: Value, expect: Value) {
        let schema = json!({"type": "object", "properties": {"spec": spec}});
        let schema = Schema::compile(&schema).expect("a schema");
        let mut object = json!({ "spec": object });
        schema.default(&mut object);
        assert_eq!(object["spec"], expect);
    }

    fn bird() -> Value {
        json!({"type": "object", "properties": {
            "color": {"type": "string", "default": "brown"},
            "name": {"type": "string"},
            "note": {"type": "string", "nullable": true},
            "mood": {"type": "string", "nullable": true, "default": "good"},
            "diet": {"type": "object", "default": {}, "properties": {"primary": {"type": "string", "default": "seeds"}}},
        }})
    }

    #[test]
    fn absent_fields_get_their_default() {
        let diet = json!({"primary": "seeds"});
        let all = json!({"color": "brown", "mood": "good", "diet": diet});
        check(bird(), json!({}), all.clone());
        check(
            bird(),
            json!({"color": "red", "mood": null, "diet": {}}),
            json!({"color": "red", "mood": null, "diet": diet}),
        );
        check(json!({"type": "array", "items": bird()}), json!([{}]), json!([all]));
        check(json!({"type": "object", "additionalProperties": bird()}), json!({"x": {}}), json!({"x": all}));
        check(bird(), json!("text"), json!("text"));
    }

    #[test]
    fn nulls_are_dropped_or_replaced_where_they_mean_nothing() {
        let diet = json!({"primary": "seeds"});
        check(
            bird(),
            json!({"color": null, "name": null, "note": null, "mood": null, "diet": null, "other": null}),
            json!({"color": "brown", "note": null, "mood": null, "diet": diet, "other": null}),
        );
        let list = json!({"type": "array", "items": {"type": "string", "default": "x"}});
        check(list, json!([null, "y"]), json!(["x", "y"]));
        check(json!({"type": "array", "items": {"type": "string"}}), json!([null]), json!([null]));
        let map = json!({"type": "object", "additionalProperties": {"type": "string"}});
        check(map, json!({"a": null, "b": "c"}), json!({"b": "c"}));
    }

    #[test]
    fn server_side_apply_keeps_nulls_that_have_no_default() {
        let schema = Schema::compile(&json!({"type": "object", "properties": {"spec": bird()}})).expect("a schema");
        let mut object = json!({"spec": {"name": null, "color": null, "diet": {"primary": "x"}}});
        schema.apply_defaults(&mut object);
        assert_eq!(object["spec"], json!({"name": null, "color": "brown", "mood": "good", "diet": {"primary": "x"}}));
    }

    #[test]
    fn metadata_of_the_root_is_left_alone() {
        let schema =
            json!({"type": "object", "properties": {"metadata": {"type": "object"}, "kind": {"type": "string"}}});
        let mut object = json!({"metadata": null, "kind": null});
        Schema::compile(&schema).expect("a schema").default(&mut object);
        assert_eq!(object, json!({"metadata": null, "kind": null}));
    }
}
