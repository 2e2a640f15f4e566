//! Objects as a whole: which they are, and whether they differ.

use serde_json::{Map, Value};

use super::value::equal;

/// `NAMESPACE/NAME; GROUP/VERSION, Kind=KIND`: how messages name an object.
pub(super) fn describe(object: &Value) -> String {
    format!("{}/{}; {}", metadata_text(object, "namespace"), metadata_text(object, "name"), type_text(object))
}

/// `GROUP/VERSION, Kind=KIND`: how messages name a type.
pub(super) fn type_text(object: &Value) -> String {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("apiVersion").split_once('/') {
        // Kubernetes sees no type at all where it cannot read the version.
        Some((_, version)) if version.contains('/') => "/, Kind=".to_owned(),
        Some((group, version)) => format!("{group}/{version}, Kind={}", text("kind")),
        None => format!("/{}, Kind={}", text("apiVersion"), text("kind")),
    }
}

/// A text of the metadata; empty if there is none.
pub(super) fn metadata_text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get("metadata").and_then(|metadata| metadata.get(name)?.as_str()).unwrap_or_default()
}

/// The managedFields as they are, of whatever type.
pub(super) fn managed_fields(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get("managedFields")
}

/// Whether nothing but managedFields differs.
pub(super) fn same_object(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return equal(a, b) };
    a.len() == b.len()
        && a.iter().all(|(name, a)| match (name.as_str(), b.get(name)) {
            (_, None) => false,
            ("metadata", Some(b)) => same_without(a, b, "managedFields"),
            (_, Some(b)) => equal(a, b),
        })
}

/// Whether two objects are the same but for one field.
pub(super) fn same_without(a: &Value, b: &Value, name: &str) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return equal(a, b) };
    let count = |fields: &Map<String, Value>| fields.len() - usize::from(fields.contains_key(name));
    count(a) == count(b)
        && a.iter().all(|(key, value)| key == name || b.get(key).is_some_and(|other| equal(value, other)))
}

/// Takes annotations out of an object.
pub(super) fn take_annotations(object: &mut Value, names: &[String]) -> Vec<(String, Value)> {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return Vec::new() };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return Vec::new() };
    let taken: Vec<_> = names.iter().filter_map(|name| annotations.remove_entry(name)).collect();
    if annotations.is_empty() && !taken.is_empty() {
        metadata.remove("annotations");
    }
    taken
}

/// Puts annotations into an object.
pub(super) fn put_annotations(object: &mut Value, taken: Vec<(String, Value)>) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    if taken.is_empty() {
        return;
    }
    if let Value::Object(annotations) = metadata.entry("annotations").or_insert_with(|| Map::new().into()) {
        annotations.extend(taken);
    }
}

/// The object without some annotations.
pub(super) fn without_annotations(object: &Value, names: &[String]) -> Value {
    let mut object = object.clone();
    take_annotations(&mut object, names);
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(object: Value, expect: &str) {
        assert_eq!(describe(&object), expect);
    }

    #[test]
    fn objects_are_named_as_in_kubernetes() {
        check(
            json!({"apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": {"name": "a", "namespace": "n"}}),
            "n/a; demo.example.com/v1, Kind=Bird",
        );
        check(json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "a"}}), "/a; /v1, Kind=Event");
        check(json!({"apiVersion": "a/b/c", "kind": "Bird"}), "/; /, Kind=");
        check(json!(5), "/; /, Kind=");
    }

    #[test]
    fn managed_fields_do_not_make_another_object() {
        let object =
            |entries: Value, name: &str| json!({"metadata": {"name": name, "managedFields": entries}, "a": 1.0});
        assert!(same_object(&object(json!([1]), "a"), &object(json!([2]), "a")));
        assert!(same_object(&object(json!([1]), "a"), &json!({"metadata": {"name": "a"}, "a": 1})));
        assert!(!same_object(&object(json!([1]), "a"), &object(json!([1]), "b")));
        assert!(!same_object(&object(json!([1]), "a"), &json!({"metadata": {"name": "a"}})));
        assert!(!same_object(&object(json!([1]), "a"), &json!({"metadata": {"name": "a"}, "b": 1})));
    }
}
