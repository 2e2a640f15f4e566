//! What a type does not say of its schema by itself, as attributes: of a field, and of the struct that a schema became.

use serde_json::{Map, Value};

use super::literals::{self, WIDTH};
use super::model::{Node, OF_USE, Shape};

/// Attributes of a field or a type.
#[derive(Debug, Default)]
pub struct Attributes {
    /// Each with its indent and its end of line.
    pub lines: String,
    /// Whether there are rules among them, which `KubeSchema` reads.
    pub rules: bool,
}

/// A part of an attribute that takes more lines than this is JSON in a text, which takes the compiler no time.
const VALUES_MAX: usize = 40;

/// Arguments that take more go one to a line; rustfmt's `attr_fn_like_width`.
const ARGUMENTS_WIDTH: usize = 70;

const FIELD: usize = 4;

/// What a field's type leaves unsaid.
pub fn field(node: &Node) -> Attributes {
    let mut attributes = Attributes::default();
    let mut rest = unsaid(node);
    if matches!(node.shape, Shape::AnyObject) {
        rest.remove("additionalProperties");
        rest.remove("x-kubernetes-preserve-unknown-fields");
        attributes.add(FIELD, "schemars", "schema_with = \"derive::any_object\"");
    }
    if matches!(node.shape, Shape::Bytes) {
        attributes.add(FIELD, "schemars", "with = \"String\"");
    }
    if matches!(node.shape, Shape::IntOrString | Shape::Quantity) {
        // An optional one could be null otherwise; without_nulls says so of all of them.
        rest.remove("nullable")
            .filter(|nullable| nullable == true)
            .map(|nullable| rest.insert("nullable".into(), nullable));
    }
    let mut checks = checks(&node.shape, &mut rest);
    match &node.shape {
        Shape::List(inner) => {
            if let Some(Value::Object(mut items)) = rest.remove("items") {
                if items.len() == 1 && items.get("format") == Some(&Value::Null) {
                    attributes.add(FIELD, "schemars", "transform = derive::without_format");
                } else {
                    let before = items.clone();
                    let of_items = format!("inner({})", self::checks(&inner.shape, &mut items).join(", "));
                    // rustfmt would break a longer one.
                    if items.is_empty() && of_items.len() <= ARGUMENTS_WIDTH {
                        checks.push(of_items);
                    } else {
                        rest.insert("items".into(), Value::Object(before));
                    }
                }
            }
        }
        _ if rest.get("format") == Some(&Value::Null) => {
            rest.remove("format");
            attributes.add(FIELD, "schemars", "transform = derive::without_format");
        }
        _ => {}
    }
    for check in checks {
        attributes.add(FIELD, "schemars", &check);
    }
    attributes.rules(FIELD, &mut rest);
    attributes.rest(FIELD, rest);
    attributes
}

/// What a struct's fields leave unsaid. A root is used once, so that it says what is said of its use too.
pub fn container(node: &Node, is_root: bool) -> Attributes {
    let mut attributes = Attributes::default();
    let mut rest = node.schema.clone();
    let fields = match &node.shape {
        Shape::Struct(fields) => Some(fields),
        _ => None,
    };
    if let Some(fields) = fields {
        for said in ["type", "properties", "x-kubernetes-preserve-unknown-fields"] {
            rest.remove(said);
        }
        if fields.required.iter().all(|name| fields.get(name).is_some()) {
            rest.remove("required");
        }
    } else {
        rest = unsaid(node);
        if matches!(node.shape, Shape::Any) {
            // Its fields are flattened, which makes it an object of any fields.
            rest.insert("additionalProperties".into(), Value::Null);
            rest.entry("type").or_insert(Value::Null);
        }
    }
    rest.remove("description");
    if !is_root {
        rest.retain(|keyword, _| !OF_USE.contains(&keyword.as_str()));
    }
    attributes.rules(0, &mut rest);
    attributes.rest(0, rest);
    attributes
}

/// Whether conditions are anywhere in a schema.
pub fn has_conditions(schema: &Map<String, Value>) -> bool {
    let below = |value: &Value| match value {
        Value::Object(fields) => has_conditions(fields),
        Value::Array(items) => items.iter().filter_map(Value::as_object).any(has_conditions),
        _ => false,
    };
    ["oneOf", "anyOf"].iter().any(|name| schema.get(*name).is_some_and(Value::is_array)) || schema.values().any(below)
}

