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
use super::path::Path;
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
            let message = format!("{} in body should match '{}'", path.dotted(), pattern.as_str());
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
