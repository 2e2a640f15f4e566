//! What one version has and the other cannot hold, kept in an annotation for the way back.
//!
//! When an object leaves a version, it is converted there and back again. Wherever it comes back different, the annotation
//! `GROUP/fields-of-VERSION` notes the path, what the field was, and what it became. When the object reaches the version
//! again, a field is put back only where it still is what it became: otherwise somebody has changed it in between, and
//! that counts. The annotation goes away then. Metadata is never lost in a conversion and never noted.
//!
//! The items of a list with keys are told apart by them. Other lists of objects are compared item by item, each as a whole,
//! as long as none was added or taken away and all can be told apart; every other list is one value.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::schema::{ListType, Node, Schema};

/// Fields that are the same in all versions.
const SHARED: [&str; 3] = ["apiVersion", "kind", "metadata"];
/// Fields lie no deeper than JSON may; an annotation that says otherwise was not written here.
const DEPTH_MAX: usize = 128;

/// A field that comes back different.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Lost {
    path: Vec<Segment>,
    /// What it was; absent where it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    was: Option<Value>,
    /// What it became; absent where it went away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    became: Option<Value>,
}

/// One step on the way to a field.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
enum Segment {
    /// A field of an object.
    Field(String),
    /// An item of a list that is compared as a whole.
    Item(usize),
    /// An item of a list with keys.
    Keyed(Map<String, Value>),
}

/// The annotation that keeps the fields of a version.
pub fn annotation(group: &str, version: &str) -> String {
    let slash = if group.is_empty() { "" } else { "/" };
    format!("{group}{slash}fields-of-{version}")
}

/// Takes an annotation out of an object.
pub fn take(object: &mut Value, name: &str) -> Option<String> {
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    let taken = annotations.remove(name)?;
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    match taken {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Puts an annotation into an object that has metadata.
pub fn put(object: &mut Value, name: String, text: String) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let annotations = metadata.entry("annotations").or_insert_with(|| Map::new().into());
    if !annotations.is_object() {
        *annotations = Map::new().into();
    }
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(name, text.into());
    }
}

/// Adds to what a type wrote of an object whatever the object has beside it, and has the object's values where both have
/// one.
pub(super) fn lay_over(written: &mut Value, object: &Value) {
    match (written, object) {
        (Value::Object(written), Value::Object(object)) => {
            for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
                match written.get_mut(name) {
                    Some(written) => lay_over(written, value),
                    None => drop(written.insert(name.clone(), value.clone())),
                }
            }
        }
        (Value::Array(written), Value::Array(items)) if written.len() == items.len() => {
            written.iter_mut().zip(items).for_each(|(written, item)| lay_over(written, item));
        }
        (written, value) => *written = value.clone(),
    }
}

/// What an object loses on its way to another version and back, as the annotation has it; `None` where that is nothing.
/// `schema` is that of the object.
pub(super) fn lost(schema: &Schema, object: &Value, back: &Value) -> Option<String> {
    let lost = differences(schema, object, back);
    if lost.is_empty() {
        return None;
    }
    serde_json::to_string(&lost).ok()
}

/// Puts back into an object what its version has lost, as far as nobody has changed it since.
pub(super) fn put_back(lost: &str, object: &mut Value) {
    let Ok(lost) = serde_json::from_str::<Vec<Lost>>(lost) else { return };
    for Lost { path, was, became } in lost {
        let shared = matches!(path.first(), Some(Segment::Field(name)) if SHARED.contains(&name.as_str()));
        if !shared && path.len() <= DEPTH_MAX {
            restore(object, &path, was, became.as_ref());
        }
    }
}

/// The paths at which two objects of one version differ, for people; metadata aside.
pub(crate) fn different_paths(schema: &Schema, object: &Value, back: &Value) -> Vec<Difference> {
    let told = |lost: Lost| Difference {
        path: lost.path.iter().map(Segment::to_string).collect::<String>().trim_start_matches('.').to_owned(),
        was: lost.was,
        became: lost.became,
    };
    differences(schema, object, back).into_iter().map(told).collect()
}

/// A field that two objects do not have in common.
pub(crate) struct Difference {
    /// For example `spec.items[2]` or `spec.ports[name=http].port`.
    pub(crate) path: String,
    /// The value in the first.
    pub(crate) was: Option<Value>,
    /// The value in the second.
    pub(crate) became: Option<Value>,
}

impl std::fmt::Display for Segment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(name) => write!(formatter, ".{name}"),
            Self::Item(index) => write!(formatter, "[{index}]"),
            Self::Keyed(keys) => {
                let keys: Vec<String> = keys
                    .iter()
                    .map(|(name, value)| match value {
                        Value::String(text) => format!("{name}={text}"),
                        value => format!("{name}={value}"),
                    })
                    .collect();
                write!(formatter, "[{}]", keys.join(","))
            }
        }
    }
}

