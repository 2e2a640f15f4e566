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

fn prune_value(node: &Node, value: &mut Value) {
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
