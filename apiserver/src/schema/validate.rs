//! Whether an object is what its schema says, told in the words of kube-openapi.
//!
//! Messages are compared byte for byte by tests and tools, so their oddities are kept: problems of conditions have no
//! field, and of the branches of `anyOf` and `oneOf` the one that came furthest is reported, which is what the counts
//! that functions here return are for. Sources:
//! <https://github.com/kubernetes/kube-openapi/tree/master/pkg/validation/validate>,
//! <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/validation/validation.go>

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Number, Value};

use super::META_FIELDS;
use super::formats::Format;
use super::list_types::Key;
use super::node::{Additional, Checks, ListType, Node, Type};
use crate::field::path::Path;
use crate::field::{self, Error, ErrorKind, Errors};

/// Problems that are reported of one object. One large list of wrong items would otherwise make an answer many times
/// its size.
const PROBLEMS_MAX: usize = 1000;

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

/// A number as Go sees it: what does not fit 64 bits with sign is a float.
#[derive(Clone, Copy)]
enum Num {
    Int(i64),
    Float(f64),
}

impl Num {
    fn new(number: &Number) -> Self {
        number.as_i64().map_or_else(|| Self::Float(number.as_f64().unwrap_or_default()), Self::Int)
    }

    fn float(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    fn value(self) -> Value {
        match self {
            Self::Int(number) => number.into(),
            Self::Float(number) => number.into(),
        }
    }

    fn is_whole(self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Float(number) => number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0,
        }
    }
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

    /// 1 when the type is right.
    fn type_(&mut self, node: &Node, name: &str, wrong: bool, path: &Path<'_>) -> usize {
        if wrong && node.type_ != Type::Any { self.wrong_type(path, node.type_.names(), name) } else { 1 }
    }

    fn wrong_type(&mut self, path: &Path<'_>, wanted: &str, found: &str) -> usize {
        let message = format!("{} in body must be of type {wanted}: {}", path.dotted(), field::quoted(found));
        self.problem(ErrorKind::TypeInvalid, path, Some(found.into()), message);
        0
    }

