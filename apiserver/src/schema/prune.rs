//! Dropping fields that a schema does not have.
//! Source: <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/schema/pruning/algorithm.go>

use serde_json::{Map, Value};

use super::META_FIELDS;
use super::node::{Additional, Node};
use super::path::Path;

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
