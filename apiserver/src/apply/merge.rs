//! An applied object laid over a live one. Nothing goes away by this; what both have is taken from the applied one. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/typed/merge.go>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::element::Element;
use super::items;
use super::types::{List, Map, Relation, Shape, Type};

/// Merges two values that were found valid; the applied one holds nothing twice.
pub(super) fn merge(type_: &Type, live: &Value, applied: &Value) -> Value {
    match (type_.shape(applied), live, applied) {
        (Shape::Map, live, applied) => {
            let map = type_.map.as_ref().filter(|map| !map.atomic);
            match (map, live.as_object(), applied.as_object()) {
                (Some(map), Some(live), Some(applied)) if !(live.is_empty() && applied.is_empty()) => {
                    Value::Object(maps(map, live, applied))
                }
                // Null says nothing about the fields of an object that has some.
                (Some(_), Some(fields), None) if !fields.is_empty() => live.clone(),
                _ => applied.clone(),
            }
        }
        (Shape::List, live, applied) => {
            let list = type_.list.as_ref().filter(|list| list.relation != Relation::Atomic);
            match (list, live.as_array(), applied.as_array()) {
                (Some(list), Some(live), Some(applied)) if !(live.is_empty() && applied.is_empty()) => {
                    Value::Array(lists(list, live, applied))
                }
                (Some(_), Some(items), None) if !items.is_empty() => live.clone(),
                _ => applied.clone(),
            }
        }
        (Shape::Scalar, _, applied) => applied.clone(),
    }
}

type Fields = serde_json::Map<String, Value>;

fn maps(map: &Map, live: &Fields, applied: &Fields) -> Fields {
    let mut merged = Fields::new();
    for (name, value) in live {
        let value = match (applied.get(name), map.field(name)) {
            (Some(applied), Some(type_)) => merge(type_, value, applied),
            _ => value.clone(),
        };
        merged.insert(name.clone(), value);
    }
    for (name, value) in applied {
        if !live.contains_key(name) {
            merged.insert(name.clone(), value.clone());
        }
    }
    merged
}

/// Applied items come in the order in which they were applied, and those that only the live list has stay behind the ones
/// that they were behind.
fn lists(list: &List, live: &[Value], applied: &[Value]) -> Vec<Value> {
    let type_ = list.items.resolve();
    let live = items::elements(list, live);
    let applied = items::elements(list, applied);
    // None is an item that the live list has twice: the applied one takes the place of both.
    let mut in_live: BTreeMap<&Element, Option<&Value>> = BTreeMap::new();
    for (element, item) in &live {
        in_live.entry(element).and_modify(|known| *known = None).or_insert(Some(item));
    }
    let in_applied: BTreeSet<&Element> = applied.iter().map(|(element, _)| element).collect();
    let merged = |element: &Element, item: &Value| match in_live.get(element) {
        Some(Some(live)) => merge(type_, live, item),
        _ => item.clone(),
    };

    let mut shared = applied.iter().map(|(element, _)| element).filter(|element| in_live.contains_key(element));
    let mut next_shared = shared.next();
    let mut done: BTreeSet<&Element> = BTreeSet::new();
    let mut out = Vec::with_capacity(live.len().max(applied.len()));
    let (mut l, mut a) = (0, 0);
    while l < live.len() || a < applied.len() {
        if let (Some((element, _)), Some((wanted, item))) = (live.get(l), applied.get(a)) {
            if element == wanted {
                done.insert(wanted);
                out.push(merged(wanted, item));
                l += 1;
                a += 1;
                next_shared = shared.next();
                continue;
            }
            if in_applied.contains(element) && next_shared.is_some_and(|next| next != element) {
                // Shared, but not the one whose turn it is.
                l += 1;
                continue;
            }
        }
        if let Some((element, item)) = live.get(l) {
            if !in_applied.contains(element) {
                out.push((*item).clone());
                l += 1;
                continue;
            }
            if done.contains(element) {
                l += 1;
            }
        }
        if let Some((element, item)) = applied.get(a) {
            done.insert(element);
            out.push(merged(element, item));
            a += 1;
            if next_shared == Some(element) {
                next_shared = shared.next();
            }
        }
    }
    out
}
