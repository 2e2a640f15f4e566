//! Types of values, with formats where they stand for one, and fixed sets of values.

use serde_json::Value;

use super::Validator;
use super::numbers::Num;
use crate::field::path::Path;
use crate::field::{self, ErrorKind};
use crate::schema::node::{Checks, Node, Type};

impl Validator<'_> {
    /// 1 when the type is right.
    pub(super) fn type_(&mut self, node: &Node, name: &str, wrong: bool, path: &Path<'_>) -> usize {
        if wrong && node.type_ != Type::Any { self.wrong_type(path, node.type_.names(), name) } else { 1 }
    }

    pub(super) fn wrong_type(&mut self, path: &Path<'_>, wanted: &str, found: &str) -> usize {
        let message = format!("{} in body must be of type {wanted}: {}", path.dotted(), field::quoted(found));
        self.problem(ErrorKind::TypeInvalid, path, Some(found.into()), message);
        0
    }

    pub(super) fn enum_(&mut self, checks: &Checks, value: &Value, path: &Path<'_>) {
        if checks.enum_.is_empty() || checks.enum_.iter().any(|one| same(one, value)) {
            return;
        }
        let texts = checks.enum_.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned));
        let quoted: Vec<_> = texts.map(|text| field::quoted(&text)).collect();
        let detail = format!("supported values: {}", quoted.join(", "));
        self.problem(ErrorKind::NotSupported, path, Some(value.clone()), detail);
    }
}

/// The name of a value's type, and whether the schema's type allows it.
pub(super) fn fit(type_: Type, value: &Value) -> (&'static str, bool) {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::check;
    use super::*;

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
}
