//! From one type to another, and how large things are.
//! Source: <https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions>

use super::super::cost::Cost;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::time::{Timestamp, go_duration};
use super::super::value::Value;
use super::super::work::Work;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        signatures: &[
            "size(string) -> int",
            "size(bytes) -> int",
            "size(list(A)) -> int",
            "size(map(A, B)) -> int",
            "string.size() -> int",
            "bytes.size() -> int",
            "list(A).size() -> int",
            "map(A, B).size() -> int",
        ],
        cost: Cost::Fixed(1),
        native: size,
    },
    Definition { signatures: &["type(A) -> type(A)"], cost: Cost::Fixed(1), native: type_of },
    Definition { signatures: &["dyn(A) -> dyn"], cost: Cost::Fixed(0), native: |_, args| one(args).cloned() },
    Definition { signatures: &["bool(bool) -> bool", "bool(string) -> bool"], cost: Cost::Fixed(1), native: to_bool },
    Definition {
        signatures: &[
            "int(int) -> int",
            "int(uint) -> int",
            "int(double) -> int",
            "int(string) -> int",
            "int(timestamp) -> int",
            "int(duration) -> int",
        ],
        cost: Cost::Fixed(1),
        native: to_int,
    },
    Definition {
        signatures: &["uint(uint) -> uint", "uint(int) -> uint", "uint(double) -> uint", "uint(string) -> uint"],
        cost: Cost::Fixed(1),
        native: to_uint,
    },
    Definition {
        signatures: &[
            "double(double) -> double",
            "double(int) -> double",
            "double(uint) -> double",
            "double(string) -> double",
        ],
        cost: Cost::Fixed(1),
        native: to_double,
    },
    Definition {
        signatures: &[
            "string(string) -> string",
            "string(bool) -> string",
            "string(int) -> string",
            "string(uint) -> string",
            "string(double) -> string",
            "string(bytes) -> string",
            "string(timestamp) -> string",
            "string(duration) -> string",
            "string(IP) -> string",
            "string(CIDR) -> string",
        ],
        cost: Cost::OfBytes,
        native: to_text,
    },
    Definition {
        signatures: &["bytes(bytes) -> bytes", "bytes(string) -> bytes"],
        cost: Cost::OfText,
        native: to_bytes,
    },
    Definition {
        signatures: &[
            "timestamp(timestamp) -> timestamp",
            "timestamp(string) -> timestamp",
            "timestamp(int) -> timestamp",
        ],
        cost: Cost::Fixed(1),
        native: to_timestamp,
    },
    Definition {
        signatures: &["duration(duration) -> duration", "duration(string) -> duration", "duration(int) -> duration"],
        cost: Cost::Fixed(1),
        native: to_duration,
    },
];

fn one<'v, 'a>(args: &'v [Value<'a>]) -> Result<&'v Value<'a>> {
    args.first().ok_or(Error::Overload)
}

fn size<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let value = one(args)?;
    match value {
        Value::Text(text) => work.steps(text.len() / 16)?,
        Value::Bytes(_) | Value::List(_) | Value::Map(_) => {}
        _ => return Err(Error::Overload),
    }
    Ok(Value::Int(value.size() as i64))
}

fn type_of<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    Ok(Value::Type(one(args)?.type_name()))
}

fn conversion(value: &Value<'_>, to: &str) -> Error {
    Error::failed(format!("type conversion error from '{}' to '{to}'", value.type_name()))
}

fn to_bool<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match one(args)? {
        Value::Bool(truth) => Ok(Value::Bool(*truth)),
        value @ Value::Text(text) => match &**text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Value::Bool(false)),
            _ => Err(conversion(value, "bool")),
        },
        _ => Err(Error::Overload),
    }
}

