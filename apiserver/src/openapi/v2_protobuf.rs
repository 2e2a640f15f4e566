//! The version 2 document as protobuf: the only form of it that kubectl itself asks for.
//!
//! The messages follow the document's shape, with wrappers around what JSON leaves open. They are written from tables,
//! which takes no generated code. Source: <https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto>

use serde_json::Value;

/// The Content-Type of [`encode`]'s result.
pub(super) const MEDIA_TYPE: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// How it was written before, which clients still ask for.
pub(super) const OLD_MEDIA_TYPE: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/// Encodes a version 2 document.
pub(super) fn encode(document: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_message(&DOCUMENT, document, &mut out);
    out
}

/// A message: its fields by their names in JSON, and the field that holds everything whose name starts with `x-`.
struct Message {
    fields: &'static [(&'static str, u32, Type)],
    extensions: u32,
}

enum Type {
    Text,
    Flag,
    Integer,
    Double,
    /// Anything, as YAML in a field of its own.
    Any,
    /// A message.
    One(&'static Message),
    /// A list as a field that repeats.
    Each(&'static Type),
    /// A value inside messages that have only it, under these numbers.
    In(&'static [u32], &'static Type),
    /// An object as a repeated pair: name 1, value 2.
    Pairs(&'static Type),
    /// A parameter of an operation, which is wrapped by where it goes.
    Parameter,
    /// `additionalProperties`: a schema or a boolean.
    Additional,
}

use Type::{Additional, Any, Double, Each, Flag, In, Integer, One, Pairs, Parameter, Text};

static DOCUMENT: Message = Message {
    fields: &[
        ("swagger", 1, Text),
        ("info", 2, One(&INFO)),
        ("paths", 8, In(&[2], &Pairs(&One(&PATH_ITEM)))),
        ("definitions", 9, In(&[1], &Pairs(&One(&SCHEMA)))),
    ],
    extensions: 16,
};

static INFO: Message = Message { fields: &[("title", 1, Text), ("version", 2, Text)], extensions: 7 };

static PATH_ITEM: Message = Message {
    fields: &[
        ("get", 2, One(&OPERATION)),
        ("put", 3, One(&OPERATION)),
        ("post", 4, One(&OPERATION)),
        ("delete", 5, One(&OPERATION)),
        ("patch", 8, One(&OPERATION)),
        ("parameters", 9, Each(&Parameter)),
    ],
    extensions: 10,
};

static OPERATION: Message = Message {
    fields: &[
        ("tags", 1, Each(&Text)),
        ("description", 3, Text),
        ("operationId", 5, Text),
        ("produces", 6, Each(&Text)),
        ("consumes", 7, Each(&Text)),
        ("parameters", 8, Each(&Parameter)),
        ("responses", 9, In(&[1], &Pairs(&In(&[1], &One(&RESPONSE))))),
    ],
    extensions: 13,
};

static RESPONSE: Message =
    Message { fields: &[("description", 1, Text), ("schema", 2, In(&[1], &One(&SCHEMA)))], extensions: 5 };

static BODY_PARAMETER: Message = Message {
    fields: &[
        ("description", 1, Text),
        ("name", 2, Text),
        ("in", 3, Text),
        ("required", 4, Flag),
        ("schema", 5, One(&SCHEMA)),
    ],
    extensions: 6,
};

static QUERY_PARAMETER: Message = Message {
    fields: &[
        ("required", 1, Flag),
        ("in", 2, Text),
        ("description", 3, Text),
        ("name", 4, Text),
        ("type", 6, Text),
        ("uniqueItems", 20, Flag),
    ],
    extensions: 23,
};

static PATH_PARAMETER: Message = Message {
    fields: &[
        ("required", 1, Flag),
        ("in", 2, Text),
        ("description", 3, Text),
        ("name", 4, Text),
        ("type", 5, Text),
        ("uniqueItems", 19, Flag),
    ],
    extensions: 22,
};

static SCHEMA: Message = Message {
    fields: &[
        ("$ref", 1, Text),
        ("format", 2, Text),
        ("title", 3, Text),
        ("description", 4, Text),
        ("default", 5, Any),
        ("multipleOf", 6, Double),
        ("maximum", 7, Double),
        ("exclusiveMaximum", 8, Flag),
        ("minimum", 9, Double),
        ("exclusiveMinimum", 10, Flag),
        ("maxLength", 11, Integer),
        ("minLength", 12, Integer),
        ("pattern", 13, Text),
        ("maxItems", 14, Integer),
        ("minItems", 15, Integer),
        ("uniqueItems", 16, Flag),
        ("maxProperties", 17, Integer),
        ("minProperties", 18, Integer),
        ("required", 19, Each(&Text)),
        ("enum", 20, Each(&Any)),
        ("additionalProperties", 21, Additional),
        ("type", 22, In(&[1], &Text)),
        ("items", 23, In(&[1], &One(&SCHEMA))),
        ("properties", 25, In(&[1], &Pairs(&One(&SCHEMA)))),
        ("example", 30, Any),
    ],
    extensions: 31,
};

static IN_BODY: Type = In(&[1, 1], &One(&BODY_PARAMETER));
static IN_PATH: Type = In(&[1, 2, 4], &One(&PATH_PARAMETER));
static IN_QUERY: Type = In(&[1, 2, 3], &One(&QUERY_PARAMETER));
static A_SCHEMA: Type = In(&[1], &One(&SCHEMA));

fn write_message(message: &Message, value: &Value, out: &mut Vec<u8>) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        if let Some((_, number, type_)) = message.fields.iter().find(|(known, ..)| known == name) {
            write_field(*number, type_, value, out);
        } else if name.starts_with("x-") {
            write_pair(message.extensions, name, &Any, value, out);
        }
    }
}

fn write_field(number: u32, type_: &Type, value: &Value, out: &mut Vec<u8>) {
    match type_ {
        Text => write_bytes(number, value.as_str().unwrap_or_default().as_bytes(), out),
        Flag => write_integer(number, value.as_bool().unwrap_or_default().into(), out),
        Integer => write_integer(number, value.as_u64().unwrap_or_default(), out),
        Double => {
            write_varint(u64::from(number) << 3 | 1, out);
            out.extend_from_slice(&value.as_f64().unwrap_or_default().to_le_bytes());
        }
        // JSON is YAML.
        Any => write_nested(number, out, |out| write_bytes(2, value.to_string().as_bytes(), out)),
        One(message) => write_nested(number, out, |out| write_message(message, value, out)),
        Each(type_) => {
            for item in value.as_array().into_iter().flatten() {
                write_field(number, type_, item, out);
            }
        }
        In(numbers, type_) => match numbers.split_first() {
            Some((inner, [])) => write_nested(number, out, |out| write_field(*inner, type_, value, out)),
            Some((inner, rest)) => write_nested(number, out, |out| write_field(*inner, &In(rest, type_), value, out)),
            None => write_field(number, type_, value, out),
        },
        Pairs(type_) => {
            for (name, value) in value.as_object().into_iter().flatten() {
                write_pair(number, name, type_, value, out);
            }
        }
        Parameter => match value["in"].as_str() {
            Some("body") => write_field(number, &IN_BODY, value, out),
            Some("path") => write_field(number, &IN_PATH, value, out),
            _ => write_field(number, &IN_QUERY, value, out),
        },
        Additional if value.is_boolean() => write_field(number, &In(&[2], &Flag), value, out),
        Additional => write_field(number, &A_SCHEMA, value, out),
    }
}

fn write_pair(number: u32, name: &str, type_: &Type, value: &Value, out: &mut Vec<u8>) {
    write_nested(number, out, |out| {
        write_bytes(1, name.as_bytes(), out);
        write_field(2, type_, value, out);
    });
}

fn write_nested(number: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    write(&mut inner);
    write_bytes(number, &inner, out);
}

fn write_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    write_varint(u64::from(number) << 3 | 2, out);
    write_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn write_integer(number: u32, integer: u64, out: &mut Vec<u8>) {
    write_varint(u64::from(number) << 3, out);
    write_varint(integer, out);
}

fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What a schema becomes: printable bytes as they are, others in hex.
    fn check(schema: Value, encoded: &str) {
        let mut out = Vec::new();
        write_message(&SCHEMA, &schema, &mut out);
        let text: String = out.iter().map(|byte| byte.escape_ascii().to_string()).collect();
        assert_eq!(text, encoded, "{schema}");
    }