fn differences(schema: &Schema, object: &Value, back: &Value) -> Vec<Lost> {
    let mut found = Vec::new();
    let empty = Map::new();
    let fields = |value: &Value| -> Map<String, Value> {
        let fields = value.as_object().unwrap_or(&empty).iter();
        fields
            .filter(|(name, _)| !SHARED.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let (object, back) = (Value::Object(fields(object)), Value::Object(fields(back)));
    compare(Some(schema.root()), Some(&object), Some(&back), &mut Vec::new(), &mut found);
    found
}

/// Notes where two values differ. Null is as good as absent: types do not tell them apart.
fn compare(
    node: Option<&Node>,
    was: Option<&Value>,
    became: Option<&Value>,
    path: &mut Vec<Segment>,
    found: &mut Vec<Lost>,
) {
    let (was, became) = (was.filter(|value| !value.is_null()), became.filter(|value| !value.is_null()));
    match (was, became) {
        (None, None) => return,
        (Some(was), Some(became)) if same(was, became) => return,
        (Some(Value::Object(was)), Some(Value::Object(became))) => {
            for name in was.keys().chain(became.keys()).collect::<BTreeSet<_>>() {
                path.push(Segment::Field(name.clone()));
                compare(node.and_then(|node| node.field(name)), was.get(name), became.get(name), path, found);
                path.pop();
            }
            return;
        }
        (Some(Value::Array(was)), Some(Value::Array(became))) if was.len() == became.len() => {
            let keys = node.filter(|node| node.list_type() == ListType::Map).map(Node::list_map_keys);
            let items = node.and_then(Node::items);
            if let Some(keys) = keys
                && let (Some(was_keys), Some(became_keys)) = (keys_of(was, keys), keys_of(became, keys))
                && was_keys == became_keys
            {
                for ((was, became), keys) in was.iter().zip(became).zip(was_keys) {
                    path.push(Segment::Keyed(keys));
                    compare(items, Some(was), Some(became), path, found);
                    path.pop();
                }
                return;
            }
            if are_distinct_objects(became) {
                for (index, (was, became)) in was.iter().zip(became).enumerate().filter(|(_, (a, b))| !same(a, b)) {
                    let path = path.iter().cloned().chain([Segment::Item(index)]).collect();
                    found.push(Lost { path, was: Some(was.clone()), became: Some(became.clone()) });
                }
                return;
            }
        }
        _ => {}
    }
    found.push(Lost { path: path.clone(), was: was.cloned(), became: became.cloned() });
}

/// Whether two values are the same; a whole number is the same with a fraction of zero.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64().is_some_and(|a| b.as_f64() == Some(a)),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            let within = |a: &Map<String, Value>, b: &Map<String, Value>| {
                a.iter().all(|(name, value)| match b.get(name) {
                    Some(other) => same(value, other),
                    None => value.is_null(),
                })
            };
            within(a, b) && b.iter().all(|(name, value)| a.contains_key(name) || value.is_null())
        }
        (a, b) => a == b,
    }
}

/// The keys of each item; `None` where an item lacks one, or two items have the same.
fn keys_of(items: &[Value], keys: &[String]) -> Option<Vec<Map<String, Value>>> {
    let of = |item: &Value| keys.iter().map(|key| Some((key.clone(), item.get(key)?.clone()))).collect();
    let found: Vec<Map<String, Value>> = items.iter().map(of).collect::<Option<_>>()?;
    let texts: BTreeSet<String> = found.iter().map(|keys| Value::Object(keys.clone()).to_string()).collect();
    (texts.len() == found.len()).then_some(found)
}

fn are_distinct_objects(items: &[Value]) -> bool {
    let texts: BTreeSet<String> = items.iter().map(Value::to_string).collect();
    items.iter().all(Value::is_object) && texts.len() == items.len()
}

