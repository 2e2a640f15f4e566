//! What the server does to metadata on every write, and what it demands of it.
//!
//! Sources: <https://github.com/kubernetes/apimachinery/blob/master/pkg/api/validation/objectmeta.go>,
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/registry/rest/meta.go>

pub mod owners;
pub mod shape;
pub mod validation;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::error::Error;
use crate::request::clock;

/// The metadata of an object, made if it is not there.
pub fn of_mut(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let fields = object.as_object_mut().expect("made an object above");
    let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if !metadata.is_object() {
        *metadata = Value::Object(Map::new());
    }
    metadata.as_object_mut().expect("made an object above")
}

/// A text field of the metadata; absent and empty are one.
pub fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// The finalizers of an object.
pub fn finalizers(object: &Value) -> Vec<&str> {
    let list = object.get("metadata").and_then(|metadata| metadata.get("finalizers")).and_then(Value::as_array);
    list.map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// Whether deletion has begun.
pub fn is_terminating(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

/// For how many more seconds than none an object that is being deleted was to stay; 0 where it may go.
pub fn grace(object: &Value) -> i64 {
    let grace = object.get("metadata").and_then(|metadata| metadata.get("deletionGracePeriodSeconds"));
    grace.and_then(Value::as_i64).unwrap_or_default()
}

/// So many seconds from now, or before or after another time, as Kubernetes writes it.
pub fn later(since: Option<&str>, seconds: i64) -> String {
    let since = since.and_then(|text| text.parse::<Timestamp>().ok()).unwrap_or_else(clock::now);
    Timestamp::from_second(since.as_second().saturating_add(seconds)).unwrap_or(since).to_string()
}

/// The generation; 0 where none is kept.
pub fn generation(object: &Value) -> i64 {
    object.get("metadata").and_then(|metadata| metadata.get("generation")).and_then(Value::as_i64).unwrap_or_default()
}

/// Now, as Kubernetes writes it: RFC 3339, UTC, whole seconds.
pub fn now() -> String {
    later(None, 0)
}

/// What only the server may say of a new object is taken out.
pub fn wipe(object: &mut Value, namespace: &str) {
    let metadata = of_mut(object);
    for field in
        ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "uid", "resourceVersion"]
    {
        metadata.remove(field);
    }
    set_namespace(metadata, namespace);
}

/// What only the server may say of a new object is said.
pub fn begin_create(object: &mut Value) {
    let metadata = of_mut(object);
    metadata.insert("uid".into(), uuid::Uuid::new_v4().to_string().into());
    metadata.insert("creationTimestamp".into(), now().into());
}

/// Refuses an object that is not in the namespace of its request any more.
///
/// # Errors
/// 400.
pub fn check_namespace(object: &mut Value, namespace: &str) -> Result<(), Error> {
    match text(object, "namespace") {
        found if found == namespace => Ok(()),
        "" => {
            set_namespace(of_mut(object), namespace);
            Ok(())
        }
        _ => Err(Error::BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request".into(),
        )),
    }
}

/// What an update may not change is put back as it was.
pub fn begin_update(new: &mut Value, old: &Value, namespace: &str) {
    let empty = Map::new();
    let old = old.get("metadata").and_then(Value::as_object).unwrap_or(&empty);
    let metadata = of_mut(new);
    set_namespace(metadata, namespace);
    for field in ["creationTimestamp", "generation", "selfLink"] {
        restore(metadata, old, field);
    }
    // A client may leave these out, but what it says of them is checked against what is stored.
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "uid"] {
        if old.contains_key(field) && (field == "deletionTimestamp" || !metadata.contains_key(field)) {
            restore(metadata, old, field);
        }
    }
}

/// The whole metadata as it was, save for the resourceVersion that the client read, and for the managed fields where they
/// are up to date already: for writes to a subresource.
pub fn keep_old(new: &mut Value, old: &Value, tracked: bool) {
    let version = text(new, "resourceVersion").to_owned();
    let managed_fields = take_managed_fields(new).filter(|_| tracked);
    let fields = of_mut(new);
    *fields = old.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    fields.insert("resourceVersion".into(), version.into());
    put_managed_fields(new, managed_fields);
}

/// An annotation as it was, whatever the new object says of it.
pub fn keep_annotation(new: &mut Value, old: &Value, name: &str) {
    let metadata = of_mut(new);
    match old["metadata"]["annotations"].get(name) {
        Some(value) => {
            let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
            if !annotations.is_object() {
                *annotations = Value::Object(Map::new());
            }
            annotations[name] = value.clone();
        }
        None => {
            let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return };
            if annotations.remove(name).is_some() && annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
}

/// Whether two objects differ in managed fields and resourceVersion at most.
pub fn differ_by_server_alone(new: &Value, old: &Value) -> bool {
    let without = |value: &Value, key: &str, part: fn(&str) -> bool| -> Map<String, Value> {
        let part = value.get(key).and_then(Value::as_object).into_iter().flatten().filter(|(name, _)| part(name));
        part.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let (Some(a), Some(b)) = (new.as_object(), old.as_object()) else { return false };
    let rest = |key: &str| !matches!(key, "managedFields" | "resourceVersion");
    a.len() == b.len()
        && a.iter().all(|(name, value)| match name.as_str() {
            "metadata" => without(new, name, rest) == without(old, name, rest),
            _ => b.get(name) == Some(value),
        })
}

/// Takes the managed fields out of an object.
pub fn take_managed_fields(object: &mut Value) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.remove("managedFields")
}

/// Puts managed fields into an object, if there are any.
pub fn put_managed_fields(object: &mut Value, managed_fields: Option<Value>) {
    if let Some(managed_fields) = managed_fields {
        of_mut(object).insert("managedFields".into(), managed_fields);
    }
}

fn set_namespace(metadata: &mut Map<String, Value>, namespace: &str) {
    if namespace.is_empty() {
        metadata.remove("namespace");
    } else {
        metadata.insert("namespace".into(), namespace.into());
    }
}

fn restore(metadata: &mut Map<String, Value>, old: &Map<String, Value>, field: &str) {
    match old.get(field) {
        Some(value) => metadata.insert(field.into(), value.clone()),
        None => metadata.remove(field),
    };
}
