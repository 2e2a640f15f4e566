//! Reads messages by their tables. Source: <https://protobuf.dev/programming-guides/encoding/>

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// A message: its fields by their numbers, with what they are called in JSON.
pub(super) type Message = &'static [(u32, &'static str, Type)];

/// What a field holds. Of one that repeats, each is an item; others are as they were said last.
#[derive(Clone, Copy)]
pub(super) enum Type {
    /// A text; absent where it is empty.
    Text,
    /// A text of a list.
    Texts,
    /// Bytes: in JSON, base64.
    Bytes,
    /// A number.
    Number,
    /// A number; absent where it is 0.
    Count,
    Flag,
    /// A time to the second.
    Time,
    /// A time to the microsecond.
    MicroTime,
    /// JSON, in a message of its own.
    Json,
    One(Message),
    /// A message of a list.
    Each(Message),
    /// An entry of a map of texts.
    TextByKey,
    /// An entry of a map of bytes.
    BytesByKey,
    /// An entry of a map of lists of texts, each in a message of its own.
    TextsByKey,
}

/// Why bytes are no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// They do not start as every such body does.
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    NoEnvelope,
    /// The kind is none that can be read.
    #[error("no kind {0:?} is known that can be read from protobuf")]
    UnknownKind(String),
    /// They end within a field.
    #[error("unexpected EOF")]
    Short,
    /// They break the rules of the encoding.
    #[error("proto: {0}")]
    Broken(&'static str),
}

/// A field as it travels.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a type that no message here has.
    Skipped,
}

/// Reads a message. Tables are not recursive, and so is this only as deep as they are.
pub(super) fn message(mut bytes: &[u8], fields: Message) -> Result<Map<String, Value>, ProtobufError> {
    let mut object = Map::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let wire = wire(&mut bytes, tag & 7)?;
        let Some((_, name, type_)) = fields.iter().find(|(number, ..)| u64::from(*number) == tag >> 3) else {
            continue;
        };
        put(&mut object, name, *type_, wire)?;
    }
    Ok(object)
}

/// The bytes behind a text in base64.
pub(super) fn bytes(text: &Value) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text.as_str()?).ok()
}

fn put(object: &mut Map<String, Value>, name: &str, type_: Type, wire: Wire<'_>) -> Result<(), ProtobufError> {
    let value = match (type_, wire) {
        (Type::Text, Wire::Bytes(bytes)) => match text(bytes)? {
            Value::String(text) if text.is_empty() => return Ok(()),
            text => text,
        },
        (Type::Bytes, Wire::Bytes(bytes)) => BASE64_STANDARD.encode(bytes).into(),
        (Type::Number, Wire::Number(number)) => number.cast_signed().into(),
        (Type::Count, Wire::Number(0)) => return Ok(()),
        (Type::Count, Wire::Number(number)) => number.cast_signed().into(),
        (Type::Flag, Wire::Number(number)) => (number != 0).into(),
        (Type::Time | Type::MicroTime, Wire::Bytes(bytes)) => match time(bytes, type_)? {
            Some(time) => time.into(),
            None => return Ok(()),
        },
        (Type::Json, Wire::Bytes(bytes)) => match message(bytes, &[(1, "raw", Type::Bytes)])?.get("raw") {
            Some(raw) => serde_json::from_slice(&self::bytes(raw).unwrap_or_default())
                .map_err(|_| ProtobufError::Broken("managed fields are no JSON"))?,
            None => return Ok(()),
        },
        (Type::One(fields), Wire::Bytes(bytes)) => message(bytes, fields)?.into(),
        (Type::Texts, Wire::Bytes(bytes)) => return push(object, name, text(bytes)?),
        (Type::Each(fields), Wire::Bytes(bytes)) => return push(object, name, message(bytes, fields)?.into()),
        (Type::TextByKey, Wire::Bytes(bytes)) => return insert(object, name, bytes, Type::Text, "".into()),
        (Type::BytesByKey, Wire::Bytes(bytes)) => return insert(object, name, bytes, Type::Bytes, "".into()),
        (Type::TextsByKey, Wire::Bytes(bytes)) => {
            return insert(object, name, bytes, Type::One(&[(1, "items", Type::Texts)]), Value::Null);
        }
        _ => return Err(ProtobufError::Broken("a field is of another type")),
    };
    object.insert(name.to_owned(), value);
    Ok(())
}

fn push(object: &mut Map<String, Value>, name: &str, item: Value) -> Result<(), ProtobufError> {
    match object.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(items) => items.push(item),
        _ => return Err(ProtobufError::Broken("a list is none")),
    }
    Ok(())
}

/// An entry is a message of a key and a value. One that is not written is empty.
fn insert(
    object: &mut Map<String, Value>,
    name: &str,
    bytes: &[u8],
    value: Type,
    empty: Value,
) -> Result<(), ProtobufError> {
    let mut entry = Map::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let wire = wire(&mut rest, tag & 7)?;
        match tag >> 3 {
            1 => put(&mut entry, "key", Type::Text, wire)?,
            2 => put(&mut entry, "value", value, wire)?,
            _ => {}
        }
    }
    let key = entry.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut value = entry.remove("value").unwrap_or(empty);
    if !matches!(value, Value::String(_)) {
        value = value.get_mut("items").map_or_else(|| Value::Array(Vec::new()), Value::take);
    }
    match object.entry(name).or_insert_with(|| Map::new().into()) {
        Value::Object(entries) => entries.insert(key, value),
        _ => return Err(ProtobufError::Broken("a map is none")),
    };
    Ok(())
}

fn text(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ProtobufError::Broken("a string is no UTF-8"))?;
    Ok(text.into())
}

/// A time that is not set has no seconds.
fn time(bytes: &[u8], type_: Type) -> Result<Option<String>, ProtobufError> {
    let fields = message(bytes, &[(1, "seconds", Type::Number), (2, "nanos", Type::Number)])?;
    let number = |field: &str| fields.get(field).and_then(Value::as_i64);
    let Some(seconds) = number("seconds") else { return Ok(None) };
    let nanos = i32::try_from(number("nanos").unwrap_or_default()).unwrap_or_default();
    let time = Timestamp::new(seconds, if matches!(type_, Type::Time) { 0 } else { nanos });
    let time = time.map_err(|_| ProtobufError::Broken("a time is out of range"))?;
    Ok(Some(if matches!(type_, Type::Time) { time.to_string() } else { format!("{time:.6}") }))
}

fn wire<'a>(bytes: &mut &'a [u8], type_: u64) -> Result<Wire<'a>, ProtobufError> {
    match type_ {
        0 => Ok(Wire::Number(varint(bytes)?)),
        1 => take(bytes, 8).map(|_| Wire::Skipped),
        2 => {
            let length = usize::try_from(varint(bytes)?).map_err(|_| ProtobufError::Short)?;
            Ok(Wire::Bytes(take(bytes, length)?))
        }
        5 => take(bytes, 4).map(|_| Wire::Skipped),
        _ => Err(ProtobufError::Broken("illegal wireType")),
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], ProtobufError> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(ProtobufError::Short)?;
    *bytes = rest;
    Ok(taken)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, ProtobufError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(ProtobufError::Broken("integer overflow"))
}
