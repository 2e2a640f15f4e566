//! Strategic merge patches: merge patches that merge lists as well, by the keys that the kind's schema declares.
//!
//! A list whose `x-kubernetes-list-type` is `map` is merged by its keys, one that is a `set` by its items; all others are
//! replaced, as are objects of the map type `atomic`. Directives within the patch say what merging cannot: `$patch`,
//! `$retainKeys`, `$setElementOrder/LIST` and `$deleteFromPrimitiveList/LIST`. Source:
//! <https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md>

mod lists;
mod strategy;

use serde_json::{Map, Value};

use self::lists::List;
use self::strategy::{Node, Strategy};
use crate::request::decode::make_whole;

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE: &str = "$deleteFromPrimitiveList";
const ORDER: &str = "$setElementOrder";

/// Why a patch cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrategicError {
    /// A directive that makes no sense: answered 400.
    #[error("{0}")]
    Malformed(String),
    /// A patch that says two things at once: answered 422.
    #[error("{0}")]
    Contradiction(&'static str),
}

/// Applies a patch to an object of a kind with this schema, OpenAPI v3 with Kubernetes' extensions.
///
/// # Errors
/// Directives that make no sense, items of lists without the key that tells them apart.
pub fn apply(document: &mut Value, patch: &Value, openapi: &Value) -> Result<(), StrategicError> {
    let (Value::Object(original), Value::Object(patch)) = (&mut *document, patch) else {
        return Err(StrategicError::Malformed("a strategic merge patch must be a JSON object".into()));
    };
    *document = Value::Object(merge(std::mem::take(original), patch, Node::of_kind(openapi))?);
    make_whole(document);
    Ok(())
}

fn merge(
    mut original: Map<String, Value>,
    patch: &Map<String, Value>,
    node: Node<'_>,
) -> Result<Map<String, Value>, StrategicError> {
    match patch.get(PATCH) {
        None => {}
        Some(Value::String(directive)) if directive == "replace" => {
            let mut new = patch.clone();
            new.remove(PATCH);
            return Ok(new);
        }
        Some(Value::String(directive)) if directive == "delete" => return Ok(Map::new()),
        Some(directive) => return Err(unknown_directive(directive)),
    }
    retain(&mut original, patch)?;
    // Lists with an order of their own first: the order says where items go that the patch adds.
    for (key, order) in patch {
        if let Some(field) = directive_field(key, ORDER)? {
            let order = order.as_array().ok_or_else(|| malformed("setElementOrder list"))?;
            let Some(list) = in_order(&original, patch.get(field), order, node.field(field))? else { continue };
            original.insert(field.to_owned(), Value::Array(list));
        }
    }
    for (key, change) in patch {
        if key == RETAIN_KEYS || directive_field(key, ORDER)?.is_some() {
            continue;
        }
        if let Some(field) = directive_field(key, DELETE)? {
            let gone = change.as_array().ok_or_else(|| malformed("primitive list"))?;
            if let Some(Value::Array(list)) = original.get_mut(field) {
                list.retain(|item| !gone.contains(item));
            }
            continue;
        }
        let ordered = patch.contains_key(&format!("{ORDER}/{key}"));
        if ordered && change.is_array() {
            continue;
        }
        merge_field(&mut original, key, change, node.field(key))?;
    }
    Ok(original)
}

fn merge_field(
    original: &mut Map<String, Value>,
    key: &str,
    change: &Value,
    node: Node<'_>,
) -> Result<(), StrategicError> {
    let merged = match (original.remove(key), change) {
        (_, Value::Null) => None,
        (Some(Value::Object(old)), Value::Object(change)) if node.strategy() != Strategy::Replace => {
            Some(Value::Object(merge(old, change, node)?))
        }
        (Some(Value::Array(old)), Value::Array(change)) if node.strategy() == Strategy::Merge => {
            Some(Value::Array(List::of(node).merge(old, change)?))
        }
        // A list that is not merged, and what is there for the first time, is taken as it is.
        (_, change) => plain(change),
    };
    if let Some(merged) = merged {
        original.insert(key.to_owned(), merged);
    }
    Ok(())
}

/// A list with the items in the order that the patch wants; `None` where there is no list.
fn in_order(
    original: &Map<String, Value>,
    change: Option<&Value>,
    order: &[Value],
    node: Node<'_>,
) -> Result<Option<Vec<Value>>, StrategicError> {
    let list = List::of(node);
    let old = original.get(node.name()).and_then(Value::as_array);
    let change = match change {
        None => None,
        Some(change) => Some(change.as_array().ok_or_else(|| malformed("setElementOrder list"))?),
    };
    list.check_order(change.map(Vec::as_slice).unwrap_or_default(), order)?;
    let merged = match (old, change) {
        (None, None) => return Ok(None),
        (Some(old), None) => old.clone(),
        (None, Some(change)) => plain_items(change),
        (Some(old), Some(change)) if node.strategy() == Strategy::Merge => list.merge(old.clone(), change)?,
        (Some(_), Some(change)) => plain_items(change),
    };
    Ok(Some(list.arrange(merged, order, old.map(Vec::as_slice).unwrap_or_default())?))
}