    fn enum_(&mut self, checks: &Checks, value: &Value, path: &Path<'_>) {
        if checks.enum_.is_empty() || checks.enum_.iter().any(|one| same(one, value)) {
            return;
        }
        let texts = checks.enum_.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned));
        let quoted: Vec<_> = texts.map(|text| field::quoted(&text)).collect();
        let detail = format!("supported values: {}", quoted.join(", "));
        self.problem(ErrorKind::NotSupported, path, Some(value.clone()), detail);
    }

    /// Only the first problem of a text is told.
    fn text(&mut self, checks: &Checks, text: &str, path: &Path<'_>) {
        let length = || text.chars().count();
        if let Some(max) = checks.max_length.filter(|max| text.len() > *max && length() > *max) {
            let unit = if max == 1 { "byte" } else { "bytes" };
            self.problem(ErrorKind::TooLong, path, None, format!("may not be more than {max} {unit}"));
        } else if let Some(min) = checks.min_length.filter(|min| length() < *min) {
            let message = format!("{} in body should be at least {min} chars long", path.dotted());
            self.problem(ErrorKind::Invalid, path, Some(text.into()), message);
        } else if let Some(pattern) = checks.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            let message = format!("{} in body should match '{}'", path.dotted(), pattern.text);
            self.problem(ErrorKind::Invalid, path, Some(text.into()), message);
        }
    }

    fn number(&mut self, node: &Node, number: Num, path: &Path<'_>) {
        let format = node.checks.as_ref().and_then(|checks| checks.format.as_ref()).map(|format| format.format);
        let fits = match (node.type_, format, number) {
            (Type::Integer, Some(Format::Int32), Num::Int(number)) => i32::try_from(number).is_ok(),
            (Type::Integer, _, number) => number.is_whole(),
            (Type::Number, Some(Format::Float), number) => number.float().abs() <= f64::from(f32::MAX),
            _ => true,
        };
        if !fits {
            let type_ = node.type_.names();
            let format = match format {
                Some(Format::Int32) => "with format int32",
                Some(Format::Int64) => "with format int64",
                Some(Format::Float) => "with format float",
                _ => "(default format)",
            };
            self.general(format!("Checked value must be of type {type_} {format} in {}", path.dotted()));
        }
        let Some(checks) = &node.checks else { return };
        if let Some(factor) = checks.multiple_of.filter(|factor| !is_multiple(number, *factor)) {
            let message = format!("{} in body should be a multiple of {}", path.dotted(), bound_text(number, factor));
            self.problem(ErrorKind::Invalid, path, Some(number.value()), message);
        }
        if let Some(min) = checks.minimum.filter(|min| !is_within(number, *min, checks.exclusive_minimum, |a, b| a > b))
        {
            let than = if checks.exclusive_minimum { "greater than" } else { "greater than or equal to" };
            let message = format!("{} in body should be {than} {}", path.dotted(), bound_text(number, min));
            self.problem(ErrorKind::Invalid, path, Some(number.value()), message);
        }
        if let Some(max) = checks.maximum.filter(|max| !is_within(number, *max, checks.exclusive_maximum, |a, b| a < b))
        {
            let than = if checks.exclusive_maximum { "less than" } else { "less than or equal to" };
            let message = format!("{} in body should be {than} {}", path.dotted(), bound_text(number, max));
            self.problem(ErrorKind::Invalid, path, Some(number.value()), message);
        }
    }

    fn list(&mut self, node: &Node, items: &[Value], old: Option<&Value>, path: &Path<'_>) -> usize {
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
        if checks.unique_items {
            let mut seen = HashSet::with_capacity(items.len());
            if !items.iter().all(|item| seen.insert(item.to_string())) {
                let message = format!("{} in body shouldn't contain duplicates", path.dotted());
                self.problem(ErrorKind::Invalid, path, Some("".into()), message);
            }
        }
        held
    }

    fn fields(
        &mut self,
        node: &Node,
        fields: &Map<String, Value>,
        old: Option<&Value>,
        path: &Path<'_>,
        is_root: bool,
    ) -> usize {
        if let Some(checks) = &node.checks {
            if let Some(min) = checks.min_properties.filter(|min| fields.len() < *min) {
                let message = format!("{} in body should have at least {min} properties", path.dotted());
                self.problem(ErrorKind::Invalid, path, Some(fields.len().into()), message);
            }
            if let Some(max) = checks.max_properties.filter(|max| fields.len() > *max) {
                self.too_many(path, fields.len(), max);
            }
        }
        let mut held = 0;
        for (name, value) in fields {
            let old = old.and_then(|old| old.get(name));
            if is_root && META_FIELDS.contains(&name.as_str()) {
                if let Some(node) = node.property("metadata").filter(|_| name == "metadata") {
                    held += self.names(node, value, &path.child(name));
                }
            } else if let Some(property) = node.properties.get(name) {
                held += self.node(property, value, old, &path.child(name));
            } else {
                match &node.additional {
                    Additional::Schema(node) => held += self.node(node, value, old, &path.key(name)),
                    Additional::Forbidden => {
                        let message = format!("{}.{name} in body is a forbidden property", path.dotted());
                        self.problem(ErrorKind::Invalid, path, Some(name.as_str().into()), message);
                    }
                    Additional::Any | Additional::None => {}
                }
            }
        }
        for name in node.checks.iter().flat_map(|checks| &checks.required) {
            if !fields.contains_key(name) {
                self.problem(ErrorKind::Required, &path.key(name), None, String::new());
            }
        }
        held
    }

    /// What a schema may say of metadata.
    fn names(&mut self, node: &Node, metadata: &Value, path: &Path<'_>) -> usize {
        let fields = node.properties.iter().filter_map(|(name, node)| Some((name, node, metadata.get(name)?)));
        fields.map(|(name, node, value)| self.node(node, value, None, &path.child(name))).sum()
    }

    fn conditions(&mut self, checks: &Checks, value: &Value, old: Option<&Value>, path: &Path<'_>) -> usize {
        let mut held = 1;
        if !checks.any_of.is_empty() {
            held += self.any_of(&checks.any_of, value, old, path);
        }
        if !checks.one_of.is_empty() {
            held += self.one_of(&checks.one_of, value, old, path);
        }
        let mut valid = 0;
        for node in &checks.all_of {
            let found = self.found;
            held += self.node(node, value, old, path);
            valid += usize::from(self.found == found);
        }
        if valid < checks.all_of.len() {
            let none = if valid == 0 { ". None validated" } else { "" };
            let path = field::quoted(&path.dotted());
            self.general(format!("{path} must validate all the schemas (allOf){none}"));
        }
        if let Some(node) = &checks.not
            && self.attempt(node, value, old, path).1.is_none()
        {
            self.general(format!("{} must not validate the schema (not)", field::quoted(&path.dotted())));
        }
        held
    }

    fn any_of(&mut self, nodes: &[Node], value: &Value, old: Option<&Value>, path: &Path<'_>) -> usize {
        let mut best: Option<(usize, Vec<Error>)> = None;
        for node in nodes {
            match self.attempt(node, value, old, path) {
                (held, None) => return held,
                (held, Some(problems)) => {
                    if best.as_ref().is_none_or(|(most, _)| held > *most) {
                        best = Some((held, problems));
                    }
                }
            }
        }
        self.general(format!("{} must validate at least one schema (anyOf)", field::quoted(&path.dotted())));
        self.add_best(best)
    }

    fn one_of(&mut self, nodes: &[Node], value: &Value, old: Option<&Value>, path: &Path<'_>) -> usize {
        let mut best: Option<(usize, Vec<Error>)> = None;
        let (mut valid, mut first) = (0, 0);
        for node in nodes {
            match self.attempt(node, value, old, path) {
                (held, None) => {
                    first = if valid == 0 { held } else { first };
                    valid += 1;
                    best = None;
                }
                (held, Some(problems)) => {
                    if valid == 0 && best.as_ref().is_none_or(|(most, _)| held > *most) {
                        best = Some((held, problems));
                    }
                }
            }
        }
        if valid == 1 {
            return first;
        }
        let found = if valid == 0 { "Found none valid".into() } else { format!("Found {valid} valid alternatives") };
        let path = field::quoted(&path.dotted());
        self.general(format!("{path} must validate one and only one schema (oneOf). {found}"));
        self.add_best(best)
    }

    fn add_best(&mut self, best: Option<(usize, Vec<Error>)>) -> usize {
        let Some((held, problems)) = best else { return 0 };
        for problem in problems {
            self.push(problem);
        }
        held
    }

    /// Validates against a branch: its problems, if any, are given back and not kept.
    fn attempt(
        &mut self,
        node: &Node,
        value: &Value,
        old: Option<&Value>,
        path: &Path<'_>,
    ) -> (usize, Option<Vec<Error>>) {
        let problems = std::mem::take(&mut self.problems);
        let found = self.found;
        let held = self.node(node, value, old, path);
        let own = std::mem::replace(&mut self.problems, problems);
        let failed = self.found > found;
        self.found = found;
        (held, failed.then_some(own))
    }

    fn too_many(&mut self, path: &Path<'_>, actual: usize, max: usize) {
        let unit = if max == 1 { "item" } else { "items" };
        self.problem(ErrorKind::TooMany, path, Some(actual.into()), format!("must have at most {max} {unit}"));
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

/// The name of a value's type, and whether the schema's type allows it.
fn fit(type_: Type, value: &Value) -> (&'static str, bool) {
    let is_number = matches!(type_, Type::Integer | Type::Number | Type::IntOrString);
    match value {
        Value::Null => ("null", false),
        Value::Bool(_) => ("boolean", type_ == Type::Boolean),
        Value::String(_) => ("string", matches!(type_, Type::String | Type::IntOrString)),
        Value::Array(_) => ("array", type_ == Type::Array),
        Value::Object(_) => ("object", type_ == Type::Object),
        Value::Number(number) => match Num::new(number) {
            Num::Int(_) => ("integer", is_number),
            number => ("number", type_ == Type::Number || is_number && number.is_whole()),
        },
    }
}

/// Equal, where it does not matter how a number is written.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn is_multiple(number: Num, factor: f64) -> bool {
    if let (Num::Int(number), true) = (number, factor.fract() == 0.0 && factor <= i64::MAX as f64) {
        return number.checked_rem(factor as i64).is_none_or(|rest| rest == 0);
    }
    let number = number.float();
    let quotient = if factor < 1.0 { 1.0 / factor * number } else { number / factor };
    // Floats rarely divide exactly.
    quotient.is_finite() && (quotient - quotient.round()).abs() <= 1e-9 * quotient.abs().max(1.0)
}

