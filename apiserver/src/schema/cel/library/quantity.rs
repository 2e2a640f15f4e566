//! What expressions may do with quantities such as `1.5Gi`. Source:
//! <https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-quantity-library>

use std::cmp::Ordering;
use std::sync::Arc;

use super::super::cost::Cost;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::value::Value;
use super::super::work::Work;
use crate::schema::Quantity;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition { signatures: &["quantity(string) -> Quantity"], cost: Cost::Walk(1), native: quantity },
    Definition { signatures: &["isQuantity(string) -> bool"], cost: Cost::Walk(1), native: is_quantity },
    Definition {
        signatures: &["sign(Quantity) -> int"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |quantity| Ok(Value::Int(quantity.signum()))),
    },
    Definition {
        signatures: &["Quantity.isInteger() -> bool"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |quantity| Ok(Value::Bool(quantity.integer().is_some()))),
    },
    Definition { signatures: &["Quantity.asInteger() -> int"], cost: Cost::Fixed(1), native: as_integer },
    Definition {
        signatures: &["Quantity.asApproximateFloat() -> double"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |quantity| Ok(Value::Double(quantity.float()))),
    },
    Definition {
        signatures: &["Quantity.add(Quantity) -> Quantity", "Quantity.add(int) -> Quantity"],
        cost: Cost::Fixed(1),
        native: |_, args| sum(args, 1),
    },
    Definition {
        signatures: &["Quantity.sub(Quantity) -> Quantity", "Quantity.sub(int) -> Quantity"],
        cost: Cost::Fixed(1),
        native: |_, args| sum(args, -1),
    },
    Definition {
        signatures: &["Quantity.isGreaterThan(Quantity) -> bool"],
        cost: Cost::Fixed(1),
        native: |_, args| compared(args, |order| Value::Bool(order.is_gt())),
    },
    Definition {
        signatures: &["Quantity.isLessThan(Quantity) -> bool"],
        cost: Cost::Fixed(1),
        native: |_, args| compared(args, |order| Value::Bool(order.is_lt())),
    },
    Definition {
        signatures: &["Quantity.compareTo(Quantity) -> int"],
        cost: Cost::Fixed(1),
        native: |_, args| compared(args, |order| Value::Int(order as i64)),
    },
];

fn one<'a>(args: &[Value<'a>], with: impl FnOnce(&Quantity) -> Result<Value<'a>>) -> Result<Value<'a>> {
    match args {
        [Value::Quantity(quantity)] => with(quantity),
        _ => Err(Error::Overload),
    }
}

fn quantity<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::Text(text)] = args else { return Err(Error::Overload) };
    work.steps(text.len())?;
    Ok(Value::Quantity(Arc::new(Quantity::parse(text).map_err(Error::failed)?)))
}

fn is_quantity<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::Text(text)] = args else { return Err(Error::Overload) };
    work.steps(text.len())?;
    Ok(Value::Bool(Quantity::parse(text).is_ok()))
}

fn as_integer<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    one(args, |quantity| {
        quantity.integer().map(Value::Int).ok_or_else(|| Error::failed("cannot convert value to integer"))
    })
}

fn sum<'a>(args: &[Value<'a>], sign: i64) -> Result<Value<'a>> {
    let (a, b) = match args {
        [Value::Quantity(a), Value::Quantity(b)] => (a, **b),
        [Value::Quantity(a), Value::Int(b)] => (a, Quantity::from(*b)),
        _ => return Err(Error::Overload),
    };
    let sum = a.plus(&if sign < 0 { b.negated() } else { b });
    Ok(Value::Quantity(Arc::new(sum.ok_or_else(|| Error::failed("quantity overflow"))?)))
}

fn compared<'a>(args: &[Value<'a>], with: fn(Ordering) -> Value<'a>) -> Result<Value<'a>> {
    match args {
        [Value::Quantity(a), Value::Quantity(b)] => Ok(with(a.cmp(b))),
        _ => Err(Error::Overload),
    }
}
