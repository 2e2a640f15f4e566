//! Whether an object is what its schema says, told in the words of kube-openapi.
//!
//! Messages are compared byte for byte by tests and tools, so their oddities are kept: problems of conditions have no
//! field, and of the branches of `anyOf` and `oneOf` the one that came furthest is reported, which is what the counts
//! that functions here return are for. Sources:
//! <https://github.com/kubernetes/kube-openapi/tree/master/pkg/validation/validate>,
//! <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/validation/validation.go>

mod combinations;
mod lists;
mod numbers;
mod objects;
mod texts;
mod types;

use std::collections::HashSet;

use serde_json::Value;

use self::numbers::Num;
use self::types::fit;
use super::node::{Node, Type};
use crate::field::path::Path;
use crate::field::{Error, ErrorKind, Errors};

/// Problems that are reported of one object. One large list of wrong items would otherwise make an answer many times
/// its size.
pub(super) const PROBLEMS_MAX: usize = 1000;

/// Validates a whole object; with `old`, what was wrong before and did not change is let pass.
pub(super) fn object(root: &Node, new: &Value, old: Option<&Value>, errors: &mut Errors) {
    document(root, "", true, new, old, errors);
}

/// Validates a value as if it were a document of its own, which is found at `field`.
pub(super) fn below(node: &Node, field: &str, new: &Value, old: Option<&Value>, errors: &mut Errors) {
    document(node, field, false, new, old, errors);
}

fn document(node: &Node, field: &str, at_root: bool, new: &Value, old: Option<&Value>, errors: &mut Errors) {
    let validate = |old| {
        let mut validator = Validator { field, at_root, problems: Vec::new(), found: 0 };
        validator.node(node, new, old, &Path::ROOT);
        validator
    };
    let mut validator = validate(None);
    // Most objects are valid and need no look at what they were before.
    if validator.found > 0 && old.is_some() {
        validator = validate(old);
    }
    validator.report(errors);
}

struct Validator<'a> {
    /// Where the document is; before the paths of fields, but not before those within messages.
    field: &'a str,
    /// Whether the next node is the root of an object, of which the meta fields are not ours.
    at_root: bool,
    problems: Vec<Error>,
    /// How many problems there would be without a limit.
    found: usize,
}