/// What a type leaves unsaid, as a merge patch on what it says: null where it says too much.
fn unsaid(node: &Node) -> Map<String, Value> {
    let mut rest = node.schema.clone();
    rest.remove("description");
    if node.says("uniqueItems") || rest.get("uniqueItems") == Some(&Value::Bool(false)) {
        rest.remove("uniqueItems");
    }
    if rest.get("nullable") == Some(&Value::Bool(false)) {
        rest.remove("nullable");
    }
    if !matches!(node.shape, Shape::Any) {
        rest.remove("type");
    }
    match &node.shape {
        Shape::Bool | Shape::Text | Shape::Bytes | Shape::Any => {}
        Shape::Int32 | Shape::Time => drop(rest.remove("format")),
        Shape::Int64 => format(&mut rest, "int64"),
        Shape::Float => format(&mut rest, "double"),
        Shape::IntOrString | Shape::Quantity => {
            rest.remove("x-kubernetes-int-or-string");
            drop_both_types(&mut rest);
        }
        Shape::AnyObject => drop(rest.insert("additionalProperties".into(), Value::Null)),
        Shape::List(inner) => nest(&mut rest, "items", inner),
        Shape::Map(inner) => nest(&mut rest, "additionalProperties", inner),
        Shape::Struct(_) => rest.retain(|keyword, _| OF_USE.contains(&keyword.as_str())),
        // An `Option` would have null among its values.
        Shape::Enum(_) if node.nullable() => {}
        Shape::Enum(_) => drop(rest.remove("enum")),
    }
    rest
}

fn format(rest: &mut Map<String, Value>, derived: &str) {
    match rest.get("format").map(|format| format == derived) {
        Some(true) => drop(rest.remove("format")),
        Some(false) => {}
        None => drop(rest.insert("format".into(), Value::Null)),
    }
}

fn nest(rest: &mut Map<String, Value>, keyword: &str, inner: &Node) {
    let unsaid = unsaid(inner);
    if unsaid.is_empty() {
        rest.remove(keyword)
    } else {
        rest.insert(keyword.into(), Value::Object(unsaid))
    };
}

/// That a number or a text is meant goes without saying, and kube would leave nothing but empty conditions of it.
fn drop_both_types(rest: &mut Map<String, Value>) {
    let both = serde_json::json!([{"type": "integer"}, {"type": "string"}]);
    if rest.get("anyOf") == Some(&both) {
        rest.remove("anyOf");
    }
    if let Some(Value::Array(all)) = rest.get_mut("allOf") {
        all.retain(|condition| {
            condition.get("anyOf") != Some(&both) || condition.as_object().is_some_and(|c| c.len() > 1)
        });
        if all.is_empty() {
            rest.remove("allOf");
        }
    }
}

/// Takes out what schemars has attributes for, as their arguments.
fn checks(shape: &Shape, rest: &mut Map<String, Value>) -> Vec<String> {
    let mut checks = Vec::new();
    let mut take = |name: &str, min: &str, max: &str, legal: fn(&Value) -> bool| {
        let bounds = [("min", min), ("max", max)];
        let is_legal = |keyword: &str| rest.get(keyword).is_none_or(legal);
        if bounds.iter().all(|(_, keyword)| is_legal(keyword)) {
            let bounds = bounds.iter().filter_map(|(bound, keyword)| {
                rest.remove(*keyword).map(|value| format!("{bound} = {}", literals::number(&value)))
            });
            let bounds: Vec<String> = bounds.collect();
            if !bounds.is_empty() {
                checks.push(format!("{name}({})", bounds.join(", ")));
            }
        }
    };
    match shape {
        Shape::Text => take("length", "minLength", "maxLength", Value::is_u64),
        Shape::List(_) => take("length", "minItems", "maxItems", Value::is_u64),
        Shape::Int32 | Shape::Int64 | Shape::Float => take("range", "minimum", "maximum", Value::is_number),
        _ => {}
    }
    if let (Shape::Text, Some(pattern)) = (shape, rest.get("pattern").and_then(Value::as_str)) {
        let check = format!("regex(pattern = {})", literals::string(pattern));
        // rustfmt would break a longer one, but leaves what it does not know as it is.
        if check.len() <= ARGUMENTS_WIDTH {
            checks.push(check);
            rest.remove("pattern");
        }
    }
    checks
}

