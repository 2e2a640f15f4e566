//! An object with little more than what a schema asks for.

use serde_json::{Map, Value, json};

use super::structure::{self, CONDITIONS};
use super::{Definition, DefinitionVersion, texts};
use crate::names;

/// Makes an object of a kind. With it, the paths of rules in CEL that have a say in it: nobody tried them.
pub fn sample(definition: &Definition, version: &DefinitionVersion, schema: &Value) -> (Value, Vec<String>) {
    let kind = &definition.names.kind;
    let mut made = Making::default();
    let root = schema.as_object().cloned().unwrap_or_default();
    let mut object = made.object(&root, "");
    if root.get("properties").is_some_and(|all| all.get("spec").is_some()) && !object.contains_key("spec") {
        let spec = made.value(&root["properties"]["spec"], "spec", "spec", 0);
        object.insert("spec".into(), spec);
    }
    if version.has_status() {
        object.remove("status");
    }
    object.insert("apiVersion".into(), json!(format!("{}/{}", definition.group, version.name)));
    object.insert("kind".into(), json!(kind));
    object.insert("metadata".into(), json!({"name": format!("{}-example", names::singular(kind))}));
    (Value::Object(object), made.rules)
}

#[derive(Default)]
struct Making {
    rules: Vec<String>,
}

impl Making {
    /// A value of a schema. `index` tells the items of a list from one another.
    fn value(&mut self, schema: &Value, name: &str, path: &str, index: usize) -> Value {
        let Some(fields) = schema.as_object() else { return json!({}) };
        let mut fields = fields.clone();
        take_conditions(&mut fields);
        self.note_rules(&fields, path);
        if index == 0 {
            let given = fields.get("default").or_else(|| fields.get("example"));
            let is_structure = given.is_some_and(|given| given.is_object() || given.is_array());
            if let Some(given) = given.filter(|given| !given.is_null() && !is_structure) {
                return given.clone();
            }
        }
        if let Some(values) = fields.get("enum").and_then(Value::as_array).filter(|values| !values.is_empty()) {
            return values[index % values.len()].clone();
        }
        let says = |keyword: &str| fields.get(keyword) == Some(&Value::Bool(true));
        match fields.get("type").and_then(Value::as_str) {
            _ if says("x-kubernetes-int-or-string") => match fields.get("pattern").and_then(Value::as_str) {
                Some(pattern) => texts::of_pattern(pattern, 1, 99).map_or(json!(1), |text| json!(text)),
                None => json!(1 + index),
            },
            Some("boolean") => json!(index.is_multiple_of(2)),
            Some("integer") => json!(number(&fields, index) as i64),
            Some("number") => json!(number(&fields, index)),
            Some("string") => json!(text(&fields, name, index)),
            Some("array") => self.list(&fields, name, path),
            Some("object") => Value::Object(self.object(&fields, path)),
            _ => json!({}),
        }
    }

    fn list(&mut self, fields: &Map<String, Value>, name: &str, path: &str) -> Value {
        let length = fields.get("minItems").and_then(Value::as_u64).unwrap_or_default().min(50);
        let items = fields.get("items").cloned().unwrap_or_default();
        let path = format!("{path}[]");
        let items = (0..length).map(|index| {
            let mut item = self.value(&items, name, &path, index as usize);
            // The items of a list that is a map differ in its keys.
            for key in fields.get("x-kubernetes-list-map-keys").and_then(Value::as_array).into_iter().flatten() {
                if let (Some(key), Some(object)) = (key.as_str(), item.as_object_mut()) {
                    object.insert(key.into(), self.value(&items["properties"][key], key, &path, index as usize));
                }
            }
            item
        });
        items.collect()
    }

