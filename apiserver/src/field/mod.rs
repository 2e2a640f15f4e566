//! Errors about fields of an object, in the words of Kubernetes' `field.Error`.
//!
//! Every problem is collected, not only the first, so that one answer tells all of them. The texts are part of the API:
//! people and tools read them. Source:
//! <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/validation/field/errors.go>

pub(crate) mod labels;
pub(crate) mod path;

use std::fmt::{self, Display, Write};

use serde::Serialize;
use serde_json::Value;

/// The fields of an object that are wrong; empty when it is valid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Errors(Vec<Error>);

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What is wrong with it.
    pub kind: ErrorKind,
    /// Where it is, for example `spec.perches[0].name`. Empty is written `<nil>`, as Kubernetes does.
    pub field: String,
    /// What it holds, where the message tells it.
    pub value: Option<Value>,
    /// What would be right, or more about the problem; may be empty.
    pub detail: String,
}

/// What can be wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// It is missing or empty.
    Required,
    /// It holds something malformed or out of bounds.
    Invalid,
    /// It holds something of the wrong type.
    TypeInvalid,
    /// It is none of a fixed set of values.
    NotSupported,
    /// It may not be set, or not to this, under the current conditions.
    Forbidden,
    /// Its value must be unique and is not.
    Duplicate,
    /// It names something that is not there.
    NotFound,
    /// It has too many bytes.
    TooLong,
    /// It has too many items.
    TooMany,
    /// It could not be checked, which is not the client's fault.
    Internal,
}

impl Errors {
    /// A field that must be there and is not.
    pub fn required(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.add(ErrorKind::Required, field, None, detail);
    }

    /// A field whose value is malformed or out of bounds.
    pub fn invalid(&mut self, field: impl Into<String>, value: impl Serialize, detail: impl Into<String>) {
        self.add(ErrorKind::Invalid, field, Some(to_value(value)), detail);
    }

    /// As [`invalid`](Self::invalid), where the value is too large or too dull to repeat.
    pub fn invalid_without_value(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.add(ErrorKind::Invalid, field, None, detail);
    }

    /// A field whose value is of the wrong type.
    pub fn type_invalid(&mut self, field: impl Into<String>, value: impl Serialize, detail: impl Into<String>) {
        self.add(ErrorKind::TypeInvalid, field, Some(to_value(value)), detail);
    }

    /// A field whose value is none of `supported`.
    pub fn not_supported(&mut self, field: impl Into<String>, value: impl Serialize, supported: &[&str]) {
        let mut detail = String::new();
        for (index, text) in supported.iter().enumerate() {
            detail.push_str(if index == 0 { "supported values: " } else { ", " });
            quote(&mut detail, text);
        }
        self.add(ErrorKind::NotSupported, field, Some(to_value(value)), detail);
    }

    /// A field that may not be set under the current conditions.
    pub fn forbidden(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.add(ErrorKind::Forbidden, field, None, detail);
    }

    /// A field whose value must be unique and is not.
    pub fn duplicate(&mut self, field: impl Into<String>, value: impl Serialize) {
        self.add(ErrorKind::Duplicate, field, Some(to_value(value)), "");
    }

    /// A field that names something that is not there.
    pub fn not_found(&mut self, field: impl Into<String>, value: impl Serialize) {
        self.add(ErrorKind::NotFound, field, Some(to_value(value)), "");
    }

    /// A field of more than `bytes_max` bytes.
    pub fn too_long(&mut self, field: impl Into<String>, bytes_max: usize) {
        let unit = if bytes_max == 1 { "byte" } else { "bytes" };
        self.add(ErrorKind::TooLong, field, None, format!("may not be more than {bytes_max} {unit}"));
    }

    /// A list or map of `actual` items where `max` are allowed.
    pub fn too_many(&mut self, field: impl Into<String>, actual: usize, max: usize) {
        let unit = if max == 1 { "item" } else { "items" };
        self.add(ErrorKind::TooMany, field, Some(actual.into()), format!("must have at most {max} {unit}"));
    }

