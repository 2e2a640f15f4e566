//! Lists as sets. Source: <https://pkg.go.dev/github.com/google/cel-go/ext#Sets>

use super::super::cost::Cost;
use super::super::equality::equal;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::value::{List, Value};
use super::super::work::Work;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition { signatures: &["sets.contains(list(A), list(A)) -> bool"], cost: Cost::Pairs(1), native: contains },
    Definition { signatures: &["sets.intersects(list(A), list(A)) -> bool"], cost: Cost::Pairs(1), native: intersects },
    Definition { signatures: &["sets.equivalent(list(A), list(A)) -> bool"], cost: Cost::Pairs(2), native: equivalent },
];

fn lists<'v, 'a>(args: &'v [Value<'a>]) -> Result<(&'v List<'a>, &'v List<'a>)> {
    match args {
        [Value::List(a), Value::List(b)] => Ok((a, b)),
        _ => Err(Error::Overload),
    }
}

fn contains<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (list, sublist) = lists(args)?;
    Ok(Value::Bool(all_in(work, sublist, list)?))
}

fn intersects<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (a, b) = lists(args)?;
    for item in a.iter() {
        if is_in(work, &item?, b)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn equivalent<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (a, b) = lists(args)?;
    Ok(Value::Bool(all_in(work, a, b)? && all_in(work, b, a)?))
}

fn all_in<'a>(work: &mut Work, items: &List<'a>, list: &List<'a>) -> Result<bool> {
    for item in items.iter() {
        if !is_in(work, &item?, list)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_in<'a>(work: &mut Work, item: &Value<'a>, list: &List<'a>) -> Result<bool> {
    for other in list.iter() {
        if equal(work, item, &other?)? {
            return Ok(true);
        }
    }
    Ok(false)
}
