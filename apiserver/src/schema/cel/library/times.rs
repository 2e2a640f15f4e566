//! The parts of times and durations.

use super::super::cost::Cost;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::time::Civil;
use super::super::value::Value;

macro_rules! part {
    ($name:literal, $civil:expr) => {
        Definition {
            signatures: &[concat!("timestamp.", $name, "() -> int"), concat!("timestamp.", $name, "(string) -> int")],
            cost: Cost::Fixed(1),
            native: |_, args| civil(args, $civil),
        }
    };
    ($name:literal, $civil:expr, $unit:literal) => {
        Definition {
            signatures: &[
                concat!("timestamp.", $name, "() -> int"),
                concat!("timestamp.", $name, "(string) -> int"),
                concat!("duration.", $name, "() -> int"),
            ],
            cost: Cost::Fixed(1),
            native: |_, args| match args {
                [Value::Duration(nanos)] => Ok(Value::Int(nanos / $unit)),
                args => civil(args, $civil),
            },
        }
    };
}

pub(super) const DEFINITIONS: &[Definition] = &[
    part!("getFullYear", |civil, _| civil.year),
    part!("getMonth", |civil, _| civil.month - 1),
    part!("getDate", |civil, _| civil.day),
    part!("getDayOfMonth", |civil, _| civil.day - 1),
    part!("getDayOfWeek", |civil, _| civil.day_of_week),
    part!("getDayOfYear", |civil, _| civil.day_of_year),
    part!("getHours", |civil, _| civil.second_of_day / 3600, 3_600_000_000_000),
    part!("getMinutes", |civil, _| civil.second_of_day / 60 % 60, 60_000_000_000),
    part!("getSeconds", |civil, _| civil.second_of_day % 60, 1_000_000_000),
    part!("getMilliseconds", |_, nanos| i64::from(nanos) / 1_000_000, 1_000_000),
];

fn civil<'a>(args: &[Value<'a>], part: fn(&Civil, u32) -> i64) -> Result<Value<'a>> {
    let (time, zone) = match args {
        [Value::Timestamp(time)] => (time, ""),
        [Value::Timestamp(time), Value::Text(zone)] => (time, &**zone),
        _ => return Err(Error::Overload),
    };
    Ok(Value::Int(part(&time.in_zone(zone)?, time.nanos)))
}
