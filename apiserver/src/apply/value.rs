//! JSON values as field ownership sees them: `1` and `1.0` are one value, and any two values have an order. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/value/value.go>

use std::cmp::Ordering;
use std::fmt::Write;

use serde_json::{Map, Number, Value};

use crate::field;

/// Whether two values are the same.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b).is_eq(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The order of two values: numbers, texts, truths, lists, maps, null.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            let unequal = a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
            unequal.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Value::Object(a), Value::Object(b)) => {
            let (a, b) = (sorted(a), sorted(b));
            let pairs = a.iter().zip(&b).map(|(a, b)| a.0.cmp(b.0).then_with(|| compare(a.1, b.1)));
            pairs.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

/// A value within a path, as conflicts print it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number_text(number),
        Value::String(text) => field::quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            sorted(fields).into_iter().map(|(key, value)| format!("{key}={}", text(value))).collect()
        }
    }
}

/// As Go's `%v` prints it.
pub(super) fn go_text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number_text(number),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_text).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let fields = sorted(fields).into_iter().map(|(key, value)| format!("{key}:{}", go_text(value)));
            format!("map[{}]", fields.collect::<Vec<_>>().join(" "))
        }
    }
}

/// As Go's `%#v` prints it.
pub(super) fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".into(),
        Value::String(text) => field::quoted(text),
        Value::Array(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(go_syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let fields =
                sorted(fields).into_iter().map(|(key, value)| format!("{}:{}", field::quoted(key), go_syntax(value)));
            format!("map[string]interface {{}}{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        scalar => go_text(scalar),
    }
}

/// The name of its type in Go.
pub(super) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// Compact JSON as Go writes it: keys in order, and no character that HTML could mistake.
pub(super) fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text, true),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (key, value)) in sorted(fields).into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(out, key, true);
                out.push(':');
                write_json(out, value);
            }
            out.push('}');
        }
    }
}

/// A text in JSON; with `html`, without the characters that HTML could mistake.
pub(super) fn write_text(out: &mut String, text: &str, html: bool) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if html => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Whole numbers of up to 64 bits with sign are told apart exactly, all others as floats.
fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => {
            let float = |number: &Number| number.as_f64().unwrap_or_default();
            float(a).partial_cmp(&float(b)).unwrap_or(Ordering::Equal)
        }
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

fn number_text(number: &Number) -> String {
    match number.as_i64() {
        Some(whole) => whole.to_string(),
        None => field::float_text(number.as_f64().unwrap_or_default()),
    }
}

fn write_number(out: &mut String, number: &Number) {
    if let Some(whole) = number.as_i64() {
        let _ = write!(out, "{whole}");
        return;
    }
    let float = number.as_f64().unwrap_or_default();
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let scientific = format!("{float:e}");
        let _ = match scientific.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => write!(out, "{digits}e+{exponent}"),
            _ => write!(out, "{scientific}"),
        };
    } else {
        let _ = write!(out, "{float}");
    }
}

/// Another crate may have asked serde_json to keep the order of insertion.
fn sorted(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_unstable_by_key(|(key, _)| *key);
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_an_order() {
        let rows = [
            json!(-1),
            json!(1),
            json!(1.5),
            json!(2),
            json!(u64::MAX),
            json!("a"),
            json!("b"),
            json!(false),
            json!(true),
            json!([]),
            json!([1]),
            json!([1, 2]),
            json!([2]),
            json!({}),
            json!({"a": 1}),
            json!({"a": 1, "b": 1}),
            json!({"b": 0}),
            json!(null),
        ];
        for (i, a) in rows.iter().enumerate() {
            for (j, b) in rows.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} and {b}");
                assert_eq!(equal(a, b), i == j, "{a} and {b}");
            }
        }
        assert!(equal(&json!({"a": [1, 2.0]}), &json!({"a": [1.0, 2]})));
        assert!(compare(&json!(1), &json!(1.0)).is_eq());
    }

    #[track_caller]
    fn check(value: Value, path: &str, go: &str, syntax: &str, json: &str) {
        let mut out = String::new();
        write_json(&mut out, &value);
        assert_eq!(
            (text(&value).as_str(), go_text(&value).as_str(), go_syntax(&value).as_str(), out.as_str()),
            (path, go, syntax, json)
        );
    }

    #[test]
    fn values_are_written_as_go_writes_them() {
        check(json!("a"), "\"a\"", "a", "\"a\"", "\"a\"");
        check(json!(5), "5", "5", "5", "5");
        check(json!(5.0), "5", "5", "5", "5");
        check(json!(1e21), "1e+21", "1e+21", "1e+21", "1e+21");
        check(json!(2.5e-7), "2.5e-07", "2.5e-07", "2.5e-07", "2.5e-7");
        check(json!(null), "null", "<nil>", "interface {}(nil)", "null");
        check(json!(true), "true", "true", "true", "true");
        check(
            json!({"b": [1, "x"], "a": "<"}),
            "a=\"<\"b=[1,\"x\"]",
            "map[a:< b:[1 x]]",
            "map[string]interface {}{\"a\":\"<\", \"b\":[]interface {}{1, \"x\"}}",
            "{\"a\":\"\\u003c\",\"b\":[1,\"x\"]}",
        );
        check(
            json!("\u{8}\u{2028}\"\\"),
            "\"\\b\\u2028\\\"\\\\\"",
            "\u{8}\u{2028}\"\\",
            "\"\\b\\u2028\\\"\\\\\"",
            "\"\\u0008\\u2028\\\"\\\\\"",
        );
    }
}