impl Attributes {
    fn add(&mut self, indent: usize, name: &str, arguments: &str) {
        self.lines.push_str(&line(indent, name, arguments));
    }

    /// Rules in CEL, where kube has words for all of each.
    fn rules(&mut self, indent: usize, rest: &mut Map<String, Value>) {
        let Some(rules) = rest.get("x-kubernetes-validations").and_then(Value::as_array) else { return };
        let Some(rules) = rules.iter().map(rule).collect::<Option<Vec<_>>>() else { return };
        let space = " ".repeat(indent);
        for parts in rules {
            let flat = format!("{space}#[x_kube(validation = {})]", parts.concat());
            if flat.len() <= WIDTH && !flat.contains('\n') {
                self.lines.push_str(&format!("{flat}\n"));
                continue;
            }
            let calls: String = parts[1..].iter().map(|part| format!("\n{space}        {part}")).collect();
            self.lines.push_str(&format!("{space}#[x_kube(\n{space}    validation = {}{calls}\n{space})]\n", parts[0]));
        }
        rest.remove("x-kubernetes-validations");
        self.rules = true;
    }

    /// Whatever else there is: small values in Rust's notation, the others as JSON.
    fn rest(&mut self, indent: usize, rest: Map<String, Value>) {
        let is_small = |value: &Value| !value.is_null() && literals::count(value) <= VALUES_MAX;
        let is_patch = |(name, value): &(&String, &Value)| {
            ["items", "additionalProperties"].contains(&name.as_str()) || !is_small(value)
        };
        let (patch, small): (Vec<_>, Vec<_>) = rest.iter().partition(is_patch);
        let patch: Map<String, Value> = patch.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let space = " ".repeat(indent);
        let flat: Vec<String> =
            small.iter().map(|(name, value)| format!("{name:?} = {}", literals::json(value, 0, 0))).collect();
        let line = format!("{space}#[schemars(extend({}))]\n", flat.join(", "));
        if line.len() <= WIDTH + 1 && !flat.is_empty() && !flat.iter().any(|one| one.contains('\n')) {
            self.lines.push_str(&line);
        } else {
            for (name, value) in small {
                let name = format!("{name:?} = ");
                let value = literals::json(value, indent, "#[schemars(extend(".len() + name.len());
                self.lines.push_str(&format!("{space}#[schemars(extend({name}{value}))]\n"));
            }
        }
        if !patch.is_empty() {
            let patch = Value::Object(patch);
            let flat = literals::raw(&patch.to_string());
            let line = format!("{space}#[schemars(transform = derive::merge({flat}))]\n");
            if line.len() <= WIDTH + 1 {
                self.lines.push_str(&line);
            } else {
                let text = serde_json::to_string_pretty(&patch).unwrap_or_default();
                self.lines
                    .push_str(&format!("{space}#[schemars(transform = derive::merge({}))]\n", literals::raw(&text)));
            }
        }
    }
}

/// `#[name(arguments)]` as rustfmt has it.
pub fn line(indent: usize, name: &str, arguments: &str) -> String {
    let space = " ".repeat(indent);
    if arguments.len() <= ARGUMENTS_WIDTH {
        format!("{space}#[{name}({arguments})]\n")
    } else {
        format!("{space}#[{name}(\n{space}    {arguments}\n{space})]\n")
    }
}

/// The call that makes a rule, and those that add to it.
fn rule(rule: &Value) -> Option<Vec<String>> {
    let fields = rule.as_object()?;
    let mut parts = vec![format!("Rule::new({})", literals::lines(fields.get("rule")?.as_str()?))];
    if fields.contains_key("message") && fields.contains_key("messageExpression") {
        return None;
    }
    for (name, value) in fields {
        parts.push(match (name.as_str(), value) {
            ("rule", _) => continue,
            ("message", Value::String(text)) => format!(".message({})", literals::string(text)),
            ("messageExpression", Value::String(text)) => {
                format!(".message(Message::Expression({}.into()))", literals::string(text))
            }
            ("fieldPath", Value::String(text)) => format!(".field_path({})", literals::string(text)),
            ("optionalOldSelf", Value::Bool(optional)) => format!(".optional_old_self({optional})"),
            ("reason", Value::String(text)) if REASONS.contains(&text.as_str()) => format!(".reason(Reason::{text})"),
            _ => return None,
        });
    }
    Some(parts)
}

const REASONS: [&str; 4] = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