impl Validator<'_> {
    /// The same text is reported once, however many conditions come to it.
    fn report(self, errors: &mut Errors) {
        let mut seen = HashSet::new();
        errors.extend(self.problems.into_iter().filter(|problem| seen.insert(problem.to_string())));
    }

    /// Returns how many checks were made and held, children included.
    fn node(&mut self, node: &Node, value: &Value, old: Option<&Value>, path: &Path<'_>) -> usize {
        let (found, reported) = (self.found, self.problems.len());
        let is_root = std::mem::take(&mut self.at_root);
        let held = if value.is_null() { self.null(node, path) } else { self.present(node, value, old, path, is_root) };
        if self.found > found && old == Some(value) {
            self.found = found;
            self.problems.truncate(reported);
        }
        held
    }

    fn null(&mut self, node: &Node, path: &Path<'_>) -> usize {
        if node.nullable {
            // Kubernetes compares null with the enum and never finds it, so that an optional enum could not be null.
            return 1;
        }
        let held = self.type_(node, "null", true, path);
        if let Some(checks) = &node.checks {
            self.enum_(checks, &Value::Null, path);
        }
        held
    }

    fn present(&mut self, node: &Node, value: &Value, old: Option<&Value>, path: &Path<'_>, is_root: bool) -> usize {
        let mut held = 1;
        let format = node.checks.as_ref().and_then(|checks| checks.format.as_ref());
        if node.type_ != Type::Any || format.is_some() {
            let (name, fits) = fit(node.type_, value);
            let other_type = format.is_some() && !fits && !matches!(value, Value::String(_) | Value::Array(_));
            held += 1 + match format {
                // A value of another type is told the format, and its own.
                Some(format) if other_type => {
                    let own = match name {
                        "integer" => "int64",
                        "number" => "float64",
                        _ => "",
                    };
                    self.wrong_type(path, &format.name, own)
                }
                _ => self.type_(node, name, node.type_ != Type::Any && !fits, path),
            };
        }
        let checks = node.checks.as_deref();
        held += 1 + checks.map_or(1, |checks| self.conditions(checks, value, old, path));
        match value {
            Value::String(text) => {
                held += 1;
                if let Some(checks) = checks {
                    self.text(checks, text, path);
                    if let Some(format) = &checks.format {
                        held += 1;
                        if !format.format.fits(text) {
                            self.wrong_type(path, &format.name, text);
                        }
                    }
                }
            }
            Value::Number(number) => {
                held += 2;
                self.number(node, Num::new(number), path);
            }
            Value::Array(items) => held += 2 + self.list(node, items, old, path),
            Value::Object(fields) => held += 1 + self.fields(node, fields, old, path, is_root),
            Value::Null | Value::Bool(_) => {}
        }
        if let Some(checks) = checks {
            self.enum_(checks, value, path);
        }
        held + 1
    }

    fn problem(&mut self, kind: ErrorKind, path: &Path<'_>, value: Option<Value>, detail: String) {
        let path = path.dotted();
        let path = path.strip_prefix('.').unwrap_or(&path);
        let field = match (self.field, path) {
            (field, "") => field.to_owned(),
            ("", path) => path.to_owned(),
            (field, path) => format!("{field}.{path}"),
        };
        self.push(Error { kind, field, value, detail });
    }

    /// A problem that Kubernetes reports without a field.
    fn general(&mut self, message: String) {
        let field = if self.field.is_empty() { "<nil>" } else { self.field };
        self.push(Error { kind: ErrorKind::Invalid, field: field.into(), value: Some("".into()), detail: message });
    }

    fn push(&mut self, problem: Error) {
        self.found += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Schema;
    use super::*;

    /// Wraps `field` as `spec.x` and tells what is wrong with `value` there.
    #[track_caller]
    fn problems(field: Value, value: Value) -> Vec<String> {
        let spec = json!({"type": "object", "properties": {"x": field}});
        let schema = Schema::compile(&json!({"type": "object", "properties": {"spec": spec}})).expect("a schema");
        let mut errors = Errors::default();
        schema.validate(&json!({"spec": {"x": value}}), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    pub(super) fn check(field: Value, value: Value, expect: &[&str]) {
        assert_eq!(problems(field, value), expect);
    }

    #[test]
    fn what_was_wrong_before_and_did_not_change_is_let_pass() {
        let schema = json!({"type": "object", "properties": {
            "spec": {"type": "object", "required": ["r"], "properties": {
                "a": {"type": "string", "maxLength": 1},
                "b": {"type": "string", "maxLength": 1},
                "r": {"type": "string"},
                "birds": {
                    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "required": ["name"], "properties": {
                        "name": {"type": "string"}, "size": {"type": "integer", "maximum": 5}, "color": {"type": "string"},
                    }},
                },
                "songs": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            }},
            "status": {"type": "object", "properties": {"n": {"type": "integer"}, "m": {"type": "integer"}}},
        }});
        let schema = Schema::compile(&schema).expect("a schema");
        let update = |old: Value, new: Value| {
            let mut errors = Errors::default();
            schema.validate_update(&json!({"spec": new}), &json!({"spec": old}), &mut errors);
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(update(json!({"a": "xx"}), json!({"a": "xx"})), none);
        assert_eq!(update(json!({"a": "xx", "r": ""}), json!({"a": "xx", "r": "", "b": "y"})), none);
        assert_eq!(update(json!({"a": "xx", "r": ""}), json!({"a": "yy", "r": ""})).len(), 1);
        assert_eq!(update(json!({"a": "xx"}), json!({"a": "xx", "b": "y"})), ["spec.r: Required value"]);
        let birds = |first: Value| json!({"r": "", "birds": [first, {"name": "b"}]});
        let big = json!({"name": "a", "size": 9});
        assert_eq!(update(json!({"r": "", "birds": [{"name": "b"}, big]}), birds(big.clone())), none);
        assert_eq!(update(birds(big), birds(json!({"name": "a", "size": 9, "color": "red"}))), none);
        assert_eq!(update(birds(json!({"name": "c", "size": 9})), birds(json!({"name": "a", "size": 9}))).len(), 1);
        let songs = |songs: Value| json!({"r": "", "songs": songs});
        assert_eq!(update(songs(json!(["x", "x"])), songs(json!(["y", "y"]))), none);
        assert_eq!(update(songs(json!(["x"])), songs(json!(["y", "y"]))), [r#"spec.songs[1]: Duplicate value: "y""#]);

        let mut errors = Errors::default();
        let (old, new) = (json!({"spec": 5, "status": {"n": "x"}}), json!({"spec": 6, "status": {"n": "x", "m": "y"}}));
        schema.validate_status_update(&new, &old, &mut errors);
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [r#"status.m: Invalid value: "string": m in body must be of type integer: "string""#]);
    }

    #[test]
    fn an_answer_does_not_grow_without_end() {
        let list = json!({"type": "array", "items": {"type": "string"}});
        assert_eq!(problems(list, json!(vec![5; 5000])).len(), PROBLEMS_MAX);
    }
}
