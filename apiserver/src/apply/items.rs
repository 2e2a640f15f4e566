//! What tells the items of a list apart. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/typed/helpers.go>

use serde_json::Value;

use super::element::Element;
use super::types::{Key, List, Relation};
use crate::field;

/// The step to an item of a set or of a map list; `None` for an item that cannot be one, and for items of atomic lists.
pub(super) fn element(list: &List, item: &Value) -> Option<Element> {
    match &list.relation {
        Relation::Atomic => None,
        Relation::Set => is_scalar(item).then(|| Element::Value(item.clone())),
        Relation::Map(keys) => {
            let item = item.as_object()?;
            let value = |key: &Key| Some((key.name.clone(), item.get(&key.name).or(key.default.as_ref())?.clone()));
            let mut fields: Vec<_> = keys.iter().filter_map(value).collect();
            fields.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            (!fields.is_empty() || keys.is_empty()).then_some(Element::Key(fields))
        }
    }
}

/// Says why an item cannot be in a set or a map list.
pub(super) fn check(list: &List, item: &Value) -> Result<(), String> {
    match (&list.relation, item) {
        (Relation::Atomic, _) => Ok(()),
        (Relation::Set, Value::Object(_)) => {
            Err("associative list without keys has an element that's a map type".into())
        }
        (Relation::Set, Value::Array(_)) => Err("not supported: associative list with lists as elements".into()),
        (Relation::Set, Value::Null) => {
            Err("associative list without keys has an element that's an explicit null".into())
        }
        (Relation::Set, _) => Ok(()),
        (Relation::Map(_), Value::Null) => Err("associative list with keys may not have a null element".into()),
        (Relation::Map(keys), Value::Object(fields)) => {
            if keys.is_empty() || keys.iter().any(|key| key.default.is_some() || fields.contains_key(&key.name)) {
                return Ok(());
            }
            let names: Vec<_> = keys.iter().map(|key| field::quoted(&key.name)).collect();
            Err(format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
                 values for any key fields)",
                names.join(" ")
            ))
        }
        (Relation::Map(_), _) => Err("associative list with keys may not have non-map elements".into()),
    }
}

/// The items of a list with the steps to them, in their order. Those that have none are left out; there are none in a list
/// that was found valid.
pub(super) fn elements<'a>(list: &List, items: &'a [Value]) -> Vec<(Element, &'a Value)> {
    items.iter().filter_map(|item| Some((element(list, item)?, item))).collect()
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_))
}