    fn object(&mut self, fields: &Map<String, Value>, path: &str) -> Map<String, Value> {
        let mut fields = fields.clone();
        take_conditions(&mut fields);
        take_rules(&mut fields);
        if path.is_empty() {
            self.note_rules(&fields, path);
        }
        let mut object = Map::new();
        if fields.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true)) {
            object.insert("apiVersion".into(), json!("v1"));
            object.insert("kind".into(), json!("ConfigMap"));
            object.insert("metadata".into(), json!({"name": "example"}));
        }
        let required = fields.get("required").and_then(Value::as_array).into_iter().flatten();
        let required: Vec<String> = required.filter_map(Value::as_str).map(str::to_owned).collect();
        let wanted = fields.get("minProperties").and_then(Value::as_u64).unwrap_or_default().min(50) as usize;
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let optional = structure::properties(&fields).map(|(name, _)| name.clone());
        for (index, name) in required.iter().cloned().chain(optional).enumerate() {
            if index >= required.len() && object.len() >= wanted {
                break;
            }
            let is_meta = path.is_empty() && ["apiVersion", "kind", "metadata"].contains(&name.as_str());
            if !is_meta && !object.contains_key(&name) {
                let schema = fields.get("properties").and_then(|all| all.get(&name)).cloned().unwrap_or_default();
                object.insert(name.clone(), self.value(&schema, &name, &below(&name), 0));
            }
        }
        for index in object.len()..wanted {
            let values = fields.get("additionalProperties").cloned().unwrap_or_default();
            object.insert(format!("key{}", index + 1), self.value(&values, "value", &below("*"), 0));
        }
        object
    }

    /// A rule that compares with the old object has no say in a new one.
    fn note_rules(&mut self, fields: &Map<String, Value>, path: &str) {
        let rules = fields.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten();
        let mut rules = rules.filter_map(|rule| rule.get("rule").and_then(Value::as_str));
        let path = if path.is_empty() { "the root" } else { path };
        if rules.any(|rule| !rule.contains("oldSelf")) && !self.rules.iter().any(|there| there == path) {
            self.rules.push(path.to_owned());
        }
    }
}

/// Adds what the first of each choice asks for.
fn take_conditions(fields: &mut Map<String, Value>) {
    for keyword in CONDITIONS {
        let Some(Value::Array(conditions)) = fields.remove(keyword) else { continue };
        let count = if keyword == "allOf" { conditions.len() } else { 1 };
        for condition in conditions.iter().take(count).filter_map(Value::as_object) {
            let mut condition = condition.clone();
            take_conditions(&mut condition);
            add(fields, &condition);
        }
    }
}

fn add(fields: &mut Map<String, Value>, condition: &Map<String, Value>) {
    for (keyword, value) in condition {
        match (fields.get_mut(keyword), value) {
            (Some(Value::Object(there)), Value::Object(value)) => add(there, value),
            (Some(Value::Array(there)), Value::Array(value)) if keyword == "required" => {
                there.extend(value.iter().cloned());
            }
            (_, value) if keyword != "type" && keyword != "not" => drop(fields.insert(keyword.clone(), value.clone())),
            _ => {}
        }
    }
}

/// Guesses which field a rule wants that asks for one of several: rules are not tried here.
fn take_rules(fields: &mut Map<String, Value>) {
    let rules = fields.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten();
    let rules: Vec<String> = rules.filter_map(|rule| rule["rule"].as_str()).map(str::to_owned).collect();
    let required = |fields: &Map<String, Value>, name: &str| {
        fields.get("required").and_then(Value::as_array).is_some_and(|all| all.iter().any(|there| there == name))
    };
    for rule in rules {
        let names: Vec<&str> = rule.split("has(self.").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        let one_of = ["exists_one", "== 1", "||", "^", "!= has"].iter().any(|sign| rule.contains(sign));
        let plain = !rule.contains("!has") && !rule.contains("oldSelf") && !rule.contains('?');
        let is_field = |name: &str| fields.get("properties").is_some_and(|all| all.get(name).is_some());
        if one_of
            && plain
            && names.iter().all(|name| is_field(name) && !required(fields, name))
            && let (Some(first), Some(Value::Array(all))) =
                (names.first(), Some(fields.entry("required").or_insert(json!([]))))
        {
            all.push(json!(first));
        }
    }
}