    #[test]
    fn fields_have_their_numbers_and_wrappers() {
        check(json!({"$ref": "#/definitions/x"}), r"\n\x0f#/definitions/x");
        check(json!({"type": "string"}), r"\xb2\x01\x08\n\x06string");
        check(json!({"minLength": 300}), r"`\xac\x02");
        check(json!({"minimum": 1}), r"I\x00\x00\x00\x00\x00\x00\xf0?");
        check(json!({"default": {"a": 1}}), r#"*\t\x12\x07{\"a\":1}"#);
        check(json!({"required": ["a", "b"]}), r"\x9a\x01\x01a\x9a\x01\x01b");
        check(json!({"additionalProperties": true}), r"\xaa\x01\x02\x10\x01");
        check(json!({"additionalProperties": {"format": "f"}}), r"\xaa\x01\x05\n\x03\x12\x01f");
        check(json!({"items": {"format": "f"}}), r"\xba\x01\x05\n\x03\x12\x01f");
        check(json!({"properties": {"p": {"format": "f"}}}), r"\xca\x01\n\n\x08\n\x01p\x12\x03\x12\x01f");
        check(json!({"x-a": true}), r"\xfa\x01\r\n\x03x-a\x12\x06\x12\x04true");
        check(json!({"unknown": 1}), "");
    }

    #[test]
    fn parameters_are_wrapped_by_their_place() {
        let check = |place: &str, encoded: &str| {
            let mut out = Vec::new();
            write_field(8, &Parameter, &json!({"in": place}), &mut out);
            let text: String = out.iter().map(|byte| byte.escape_ascii().to_string()).collect();
            assert_eq!(text, encoded, "{place}");
        };
        check("body", r"B\n\n\x08\n\x06\x1a\x04body");
        check("path", r#"B\x0c\n\n\x12\x08\"\x06\x12\x04path"#);
        check("query", r"B\r\n\x0b\x12\t\x1a\x07\x12\x05query");
    }
}
