//! What the operators do. Arithmetic never wraps: what does not fit is an error.
//! Source: <https://github.com/google/cel-spec/blob/master/doc/langdef.md#numeric-values>

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use super::cost::Cost;
use super::equality::{ItemKey, compare, equal};
use super::error::{Error, Result};
use super::functions::Definition;
use super::value::{List, Made, Value};
use super::work::Work;
use crate::schema::node::ListType;

macro_rules! ordered {
    ($mark:literal) => {
        &[
            concat!("_", $mark, "_(bool, bool) -> bool"),
            concat!("_", $mark, "_(int, int) -> bool"),
            concat!("_", $mark, "_(int, double) -> bool"),
            concat!("_", $mark, "_(int, uint) -> bool"),
            concat!("_", $mark, "_(uint, uint) -> bool"),
            concat!("_", $mark, "_(uint, double) -> bool"),
            concat!("_", $mark, "_(uint, int) -> bool"),
            concat!("_", $mark, "_(double, double) -> bool"),
            concat!("_", $mark, "_(double, int) -> bool"),
            concat!("_", $mark, "_(double, uint) -> bool"),
            concat!("_", $mark, "_(string, string) -> bool"),
            concat!("_", $mark, "_(bytes, bytes) -> bool"),
            concat!("_", $mark, "_(timestamp, timestamp) -> bool"),
            concat!("_", $mark, "_(duration, duration) -> bool"),
        ]
    };
}

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition { signatures: &["_==_(A, A) -> bool"], cost: Cost::Compare, native: |work, args| eq(work, args, true) },
    Definition { signatures: &["_!=_(A, A) -> bool"], cost: Cost::Compare, native: |work, args| eq(work, args, false) },
    Definition {
        signatures: ordered!("<"),
        cost: Cost::Order,
        native: |work, args| order(work, args, Ordering::is_lt),
    },
    Definition {
        signatures: ordered!("<="),
        cost: Cost::Order,
        native: |work, args| order(work, args, Ordering::is_le),
    },
    Definition {
        signatures: ordered!(">"),
        cost: Cost::Order,
        native: |work, args| order(work, args, Ordering::is_gt),
    },
    Definition {
        signatures: ordered!(">="),
        cost: Cost::Order,
        native: |work, args| order(work, args, Ordering::is_ge),
    },
    Definition {
        signatures: &["_in_(A, list(A)) -> bool", "_in_(A, map(A, B)) -> bool"],
        cost: Cost::In,
        native: contains,
    },
    Definition {
        signatures: &["_[_](list(A), int) -> A", "_[_](map(A, B), A) -> B"],
        cost: Cost::Fixed(1),
        native: |_, _| Err(Error::Overload),
    },
    Definition {
        signatures: &[
            "_+_(int, int) -> int",
            "_+_(uint, uint) -> uint",
            "_+_(double, double) -> double",
            "_+_(string, string) -> string",
            "_+_(bytes, bytes) -> bytes",
            "_+_(list(A), list(A)) -> list(A)",
            "_+_(timestamp, duration) -> timestamp",
            "_+_(duration, timestamp) -> timestamp",
            "_+_(duration, duration) -> duration",
        ],
        cost: Cost::Add,
        native: add,
    },
    Definition {
        signatures: &[
            "_-_(int, int) -> int",
            "_-_(uint, uint) -> uint",
            "_-_(double, double) -> double",
            "_-_(timestamp, timestamp) -> duration",
            "_-_(timestamp, duration) -> timestamp",
            "_-_(duration, duration) -> duration",
        ],
        cost: Cost::Fixed(1),
        native: subtract,
    },
    Definition {
        signatures: &["_*_(int, int) -> int", "_*_(uint, uint) -> uint", "_*_(double, double) -> double"],
        cost: Cost::Fixed(1),
        native: multiply,
    },
    Definition {
        signatures: &["_/_(int, int) -> int", "_/_(uint, uint) -> uint", "_/_(double, double) -> double"],
        cost: Cost::Fixed(1),
        native: divide,
    },
    Definition {
        signatures: &["_%_(int, int) -> int", "_%_(uint, uint) -> uint"],
        cost: Cost::Fixed(1),
        native: remainder,
    },
    Definition { signatures: &["-_(int) -> int", "-_(double) -> double"], cost: Cost::Fixed(1), native: negate },
    Definition { signatures: &["!_(bool) -> bool"], cost: Cost::Fixed(1), native: not },
];

fn eq<'a>(work: &mut Work, args: &[Value<'a>], wanted: bool) -> Result<Value<'a>> {
    let [a, b] = args else { return Err(Error::Overload) };
    Ok(Value::Bool(equal(work, a, b)? == wanted))
}

fn order<'a>(work: &mut Work, args: &[Value<'a>], holds: fn(Ordering) -> bool) -> Result<Value<'a>> {
    let [a, b] = args else { return Err(Error::Overload) };
    Ok(Value::Bool(holds(compare(work, a, b)?)))
}

fn contains<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match args {
        [key, Value::Map(map)] => Ok(Value::Bool(map.get(key)?.is_some())),
        [item, Value::List(list)] => {
            for other in list.iter() {
                if equal(work, item, &other?)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        _ => Err(Error::Overload),
    }
}

fn overflow<T>(result: Option<T>, value: fn(T) -> Value<'static>, what: &'static str) -> Result<Value<'static>> {
    result.map(value).ok_or_else(|| Error::failed(format!("{what} overflow")))
}