    /// A field that could not be checked.
    pub fn internal(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.add(ErrorKind::Internal, field, None, detail);
    }

    /// One more error.
    pub fn push(&mut self, error: Error) {
        self.0.push(error);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Error> {
        self.0.iter()
    }

    /// All of them, by value.
    pub fn into_vec(self) -> Vec<Error> {
        self.0
    }

    fn add(&mut self, kind: ErrorKind, field: impl Into<String>, value: Option<Value>, detail: impl Into<String>) {
        self.0.push(Error { kind, field: field.into(), value, detail: detail.into() });
    }
}

impl Extend<Error> for Errors {
    fn extend<T: IntoIterator<Item = Error>>(&mut self, errors: T) {
        self.0.extend(errors);
    }
}

impl FromIterator<Error> for Errors {
    fn from_iter<T: IntoIterator<Item = Error>>(errors: T) -> Self {
        Self(errors.into_iter().collect())
    }
}

impl IntoIterator for Errors {
    type Item = Error;
    type IntoIter = std::vec::IntoIter<Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a Error;
    type IntoIter = std::slice::Iter<'a, Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Error {
    /// What a cause of a `Status` gives as its `field`.
    pub fn field_text(&self) -> &str {
        if self.field.is_empty() { "<nil>" } else { &self.field }
    }

    /// What a cause of a `Status` gives as its `reason`.
    pub fn reason(&self) -> &'static str {
        self.kind.reason()
    }

    /// What a cause of a `Status` gives as its `message`: the text without the field.
    pub fn body(&self) -> String {
        let mut text = self.kind.label().to_owned();
        if let (Some(value), true) = (&self.value, self.kind.tells_value()) {
            text.push_str(": ");
            write_value(&mut text, value);
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field_text();
        write!(f, "{field}: {}", self.body())
    }
}

impl std::error::Error for Error {}

impl ErrorKind {
    /// For example `FieldValueInvalid`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::Duplicate => "FieldValueDuplicate",
            Self::NotFound => "FieldValueNotFound",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::Internal => "InternalError",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::Duplicate => "Duplicate value",
            Self::NotFound => "Not found",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Internal => "Internal error",
        }
    }

    fn tells_value(self) -> bool {
        !matches!(self, Self::Required | Self::Forbidden | Self::TooLong | Self::Internal)
    }
}

/// A text as Go's `%q` prints it.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote(&mut out, text);
    out
}

/// A number as Go's `%v` prints it.
pub(crate) fn float_text(number: f64) -> String {
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn to_value(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Strings are quoted, numbers and booleans bare, everything else is compact JSON.
fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => quote(out, text),
        Value::Number(number) if number.is_f64() => out.push_str(&float_text(number.as_f64().unwrap_or_default())),
        other => write_json(out, other),
    }
}

/// Compact JSON as Go writes it: whole numbers without a fraction, and no character that HTML could mistake.
fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.fract() == 0.0 && float.abs() < 1e21 => {
                let _ = write!(out, "{float}");
            }
            _ => {
                let _ = write!(out, "{number}");
            }
        },
        Value::String(text) => write_json_text(out, text),
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
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json_text(out, key);
                out.push(':');
                write_json(out, value);
            }
            out.push('}');
        }
    }
}

fn write_json_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            ' '..='~' => out.push(c),
            '\0'..='\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if is_printable(c) => out.push(c),
            c if u32::from(c) < 0x1_0000 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
}

