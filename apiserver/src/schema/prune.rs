//! Dropping fields that a schema does not have.
//! Source: <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/schema/pruning/algorithm.go>

use serde_json::{Map, Value};

use super::META_FIELDS;
use super::node::{Additional, Node};
use crate::field::path::Path;

/// The metadata that an object has whatever its kind. Source:
/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/>
const OBJECT_META: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Prunes a whole object. Paths are added to `unknown` sorted, those in embedded metadata last.
pub(super) fn prune(root: &Node, object: &mut Value, unknown: &mut Vec<String>) {
    let mut pruner = Pruner::default();
    if let Value::Object(fields) = object {
        pruner.fields(root, true, root.preserve_unknown, fields, &Path::ROOT);
    }
    pruner.unknown.sort_unstable();
    pruner.embedded.sort_unstable();
    unknown.append(&mut pruner.unknown);
    unknown.append(&mut pruner.embedded);
}

/// Prunes one value within an object.
pub(super) fn prune_value(node: &Node, value: &mut Value) {
    Pruner::default().value(Some(node), value, &Path::ROOT);
}

#[derive(Default)]
struct Pruner {
    unknown: Vec<String>,
    embedded: Vec<String>,
}

impl Pruner {
    /// Without a node nothing is known, so objects lose all they have.
    fn value(&mut self, node: Option<&Node>, value: &mut Value, path: &Path<'_>) {
        match (node, value) {
            (Some(node), value) if node.preserve_unknown => self.kept(node, value, path),
            (Some(node), Value::Object(fields)) => self.fields(node, node.embedded, false, fields, path),
            (None, Value::Object(fields)) => self.clear(fields, path),
            (node, Value::Array(items)) => {
                let node = node.and_then(Node::items);
                for (index, item) in items.iter_mut().enumerate() {
                    self.value(node, item, &path.index(index));
                }
            }
            _ => {}
        }
    }

    /// A value of which everything is kept, save for what is declared about it.
    fn kept(&mut self, node: &Node, value: &mut Value, path: &Path<'_>) {
        match value {
            Value::Object(fields) => self.fields(node, node.embedded, true, fields, path),
            Value::Array(items) => {
                let Some(node) = node.items() else { return };
                for (index, item) in items.iter_mut().enumerate() {
                    self.kept(node, item, &path.index(index));
                }
            }
            _ => {}
        }
    }

    /// `is_object`: of some kind, with metadata of its own. `keep`: also what is not declared.
    fn fields(&mut self, node: &Node, is_object: bool, keep: bool, fields: &mut Map<String, Value>, path: &Path<'_>) {
        fields.retain(|name, value| {
            if is_object && META_FIELDS.contains(&name.as_str()) {
                if node.embedded && name == "metadata" {
                    self.metadata(value, path);
                }
                return true;
            }
            let path = path.child(name);
            match (node.properties.get(name), &node.additional) {
                (Some(node), _) => self.value(Some(node), value, &path),
                (None, Additional::Schema(node)) => self.value(Some(node), value, &path),
                (None, Additional::Any | Additional::Forbidden) => self.value(None, value, &path),
                (None, Additional::None) if keep => {}
                (None, Additional::None) => {
                    self.unknown.push(path.to_string());
                    return false;
                }
            }
            true
        });
    }

    fn clear(&mut self, fields: &mut Map<String, Value>, path: &Path<'_>) {
        self.unknown.extend(fields.keys().map(|name| path.child(name).to_string()));
        fields.clear();
    }

    fn metadata(&mut self, value: &mut Value, path: &Path<'_>) {
        let Value::Object(fields) = value else { return };
        let path = path.child("metadata");
        fields.retain(|name, _| {
            let known = OBJECT_META.contains(&name.as_str());
            if !known {
                self.embedded.push(path.child(name).to_string());
            }
            known
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Schema;
    use super::*;

    #[track_caller]
    fn check(spec: Value, object: Value, expect: Value, unknown: &[&str]) {
        let schema = json!({"type": "object", "properties": {"spec": spec}});
        let schema = Schema::compile(&schema).expect("a schema");
        let (mut object, mut found) = (json!({ "spec": object }), Vec::new());
        schema.prune(&mut object, &mut found);
        assert_eq!((&object["spec"], found), (&expect, unknown.iter().map(|s| (*s).to_owned()).collect()));
    }

    #[test]
    fn what_is_not_declared_is_dropped() {
        let bird = json!({"type": "object", "properties": {"name": {"type": "string"}}});
        check(bird.clone(), json!({"name": "a", "x": 1, "b": {"c": 1}}), json!({"name": "a"}), &["spec.b", "spec.x"]);
        check(bird.clone(), json!({"name": {"x": 1}}), json!({"name": {}}), &["spec.name.x"]);
        let list = json!({"type": "array", "items": bird});
        check(list.clone(), json!([{"name": "a"}, {"x": 1}]), json!([{"name": "a"}, {}]), &["spec[1].x"]);
        check(list, json!(["a", [{"name": 1}]]), json!(["a", [{}]]), &["spec[1][0].name"]);
        let map = json!({"type": "object", "additionalProperties": bird});
        check(map, json!({"a": {"name": "x", "y": 1}}), json!({"a": {"name": "x"}}), &["spec.a.y"]);
        let any = json!({"type": "object", "additionalProperties": true});
        check(any, json!({"a": 1, "b": {"c": 1}}), json!({"a": 1, "b": {}}), &["spec.b.c"]);
    }

    #[test]
    fn what_is_preserved_is_kept() {
        let open = json!({
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
            "properties": {
                "closed": {"type": "object", "properties": {"a": {"type": "string"}}},
                "list": {"type": "array", "items": {"type": "object", "properties": {}}},
            },
        });
        check(
            open,
            json!({"x": {"y": 1}, "closed": {"a": "b", "c": 1}, "list": [{"z": 1}]}),
            json!({"x": {"y": 1}, "closed": {"a": "b"}, "list": [{}]}),
            &["spec.closed.c", "spec.list[0].z"],
        );
        let anything = json!({"x-kubernetes-preserve-unknown-fields": true});
        check(anything, json!([{"a": {"b": 1}}]), json!([{"a": {"b": 1}}]), &[]);
        let lists = json!({
            "x-kubernetes-preserve-unknown-fields": true,
            "type": "array",
            "items": {"type": "object", "properties": {"a": {"type": "object"}}},
        });
        check(lists, json!([{"a": {"x": 1}, "b": {"c": 1}}]), json!([{"a": {}, "b": {"c": 1}}]), &["spec[0].a.x"]);
    }

    #[test]
    fn metadata_is_left_alone_at_the_root_and_known_in_embedded_objects() {
        let template = json!({
            "type": "object",
            "x-kubernetes-embedded-resource": true,
            "properties": {"spec": {"type": "object"}},
        });
        check(
            template,
            json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": "a", "foo": 1}, "spec": {"x": 1}, "y": 1}),
            json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}, "spec": {}}),
            &["spec.spec.x", "spec.y", "spec.metadata.foo"],
        );
        let schema = Schema::compile(&json!({"type": "object"})).expect("a schema");
        let mut object = json!({"apiVersion": "v1", "kind": {"a": 1}, "metadata": {"foo": 1}, "extra": 1});
        let mut unknown = Vec::new();
        schema.prune(&mut object, &mut unknown);
        assert_eq!(object, json!({"apiVersion": "v1", "kind": {"a": 1}, "metadata": {"foo": 1}}));
        assert_eq!(unknown, ["extra"]);
    }
}
