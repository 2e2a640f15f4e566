//! Values as Rust writes them.

use serde_json::Value;

/// Lines are at most this long.
pub const WIDTH: usize = 100;

/// A string on one line. Raw where that saves backslashes.
pub fn string(text: &str) -> String {
    let plain = format!("{text:?}");
    let legible = text.chars().all(|c| !c.is_control());
    if !plain[1..plain.len() - 1].contains('\\') || !legible {
        return plain;
    }
    raw(text)
}

/// A string on as many lines as it has, for what rustfmt leaves alone.
pub fn lines(text: &str) -> String {
    let legible = text.chars().all(|c| c == '\n' || !c.is_control());
    if text.trim().contains('\n') && legible { raw(text) } else { string(text) }
}

/// A raw string with as many signs as it takes.
pub fn raw(text: &str) -> String {
    let longest = text.split('"').skip(1).map(|rest| rest.len() - rest.trim_start_matches('#').len() + 1).max();
    let signs = "#".repeat(longest.unwrap_or(0));
    format!("r{signs}\"{text}\"{signs}")
}

/// A value in the notation of `json!`, on one line if it fits, else with its closing sign at `indent`.
pub fn json(value: &Value, indent: usize, before: usize) -> String {
    let flat = flat(value);
    if indent + before + flat.len() + "))]".len() <= WIDTH {
        return flat;
    }
    let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 4));
    match value {
        Value::Array(items) if !items.is_empty() => {
            let items = items.iter().map(|item| format!("{inner}{},\n", json(item, indent + 4, 1)));
            format!("[\n{}{outer}]", items.collect::<String>())
        }
        Value::Object(fields) if !fields.is_empty() => {
            let field = |(name, value): (&String, &Value)| {
                let name = string(name);
                format!("{inner}{name}: {},\n", json(value, indent + 4, name.len() + 3))
            };
            format!("{{\n{}{outer}}}", fields.iter().map(field).collect::<String>())
        }
        _ => flat,
    }
}

/// How many values there are in a value, itself included.
pub fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// A number without a type of its own where it is small, so that it fits whatever it is compared with.
pub fn number(value: &Value) -> String {
    match (value.as_i64(), value.as_u64()) {
        (Some(small), _) if i32::try_from(small).is_ok() => small.to_string(),
        (Some(large), _) => format!("{large}_i64"),
        (None, Some(huge)) => format!("{huge}_u64"),
        _ => value.as_f64().map(|number| format!("{number:?}")).unwrap_or_default(),
    }
}

fn flat(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(_) => number(value),
        Value::String(text) => string(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{}: {}", string(name), flat(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_are_as_plain_as_they_can_be() {
        assert_eq!(string("a b"), "\"a b\"");
        assert_eq!(string(r"a\.b"), r#"r"a\.b""#);
        assert_eq!(string(r#"a"b"#), r##"r#"a"b"#"##);
        assert_eq!(string("a\"#b\\"), "r##\"a\"#b\\\"##");
        assert_eq!(string("a\u{7}\\"), "\"a\\u{7}\\\\\"");
        assert_eq!(string("a\nb"), r#""a\nb""#);
        assert_eq!(lines("a\nb"), "r\"a\nb\"");
    }

    #[test]
    fn long_values_take_lines() {
        assert_eq!(json(&json!({"a": [1, -2.5, 5_000_000_000_u64]}), 4, 0), r#"{"a": [1, -2.5, 5000000000_i64]}"#);
        let long = "x".repeat(60);
        assert_eq!(json(&json!([long, long]), 4, 0), format!("[\n        \"{long}\",\n        \"{long}\",\n    ]"));
        assert_eq!(count(&json!({"a": [1, 2]})), 4);
    }
}
