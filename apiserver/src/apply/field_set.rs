//! Which fields an applied object has. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/typed/tofieldset.go>

use serde_json::Value;

use super::items;
use super::set::Set;
use super::types::{List, Map, Relation, Shape, Type};

/// Every leaf, item and entry of a map in a value that was found valid.
pub(super) fn field_set(type_: &Type, value: &Value) -> Set {
    below(type_, value).0
}

/// What there is below a value, and whether the value itself is a leaf.
fn below(type_: &Type, value: &Value) -> (Set, bool) {
    match (type_.shape(value), value) {
        (Shape::Scalar, _) => (Set::default(), true),
        (Shape::List, value) => match (&type_.list, value) {
            (Some(List { relation: Relation::Atomic, .. }), _) => (Set::default(), true),
            (Some(list), Value::Array(values)) => (in_list(list, values), false),
            _ => (Set::default(), false),
        },
        (Shape::Map, value) => match (&type_.map, value) {
            (Some(Map { atomic: true, .. }), _) => (Set::default(), true),
            (Some(map), Value::Object(fields)) => (in_map(map, fields), false),
            _ => (Set::default(), false),
        },
    }
}

fn in_map(map: &Map, fields: &serde_json::Map<String, Value>) -> Set {
    let mut set = Set::default();
    for (name, value) in fields {
        let (children, leaf) = map.field(name).map(|type_| below(type_, value)).unwrap_or_default();
        let empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
        set.insert(super::element::Element::Field(name.clone()), leaf || empty || !map.is_declared(name), children);
    }
    set
}

/// An item that is there twice is one leaf: nobody can say which of them is meant.
fn in_list(list: &List, values: &[Value]) -> Set {
    let mut elements = items::elements(list, values);
    elements.sort_by(|a, b| a.0.cmp(&b.0));
    let mut set = Set::default();
    let type_ = list.items.resolve();
    for group in elements.chunk_by(|a, b| a.0 == b.0) {
        let children = match group {
            [(_, item)] => below(type_, item).0,
            _ => Set::default(),
        };
        set.insert(group[0].0.clone(), true, children);
    }
    set
}
