//! Lists that are sets or maps hold nothing twice.
//! Source: <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/schema/listtype/validation.go>

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::node::{Additional, ListType, Node};
use crate::field::Errors;
use crate::field::path::Path;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Schema;
    use super::*;

    #[track_caller]
    fn check(list: Value, items: Value, expect: &[&str]) {
        let map = json!({"type": "object", "additionalProperties": list});
        let schema = json!({"type": "object", "properties": {"spec": list, "map": map}});
        let schema = Schema::compile(&schema).expect("a schema");
        let mut errors = Errors::default();
        validate(schema.root(), &json!({ "spec": items }), &mut errors);
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), expect);
        let mut errors = Errors::default();
        validate(schema.root(), &json!({ "map": { "a.b": items } }), &mut errors);
        let expect: Vec<_> = expect.iter().map(|text| text.replacen("spec", "map[a.b]", 1)).collect();
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn items_of_sets_are_unique() {
        let set = json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}});
        check(set.clone(), json!(["x", "y"]), &[]);
        check(set.clone(), json!(["x", "y", "x", "x"]), &[r#"spec[2]: Duplicate value: "x""#]);
        check(set, json!([1, "1", null, null]), &["spec[3]: Duplicate value: null"]);
        let atoms =
            json!({"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": {"type": "integer"}}});
        let set = json!({"type": "array", "x-kubernetes-list-type": "set", "items": atoms});
        check(set, json!([{"a": 1}, {"a": 1}]), &[r#"spec[1]: Duplicate value: {"a":1}"#]);
    }

    #[test]
    fn keys_of_maps_are_unique() {
        let map = |keys: &[&str]| {
            json!({
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys,
                "items": {
                    "type": "object", "required": ["name", "port"],
                    "properties": {"name": {"type": "string"}, "port": {"type": "integer"}, "x": {"type": "string"}},
                },
            })
        };
        check(map(&["name"]), json!([{"name": "a"}, {"name": "b"}]), &[]);
        check(
            map(&["name"]),
            json!([{"name": "a", "x": 1}, {"name": "b"}, {"name": "a"}]),
            &[r#"spec[2]: Duplicate value: {"name":"a"}"#],
        );
        check(map(&["name"]), json!([{}, null]), &["spec[1]: Duplicate value: {}"]);
        check(map(&["name", "port"]), json!([{"name": "a", "port": 1}, {"name": "a", "port": 2}]), &[]);
        check(
            map(&["name", "port"]),
            json!([{"name": "a", "port": 1}, {"name": "a", "port": 1}]),
            &[r#"spec[1]: Duplicate value: {"name":"a","port":1}"#],
        );
        check(
            map(&["name"]),
            json!([{"name": "a"}, 5]),
            &["spec[1]: Invalid value: 5: must be an object for an array of list-type map"],
        );
    }
}
