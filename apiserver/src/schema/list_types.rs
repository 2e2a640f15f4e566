//! Lists that are sets or maps hold nothing twice.
//! Source: <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/schema/listtype/validation.go>

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::node::{Additional, ListType, Node};
use super::path::Path;
use crate::field::Errors;

/// Reports every item that has the key of one before it; a key that is there more than twice is told once.
pub(super) fn validate(root: &Node, object: &Value, errors: &mut Errors) {
    if root.below.keyed_lists {
        value(root, object, &Path::ROOT, errors);
    }
}

fn value(node: &Node, object: &Value, path: &Path<'_>, errors: &mut Errors) {
    if !node.below.keyed_lists {
        return;
    }
    match object {
        Value::Object(fields) => {
            for (name, field) in fields {
                if let Some(node) = node.properties.get(name) {
                    value(node, field, &path.child(name), errors);
                } else if let Additional::Schema(node) = &node.additional {
                    value(node, field, &path.key(name), errors);
                }
            }
        }
        Value::Array(items) => {
            match node.list_type {
                ListType::Atomic => {}
                ListType::Set => {
                    for index in repeated(items.iter().map(Key::new)) {
                        errors.duplicate(path.index(index).bracketed(), &items[index]);
                    }
                }
                ListType::Map => map(node, items, path, errors),
            }
            if let Some(node) = node.items() {
                for (index, item) in items.iter().enumerate() {
                    value(node, item, &path.index(index), errors);
                }
            }
        }
        _ => {}
    }
}

fn map(node: &Node, items: &[Value], path: &Path<'_>, errors: &mut Errors) {
    if let Some(index) = items.iter().position(|item| !item.is_object() && !item.is_null()) {
        let detail = "must be an object for an array of list-type map";
        errors.invalid(path.index(index).bracketed(), &items[index], detail);
        return;
    }
    for index in repeated(items.iter().map(|item| Key::all(item, &node.list_map_keys))) {
        let item = &items[index];
        let key: Map<String, Value> =
            node.list_map_keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone()))).collect();
        errors.duplicate(path.index(index).bracketed(), key);
    }
}

/// What tells two values apart; texts, the usual keys, are not copied for it.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Missing,
    Text(&'a str),
    Json(String),
}

impl<'a> Key<'a> {
    fn new(value: &'a Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            other => Self::Json(other.to_string()),
        }
    }

    /// Those of an item of a map list.
    pub(super) fn all(item: &'a Value, keys: &[String]) -> Vec<Self> {
        keys.iter().map(|key| item.get(key).map_or(Self::Missing, Self::new)).collect()
    }
}

fn repeated<K: Eq + std::hash::Hash>(keys: impl ExactSizeIterator<Item = K>) -> Vec<usize> {
    let mut seen = HashMap::with_capacity(keys.len());
    let mut repeated = Vec::new();
    for (index, key) in keys.enumerate() {
        let times = seen.entry(key).or_insert(0);
        *times += 1;
        if *times == 2 {
            repeated.push(index);
        }
    }
    repeated
}
