//! Whether a schema is structural. Not every rule of Kubernetes is here: only those without which types would be guesses.
//! Source: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema>

use serde_json::{Map, Value};

/// Where a schema is not structural, and why: `spec.nest.items: has no type`. At most ten.
pub fn problems(schema: &Value) -> Vec<String> {
    let mut problems = Problems(Vec::new());
    problems.schema(schema, "the root");
    problems.0
}

/// The keywords of conditions, each with a list of schemas.
pub const CONDITIONS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, path: &str, problem: &str) {
        if self.0.len() < 10 {
            self.0.push(format!("{path}: {problem}"));
        }
    }

    fn schema(&mut self, schema: &Value, path: &str) {
        let Some(fields) = schema.as_object() else { return self.add(path, "is not a schema") };
        let says = |name: &str| fields.get(name) == Some(&Value::Bool(true));
        let untyped = says("x-kubernetes-preserve-unknown-fields") || says("x-kubernetes-int-or-string");
        let is = |name: &str| fields.get("type").and_then(Value::as_str) == Some(name);
        match fields.get("type") {
            None if untyped => {}
            None => self.add(path, "has no type"),
            Some(Value::String(name)) if TYPES.contains(&name.as_str()) => {}
            Some(other) => self.add(path, &format!("has the type {other}, which Kubernetes does not know")),
        }
        for name in ["$ref", "definitions", "dependencies", "patternProperties", "additionalItems"] {
            if fields.contains_key(name) {
                self.add(path, &format!("has `{name}`, which Kubernetes does not take"));
            }
        }
        if says("uniqueItems") {
            self.add(path, "has `uniqueItems: true`, which Kubernetes does not take");
        }
        if fields.contains_key("properties") && fields.contains_key("additionalProperties") {
            self.add(path, "has both `properties` and `additionalProperties`");
        }
        if fields.get("additionalProperties") == Some(&Value::Bool(false)) {
            self.add(path, "has `additionalProperties: false`, which Kubernetes does not take");
        }
        match fields.get("items") {
            None if is("array") => self.add(path, "is a list without `items`"),
            Some(Value::Array(_)) => self.add(path, "has a list of `items`, which Kubernetes does not take"),
            Some(items) => self.schema(items, &format!("{path}[]")),
            None => {}
        }
        if let Some(values @ Value::Object(_)) = fields.get("additionalProperties") {
            self.schema(values, &format!("{path}.*"));
        }
        for (name, property) in properties(fields) {
            let path = if path == "the root" { name.clone() } else { format!("{path}.{name}") };
            self.schema(property, &path);
        }
        for (place, condition) in conditions(fields) {
            // Where the type may be one of two, it may be said again.
            if !says("x-kubernetes-int-or-string") {
                self.condition(condition, &format!("{path} ({place})"));
            }
        }
    }

    fn condition(&mut self, condition: &Value, path: &str) {
        let Some(fields) = condition.as_object() else { return self.add(path, "is not a schema") };
        for name in ["type", "description", "default", "nullable", "additionalProperties"] {
            let is_empty = |value: &Value| value == "" || value == &Value::Bool(false);
            if fields.get(name).is_some_and(|value| !is_empty(value)) {
                self.add(path, &format!("has `{name}`, which belongs outside of conditions"));
            }
        }
        for (place, condition) in conditions(fields) {
            self.condition(condition, &format!("{path}.{place}"));
        }
        for (name, property) in properties(fields) {
            self.condition(property, &format!("{path}.{name}"));
        }
    }
}

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// The properties of a schema.
pub fn properties(fields: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    fields.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// The conditions of a schema, each with its place: `oneOf[1]`.
pub fn conditions(fields: &Map<String, Value>) -> impl Iterator<Item = (String, &Value)> {
    let lists = CONDITIONS.into_iter().flat_map(|name| {
        let list = fields.get(name).and_then(Value::as_array).into_iter().flatten();
        list.enumerate().map(move |(index, condition)| (format!("{name}[{index}]"), condition))
    });
    lists.chain(fields.get("not").map(|not| ("not".to_owned(), not)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(spec: Value, expected: &str) {
        let told = problems(&json!({"type": "object", "properties": {"spec": spec}})).join("; ");
        assert_eq!(told, expected);
    }

    #[test]
    fn what_kubernetes_would_refuse_is_told_with_its_path() {
        check(json!({"type": "object"}), "");
        check(json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}), "");
        check(json!({}), "spec: has no type");
        check(json!({"type": "array"}), "spec: is a list without `items`");
        check(json!({"type": "array", "items": {"a": 1}}), "spec[]: has no type");
        check(json!({"type": "null"}), "spec: has the type \"null\", which Kubernetes does not know");
        check(
            json!({"type": "object", "oneOf": [{"properties": {"a": {"type": "string"}}}]}),
            "spec (oneOf[0]).a: has `type`, which belongs outside of conditions",
        );
        check(
            json!({"type": "object", "properties": {"a": {"type": "object", "$ref": "b"}}, "additionalProperties": {"type": "string"}}),
            "spec: has both `properties` and `additionalProperties`; spec.a: has `$ref`, which Kubernetes does not take",
        );
    }
}
