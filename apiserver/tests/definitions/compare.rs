//! Two schemas, side by side. What is said to people, and what goes without saying, does not count.

use serde_json::{Map, Value, json};

/// Where two schemas differ, and how.
pub fn differences(written: &Value, printed: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(&root(written), &root(printed), "", &mut found);
    found
}

fn compare(a: &Value, b: &Value, path: &str, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let path = format!("{path}.{key}");
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => compare(a, b, &path, found),
                    (Some(a), None) => found.push(format!("{path}: {a} is gone")),
                    (None, Some(b)) => found.push(format!("{path}: {b} is new")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(index, (a, b))| compare(a, b, &format!("{path}[{index}]"), found));
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: {a} became {b}")),
    }
}

/// What the root says of all kinds alike is left out.
fn root(schema: &Value) -> Value {
    let mut schema = normal(schema);
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("title");
        // Nothing else can be the type of a root.
        fields.insert("type".into(), json!("object"));
        if let Some(Value::Array(required)) = fields.get_mut("required") {
            required.retain(|name| !["apiVersion", "kind", "metadata"].iter().any(|meta| name == meta));
        }
        if let Some(Value::Object(properties)) = fields.get_mut("properties") {
            properties.retain(|name, value| {
                !["apiVersion", "kind"].contains(&name.as_str())
                    && (name != "metadata" || value.get("properties").is_some())
            });
        }
        fields.retain(|_, value| value != &json!([]) && value != &json!({}));
    }
    schema
}

fn normal(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut normal = Map::new();
    for (keyword, value) in fields {
        let value = match (keyword.as_str(), value) {
            ("description" | "externalDocs", _) => continue,
            (_, Value::Bool(false)) if keyword != "default" && keyword != "example" => continue,
            ("properties", Value::Object(properties)) if properties.is_empty() => continue,
            ("properties", Value::Object(properties)) => {
                properties.iter().map(|(name, property)| (name.clone(), self::normal(property))).collect()
            }
            ("items" | "additionalProperties" | "not", schema) => self::normal(schema),
            ("allOf" | "anyOf" | "oneOf", Value::Array(all)) => {
                let mut all: Vec<Value> = all.iter().map(condition).collect();
                all.retain(|one| keyword != "allOf" || *one != json!({}));
                if all.is_empty() || is_both_types(&json!({keyword: all})) {
                    continue;
                }
                Value::Array(all)
            }
            ("required", Value::Array(names)) => {
                let mut names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                names.sort();
                names.dedup();
                if names.is_empty() {
                    continue;
                }
                json!(names)
            }
            (_, value) => value.clone(),
        };
        normal.insert(keyword.clone(), value);
    }
    Value::Object(normal)
}

/// A condition that is nothing but another one.
fn condition(condition: &Value) -> Value {
    let normal = normal(condition);
    match normal.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.get("allOf")) {
        Some(Value::Array(all)) if all.len() == 1 => all[0].clone(),
        _ => normal,
    }
}

/// What an int-or-string is anyway.
fn is_both_types(condition: &Value) -> bool {
    *condition == json!({"anyOf": [{"type": "integer"}, {"type": "string"}]})
}

#[test]
fn what_differs_is_found() {
    let spec = |spec: Value| json!({"type": "object", "properties": {"spec": spec}});
    let check = |a: Value, b: Value, expected: &[&str]| assert_eq!(differences(&spec(a), &spec(b)), expected);
    check(json!({"type": "string", "description": "a"}), json!({"type": "string", "nullable": false}), &[]);
    check(json!({"type": "number", "minimum": 1}), json!({"type": "number", "minimum": 1.0}), &[]);
    check(json!({"oneOf": [{"required": ["a"]}]}), json!({"oneOf": [{"allOf": [{"required": ["a"]}]}]}), &[]);
    check(
        json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}),
        json!({"x-kubernetes-int-or-string": true}),
        &[],
    );
    check(
        json!({"properties": {"a": {"type": "string", "default": "b"}}}),
        json!({"properties": {"a": {"type": "integer"}}}),
        &[
            ".properties.spec.properties.a.default: \"b\" is gone",
            ".properties.spec.properties.a.type: \"string\" became \"integer\"",
        ],
    );
}