fn int(result: Option<i64>) -> Result<Value<'static>> {
    overflow(result, Value::Int, "integer")
}

fn uint(result: Option<u64>) -> Result<Value<'static>> {
    overflow(result, Value::Uint, "unsigned integer")
}

fn duration(result: Option<i64>) -> Result<Value<'static>> {
    overflow(result, Value::Duration, "duration")
}

fn add<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match args {
        [Value::Int(a), Value::Int(b)] => int(a.checked_add(*b)),
        [Value::Uint(a), Value::Uint(b)] => uint(a.checked_add(*b)),
        [Value::Double(a), Value::Double(b)] => Ok(Value::Double(a + b)),
        [Value::Text(a), Value::Text(b)] => {
            work.steps(a.len() + b.len())?;
            Ok(Value::text([&**a, &**b].concat()))
        }
        [Value::Bytes(a), Value::Bytes(b)] => {
            work.steps(a.len() + b.len())?;
            Ok(Value::Bytes([&**a, &**b].concat().into()))
        }
        [Value::List(a), Value::List(b)] => concat(work, a, b),
        [Value::Timestamp(time), Value::Duration(nanos)] | [Value::Duration(nanos), Value::Timestamp(time)] => {
            overflow(time.plus(*nanos), Value::Timestamp, "timestamp")
        }
        [Value::Duration(a), Value::Duration(b)] => duration(a.checked_add(*b)),
        _ => Err(Error::Overload),
    }
}

/// Added to a set, only what is not there yet; added to a map list, items take the place of those with their keys.
fn concat<'a>(work: &mut Work, a: &List<'a>, b: &List<'a>) -> Result<Value<'a>> {
    work.steps(a.len() + b.len())?;
    let mut items = a.to_vec()?;
    let keyed = a.keyed();
    match keyed.map(|node| node.list_type) {
        Some(ListType::Set) => {
            let keys = items.iter().map(ItemKey::of_set);
            let mut known = keys.collect::<Result<std::collections::HashSet<_>>>()?;
            for item in b.iter() {
                let item = item?;
                if known.insert(ItemKey::of_set(&item)?) {
                    items.push(item);
                }
            }
        }
        Some(ListType::Map) => {
            let Some(node) = keyed else { return Err(Error::Overload) };
            let mut places = HashMap::with_capacity(items.len());
            for (place, item) in items.iter().enumerate() {
                places.insert(ItemKey::of_map(item, node)?, place);
            }
            for item in b.iter() {
                let item = item?;
                match places.get(&ItemKey::of_map(&item, node)?) {
                    Some(place) => items[*place] = item,
                    None => items.push(item),
                }
            }
        }
        _ => {
            for item in b.iter() {
                items.push(item?);
            }
        }
    }
    Ok(Value::List(List::Made(Arc::new(Made { items, like: keyed }))))
}

fn subtract<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match args {
        [Value::Int(a), Value::Int(b)] => int(a.checked_sub(*b)),
        [Value::Uint(a), Value::Uint(b)] => uint(a.checked_sub(*b)),
        [Value::Double(a), Value::Double(b)] => Ok(Value::Double(a - b)),
        [Value::Timestamp(a), Value::Timestamp(b)] => duration(a.minus(*b)),
        [Value::Timestamp(time), Value::Duration(nanos)] => {
            let earlier = nanos.checked_neg().and_then(|nanos| time.plus(nanos));
            overflow(earlier, Value::Timestamp, "timestamp")
        }
        [Value::Duration(a), Value::Duration(b)] => duration(a.checked_sub(*b)),
        _ => Err(Error::Overload),
    }
}

fn multiply<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match args {
        [Value::Int(a), Value::Int(b)] => int(a.checked_mul(*b)),
        [Value::Uint(a), Value::Uint(b)] => uint(a.checked_mul(*b)),
        [Value::Double(a), Value::Double(b)] => Ok(Value::Double(a * b)),
        _ => Err(Error::Overload),
    }
}

fn divide<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match args {
        [Value::Int(_), Value::Int(0)] | [Value::Uint(_), Value::Uint(0)] => Err(Error::failed("division by zero")),
        [Value::Int(a), Value::Int(b)] => int(a.checked_div(*b)),
        [Value::Uint(a), Value::Uint(b)] => uint(a.checked_div(*b)),
        [Value::Double(a), Value::Double(b)] => Ok(Value::Double(a / b)),
        _ => Err(Error::Overload),
    }
}

fn remainder<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match args {
        [Value::Int(_), Value::Int(0)] | [Value::Uint(_), Value::Uint(0)] => Err(Error::failed("modulus by zero")),
        [Value::Int(a), Value::Int(b)] => int(a.checked_rem(*b)),
        [Value::Uint(a), Value::Uint(b)] => uint(a.checked_rem(*b)),
        _ => Err(Error::Overload),
    }
}

fn negate<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match args {
        [Value::Int(number)] => int(number.checked_neg()),
        [Value::Double(number)] => Ok(Value::Double(-number)),
        _ => Err(Error::Overload),
    }
}

fn not<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match args {
        [Value::Bool(truth)] => Ok(Value::Bool(!truth)),
        _ => Err(Error::Overload),
    }
}
