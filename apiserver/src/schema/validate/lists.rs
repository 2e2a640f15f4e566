//! Lists: their items and sizes.

use std::collections::HashMap;

use serde_json::Value;

use super::Validator;
use crate::field::ErrorKind;
use crate::field::path::Path;
use crate::schema::list_types::Key;
use crate::schema::node::{ListType, Node};

impl Validator<'_> {
    pub(super) fn list(&mut self, node: &Node, items: &[Value], old: Option<&Value>, path: &Path<'_>) -> usize {
        let mut held = 0;
        if let Some(node_of_items) = node.items() {
            let old = OldItems::new(node, old);
            for (index, item) in items.iter().enumerate() {
                held += self.node(node_of_items, item, old.like(item), &path.index(index));
            }
        }
        let Some(checks) = &node.checks else { return held };
        if let Some(min) = checks.min_items.filter(|min| items.len() < *min) {
            let message = format!("{} in body should have at least {min} items", path.dotted());
            self.problem(ErrorKind::Invalid, path, Some(items.len().into()), message);
        }
        if let Some(max) = checks.max_items.filter(|max| items.len() > *max) {
            self.too_many(path, items.len(), max);
        }
        held
    }

    pub(super) fn too_many(&mut self, path: &Path<'_>, actual: usize, max: usize) {
        let unit = if max == 1 { "item" } else { "items" };
        self.problem(ErrorKind::TooMany, path, Some(actual.into()), format!("must have at most {max} {unit}"));
    }
}

/// The items that a list had before. Only those of map lists can be told from one another.
struct OldItems<'a> {
    keys: &'a [String],
    items: HashMap<Vec<Key<'a>>, &'a Value>,
}

impl<'a> OldItems<'a> {
    fn new(node: &'a Node, old: Option<&'a Value>) -> Self {
        let keys = &node.list_map_keys;
        let items = old.and_then(Value::as_array).filter(|_| node.list_type == ListType::Map);
        let items = items.into_iter().flatten().map(|item| (Key::all(item, keys), item)).collect();
        Self { keys, items }
    }

    fn like(&self, item: &Value) -> Option<&'a Value> {
        if self.items.is_empty() { None } else { self.items.get(&Key::all(item, self.keys)).copied() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::check;

    #[test]
    fn lists_and_objects_have_sizes() {
        let list = json!({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2});
        check(list.clone(), json!([1, 2]), &[]);
        check(list.clone(), json!([]), &["spec.x: Invalid value: 0: spec.x in body should have at least 1 items"]);
        check(list.clone(), json!([1, 2, 3]), &["spec.x: Too many: 3: must have at most 2 items"]);
        check(
            list,
            json!([1, "a"]),
            &[r#"spec.x[1]: Invalid value: "string": spec.x[1] in body must be of type integer: "string""#],
        );
        let map = json!({"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1, "maxProperties": 1});
        check(map.clone(), json!({"a": "b"}), &[]);
        check(map.clone(), json!({}), &["spec.x: Invalid value: 0: spec.x in body should have at least 1 properties"]);
        check(map.clone(), json!({"a": "b", "c": "d"}), &["spec.x: Too many: 2: must have at most 1 item"]);
        check(
            map,
            json!({"a.b": 5}),
            &[r#"spec.x.a.b: Invalid value: "integer": spec.x.a.b in body must be of type string: "integer""#],
        );
        let object = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}});
        check(object.clone(), json!({}), &["spec.x.a: Required value"]);
        check(object, json!({"a": ""}), &[]);
        check(
            json!({"type": "object", "additionalProperties": false}),
            json!({"a": 1}),
            &[r#"spec.x: Invalid value: "a": spec.x.a in body is a forbidden property"#],
        );
    }
}