fn number(fields: &Map<String, Value>, index: usize) -> f64 {
    let bound = |name: &str| fields.get(name).and_then(Value::as_f64);
    let excludes = |name: &str| fields.get(name) == Some(&Value::Bool(true));
    let step = bound("multipleOf").filter(|step| *step > 0.0).unwrap_or(1.0);
    let min = bound("minimum").map(|min| if excludes("exclusiveMinimum") { min + step } else { min });
    let max = bound("maximum").map(|max| if excludes("exclusiveMaximum") { max - step } else { max });
    let start = min.unwrap_or(step).max(step).min(max.unwrap_or(f64::MAX));
    let start = if bound("multipleOf").is_some() { (start / step).floor() * step } else { start };
    start + index as f64 * step
}

fn text(fields: &Map<String, Value>, name: &str, index: usize) -> String {
    let length = |name: &str| fields.get(name).and_then(Value::as_u64).map(|length| length as usize);
    let (min, max) = (length("minLength").unwrap_or_default(), length("maxLength").unwrap_or(usize::MAX));
    let format = fields.get("format").and_then(Value::as_str).and_then(texts::of_format);
    let found = match (fields.get("pattern").and_then(Value::as_str), format) {
        (Some(pattern), _) => {
            texts::of_pattern(pattern, min.max(1).max(index + 1), max).or_else(|| texts::of_pattern(pattern, min, max))
        }
        (None, Some(format)) => Some(format.to_owned()),
        (None, None) => None,
    };
    found.unwrap_or_else(|| {
        let word = if name.to_ascii_lowercase().ends_with("name") { "example" } else { "text" };
        let mut text = if index == 0 { word.to_owned() } else { format!("{word}{}", index + 1) };
        while text.chars().count() < min {
            text.push('a');
        }
        text.chars().take(max).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schema: Value, expected: Value) {
        assert_eq!(Making::default().value(&schema, "x", "spec.x", 0), expected, "{schema}");
    }

    #[test]
    fn values_are_what_schemas_ask_for() {
        check(json!({"type": "string"}), json!("text"));
        check(json!({"type": "string", "minLength": 6}), json!("textaa"));
        check(json!({"type": "string", "enum": ["b", "a"]}), json!("b"));
        check(json!({"type": "string", "pattern": "^[a-z]{2}$"}), json!("aa"));
        check(json!({"type": "integer", "minimum": 3, "exclusiveMinimum": true}), json!(4));
        check(json!({"type": "integer", "maximum": -3}), json!(-3));
        check(json!({"type": "integer", "minimum": 10, "multipleOf": 5}), json!(10));
        check(json!({"type": "boolean", "default": false}), json!(false));
        check(json!({"x-kubernetes-int-or-string": true}), json!(1));
        check(json!({"type": "array", "items": {"type": "string"}}), json!([]));
        check(json!({"type": "array", "minItems": 2, "items": {"type": "string"}}), json!(["text", "text2"]));
        check(
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}),
            json!({"a": "text"}),
        );
        check(
            json!({"type": "object", "minProperties": 1, "additionalProperties": {"type": "integer"}}),
            json!({"key1": 1}),
        );
    }

    #[test]
    fn of_several_ways_the_first_is_gone() {
        let properties = json!({"a": {"type": "string"}, "b": {"type": "string"}});
        check(
            json!({"type": "object", "properties": properties, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}),
            json!({"a": "text"}),
        );
        check(
            json!({"type": "object", "properties": properties, "oneOf": [{"required": ["b"], "properties": {"b": {"enum": ["c"]}}}]}),
            json!({"b": "c"}),
        );
        check(
            json!({"type": "object", "properties": properties, "x-kubernetes-validations": [{"rule": "has(self.a) || has(self.b)"}]}),
            json!({"a": "text"}),
        );
    }
}
