//! Objects within objects, such as a template: they say what they are.
//! Source: <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/schema/objectmeta/validation.go>

use serde_json::{Map, Value};

use super::node::{Additional, Node};
use crate::field::Errors;
use crate::field::path::Path;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Schema;
    use super::*;

    #[track_caller]
    fn check(template: Value, expect: &[&str]) {
        let embedded = json!({
            "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
        });
        let schema = json!({"type": "object", "properties": {"spec": {"type": "array", "items": embedded}}});
        let schema = Schema::compile(&schema).expect("a schema");
        let mut errors = Errors::default();
        validate(schema.root(), &json!({ "spec": [template] }), &mut errors);
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn embedded_objects_say_what_they_are() {
        check(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": 5}), &[]);
        check(json!({}), &["spec[0].apiVersion: Required value", "spec[0].kind: Required value"]);
        check(
            json!({"apiVersion": "", "kind": ""}),
            &[
                r#"spec[0].apiVersion: Invalid value: "": must not be empty"#,
                r#"spec[0].kind: Invalid value: "": must not be empty"#,
            ],
        );
        check(
            json!({"apiVersion": "a/b/c", "kind": 5, "metadata": 5}),
            &[
                r#"spec[0].apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c"#,
                "spec[0].kind: Invalid value: 5: must be a string",
                "spec[0].metadata: Invalid value: 5: must be an object",
            ],
        );
        let mut errors = Errors::default();
        resource(json!({"apiVersion": "v1", "kind": "No Kind"}).as_object().expect("fields"), &Path::ROOT, &mut errors);
        assert!(errors.iter().next().is_some_and(|error| error.detail.starts_with("may have mixed case, but")));
        check(json!("text"), &[]);
    }
}
