//! Bodies in protobuf, in which kubectl and other clients in Go write the kinds of Kubernetes. They are read and never
//! written: whoever writes protobuf reads JSON as well. Source:
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding>
//!
//! What it refuses: kinds that are not described in [`messages`], wrong lengths, and deeper nesting than in JSON.

mod messages;
mod wire;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use self::messages::{Field, Form, Message, Shape, message, of_kind};
use self::wire::{Content, Wire};
use super::decode::DEPTH_MAX;

/// What a body in protobuf begins with.
const MAGIC: &[u8] = b"k8s\0";

/// Why a body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// It does not begin as it must.
    #[error("provided data does not appear to be a protobuf message, expected prefix {MAGIC:?}")]
    Magic,
    /// A kind that is not read in this form.
    #[error("{kind:?} of {api_version} is not read as protobuf; send it as JSON")]
    Unknown {
        /// As the body has it.
        api_version: String,
        /// As the body has it.
        kind: String,
    },
    /// The bytes are no message.
    #[error("the body is no protobuf message")]
    Malformed,
}

/// Reads an object, as it would be in JSON.
///
/// # Errors
/// What is no such message.
pub fn decode(body: &[u8]) -> Result<Value, ProtobufError> {
    let envelope = body.strip_prefix(MAGIC).ok_or(ProtobufError::Magic)?;
    let (mut api_version, mut kind, mut raw): (String, String, &[u8]) = Default::default();
    for field in Wire(envelope) {
        match field? {
            (1, Content::Bytes(meta)) => {
                for field in Wire(meta) {
                    match field? {
                        (1, Content::Bytes(bytes)) => api_version = text(bytes)?,
                        (2, Content::Bytes(bytes)) => kind = text(bytes)?,
                        _ => {}
                    }
                }
            }
            (2, Content::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let Some(message) = of_kind(&api_version, &kind) else {
        return Err(ProtobufError::Unknown { api_version, kind });
    };
    let mut object = Map::new();
    object.insert("kind".into(), kind.into());
    object.insert("apiVersion".into(), api_version.into());
    object.extend(fields(message, raw, 0)?);
    Ok(object.into())
}

/// The fields of a message. Those that are empty and always written are left out, as they are in JSON.
fn fields(message: &Message, bytes: &[u8], depth: usize) -> Result<Map<String, Value>, ProtobufError> {
    if depth > DEPTH_MAX {
        return Err(ProtobufError::Malformed);
    }
    let mut object = Map::new();
    for field in Wire(bytes) {
        let (number, content) = field?;
        // What newer clients know and we do not.
        let Some(field) = message.field(number) else { continue };
        let name = || field.name.to_owned();
        match field.form {
            Form::Map => {
                let (key, value) = entry(field, content, depth)?;
                let map = object.entry(name()).or_insert_with(|| Value::Object(Map::new()));
                map.as_object_mut().ok_or(ProtobufError::Malformed)?.insert(key, value);
            }
            Form::List => {
                let item = value(&field.shape, content, depth)?;
                let list = object.entry(name()).or_insert_with(|| Value::Array(Vec::new()));
                list.as_array_mut().ok_or(ProtobufError::Malformed)?.push(item);
            }
            Form::Pointer => drop(object.insert(name(), value(&field.shape, content, depth)?)),
            Form::Plain => match value(&field.shape, content, depth)? {
                value if is_empty(&value) => {}
                value => drop(object.insert(name(), value)),
            },
        }
    }
    Ok(object)
}

fn entry(field: &Field, content: Content<'_>, depth: usize) -> Result<(String, Value), ProtobufError> {
    let Content::Bytes(bytes) = content else { return Err(ProtobufError::Malformed) };
    let (mut key, mut found) = (String::new(), None);
    for part in Wire(bytes) {
        match part? {
            (1, Content::Bytes(bytes)) => key = text(bytes)?,
            (2, content) => found = Some(value(&field.shape, content, depth)?),
            _ => {}
        }
    }
    Ok((key, found.unwrap_or_else(|| "".into())))
}

fn value(shape: &Shape, content: Content<'_>, depth: usize) -> Result<Value, ProtobufError> {
    Ok(match (shape, content) {
        (Shape::Text, Content::Bytes(bytes)) => text(bytes)?.into(),
        (Shape::Bytes, Content::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        (Shape::Bool, Content::Number(number)) => (number != 0).into(),
        // Numbers below zero are written as their two's complement.
        (Shape::Int, Content::Number(number)) => number.cast_signed().into(),
        (Shape::Time, Content::Bytes(bytes)) => time(bytes, false)?,
        (Shape::MicroTime, Content::Bytes(bytes)) => time(bytes, true)?,
        (Shape::Json, Content::Bytes(bytes)) => json(bytes)?,
        (Shape::Items, Content::Bytes(bytes)) => {
            let mut items = Vec::new();
            for item in Wire(bytes) {
                if let (1, Content::Bytes(bytes)) = item? {
                    items.push(Value::from(text(bytes)?));
                }
            }
            items.into()
        }
        (Shape::Message(name), Content::Bytes(bytes)) => {
            let message = message(name).ok_or(ProtobufError::Malformed)?;
            fields(message, bytes, depth + 1)?.into()
        }
        _ => return Err(ProtobufError::Malformed),
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

fn text(bytes: &[u8]) -> Result<String, ProtobufError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| ProtobufError::Malformed)
}

/// A moment of seconds and nanoseconds; null where there are neither, which is how Go writes none.
fn time(bytes: &[u8], micros: bool) -> Result<Value, ProtobufError> {
    let (mut seconds, mut nanos, mut given) = (0, 0, false);
    for part in Wire(bytes) {
        given = true;
        match part? {
            (1, Content::Number(number)) => seconds = number.cast_signed(),
            (2, Content::Number(number)) => nanos = i32::try_from(number).map_err(|_| ProtobufError::Malformed)?,
            _ => {}
        }
    }
    let nanos = if micros { nanos } else { 0 };
    let moment = Timestamp::new(seconds, nanos).map_err(|_| ProtobufError::Malformed)?;
    Ok(match (given, micros) {
        (false, _) => Value::Null,
        (true, true) => format!("{moment:.6}").into(),
        (true, false) => moment.to_string().into(),
    })
}

/// JSON in a message, as the fields that somebody manages are.
fn json(bytes: &[u8]) -> Result<Value, ProtobufError> {
    for part in Wire(bytes) {
        if let (1, Content::Bytes(bytes)) = part? {
            return serde_json::from_slice(bytes).map_err(|_| ProtobufError::Malformed);
        }
    }
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_what_it_would_be_in_json() {
        let metadata = [text(1, "reader"), text(2, ""), bytes(8, &[]), entry(11, "a", "b")].concat();
        let rule = [text(1, "get"), text(1, "list"), text(2, ""), text(3, "secrets")].concat();
        check(
            "rbac.authorization.k8s.io/v1",
            "Role",
            &[bytes(1, &metadata), bytes(2, &rule)].concat(),
            Ok(json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
                "metadata": { "name": "reader", "labels": { "a": "b" } },
                "rules": [{ "verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"] }],
            })),
        );
    }

    #[test]
    fn every_sort_of_field_is_read() {
        let managed = [text(1, "kubectl"), bytes(4, &number(1, 1_800_000_000)), bytes(7, &text(1, r#"{"f:data":{}}"#))];
        let metadata = [text(1, "key"), bytes(17, &managed.concat())].concat();
        let secret = [bytes(1, &metadata), entry(2, "a", "\0"), text(3, "Opaque"), number(5, 0)].concat();
        check(
            "v1",
            "Secret",
            &secret,
            Ok(json!({
                "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": { "a": "AA==" }, "immutable": false,
                "metadata": { "name": "key", "managedFields": [{
                    "manager": "kubectl", "time": "2027-01-15T08:00:00Z", "fieldsV1": { "f:data": {} },
                }] },
            })),
        );
        let moment = [number(1, 1_800_000_000), number(2, 5_000)].concat();
        let spec = [text(1, ""), number(2, 15), bytes(3, &moment)].concat();
        check(
            "coordination.k8s.io/v1",
            "Lease",
            &bytes(2, &spec),
            Ok(json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {
                "holderIdentity": "", "leaseDurationSeconds": 15, "acquireTime": "2027-01-15T08:00:00.000005Z",
            } })),
        );
        let extra = [text(1, "scopes"), bytes(2, &[text(1, "a"), text(1, "b")].concat())].concat();
        let spec = [bytes(5, &extra), bytes(2, &[text(1, "/apis"), text(2, "get")].concat())].concat();
        check(
            "authorization.k8s.io/v1",
            "SubjectAccessReview",
            &bytes(2, &spec),
            Ok(json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
                "extra": { "scopes": ["a", "b"] }, "nonResourceAttributes": { "path": "/apis", "verb": "get" },
            } })),
        );
    }

    #[test]
    fn what_is_no_message_is_refused() {
        check("v1", "ConfigMap", &[0x0a, 5, 1], Err(ProtobufError::Malformed));
        check("v1", "ConfigMap", &[0x0a], Err(ProtobufError::Malformed));
        check("v1", "ConfigMap", &[0xff; 12], Err(ProtobufError::Malformed));
        check("v1", "ConfigMap", &number(1, 7), Err(ProtobufError::Malformed));
        let unknown = ProtobufError::Unknown { api_version: "demo.example.com/v1".into(), kind: "Bird".into() };
        check("demo.example.com/v1", "Bird", &[], Err(unknown));
        assert_eq!(decode(b"{}"), Err(ProtobufError::Magic));
        assert_eq!(decode(b""), Err(ProtobufError::Magic));
    }

    #[track_caller]
    fn check(api_version: &str, kind: &str, raw: &[u8], expected: Result<Value, ProtobufError>) {
        let meta = [text(1, api_version), text(2, kind)].concat();
        let body = [MAGIC, &bytes(1, &meta), &bytes(2, raw)].concat();
        assert_eq!(decode(&body), expected);
    }

    fn text(number: u8, text: &str) -> Vec<u8> {
        bytes(number, text.as_bytes())
    }

    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        [key(number, 2), varint(content.len() as u64), content.to_vec()].concat()
    }

    fn number(number: u8, value: u64) -> Vec<u8> {
        [key(number, 0), varint(value)].concat()
    }

    fn entry(number: u8, key: &str, value: &str) -> Vec<u8> {
        bytes(number, &[text(1, key), text(2, value)].concat())
    }

    fn key(number: u8, wire: u64) -> Vec<u8> {
        varint(u64::from(number) << 3 | wire)
    }

    fn varint(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }
}
