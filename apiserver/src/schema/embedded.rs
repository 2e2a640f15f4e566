//! Objects within objects, such as a template: they say what they are.
//! Source: <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/schema/objectmeta/validation.go>

use serde_json::{Map, Value};

use super::node::{Additional, Node};
use super::path::Path;
use crate::field::Errors;

/// Reports every embedded object without a proper `apiVersion` and `kind`, or with metadata that is none.
pub(super) fn validate(root: &Node, object: &Value, errors: &mut Errors) {
    if root.below.embedded {
        value(root, object, &Path::ROOT, errors);
    }
}

fn value(node: &Node, object: &Value, path: &Path<'_>, errors: &mut Errors) {
    if !node.below.embedded {
        return;
    }
    match object {
        Value::Object(fields) => {
            if node.embedded {
                resource(fields, path, errors);
            }
            for (name, field) in fields {
                if let Some(node) = node.properties.get(name) {
                    value(node, field, &path.child(name), errors);
                } else if let Additional::Schema(node) = &node.additional {
                    value(node, field, &path.key(name), errors);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if let Some(node) = node.items() {
                    value(node, item, &path.index(index), errors);
                }
            }
        }
        _ => {}
    }
}

fn resource(fields: &Map<String, Value>, path: &Path<'_>, errors: &mut Errors) {
    let field = |name: &str| path.child(name).bracketed();
    match fields.get("apiVersion") {
        None => errors.required(field("apiVersion"), ""),
        Some(Value::String(text)) if text.is_empty() => {
            errors.invalid(field("apiVersion"), text, "must not be empty");
        }
        Some(Value::String(text)) if text.matches('/').count() > 1 => {
            errors.invalid(field("apiVersion"), text, format!("unexpected GroupVersion string: {text}"));
        }
        Some(Value::String(_)) => {}
        Some(other) => errors.invalid(field("apiVersion"), other, "must be a string"),
    }
    match fields.get("kind") {
        None => errors.required(field("kind"), ""),
        Some(Value::String(text)) if text.is_empty() => errors.invalid(field("kind"), text, "must not be empty"),
        Some(Value::String(text)) => {
            let problems = kind_problems(text);
            if !problems.is_empty() {
                let problems = problems.join(",");
                let detail = format!("may have mixed case, but should otherwise match: {problems}");
                errors.invalid(field("kind"), text, detail);
            }
        }
        Some(other) => errors.invalid(field("kind"), other, "must be a string"),
    }
    match fields.get("metadata") {
        None | Some(Value::Object(_)) => {}
        Some(other) => errors.invalid(field("metadata"), other, "must be an object"),
    }
}

fn kind_problems(kind: &str) -> Vec<&'static str> {
    let mut problems = Vec::new();
    if kind.len() > 63 {
        problems.push("must be no more than 63 bytes");
    }
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if !kind.starts_with(|c: char| c.is_ascii_alphabetic()) || kind.ends_with('-') || !kind.chars().all(inner) {
        problems.push(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
             character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
             validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
        );
    }
    problems
}
