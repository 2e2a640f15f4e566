//! A change that makes an object one which its schema refuses.

use serde::Serialize;
use serde_json::{Value, json};

use super::literals;
use super::structure;

/// Where what is written, as the test of a kind has it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Wrong {
    /// As code writes it: `["spec"]["size"]`.
    pub index: String,
    /// As code writes it: `"many"`.
    pub value: String,
    /// As the refusal names it: `spec.size`.
    pub path: String,
}

/// Finds a field that is there in the object, or could be, and gives it a value of another type; of an enum, one that is
/// not among its values. None for schemas that refuse nothing.
pub fn wrong(schema: &Value, object: &Value) -> Option<Wrong> {
    below(schema, object, &mut Vec::new())
}

fn below(schema: &Value, object: &Value, path: &mut Vec<String>) -> Option<Wrong> {
    let fields = schema.as_object()?;
    let is_meta = |name: &str| ["apiVersion", "kind", "metadata", "status"].contains(&name);
    let mut properties: Vec<_> =
        structure::properties(fields).filter(|(name, _)| !path.is_empty() || !is_meta(name)).collect();
    // What is there already says most.
    properties.sort_by_key(|(name, _)| object.get(name.as_str()).is_none());
    for (name, property) in &properties {
        path.push((*name).clone());
        let deeper = object.get(name.as_str()).and_then(|object| below(property, object, path));
        let found = deeper.or_else(|| value(property).map(|value| found(path, &value)).filter(Wrong::is_short));
        path.pop();
        if found.is_some() {
            return found;
        }
    }
    None
}

impl Wrong {
    /// Whether it fits in a line of a test.
    fn is_short(&self) -> bool {
        self.index.len() + self.value.len() <= 70
    }
}

/// A value that a schema refuses.
fn value(schema: &Value) -> Option<Value> {
    if schema["x-kubernetes-int-or-string"] == true {
        return Some(json!(true));
    }
    match schema["type"].as_str()? {
        "string" if schema["enum"].is_array() => Some(json!("none of these")),
        "string" | "object" => Some(json!(7)),
        _ => Some(json!("wrong")),
    }
}

fn found(path: &[String], value: &Value) -> Wrong {
    Wrong {
        index: path.iter().map(|name| format!("[{}]", literals::string(name))).collect(),
        value: value.to_string(),
        path: path.join("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(spec: Value, object: Value, expected: Option<(&str, &str)>) {
        let schema = json!({"type": "object", "properties": {"metadata": {"type": "object"}, "spec": spec}});
        let told = wrong(&schema, &json!({"spec": object}));
        let told = told.as_ref().map(|wrong| (wrong.path.as_str(), wrong.value.as_str()));
        assert_eq!(told, expected);
    }

    #[test]
    fn something_is_found_that_a_schema_refuses() {
        let text = json!({"type": "string"});
        check(json!({"type": "object", "properties": {"a": text, "b": text}}), json!({"b": ""}), Some(("spec.b", "7")));
        check(json!({"type": "object"}), json!({}), Some(("spec", "7")));
        check(
            json!({"type": "object", "properties": {"a": {"type": "string", "enum": ["b"]}}}),
            json!({}),
            Some(("spec.a", "\"none of these\"")),
        );
        check(json!({"x-kubernetes-preserve-unknown-fields": true}), json!({}), None);
    }
}
