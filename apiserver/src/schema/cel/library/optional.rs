//! Values that may be absent.
//! Source: <https://pkg.go.dev/github.com/google/cel-go/cel#OptionalTypes>

use super::super::cost::Cost;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::value::Value;
use super::super::work::Work;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition { signatures: &["optional.of(A) -> optional(A)"], cost: Cost::Fixed(1), native: of },
    Definition {
        signatures: &["optional.ofNonZeroValue(A) -> optional(A)"],
        cost: Cost::Fixed(1),
        native: of_non_zero,
    },
    Definition {
        signatures: &["optional.none() -> optional(A)"],
        cost: Cost::Fixed(1),
        native: |_, _| Ok(Value::Optional(None)),
    },
    Definition { signatures: &["optional(A).value() -> A"], cost: Cost::Fixed(1), native: value },
    Definition { signatures: &["optional(A).hasValue() -> bool"], cost: Cost::Fixed(1), native: has_value },
    Definition {
        signatures: &["optional.unwrap(list(optional(A))) -> list(A)", "list(optional(A)).unwrapOpt() -> list(A)"],
        cost: Cost::Fixed(1),
        native: unwrap,
    },
    // These two are evaluated where they stand, because they may leave out their argument.
    Definition {
        signatures: &["optional(A).or(optional(A)) -> optional(A)"],
        cost: Cost::Fixed(0),
        native: |_, _| Err(Error::Overload),
    },
    Definition {
        signatures: &["optional(A).orValue(A) -> A"],
        cost: Cost::Fixed(0),
        native: |_, _| Err(Error::Overload),
    },
];

fn of<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [value] = args else { return Err(Error::Overload) };
    Ok(Value::some(value.clone()))
}

fn of_non_zero<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [value] = args else { return Err(Error::Overload) };
    let zero = match value {
        Value::Null | Value::Optional(None) => true,
        Value::Bool(truth) => !truth,
        Value::Int(number) => *number == 0,
        Value::Uint(number) => *number == 0,
        Value::Double(number) => *number == 0.0,
        Value::Text(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(list) => list.len() == 0,
        Value::Map(map) => map.len() == 0,
        Value::Duration(nanos) => *nanos == 0,
        Value::Timestamp(time) => time.is_zero(),
        _ => false,
    };
    Ok(if zero { Value::Optional(None) } else { Value::some(value.clone()) })
}

fn value<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match args {
        [Value::Optional(Some(value))] => Ok((**value).clone()),
        [Value::Optional(None)] => Err(Error::failed("optional.none() dereference")),
        _ => Err(Error::Overload),
    }
}

fn has_value<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match args {
        [Value::Optional(value)] => Ok(Value::Bool(value.is_some())),
        _ => Err(Error::Overload),
    }
}

/// The values that are there.
fn unwrap<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::List(list)] = args else { return Err(Error::Overload) };
    work.steps(list.len())?;
    let mut values = Vec::with_capacity(list.len());
    for item in list.iter() {
        match item? {
            Value::Optional(Some(value)) => values.push((*value).clone()),
            Value::Optional(None) => {}
            _ => return Err(Error::Overload),
        }
    }
    Ok(Value::list(values))
}
