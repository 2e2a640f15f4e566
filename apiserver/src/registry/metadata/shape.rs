//! The shape of metadata. It is the same for all kinds, so no schema of a kind describes it.

use serde_json::{Map, Value};

use crate::field::path::Path;

/// The type of a metadata field.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Integer,
    Boolean,
    TextMap,
    TextList,
    Any,
    ListOf(&'static [(&'static str, Shape)]),
}

const OWNER: &[(&str, Shape)] = &[
    ("apiVersion", Shape::Text),
    ("blockOwnerDeletion", Shape::Boolean),
    ("controller", Shape::Boolean),
    ("kind", Shape::Text),
    ("name", Shape::Text),
    ("uid", Shape::Text),
];

const MANAGED_FIELDS: &[(&str, Shape)] = &[
    ("apiVersion", Shape::Text),
    ("fieldsType", Shape::Text),
    ("fieldsV1", Shape::Any),
    ("manager", Shape::Text),
    ("operation", Shape::Text),
    ("subresource", Shape::Text),
    ("time", Shape::Text),
];

const METADATA: &[(&str, Shape)] = &[
    ("annotations", Shape::TextMap),
    ("creationTimestamp", Shape::Text),
    ("deletionGracePeriodSeconds", Shape::Integer),
    ("deletionTimestamp", Shape::Text),
    ("finalizers", Shape::TextList),
    ("generateName", Shape::Text),
    ("generation", Shape::Integer),
    ("labels", Shape::TextMap),
    ("managedFields", Shape::ListOf(MANAGED_FIELDS)),
    ("name", Shape::Text),
    ("namespace", Shape::Text),
    ("ownerReferences", Shape::ListOf(OWNER)),
    ("resourceVersion", Shape::Text),
    ("selfLink", Shape::Text),
    ("uid", Shape::Text),
];

/// Drops what metadata does not have, noting each path in `unknown`, and what is null or empty.
///
/// # Errors
/// A field of another type, in the words of a decoder.
pub fn conform(object: &mut Value, unknown: &mut Vec<String>) -> Result<(), String> {
    let Some(metadata) = object.get_mut("metadata") else { return Ok(()) };
    match metadata {
        Value::Null => {
            *metadata = Value::Object(Map::new());
            Ok(())
        }
        Value::Object(fields) => conform_fields(fields, METADATA, &Path::ROOT.child("metadata"), unknown),
        other => Err(mismatch(other, &Path::ROOT.child("metadata"), "ObjectMeta")),
    }
}

fn conform_fields(
    fields: &mut Map<String, Value>,
    shapes: &[(&str, Shape)],
    path: &Path<'_>,
    unknown: &mut Vec<String>,
) -> Result<(), String> {
    let mut drop = Vec::new();
    for (key, value) in fields.iter_mut() {
        match shapes.iter().find(|(name, _)| name == key) {
            None => {
                unknown.push(path.child(key).to_string());
                drop.push(key.clone());
            }
            Some(_) if value.is_null() => drop.push(key.clone()),
            Some((_, shape)) => {
                conform_value(value, *shape, &path.child(key), unknown)?;
                let empty = value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
                // An empty list of managers is no absent one: it says that nobody owns anything.
                if empty && !matches!(shape, Shape::Any) && key != "managedFields" {
                    drop.push(key.clone());
                }
            }
        }
    }
    for key in drop {
        fields.remove(&key);
    }
    Ok(())
}

fn conform_value(value: &mut Value, shape: Shape, path: &Path<'_>, unknown: &mut Vec<String>) -> Result<(), String> {
    match (shape, &mut *value) {
        (Shape::Any, _) | (Shape::Text, Value::String(_)) | (Shape::Boolean, Value::Bool(_)) => Ok(()),
        (Shape::Integer, Value::Number(number)) if number.is_i64() => Ok(()),
        (Shape::TextMap, Value::Object(fields)) => {
            for (key, value) in fields.iter_mut() {
                if value.is_null() {
                    *value = Value::String(String::new());
                } else if !value.is_string() {
                    return Err(mismatch(value, &path.child(key), "string"));
                }
            }
            Ok(())
        }
        (Shape::TextList, Value::Array(items)) => match items.iter().find(|item| !item.is_string()) {
            None => Ok(()),
            Some(item) => Err(mismatch(item, path, "string")),
        },
        (Shape::ListOf(shapes), Value::Array(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                let path = path.index(index);
                match item {
                    Value::Object(fields) => conform_fields(fields, shapes, &path, unknown)?,
                    other => return Err(mismatch(other, &path, "object")),
                }
            }
            Ok(())
        }
        (shape, other) => Err(mismatch(other, path, shape.name())),
    }
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "int64",
            Self::Boolean => "bool",
            Self::TextMap => "map[string]string",
            Self::TextList => "[]string",
            Self::Any => "any",
            Self::ListOf(_) => "list of objects",
        }
    }
}

fn mismatch(found: &Value, path: &Path<'_>, wanted: &str) -> String {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("json: cannot unmarshal {found} into field {path} of type {wanted}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(metadata: Value, expect: Result<(Value, &[&str]), &str>) {
        let mut object = json!({ "metadata": metadata });
        let mut unknown = Vec::new();
        let result = conform(&mut object, &mut unknown);
        let seen = result.as_ref().map(|()| (object["metadata"].clone(), unknown)).map_err(String::as_str);
        let expect = expect.map(|(value, unknown)| (value, unknown.iter().map(|s| (*s).to_owned()).collect()));
        assert_eq!(seen, expect);
    }

    #[test]
    fn metadata_has_its_own_shape() {
        check(json!({"name": "a", "foo": 1}), Ok((json!({"name": "a"}), &["metadata.foo"])));
        check(json!({"labels": null, "annotations": {}, "finalizers": []}), Ok((json!({}), &[])));
        check(json!({"creationTimestamp": null}), Ok((json!({}), &[])));
        check(
            json!({"ownerReferences": [{"x": 1}]}),
            Ok((json!({"ownerReferences": [{}]}), &["metadata.ownerReferences[0].x"])),
        );
        check(
            json!({"labels": {"a": 1}}),
            Err("json: cannot unmarshal number into field metadata.labels.a of type string"),
        );
        check(json!({"name": 5}), Err("json: cannot unmarshal number into field metadata.name of type string"));
        check(json!([]), Err("json: cannot unmarshal array into field metadata of type ObjectMeta"));
    }
}