fn is_within(number: Num, bound: f64, exclusive: bool, beyond: fn(f64, f64) -> bool) -> bool {
    match number {
        // Above 2^53 two integers may be one float.
        Num::Int(number) if bound.fract() == 0.0 && bound.abs() < i64::MAX as f64 => {
            let bound = bound as i64;
            if number == bound { !exclusive } else { beyond(if number > bound { 1.0 } else { -1.0 }, 0.0) }
        }
        number => beyond(number.float(), bound) || !exclusive && number.float() == bound,
    }
}

/// A bound as messages print it beside this number: whole beside whole.
fn bound_text(number: Num, bound: f64) -> String {
    match number {
        Num::Int(_) if bound.fract() == 0.0 => (bound as i64).to_string(),
        _ => field::float_text(bound),
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
    fn check(field: Value, value: Value, expect: &[&str]) {
        assert_eq!(problems(field, value), expect);
    }

    #[test]
    fn values_have_types() {
        let is = |type_: &str, value: Value| check(json!({"type": type_, "items": {"type": "string"}}), value, &[]);
        is("string", json!(""));
        is("integer", json!(-5));
        is("integer", json!(5.0));
        is("number", json!(5));
        is("number", json!(5.5));
        is("boolean", json!(true));
        is("object", json!({}));
        is("array", json!([]));
        let wrong = |type_: &str, value: Value, name: &str| {
            let expect = format!("spec.x: Invalid value: {name:?}: spec.x in body must be of type {type_}: {name:?}");
            check(json!({"type": type_, "items": {"type": "string"}}), value, &[&expect]);
        };
        wrong("string", json!(5), "integer");
        wrong("string", json!(null), "null");
        wrong("string", json!(["a"]), "array");
        wrong("boolean", json!("true"), "string");
        wrong("object", json!(5.5), "number");
        wrong("array", json!({}), "object");
        wrong("number", json!(true), "boolean");
        wrong("integer", json!("5"), "string");
        check(json!({"type": "string", "nullable": true}), Value::Null, &[]);
        check(json!({"type": "string", "nullable": true, "enum": ["a"]}), Value::Null, &[]);
        check(
            json!({"type": "integer"}),
            json!(5.5),
            &[
                r#"spec.x: Invalid value: "number": spec.x in body must be of type integer: "number""#,
                r#"<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.x"#,
            ],
        );
        let int_or_string = json!({"x-kubernetes-int-or-string": true});
        check(int_or_string.clone(), json!(5), &[]);
        check(int_or_string.clone(), json!("50%"), &[]);
        check(
            int_or_string,
            json!(true),
            &[r#"spec.x: Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean""#],
        );
        check(json!({"x-kubernetes-preserve-unknown-fields": true}), json!([{"a": null}]), &[]);
    }

    #[test]
    fn a_wrong_type_is_told_with_the_format_where_there_is_one() {
        check(
            json!({"type": "integer", "format": "int64"}),
            json!("first"),
            &[r#"spec.x: Invalid value: "string": spec.x in body must be of type integer: "string""#],
        );
        check(
            json!({"type": "integer", "format": "int64"}),
            json!(true),
            &[r#"spec.x: Invalid value: "": spec.x in body must be of type int64: """#],
        );
        check(
            json!({"type": "string", "format": "date-time"}),
            json!(5),
            &[r#"spec.x: Invalid value: "int64": spec.x in body must be of type date-time: "int64""#],
        );
        check(
            json!({"type": "string", "format": "date-time"}),
            json!("soon"),
            &[r#"spec.x: Invalid value: "soon": spec.x in body must be of type date-time: "soon""#],
        );
        check(json!({"type": "string", "format": "date-time"}), json!("2024-05-06T07:08:09Z"), &[]);
        check(json!({"type": "string", "format": "wingspan"}), json!("wide"), &[]);
    }

    #[test]
    fn numbers_have_bounds() {
        let wing = json!({"type": "integer", "format": "int32", "minimum": 1.0, "maximum": 400});
        check(wing.clone(), json!(1), &[]);
        check(
            wing.clone(),
            json!(401),
            &["spec.x: Invalid value: 401: spec.x in body should be less than or equal to 400"],
        );
        check(
            wing.clone(),
            json!(0),
            &["spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1"],
        );
        check(
            wing,
            json!(3_000_000_000_u64),
            &[
                r#"<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.x"#,
                "spec.x: Invalid value: 3000000000: spec.x in body should be less than or equal to 400",
            ],
        );
        let open =
            json!({"type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 2.5, "exclusiveMaximum": true});
        check(open.clone(), json!(0.1), &[]);
        check(open.clone(), json!(0), &["spec.x: Invalid value: 0: spec.x in body should be greater than 0"]);
        check(open.clone(), json!(2.5), &["spec.x: Invalid value: 2.5: spec.x in body should be less than 2.5"]);
        check(open, json!(3), &["spec.x: Invalid value: 3: spec.x in body should be less than 2.5"]);
        let huge = json!({"type": "integer", "minimum": -9.3e18, "maximum": 9.3e18});
        check(huge, json!(i64::MAX), &[]);
        check(
            json!({"type": "integer", "maximum": 9007199254740992_i64}),
            json!(9007199254740993_i64),
            &[
                "spec.x: Invalid value: 9007199254740993: spec.x in body should be less than or equal to 9007199254740992",
            ],
        );
        let multiple = |factor: Value| json!({"type": "number", "multipleOf": factor});
        check(multiple(json!(5)), json!(15), &[]);
        check(
            multiple(json!(5)),
            json!(i64::MIN),
            &["spec.x: Invalid value: -9223372036854775808: spec.x in body should be a multiple of 5"],
        );
        check(multiple(json!(0.1)), json!(0.3), &[]);
        check(multiple(json!(0.5)), json!(3), &[]);
        check(
            multiple(json!(0.5)),
            json!(0.7),
            &["spec.x: Invalid value: 0.7: spec.x in body should be a multiple of 0.5"],
        );
        let float = json!({"type": "number", "format": "float"});
        check(float.clone(), json!(1e38), &[]);
        check(
            float,
            json!(1e39),
            &[r#"<nil>: Invalid value: "": Checked value must be of type number with format float in spec.x"#],
        );
        check(
            json!({"type": "integer", "format": "uint64", "minimum": 0.0}),
            json!(u64::MAX),
            &[
                r#"spec.x: Invalid value: "number": spec.x in body must be of type integer: "number""#,
                r#"<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.x"#,
            ],
        );
    }

    #[test]
    fn texts_have_lengths_and_patterns() {
        let text = json!({"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-zé]+$"});
        check(text.clone(), json!("éééé"), &[]);
        check(
            text.clone(),
            json!("a"),
            &[r#"spec.x: Invalid value: "a": spec.x in body should be at least 2 chars long"#],
        );
        check(text.clone(), json!("aaaaa"), &["spec.x: Too long: may not be more than 4 bytes"]);
        check(text, json!("a1"), &[r#"spec.x: Invalid value: "a1": spec.x in body should match '^[a-zé]+$'"#]);
        check(
            json!({"type": "string", "maxLength": 1}),
            json!("ab"),
            &["spec.x: Too long: may not be more than 1 byte"],
        );
    }

    #[test]
    fn values_come_from_a_set() {
        let texts = json!({"type": "string", "enum": ["True", "False", "Unknown"]});
        check(texts.clone(), json!("True"), &[]);
        check(
            texts,
            json!("Maybe"),
            &[r#"spec.x: Unsupported value: "Maybe": supported values: "True", "False", "Unknown""#],
        );
        let numbers = json!({"type": "integer", "enum": [1, 2]});
        check(numbers.clone(), json!(2.0), &[]);
        check(numbers, json!(3), &[r#"spec.x: Unsupported value: 3: supported values: "1", "2""#]);
    }

    #[test]
    fn lists_and_objects_have_sizes() {
        let list =
            json!({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2, "uniqueItems": true});
        check(list.clone(), json!([1, 2]), &[]);
        check(list.clone(), json!([]), &["spec.x: Invalid value: 0: spec.x in body should have at least 1 items"]);
        check(list.clone(), json!([1, 2, 3]), &["spec.x: Too many: 3: must have at most 2 items"]);
        check(
            list.clone(),
            json!([1, 1]),
            &[r#"spec.x: Invalid value: "": spec.x in body shouldn't contain duplicates"#],
        );
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

    #[test]
    fn conditions_report_the_branch_that_came_furthest() {
        let any_of = json!({"type": "string", "anyOf": [{"minLength": 5}, {"pattern": "^a"}]});
        check(any_of.clone(), json!("abc"), &[]);
        check(
            any_of,
            json!("b"),
            &[
                r#"<nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)"#,
                r#"spec.x: Invalid value: "b": spec.x in body should be at least 5 chars long"#,
            ],
        );
        let variants = json!({
            "type": "object",
            "properties": {"a": {"type": "object", "properties": {"n": {"type": "integer"}}}, "b": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        });
        check(variants.clone(), json!({"a": {}}), &[]);
        check(
            variants.clone(),
            json!({"a": {}, "b": ""}),
            &[
                r#"<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives"#,
            ],
        );
        check(
            variants,
            json!({}),
            &[
                r#"<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found none valid"#,
                "spec.x.a: Required value",
            ],
        );
        let all_of = json!({"type": "integer", "allOf": [{"minimum": 1}, {"maximum": 5}]});
        check(all_of.clone(), json!(3), &[]);
        check(
            all_of,
            json!(6),
            &[
                "spec.x: Invalid value: 6: spec.x in body should be less than or equal to 5",
                r#"<nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf)"#,
            ],
        );
        check(
            json!({"type": "integer", "allOf": [{"minimum": 1}]}),
            json!(0),
            &[
                "spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1",
                r#"<nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf). None validated"#,
            ],
        );
        let not = json!({"type": "string", "not": {"enum": ["a"]}});
        check(not.clone(), json!("b"), &[]);
        check(not, json!("a"), &[r#"<nil>: Invalid value: "": "spec.x" must not validate the schema (not)"#]);
    }

    #[test]
    fn metadata_is_checked_only_where_the_schema_names_it() {
        let schema = json!({
            "type": "object",
            "properties": {
                "apiVersion": {"type": "string", "maxLength": 1},
                "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 3}}},
            },
        });
        let schema = Schema::compile(&schema).expect("a schema");
        let mut errors = Errors::default();
        schema
            .validate(&json!({"apiVersion": "v1", "kind": 5, "metadata": {"name": "robin", "labels": 5}}), &mut errors);
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["metadata.name: Too long: may not be more than 3 bytes"]);
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