/// `$retainKeys`: fields of the original that it does not name go.
fn retain(original: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<(), StrategicError> {
    let Some(keys) = patch.get(RETAIN_KEYS) else { return Ok(()) };
    let keys = keys.as_array().ok_or_else(|| malformed("retainKeys"))?;
    let kept = |name: &str| keys.iter().any(|key| key == name);
    for (name, value) in patch {
        let directive = name == RETAIN_KEYS || name.starts_with(DELETE) || name.starts_with(ORDER);
        if !directive && !value.is_null() && !kept(name) {
            return Err(StrategicError::Contradiction("patch content doesn't match retainKeys list"));
        }
    }
    original.retain(|name, _| kept(name));
    Ok(())
}

/// The field that a directive of this name is about.
fn directive_field<'a>(key: &'a str, directive: &str) -> Result<Option<&'a str>, StrategicError> {
    match key.strip_prefix(directive) {
        None => Ok(None),
        Some(rest) => match rest.strip_prefix('/') {
            Some(field) => Ok(Some(field)),
            None => Err(malformed(if directive == DELETE { "primitive list" } else { "setElementOrder list" })),
        },
    }
}

/// What a patch says of something that is not there yet: without nulls and directives; `None` where nothing is left.
fn plain(change: &Value) -> Option<Value> {
    match change {
        Value::Object(fields) if fields.contains_key(PATCH) => None,
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, value)| !value.is_null() && !is_directive(key));
            Some(Value::Object(kept.filter_map(|(key, value)| Some((key.clone(), plain(value)?))).collect()))
        }
        Value::Array(items) => Some(Value::Array(plain_items(items))),
        other => Some(other.clone()),
    }
}

fn plain_items(items: &[Value]) -> Vec<Value> {
    items.iter().filter_map(plain).collect()
}

fn is_directive(key: &str) -> bool {
    key == RETAIN_KEYS || key.starts_with(DELETE) || key.starts_with(ORDER)
}

fn malformed(what: &str) -> StrategicError {
    StrategicError::Malformed(format!("invalid patch format of {what}"))
}

