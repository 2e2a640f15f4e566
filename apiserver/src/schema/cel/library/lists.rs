//! Lists. Sources: <https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-list-library>,
//! <https://pkg.go.dev/github.com/google/cel-go/ext#Lists>

use std::cmp::Ordering;

use super::super::cost::Cost;
use super::super::equality::{compare, equal, sort};
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::value::{List, Value};
use super::super::work::Work;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        signatures: &[
            "list(int).isSorted() -> bool",
            "list(uint).isSorted() -> bool",
            "list(double).isSorted() -> bool",
            "list(bool).isSorted() -> bool",
            "list(duration).isSorted() -> bool",
            "list(timestamp).isSorted() -> bool",
            "list(string).isSorted() -> bool",
            "list(bytes).isSorted() -> bool",
        ],
        cost: Cost::Traverse,
        native: is_sorted,
    },
    Definition {
        signatures: &["list(int).sum() -> int"],
        cost: Cost::Traverse,
        native: |work, args| sum(work, args, Value::Int(0)),
    },
    Definition {
        signatures: &["list(uint).sum() -> uint"],
        cost: Cost::Traverse,
        native: |work, args| sum(work, args, Value::Uint(0)),
    },
    Definition {
        signatures: &["list(double).sum() -> double"],
        cost: Cost::Traverse,
        native: |work, args| sum(work, args, Value::Double(0.0)),
    },
    Definition {
        signatures: &["list(duration).sum() -> duration"],
        cost: Cost::Traverse,
        native: |work, args| sum(work, args, Value::Duration(0)),
    },
    Definition {
        signatures: &[
            "list(int).max() -> int",
            "list(uint).max() -> uint",
            "list(double).max() -> double",
            "list(bool).max() -> bool",
            "list(duration).max() -> duration",
            "list(timestamp).max() -> timestamp",
            "list(string).max() -> string",
            "list(bytes).max() -> bytes",
        ],
        cost: Cost::Traverse,
        native: |work, args| extreme(work, args, "max", Ordering::Less),
    },
    Definition {
        signatures: &[
            "list(int).min() -> int",
            "list(uint).min() -> uint",
            "list(double).min() -> double",
            "list(bool).min() -> bool",
            "list(duration).min() -> duration",
            "list(timestamp).min() -> timestamp",
            "list(string).min() -> string",
            "list(bytes).min() -> bytes",
        ],
        cost: Cost::Traverse,
        native: |work, args| extreme(work, args, "min", Ordering::Greater),
    },
    Definition { signatures: &["list(A).indexOf(A) -> int"], cost: Cost::Traverse, native: index_of },
    Definition { signatures: &["list(A).lastIndexOf(A) -> int"], cost: Cost::Traverse, native: last_index_of },
    Definition { signatures: &["list(A).slice(int, int) -> list(A)"], cost: Cost::NewList, native: slice },
    Definition {
        signatures: &["list(list(A)).flatten() -> list(A)", "list(dyn).flatten(int) -> list(dyn)"],
        cost: Cost::Flatten,
        native: flatten,
    },
    Definition { signatures: &["lists.range(int) -> list(int)"], cost: Cost::NewList, native: range },
    Definition { signatures: &["list(A).reverse() -> list(A)"], cost: Cost::NewList, native: reverse },
    Definition { signatures: &["list(A).distinct() -> list(A)"], cost: Cost::SelfCompare, native: distinct },
    Definition {
        signatures: &[
            "list(int).sort() -> list(int)",
            "list(uint).sort() -> list(uint)",
            "list(double).sort() -> list(double)",
            "list(bool).sort() -> list(bool)",
            "list(duration).sort() -> list(duration)",
            "list(timestamp).sort() -> list(timestamp)",
            "list(string).sort() -> list(string)",
            "list(bytes).sort() -> list(bytes)",
        ],
        cost: Cost::SelfCompare,
        native: sorted,
    },
    Definition { signatures: &["list(A).first() -> optional(A)"], cost: Cost::Fixed(1), native: first },
    Definition { signatures: &["list(A).last() -> optional(A)"], cost: Cost::Fixed(1), native: last },
];

/// The items of the first argument, paid for.
fn items<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Vec<Value<'a>>> {
    let list = args.first().ok_or(Error::Overload)?.as_list()?;
    work.steps(list.len())?;
    list.to_vec()
}