fn is_printable(c: char) -> bool {
    // A letter in front keeps combining marks as they are: they are escaped only at the start of a text.
    let mut pair = [0; 5];
    pair[0] = b'a';
    let length = 1 + c.encode_utf8(&mut pair[1..]).len();
    c.is_alphanumeric() || std::str::from_utf8(&pair[..length]).is_ok_and(|pair| pair.escape_debug().nth(1) == Some(c))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(report: impl FnOnce(&mut Errors), reason: &str, text: &str) {
        let mut errors = Errors::default();
        report(&mut errors);
        let error = &errors.iter().next().expect("one error");
        assert_eq!((error.reason(), error.to_string().as_str()), (reason, text));
    }

    #[test]
    fn errors_read_as_in_kubernetes() {
        check(|e| e.required("spec.a", ""), "FieldValueRequired", "spec.a: Required value");
        check(|e| e.required("spec.a", "why"), "FieldValueRequired", "spec.a: Required value: why");
        check(|e| e.invalid("a", "x", "bad"), "FieldValueInvalid", r#"a: Invalid value: "x": bad"#);
        check(|e| e.invalid("a", 5, "bad"), "FieldValueInvalid", "a: Invalid value: 5: bad");
        check(|e| e.invalid("a", 2.5, "bad"), "FieldValueInvalid", "a: Invalid value: 2.5: bad");
        check(|e| e.invalid("a", true, "bad"), "FieldValueInvalid", "a: Invalid value: true: bad");
        check(|e| e.invalid("a", Value::Null, "bad"), "FieldValueInvalid", "a: Invalid value: null: bad");
        check(|e| e.invalid("a", ["x", "y"], "bad"), "FieldValueInvalid", r#"a: Invalid value: ["x","y"]: bad"#);
        check(
            |e| e.invalid("a", json!({"b": 1.0, "a": "<"}), "bad"),
            "FieldValueInvalid",
            r#"a: Invalid value: {"a":"\u003c","b":1}: bad"#,
        );
        check(|e| e.invalid_without_value("a", "bad"), "FieldValueInvalid", "a: Invalid value: bad");
        check(|e| e.invalid("", "", "bad"), "FieldValueInvalid", r#"<nil>: Invalid value: "": bad"#);
        check(|e| e.type_invalid("a", "x", "bad"), "FieldValueTypeInvalid", r#"a: Invalid value: "x": bad"#);
        check(
            |e| e.not_supported("a", "x", &["b", "c"]),
            "FieldValueNotSupported",
            r#"a: Unsupported value: "x": supported values: "b", "c""#,
        );
        check(|e| e.not_supported("a", 5, &[]), "FieldValueNotSupported", "a: Unsupported value: 5");
        check(|e| e.forbidden("a", "no"), "FieldValueForbidden", "a: Forbidden: no");
        check(|e| e.duplicate("a[1]", "x"), "FieldValueDuplicate", r#"a[1]: Duplicate value: "x""#);
        check(|e| e.not_found("a", "x"), "FieldValueNotFound", r#"a: Not found: "x""#);
        check(|e| e.too_long("a", 5), "FieldValueTooLong", "a: Too long: may not be more than 5 bytes");
        check(|e| e.too_long("a", 1), "FieldValueTooLong", "a: Too long: may not be more than 1 byte");
        check(|e| e.too_many("a", 5, 3), "FieldValueTooMany", "a: Too many: 5: must have at most 3 items");
        check(|e| e.too_many("a", 5, 1), "FieldValueTooMany", "a: Too many: 5: must have at most 1 item");
        check(|e| e.internal("a", "oh"), "InternalError", "a: Internal error: oh");
    }

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        for (text, expect) in [
            ("", r#""""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("\n\r\t\u{7}\u{8}\u{b}\u{c}", r#""\n\r\t\a\b\v\f""#),
            ("\0\u{1f}\u{7f}", r#""\x00\x1f\x7f""#),
            ("é ∞ 🐦 e\u{301}", "\"é ∞ 🐦 e\u{301}\""),
            ("\u{a0}\u{200b}\u{feff}", r#""\u00a0\u200b\ufeff""#),
            ("\u{e0001}", r#""\U000e0001""#),
        ] {
            assert_eq!(quoted(text), expect);
        }
    }

    #[test]
    fn floats_print_as_in_go() {
        for (number, expect) in [
            (0.0, "0"),
            (1.0, "1"),
            (2.5, "2.5"),
            (-0.001, "-0.001"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (100000.0, "100000"),
            (1000000.0, "1e+06"),
            (1234567.0, "1.234567e+06"),
            (1234567.5, "1.2345675e+06"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
        ] {
            assert_eq!(float_text(number), expect, "{number}");
        }
    }
}
