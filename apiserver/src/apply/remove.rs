//! An object without some of its fields and items. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/typed/remove.go>

use serde_json::Value;

use super::items;
use super::set::Set;
use super::types::{List, Map, Relation, Shape, Type};

/// Takes the paths of a set out of a value, with all below them. An object or list that loses its last part becomes null,
/// which is for the caller to take out in turn.
pub(super) fn remove(type_: &Type, value: &Value, set: &Set) -> Value {
    match (type_.shape(value), value) {
        (Shape::Scalar, value) => value.clone(),
        (Shape::List, Value::Array(values)) => match &type_.list {
            Some(list) if list.relation != Relation::Atomic => in_list(list, values, set),
            _ => Value::Null,
        },
        (Shape::Map, Value::Object(fields)) => match &type_.map {
            Some(map) if !map.atomic => in_map(map, fields, set),
            _ => Value::Null,
        },
        _ => Value::Null,
    }
}

fn in_map(map: &Map, fields: &serde_json::Map<String, Value>, set: &Set) -> Value {
    let mut rest = serde_json::Map::new();
    for (name, value) in fields {
        let value = match (set.field(name), map.field(name)) {
            (Some(node), _) if node.member => continue,
            (Some(node), Some(type_)) if !node.children.is_empty() => remove(type_, value, &node.children),
            _ => value.clone(),
        };
        rest.insert(name.clone(), value);
    }
    if rest.is_empty() { Value::Null } else { Value::Object(rest) }
}

fn in_list(list: &List, values: &[Value], set: &Set) -> Value {
    let mut rest = Vec::with_capacity(values.len());
    for item in values {
        let node = items::element(list, item).and_then(|element| set.get(&element));
        rest.push(match node {
            Some(node) if node.member => continue,
            Some(node) if !node.children.is_empty() => remove(list.items.resolve(), item, &node.children),
            _ => item.clone(),
        });
    }
    if rest.is_empty() { Value::Null } else { Value::Array(rest) }
}
