//! Whether a value is of its type: a coarse check before anything is compared or merged. What it says is sent to clients
//! in Kubernetes' own words, down to the names of Go's types. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/typed/validate.go>

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use serde_json::Value;

use super::element::Element;
use super::items;
use super::types::{List, Map, Relation, Scalar, Shape, Type, TypeRef};
use super::value::{go_syntax, go_text, go_type};

/// Whether lists that are sets or maps may hold something twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Duplicates {
    /// As objects have them that were stored before the schema said otherwise.
    Allowed,
    /// What is applied must be exact.
    Refused,
}

/// Checks a value.
///
/// # Errors
/// All that is wrong, as Kubernetes would tell it.
pub(super) fn validate(type_: &Type, value: &Value, duplicates: Duplicates) -> Result<(), String> {
    let mut walk = Walk { duplicates, errors: Vec::new() };
    walk.value(type_, value, &Path::Root);
    match walk.errors.as_slice() {
        [] => Ok(()),
        [error] => Err(error.clone()),
        errors => Err(format!("errors:\n  {}", errors.join("\n  "))),
    }
}

struct Walk {
    duplicates: Duplicates,
    errors: Vec<String>,
}

impl Walk {
    fn value(&mut self, type_: &Type, value: &Value, path: &Path<'_>) {
        match (type_.shape(value), value) {
            (_, Value::Null) => {}
            (Shape::Map, Value::Object(fields)) => {
                if let Some(map) = &type_.map {
                    self.map(map, fields, path);
                }
            }
            (Shape::Map, other) => self.error(path, format!("expected map, got &{{{}}}", go_text(other))),
            (Shape::List, Value::Array(values)) => {
                if let Some(list) = &type_.list {
                    self.list(list, values, path);
                }
            }
            (Shape::List, other) => self.error(path, format!("expected list, got &{{{}}}", go_text(other))),
            (Shape::Scalar, scalar) => self.scalar(type_.scalar, scalar, path),
        }
    }

    fn scalar(&mut self, type_: Option<Scalar>, value: &Value, path: &Path<'_>) {
        let problem = match (type_, value) {
            (Some(Scalar::Numeric), Value::Number(_))
            | (Some(Scalar::String), Value::String(_))
            | (Some(Scalar::Boolean), Value::Bool(_))
            | (Some(Scalar::Untyped), Value::Number(_) | Value::String(_) | Value::Bool(_))
            | (None, _) => return,
            (Some(Scalar::Numeric), other) => format!("expected numeric (int or float), got {}", go_type(other)),
            (Some(Scalar::String), other) => {
                format!("expected string, got &value.valueUnstructured{{Value:{}}}", go_syntax(other))
            }
            (Some(Scalar::Boolean), other) => format!("expected boolean, got &{{{}}}", go_text(other)),
            (Some(Scalar::Untyped), other) => format!("expected any scalar, got &{{{}}}", go_text(other)),
        };
        self.error(path, problem);
    }

    fn map(&mut self, map: &Map, fields: &serde_json::Map<String, Value>, path: &Path<'_>) {
        for (name, value) in fields {
            let path = Path::Field { parent: path, name };
            match map.field_ref(name) {
                // One is enough: Kubernetes looks no further either.
                None => return self.error(&path, "field not declared in schema".into()),
                Some(reference) => self.below(reference, value, &path),
            }
        }
    }

    fn list(&mut self, list: &List, values: &[Value], path: &Path<'_>) {
        let mut seen = BTreeSet::new();
        for (index, item) in values.iter().enumerate() {
            if let Err(problem) = items::check(list, item) {
                return self.error(path, format!("element {index}: {problem}"));
            }
            if list.relation == Relation::Atomic {
                self.below(&list.items, item, &Path::Index { parent: path, index });
                continue;
            }
            if self.duplicates == Duplicates::Refused
                && let Some(element) = items::element(list, item)
                && !seen.insert(element.clone())
            {
                self.error(path, format!("duplicate entries for key {element}"));
            }
            self.below(&list.items, item, &Path::Item { parent: path, list, item });
        }
    }

    fn below(&mut self, reference: &TypeRef, value: &Value, path: &Path<'_>) {
        if !reference.takes_anything() {
            self.value(reference.resolve(), value, path);
        }
    }

    fn error(&mut self, path: &Path<'_>, problem: String) {
        let path = path.to_string();
        self.errors.push(if path.is_empty() { problem } else { format!("{path}: {problem}") });
    }
}

/// Where a value is; written out only when there is something to say about it.
enum Path<'a> {
    Root,
    Field { parent: &'a Path<'a>, name: &'a str },
    Index { parent: &'a Path<'a>, index: usize },
    Item { parent: &'a Path<'a>, list: &'a List, item: &'a Value },
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field { parent, name } => write!(f, "{parent}.{name}"),
            Self::Index { parent, index } => write!(f, "{parent}[{index}]"),
            Self::Item { parent, list, item } => {
                let element = items::element(list, item).unwrap_or(Element::Key(Vec::new()));
                write!(f, "{parent}{element}")
            }
        }
    }
}