/// Sets the field at a path to what it was, if it is what it became.
fn restore(value: &mut Value, path: &[Segment], was: Option<Value>, became: Option<&Value>) {
    let Some((first, rest)) = path.split_first() else { return };
    match (first, value) {
        (Segment::Field(name), Value::Object(fields)) => {
            if !rest.is_empty() {
                if let Some(field) = fields.get_mut(name) {
                    restore(field, rest, was, became);
                }
                return;
            }
            let is_as_it_became = match (fields.get(name).filter(|value| !value.is_null()), became) {
                (None, None) => true,
                (Some(value), Some(became)) => same(value, became),
                _ => false,
            };
            match was {
                Some(was) if is_as_it_became => drop(fields.insert(name.clone(), was)),
                None if is_as_it_became => drop(fields.remove(name)),
                _ => {}
            }
        }
        (Segment::Keyed(keys), Value::Array(items)) if !keys.is_empty() => {
            let has_keys = |item: &Value| keys.iter().all(|(name, value)| item.get(name) == Some(value));
            let Some(item) = items.iter_mut().find(|item| has_keys(item)) else { return };
            match (rest.is_empty(), was, became) {
                (false, was, became) => restore(item, rest, was, became),
                (true, Some(was), Some(became)) if same(item, became) => *item = was,
                _ => {}
            }
        }
        (Segment::Item(index), Value::Array(items)) if rest.is_empty() => {
            let (Some(was), Some(became)) = (was, became) else { return };
            // An item that moved is still the same item, if there is no other like it.
            let mut places = items.iter().enumerate().filter(|(_, item)| same(item, became)).map(|(place, _)| place);
            let place = match (places.next(), places.next()) {
                (Some(place), None) => place,
                (Some(_), Some(_)) if items.get(*index).is_some_and(|item| same(item, became)) => *index,
                _ => return,
            };
            items[place] = was;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        Schema::compile(&json!({"type": "object", "properties": {"spec": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            "properties": {"keyed": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                "items": {"type": "object", "required": ["k"], "properties": {
                    "k": {"type": "string"}, "x": {"type": "integer"}, "y": {"type": "integer"},
                }},
            }},
        }}}))
        .expect("a schema")
    }

    /// `spec` comes back as `back`; meanwhile it becomes `now`; in the end it is `expect`.
    #[track_caller]
    fn check(spec: Value, back: Value, now: Value, expect: Value) {
        let of = |spec: Value| json!({"metadata": {}, "spec": spec});
        let lost = lost(&schema(), &of(spec), &of(back)).unwrap_or_default();
        let mut object = of(now);
        put_back(&lost, &mut object);
        assert_eq!(object["spec"], expect, "{lost}");
    }

    #[test]
    fn what_is_as_it_became_is_put_back() {
        check(json!({"a": 1, "b": 2}), json!({"b": 2}), json!({"b": 3}), json!({"a": 1, "b": 3}));
        check(json!({"a": 1}), json!({"a": 0}), json!({"a": 0}), json!({"a": 1}));
        check(json!({"a": 1}), json!({"a": 0}), json!({"a": 7}), json!({"a": 7}));
        check(json!({}), json!({"a": 0}), json!({"a": 0}), json!({}));
        check(json!({"a": {"b": 1}}), json!({"a": {}}), json!({}), json!({}));
        check(json!({"a": 1.0, "b": null}), json!({"a": 1}), json!({"a": 1}), json!({"a": 1}));
    }

    #[test]
    fn items_are_told_apart() {
        let keyed = |items: Value| json!({ "keyed": items });
        check(
            keyed(json!([{"k": "a", "x": 1}, {"k": "b", "x": 2}])),
            keyed(json!([{"k": "a"}, {"k": "b"}])),
            keyed(json!([{"k": "b", "y": 9}, {"k": "c"}, {"k": "a"}])),
            keyed(json!([{"k": "b", "x": 2, "y": 9}, {"k": "c"}, {"k": "a", "x": 1}])),
        );
        let list = |items: Value| json!({ "list": items });
        let both = |back, now, expect| {
            check(list(json!([{"n": 1, "x": 1}, {"n": 2, "x": 2}])), list(back), list(now), list(expect))
        };
        let back = || json!([{"n": 1}, {"n": 2}]);
        both(back(), back(), json!([{"n": 1, "x": 1}, {"n": 2, "x": 2}]));
        both(back(), json!([{"n": 2}, {"n": 3}]), json!([{"n": 2, "x": 2}, {"n": 3}]));
        // Items that cannot be told apart are one value.
        both(json!([{}, {}]), json!([{}, {}]), json!([{"n": 1, "x": 1}, {"n": 2, "x": 2}]));
        both(json!([{}, {}]), json!([{}]), json!([{}]));
    }

    #[test]
    fn what_clients_made_up_does_no_harm() {
        let mut object = json!({"metadata": {"name": "a"}, "spec": {"a": 1}});
        let before = object.clone();
        for forged in [
            "",
            "{}",
            "[{}]",
            r#"[{"path":[],"was":1}]"#,
            r#"[{"path":["metadata","name"],"was":"b","became":"a"}]"#,
            r#"[{"path":["spec","b","c"],"was":1}]"#,
            r#"[{"path":["spec",3],"was":1,"became":1}]"#,
            r#"[{"path":["spec",{}],"was":1,"became":1}]"#,
        ] {
            put_back(forged, &mut object);
            assert_eq!(object, before, "{forged}");
        }
    }
}