fn is_sorted<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    for pair in items(work, args)?.windows(2) {
        if compare(work, &pair[0], &pair[1])?.is_gt() {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn sum<'a>(work: &mut Work, args: &[Value<'a>], zero: Value<'a>) -> Result<Value<'a>> {
    let overflow = |what: &'static str| Error::failed(format!("{what} overflow"));
    items(work, args)?.into_iter().try_fold(zero, |total, item| match (total, item) {
        (Value::Int(a), Value::Int(b)) => a.checked_add(b).map(Value::Int).ok_or_else(|| overflow("integer")),
        (Value::Uint(a), Value::Uint(b)) => {
            a.checked_add(b).map(Value::Uint).ok_or_else(|| overflow("unsigned integer"))
        }
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::Duration(a), Value::Duration(b)) => {
            a.checked_add(b).map(Value::Duration).ok_or_else(|| overflow("duration"))
        }
        _ => Err(Error::Overload),
    })
}

fn extreme<'a>(work: &mut Work, args: &[Value<'a>], name: &str, worse: Ordering) -> Result<Value<'a>> {
    let mut items = items(work, args)?.into_iter();
    let mut best = items.next().ok_or_else(|| Error::failed(format!("{name} called on empty list")))?;
    for item in items {
        if compare(work, &best, &item)? == worse {
            best = item;
        }
    }
    Ok(best)
}

fn index_of<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::List(list), item] = args else { return Err(Error::Overload) };
    position(work, list, item, 0..list.len())
}

fn last_index_of<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::List(list), item] = args else { return Err(Error::Overload) };
    position(work, list, item, (0..list.len()).rev())
}

fn position<'a>(
    work: &mut Work,
    list: &List<'a>,
    item: &Value<'a>,
    indices: impl Iterator<Item = usize>,
) -> Result<Value<'a>> {
    for index in indices {
        if equal(work, &list.get(index)?, item)? {
            return Ok(Value::Int(index as i64));
        }
    }
    Ok(Value::Int(-1))
}

fn slice<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::List(list), Value::Int(start), Value::Int(end)] = args else { return Err(Error::Overload) };
    let refused = |why: String| Err(Error::failed(format!("cannot slice({start}, {end}), {why}")));
    let (Ok(from), Ok(to)) = (usize::try_from(*start), usize::try_from(*end)) else {
        return refused("negative indexes not supported".into());
    };
    if from > to {
        return refused("start index must be less than or equal to end index".into());
    }
    if to > list.len() {
        return refused(format!("list is length {}", list.len()));
    }
    work.steps(to - from)?;
    Ok(Value::list((from..to).map(|index| list.get(index)).collect::<Result<_>>()?))
}

fn flatten<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let levels = match args {
        [_] => 1,
        [_, Value::Int(levels)] => usize::try_from(*levels).map_err(|_| Error::failed("level must be non-negative"))?,
        _ => return Err(Error::Overload),
    };
    let mut items = items(work, args)?;
    for _ in 0..levels {
        if !items.iter().any(|item| matches!(item, Value::List(_))) {
            break;
        }
        let mut flat = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Value::List(list) => {
                    work.steps(list.len())?;
                    flat.extend(list.to_vec()?);
                }
                item => flat.push(item),
            }
        }
        items = flat;
    }
    Ok(Value::list(items))
}

fn range<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::Int(count)] = args else { return Err(Error::Overload) };
    work.steps(usize::try_from((*count).max(0)).unwrap_or(usize::MAX))?;
    Ok(Value::list((0..*count).map(Value::Int).collect()))
}

fn reverse<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let mut items = items(work, args)?;
    items.reverse();
    Ok(Value::list(items))
}

fn distinct<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let mut kept: Vec<Value<'a>> = Vec::new();
    'items: for item in items(work, args)? {
        for other in &kept {
            if equal(work, other, &item)? {
                continue 'items;
            }
        }
        kept.push(item);
    }
    Ok(Value::list(kept))
}

fn sorted<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let items = items(work, args)?;
    Ok(Value::list(sort(work, items, |item| item)?))
}

fn first<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::List(list)] = args else { return Err(Error::Overload) };
    if list.len() == 0 { Ok(Value::Optional(None)) } else { list.get(0).map(Value::some) }
}

fn last<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::List(list)] = args else { return Err(Error::Overload) };
    if list.len() == 0 { Ok(Value::Optional(None)) } else { list.get(list.len() - 1).map(Value::some) }
}
