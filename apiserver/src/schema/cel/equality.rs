//! When values are equal, and which comes first.
//! Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/cel/common/valuesunstructured.go>

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::Value as Json;

use super::error::{Error, Result};
use super::value::{List, Map, Text, Value};
use super::view;
use super::work::Work;
use crate::schema::node::{ListType, Node};

/// Whether two values are equal; numbers are compared whatever their types, and values of other types are not equal.
pub(super) fn equal<'a>(work: &mut Work, a: &Value<'a>, b: &Value<'a>) -> Result<bool> {
    work.steps(1)?;
    Ok(match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => {
            work.steps(a.len().min(b.len()) / 64)?;
            a == b
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            work.steps(a.len().min(b.len()) / 64)?;
            a == b
        }
        (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Type(a), Value::Type(b)) => a == b,
        (Value::List(a), Value::List(b)) => lists(work, a, b)?,
        (Value::Map(a), Value::Map(b)) => maps(work, a, b)?,
        (Value::Optional(a), Value::Optional(b)) => match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => equal(work, a, b)?,
            _ => false,
        },
        (Value::Quantity(a), Value::Quantity(b)) => a == b,
        (Value::Url(a), Value::Url(b)) => a == b,
        (Value::Ip(a), Value::Ip(b)) => a == b,
        (Value::Cidr(a), Value::Cidr(b)) => a == b,
        (Value::Semver(a), Value::Semver(b)) => a.compare(b).is_eq(),
        (Value::Format(a), Value::Format(b)) => a.name == b.name,
        (a, b) => numbers(a, b).is_some_and(Ordering::is_eq),
    })
}

/// Which of two values comes first, where their types have an order.
pub(super) fn compare(work: &mut Work, a: &Value<'_>, b: &Value<'_>) -> Result<Ordering> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => {
            work.steps(a.len().min(b.len()) / 64)?;
            Ok((**a).cmp(&**b))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            work.steps(a.len().min(b.len()) / 64)?;
            Ok(a.cmp(b))
        }
        (Value::Timestamp(a), Value::Timestamp(b)) => Ok(a.cmp(b)),
        (Value::Duration(a), Value::Duration(b)) => Ok(a.cmp(b)),
        (Value::Double(number), Value::Double(_) | Value::Int(_) | Value::Uint(_))
        | (Value::Double(_) | Value::Int(_) | Value::Uint(_), Value::Double(number))
            if number.is_nan() =>
        {
            Err(Error::failed("NaN values cannot be ordered"))
        }
        (a, b) => numbers(a, b).ok_or(Error::Overload),
    }
}

/// Sorts by keys, those that are equal as they were.
pub(super) fn sort<'a, T>(work: &mut Work, mut items: Vec<T>, key: impl Fn(&T) -> &Value<'a>) -> Result<Vec<T>> {
    if let Some(first) = items.first() {
        let name = key(first).type_name();
        if items.iter().any(|item| key(item).type_name() != name) {
            return Err(Error::failed("list elements must have the same type"));
        }
    }
    let mut error = None;
    items.sort_by(|a, b| {
        compare(work, key(a), key(b)).unwrap_or_else(|failed| {
            error.get_or_insert(failed);
            Ordering::Equal
        })
    });
    error.map_or(Ok(items), Err)
}

/// Numbers of any types; none where one of them is no number.
fn numbers(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    let whole = |value: &Value<'_>| match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::Uint(number) => Some(i128::from(*number)),
        _ => None,
    };
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Double(a), b) => mixed(whole(b)?, *a).map(Ordering::reverse),
        (a, Value::Double(b)) => mixed(whole(a)?, *b),
        (a, b) => Some(whole(a)?.cmp(&whole(b)?)),
    }
}

fn mixed(whole: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // Beyond 64 bits a double is larger than any whole number here; casts stop at the ends.
    let floor = double.floor();
    Some(whole.cmp(&(floor as i128)).then(if double > floor { Ordering::Less } else { Ordering::Equal }))
}

fn lists<'a>(work: &mut Work, a: &List<'a>, b: &List<'a>) -> Result<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    work.steps(a.len())?;
    match a.keyed() {
        Some(node) if node.list_type == ListType::Set => {
            let ours = set_keys(a)?;
            let theirs = set_keys(b)?;
            Ok(theirs.keys().all(|key| ours.contains_key(key)) && ours.len() == theirs.len())
        }
        Some(node) => {
            let ours = map_keys(a, node)?;
            let theirs = map_keys(b, node)?;
            if ours.len() != theirs.len() {
                return Ok(false);
            }
            for (key, theirs) in theirs {
                match ours.get(&key) {
                    Some(ours) if equal(work, ours, &theirs)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        None => {
            for index in 0..a.len() {
                if !equal(work, &a.get(index)?, &b.get(index)?)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}

fn maps<'a>(work: &mut Work, a: &Map<'a>, b: &Map<'a>) -> Result<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for key in a.keys() {
        match (a.get(&key)?, b.get(&key)?) {
            (None, None) => {}
            (Some(a), Some(b)) if equal(work, &a, &b)? => {}
            _ => return Ok(false),
        }
    }
    // Fields that expressions do not see count, too.
    if let (Map::Json { fields: a, shape }, Map::Json { fields: b, .. }) = (a, b)
        && shape.node().is_some()
        && shape.values().is_none()
    {
        let unseen = a.iter().filter(|(name, _)| shape.field(name).is_none());
        for (name, value) in unseen {
            if let Some(other) = b.get(name)
                && !equal(work, &view::free(value), &view::free(other))?
            {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// What tells the items of sets and map lists apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ItemKey<'a> {
    Text(Text<'a>),
    /// Anything else, with the name of its type.
    Other(&'static str, String),
}

impl<'a> ItemKey<'a> {
    pub(super) fn of_set(value: &Value<'a>) -> Result<Self> {
        let text = match value {
            Value::Text(text) => return Ok(Self::Text(text.clone())),
            Value::List(_) | Value::Map(_) => {
                return Err(Error::failed("listSet operations are only supported on lists of scalar values"));
            }
            Value::Bool(truth) => truth.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Uint(number) => number.to_string(),
            Value::Double(number) => number.to_string(),
            Value::Timestamp(time) => time.text(),
            Value::Duration(nanos) => nanos.to_string(),
            Value::Bytes(bytes) => format!("{bytes:?}"),
            other => format!("{other:?}"),
        };
        Ok(Self::Other(value.type_name(), text))
    }

    /// The keys of an item of a map list.
    pub(super) fn of_map(value: &Value<'a>, node: &Node) -> Result<Vec<Option<Self>>> {
        let Value::Map(map) = value else { return Err(Error::Overload) };
        let key = |name: &String| match map {
            Map::Json { fields, .. } => match fields.get(name) {
                None | Some(Json::Null) => Ok(None),
                Some(json) => Self::of_set(&view::free(json)).map(Some),
            },
            Map::Made(_) => map.field(name)?.map(|value| Self::of_set(&value)).transpose(),
        };
        node.list_map_keys.iter().map(key).collect()
    }
}

fn set_keys<'a>(list: &List<'a>) -> Result<HashMap<ItemKey<'a>, ()>> {
    list.iter().map(|item| Ok((ItemKey::of_set(&item?)?, ()))).collect()
}

fn map_keys<'a>(list: &List<'a>, node: &Node) -> Result<HashMap<Vec<Option<ItemKey<'a>>>, Value<'a>>> {
    let mut keys = HashMap::with_capacity(list.len());
    for item in list.iter() {
        let item = item?;
        keys.insert(ItemKey::of_map(&item, node)?, item);
    }
    Ok(keys)
}