fn unknown_directive(directive: &Value) -> StrategicError {
    let directive = directive.as_str().map_or_else(|| directive.to_string(), str::to_owned);
    StrategicError::Malformed(format!("unknown patch type: {directive} in $patch; there are replace and delete"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        let text = json!({"type": "string"});
        let item = json!({"type": "object", "properties": {"name": text, "image": text, "args": {"type": "array"}}});
        let map = json!({
            "type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
        });
        json!({"type": "object", "properties": {
            "spec": {"type": "object", "properties": {
                "containers": map,
                "tags": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
                "args": {"type": "array", "items": text},
                "atomic": {"type": "object", "x-kubernetes-map-type": "atomic"},
            }},
        }})
    }

    #[track_caller]
    fn check(spec: Value, patch: Value, expect: Value) {
        let mut document = json!({"spec": spec});
        apply(&mut document, &json!({"spec": patch}), &schema()).unwrap();
        assert_eq!(document, json!({"spec": expect}), "{patch}");
    }

    #[track_caller]
    fn refused(spec: Value, patch: Value, expect: &str) {
        let mut document = json!({"spec": spec});
        let error = apply(&mut document, &json!({"spec": patch}), &schema()).unwrap_err();
        assert_eq!(error.to_string(), expect, "{patch}");
    }

    #[test]
    fn objects_merge_and_null_removes() {
        check(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": null, "d": 3}}), json!({"a": {"c": 2, "d": 3}}));
        check(json!({}), json!({"a": {"b": null, "c": 1}}), json!({"a": {"c": 1}}));
        check(json!({"a": {"b": 1}}), json!({"a": 1}), json!({"a": 1}));
        check(json!({"atomic": {"a": 1}}), json!({"atomic": {"b": 2}}), json!({"atomic": {"b": 2}}));
    }

    #[test]
    fn lists_merge_by_their_keys() {
        let two = json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]});
        check(
            two.clone(),
            json!({"containers": [{"name": "b", "image": "3"}]}),
            json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "3"}]}),
        );
        // What is new goes first, as the patch has it.
        check(
            two.clone(),
            json!({"containers": [{"name": "c"}]}),
            json!({"containers": [{"name": "c"}, {"name": "a", "image": "1"}, {"name": "b", "image": "2"}]}),
        );
        check(
            two.clone(),
            json!({"containers": [{"$patch": "delete", "name": "a"}]}),
            json!({"containers": [{"name": "b", "image": "2"}]}),
        );
        check(
            two.clone(),
            json!({"containers": [{"$patch": "replace"}, {"name": "x"}]}),
            json!({"containers": [{"name": "x"}]}),
        );
        check(
            two.clone(),
            json!({"containers": [{"name": "b", "$patch": "delete"}, {"name": "a", "image": null}]}),
            json!({"containers": [{"name": "a"}]}),
        );
        refused(
            two.clone(),
            json!({"containers": [{"image": "1"}]}),
            r#"map: {"image":"1"} does not contain declared merge key: name"#,
        );
        refused(
            two,
            json!({"containers": [{"name": "a", "$patch": "dance"}]}),
            "unknown patch type: dance in $patch; there are replace and delete",
        );
    }

    #[test]
    fn sets_are_joined_and_other_lists_replaced() {
        check(json!({"tags": ["a", "b"]}), json!({"tags": ["c"]}), json!({"tags": ["c", "a", "b"]}));
        check(json!({"tags": ["a", "b"]}), json!({"tags": ["b"]}), json!({"tags": ["a", "b"]}));
        check(json!({"args": ["a", "b"]}), json!({"args": ["c"]}), json!({"args": ["c"]}));
        check(json!({"tags": ["a", "b"]}), json!({"$deleteFromPrimitiveList/tags": ["a"]}), json!({"tags": ["b"]}));
        check(json!({}), json!({"$deleteFromPrimitiveList/tags": ["a"]}), json!({}));
        check(json!({}), json!({"tags": ["a"]}), json!({"tags": ["a"]}));
        refused(json!({}), json!({"$deleteFromPrimitiveList": ["a"]}), "invalid patch format of primitive list");
    }

    #[test]
    fn an_order_of_items_is_kept() {
        check(
            json!({"tags": ["a", "b", "c"]}),
            json!({"$setElementOrder/tags": ["c", "d", "a"], "tags": ["d"]}),
            json!({"tags": ["b", "c", "d", "a"]}),
        );
        check(
            json!({"containers": [{"name": "a", "image": "1"}, {"name": "b"}]}),
            json!({
                "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
                "containers": [{"name": "a", "image": "2"}],
            }),
            json!({"containers": [{"name": "b"}, {"name": "a", "image": "2"}]}),
        );
        check(json!({}), json!({"$setElementOrder/tags": ["a"]}), json!({}));
        refused(
            json!({"tags": []}),
            json!({"$setElementOrder/tags": ["a", "b"], "tags": ["b", "a"]}),
            "the order in patch list [\"b\",\"a\"] doesn't match $setElementOrder list [\"a\",\"b\"]",
        );
        refused(json!({}), json!({"$setElementOrder/tags": 1}), "invalid patch format of setElementOrder list");
    }

    #[test]
    fn directives_replace_delete_and_retain() {
        check(json!({"a": {"b": 1}}), json!({"a": {"$patch": "replace", "c": 2}}), json!({"a": {"c": 2}}));
        check(json!({"a": {"b": 1}}), json!({"a": {"$patch": "delete"}}), json!({"a": {}}));
        check(json!({}), json!({"a": {"$patch": "delete"}}), json!({}));
        check(
            json!({"a": {"b": 1, "c": 2}}),
            json!({"a": {"$retainKeys": ["b", "d"], "d": 3}}),
            json!({"a": {"b": 1, "d": 3}}),
        );
        refused(
            json!({"a": {}}),
            json!({"a": {"$retainKeys": ["b"], "d": 3}}),
            "patch content doesn't match retainKeys list",
        );
        refused(json!({"a": {}}), json!({"a": {"$retainKeys": "b"}}), "invalid patch format of retainKeys");
    }

    #[test]
    fn finalizers_and_owners_are_merged_in_every_kind() {
        let mut document = json!({"metadata": {
            "finalizers": ["example.com/one"],
            "ownerReferences": [{"uid": "1", "name": "a"}],
        }});
        let patch = json!({"metadata": {
            "finalizers": ["example.com/two"],
            "ownerReferences": [{"uid": "1", "controller": true}, {"uid": "2", "name": "b"}],
        }});
        apply(&mut document, &patch, &json!({"type": "object"})).unwrap();
        let owners = json!([{"uid": "1", "name": "a", "controller": true}, {"uid": "2", "name": "b"}]);
        assert_eq!(document["metadata"]["finalizers"], json!(["example.com/two", "example.com/one"]));
        assert_eq!(document["metadata"]["ownerReferences"], owners);
    }
}