fn to_int<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let overflow = || Error::failed("integer overflow");
    match one(args)? {
        Value::Int(number) => Ok(Value::Int(*number)),
        Value::Uint(number) => i64::try_from(*number).map(Value::Int).map_err(|_| overflow()),
        // The ends are not doubles themselves, so they are refused, as in Go.
        Value::Double(number) if *number > -9_223_372_036_854_775_808.0 && *number < 9_223_372_036_854_775_807.0 => {
            Ok(Value::Int(*number as i64))
        }
        Value::Double(_) => Err(overflow()),
        value @ Value::Text(text) => {
            let plain = text.strip_prefix(['-', '+']).unwrap_or(text).bytes().all(|b| b.is_ascii_digit());
            let number = text.parse().ok().filter(|_| plain);
            number.map(Value::Int).ok_or_else(|| conversion(value, "int"))
        }
        Value::Timestamp(time) => Ok(Value::Int(time.seconds)),
        Value::Duration(nanos) => Ok(Value::Int(*nanos)),
        _ => Err(Error::Overload),
    }
}

fn to_uint<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let overflow = || Error::failed("unsigned integer overflow");
    match one(args)? {
        Value::Uint(number) => Ok(Value::Uint(*number)),
        Value::Int(number) => u64::try_from(*number).map(Value::Uint).map_err(|_| overflow()),
        Value::Double(number) if *number >= 0.0 && *number < 18_446_744_073_709_551_615.0 => {
            Ok(Value::Uint(*number as u64))
        }
        Value::Double(_) => Err(overflow()),
        value @ Value::Text(text) => {
            let number = text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
            number.map(Value::Uint).ok_or_else(|| conversion(value, "uint"))
        }
        _ => Err(Error::Overload),
    }
}

fn to_double<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match one(args)? {
        Value::Double(number) => Ok(Value::Double(*number)),
        Value::Int(number) => Ok(Value::Double(*number as f64)),
        Value::Uint(number) => Ok(Value::Double(*number as f64)),
        value @ Value::Text(text) => {
            let number = text.parse::<f64>().ok().filter(|number| {
                // What is too large is an error; infinity itself is written out.
                number.is_finite() || !text.contains(|c: char| c.is_ascii_digit())
            });
            number.map(Value::Double).ok_or_else(|| conversion(value, "double"))
        }
        _ => Err(Error::Overload),
    }
}

fn to_text<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    Ok(match one(args)? {
        value @ Value::Text(_) => value.clone(),
        Value::Bytes(bytes) => {
            work.steps(bytes.len())?;
            let text = std::str::from_utf8(bytes);
            Value::text(text.map_err(|_| Error::failed("invalid UTF-8 in bytes, cannot convert to string"))?)
        }
        value => Value::text(plain(value).ok_or(Error::Overload)?),
    })
}

/// What has a text of its own, as `string()` gives it.
pub(super) fn plain(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => double(*number),
        Value::Timestamp(time) => time.text(),
        Value::Duration(nanos) => seconds(*nanos),
        Value::Ip(ip) => ip.0.to_string(),
        Value::Cidr(cidr) => cidr.to_string(),
        _ => return None,
    })
}

/// The shortest text that is this number, as Go's `%g` without a precision.
fn double(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..21).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A duration in seconds, with as many decimals as it takes.
fn seconds(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, rest) = (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
    match rest {
        0 => format!("{sign}{whole}s"),
        rest => format!("{sign}{whole}.{}s", format!("{rest:09}").trim_end_matches('0')),
    }
}

fn to_bytes<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match one(args)? {
        value @ Value::Bytes(_) => Ok(value.clone()),
        Value::Text(text) => {
            work.steps(text.len())?;
            Ok(Value::Bytes(text.as_bytes().into()))
        }
        _ => Err(Error::Overload),
    }
}

fn to_timestamp<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match one(args)? {
        value @ Value::Timestamp(_) => Ok(value.clone()),
        value @ Value::Text(text) => {
            Timestamp::parse(text).map(Value::Timestamp).ok_or_else(|| conversion(value, "timestamp"))
        }
        Value::Int(seconds) => {
            Timestamp::new(*seconds, 0).map(Value::Timestamp).ok_or_else(|| Error::failed("timestamp overflow"))
        }
        _ => Err(Error::Overload),
    }
}

fn to_duration<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    match one(args)? {
        value @ Value::Duration(_) => Ok(value.clone()),
        value @ Value::Text(text) => {
            go_duration(text).map(Value::Duration).ok_or_else(|| conversion(value, "duration"))
        }
        Value::Int(nanos) => Ok(Value::Duration(*nanos)),
        _ => Err(Error::Overload),
    }
}
