//! From JSON to values, as a schema describes it.
//! Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/cel/common/valuesunstructured.go>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map as JsonMap, Value as Json};

use super::error::{Error, Result};
use super::escaping::{escape, unescape};
use super::shape::Shape;
use super::time::{self, Timestamp};
use super::value::{List, Map, Text, Value};
use crate::schema::node::{Node, Type};

/// A value without a schema.
pub(super) fn free(json: &Json) -> Value<'_> {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Double(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::Text(Text::Borrowed(text)),
        Json::Array(items) => Value::List(List::Json { items, shape: Shape::Free }),
        Json::Object(fields) => Value::Map(Map::Json { fields, shape: Shape::Free }),
    }
}

/// A value that is seen only where it is what the schema says.
pub(super) fn typed<'a>(json: &'a Json, node: &'a Node, shape: Shape<'a>) -> Result<Value<'a>> {
    match (node.type_, json) {
        (_, Json::Null) if node.nullable => Ok(Value::Null),
        (_, Json::Null) => Err(Error::failed("invalid data, got null for schema with nullable=false")),
        (Type::IntOrString, Json::String(text)) => Ok(Value::Text(Text::Borrowed(text))),
        (Type::IntOrString, Json::Number(number)) if number.is_i64() => Ok(free(json)),
        (Type::IntOrString, _) => {
            Err(Error::failed("invalid data, expected XIntOrString value to be either a string or integer"))
        }
        (Type::Object, Json::Object(fields)) => Ok(Value::Map(Map::Json { fields, shape })),
        (Type::Object, _) => {
            Err(Error::failed("invalid data, expected a map for the provided schema with type=object"))
        }
        (Type::Array, Json::Array(items)) => Ok(Value::List(List::Json { items, shape })),
        (Type::Array, _) => {
            Err(Error::failed("invalid data, expected an array for the provided schema with type=array"))
        }
        (Type::String, Json::String(text)) => formatted(text, node),
        (Type::Number, Json::Number(number)) => Ok(Value::Double(number.as_f64().unwrap_or_default())),
        (Type::Integer, Json::Number(number)) => {
            let number = number.as_i64().ok_or_else(|| Error::failed("invalid data, expected int, got float64"));
            number.map(Value::Int)
        }
        (Type::Boolean, Json::Bool(truth)) => Ok(Value::Bool(*truth)),
        (Type::Any, _) => Ok(free(json)),
        (Type::String, _) => Err(unexpected("string", json)),
        (Type::Number, _) => Err(unexpected("float", json)),
        (Type::Integer, _) => Err(unexpected("int", json)),
        (Type::Boolean, _) => Err(unexpected("bool", json)),
    }
}

fn unexpected(wanted: &str, json: &Json) -> Error {
    let found = match json {
        Json::Null => "nil",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_i64() => "int64",
        Json::Number(_) => "float64",
        Json::String(_) => "string",
        Json::Array(_) => "[]interface {}",
        Json::Object(_) => "map[string]interface {}",
    };
    Error::failed(format!("invalid data, expected {wanted}, got {found}"))
}

/// A text that stands for something else, as its format says.
fn formatted<'a>(text: &'a str, node: &Node) -> Result<Value<'a>> {
    let wrong = |what: &str| Error::failed(format!("Invalid {what} {text}"));
    match node.format_name() {
        "duration" => time::openapi_duration(text).map(Value::Duration).ok_or_else(|| wrong("duration")),
        "date" => Timestamp::of_date(text).map(Value::Timestamp).ok_or_else(|| wrong("date formatted string")),
        "date-time" => {
            Timestamp::parse_lenient(text).map(Value::Timestamp).ok_or_else(|| wrong("date-time formatted string"))
        }
        "byte" => {
            let bytes = STANDARD.decode(text).map_err(|_| wrong("byte formatted string"))?;
            Ok(Value::Bytes(bytes.into()))
        }
        _ => Ok(Value::Text(Text::Borrowed(text))),
    }
}

/// A field or an entry, by its name in the expression.
pub(super) fn field<'a>(fields: &'a JsonMap<String, Json>, shape: Shape<'a>, name: &str) -> Result<Option<Value<'a>>> {
    if !shape.has_fields() {
        let found = fields.get(name).zip(shape.values());
        return found.map(|(json, shape)| Value::view(json, shape)).transpose();
    }
    let Some(name) = unescape(name) else { return Ok(None) };
    match fields.get(&*name) {
        None | Some(Json::Null) => Ok(None),
        Some(json) => shape.field(&name).map(|shape| Value::view(json, shape)).transpose(),
    }
}

/// The names by which an expression finds what is there.
pub(super) fn keys<'a>(fields: &'a JsonMap<String, Json>, shape: Shape<'a>) -> Vec<Value<'a>> {
    let text = |name: &'a String| Value::Text(Text::Borrowed(name));
    if !shape.has_fields() {
        return fields.keys().filter(|_| shape.values().is_some()).map(text).collect();
    }
    let names = fields.keys().filter(|name| shape.field(name).is_some());
    names.map(|name| escape(name).map_or_else(|| text(name), |name| Value::text(&*name))).collect()
}
