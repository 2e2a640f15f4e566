//! `'%s is %d'.format(['a', 1])`. Source: <https://pkg.go.dev/github.com/google/cel-go/ext#hdr-Format-Strings>

use super::super::cost::Cost;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::value::Value;
use super::super::work::Work;
use super::convert::plain;
use crate::field::quoted;

pub(super) const DEFINITIONS: &[Definition] =
    &[Definition { signatures: &["string.format(list(dyn)) -> string"], cost: Cost::Walk(1), native: format }];

/// How many decimals a number has where nothing is said of it.
const PRECISION: usize = 6;

/// How many there may be.
const PRECISION_MAX: usize = 1_000;

/// How deep a value may be nested that is written out.
const DEPTH_MAX: usize = 400;

fn format<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::Text(format), Value::List(list)] = args else { return Err(Error::Overload) };
    work.steps(format.len())?;
    let mut out = String::new();
    let mut index = 0;
    let mut rest = &**format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (precision, after) = precision(after)?;
        let clause = after.chars().next().ok_or_else(|| failed("unexpected end of string"))?;
        rest = &after[clause.len_utf8()..];
        if index >= list.len() {
            return Err(failed(&format!("index {index} out of range")));
        }
        let value = list.get(index)?;
        index += 1;
        match clause {
            's' => write(work, &mut out, &value, false, 0)?,
            'd' => out.push_str(&decimal(&value)?),
            'f' => out.push_str(&fixed(&value, precision)?),
            'e' => out.push_str(&scientific(&value, precision)?),
            'b' => out.push_str(&binary(&value)?),
            'x' => out.push_str(&hex(work, &value)?),
            'X' => out.push_str(&hex(work, &value)?.to_uppercase()),
            'o' => out.push_str(&octal(&value)?),
            other => {
                return Err(failed(&format!(
                    "could not parse formatting clause: unrecognized formatting clause \"{other}\""
                )));
            }
        }
        work.steps(out.len() / 64)?;
    }
    out.push_str(rest);
    Ok(Value::text(out))
}

/// How many values a format takes.
pub(in super::super) fn count(format: &str) -> usize {
    let mut count = 0;
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        // Behind a percent sign, another one is only that.
        if c == '%' && chars.next() != Some('%') {
            count += 1;
        }
    }
    count
}

fn failed(why: &str) -> Error {
    Error::failed(why.to_owned())
}

fn refused(what: &str, value: &Value<'_>) -> Error {
    failed(&format!("error during formatting: {what}, was given {}", value.type_name()))
}

/// `.3`, and what follows it.
fn precision(text: &str) -> Result<(usize, &str)> {
    let Some(text) = text.strip_prefix('.') else { return Ok((PRECISION, text)) };
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if rest.is_empty() {
        let why = "error while parsing precision: could not find end of precision specifier";
        return Err(failed(&format!("could not parse formatting clause: {why}")));
    }
    let precision = digits.parse().ok().filter(|precision| *precision <= PRECISION_MAX);
    let precision = precision.ok_or_else(|| failed("error while parsing precision: precision is out of range"))?;
    Ok((precision, rest))
}

/// A value as text; within lists and maps, so that it could stand in an expression.
fn write(work: &mut Work, out: &mut String, value: &Value<'_>, within: bool, depth: usize) -> Result<()> {
    work.steps(8)?;
    if depth > DEPTH_MAX {
        return Err(Error::Cost);
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Text(text) => {
            work.steps(text.len())?;
            if within { out.push_str(&quoted(text)) } else { out.push_str(text) }
        }
        Value::Bytes(bytes) => {
            work.steps(bytes.len())?;
            let text = std::str::from_utf8(bytes).map_err(|_| failed("could not convert argument to string"))?;
            if within { out.push_str(&format!("b{}", quoted(text))) } else { out.push_str(text) }
        }
        Value::Double(number) if within => {
            let text = if number.is_finite() { format!("{number:.PRECISION$}") } else { quoted(&infinite(*number)) };
            out.push_str(&text);
        }
        Value::Double(number) if !number.is_finite() => out.push_str(&infinite(*number)),
        Value::Timestamp(_) if within => {
            out.push_str(&format!("timestamp({})", quoted(&plain(value).unwrap_or_default())))
        }
        Value::Duration(_) if within => {
            out.push_str(&format!("duration({})", quoted(&plain(value).unwrap_or_default())))
        }
        Value::Type(name) => out.push_str(name),
        Value::List(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(work, out, &item?, true, depth + 1)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            let mut entries = Vec::with_capacity(map.len());
            for key in map.keys() {
                let (mut name, mut text) = (String::new(), String::new());
                write(work, &mut name, &key, true, depth + 1)?;
                if let Some(value) = map.get(&key)? {
                    write(work, &mut text, &value, true, depth + 1)?;
                }
                entries.push(format!("{name}:{text}"));
            }
            entries.sort();
            out.push_str(&format!("{{{}}}", entries.join(", ")));
        }
        value => match plain(value) {
            Some(text) => out.push_str(&text),
            None => {
                return Err(refused(
                    "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, \
                     durations, and timestamps",
                    value,
                ));
            }
        },
    }
    Ok(())
}

fn infinite(number: f64) -> String {
    match number {
        number if number.is_nan() => "NaN",
        number if number > 0.0 => "+Inf",
        _ => "-Inf",
    }
    .to_owned()
}

fn decimal(value: &Value<'_>) -> Result<String> {
    match value {
        Value::Int(number) => Ok(number.to_string()),
        Value::Uint(number) => Ok(number.to_string()),
        other => Err(refused("decimal clause can only be used on integers", other)),
    }
}

/// A number for clauses that also take some words for one.
fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        Value::Text(text) => match &**text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// How a number is written that has no digits.
fn beyond_digits(number: f64) -> Option<&'static str> {
    match number {
        _ if number.is_finite() => None,
        _ if number.is_nan() => Some("NaN"),
        _ if number > 0.0 => Some("∞"),
        _ => Some("-∞"),
    }
}

/// In English: thousands are set apart.
fn fixed(value: &Value<'_>, precision: usize) -> Result<String> {
    let number = number(value).ok_or_else(|| refused("fixed-point clause can only be used on doubles", value))?;
    if let Some(text) = beyond_digits(number) {
        return Ok(text.to_owned());
    }
    let text = format!("{number:.precision$}");
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    Ok(out)
}

/// As people write it: `2.718000×10⁰⁰`.
fn scientific(value: &Value<'_>, precision: usize) -> Result<String> {
    let number = number(value).ok_or_else(|| refused("scientific clause can only be used on doubles", value))?;
    if let Some(text) = beyond_digits(number) {
        return Ok(text.to_owned());
    }
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("", exponent), |exponent| ("⁻", exponent));
    let raised = |digit: char| digit.to_digit(10).and_then(|digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit as usize));
    let exponent: String = format!("{exponent:0>2}").chars().filter_map(raised).collect();
    Ok(format!("{digits}×10{sign}{exponent}"))
}

fn binary(value: &Value<'_>) -> Result<String> {
    match value {
        Value::Int(number) => Ok(signed(*number, format!("{:b}", number.unsigned_abs()))),
        Value::Uint(number) => Ok(format!("{number:b}")),
        Value::Bool(truth) => Ok(if *truth { "1" } else { "0" }.to_owned()),
        other => Err(refused("only integers and bools can be formatted as binary", other)),
    }
}

fn hex(work: &mut Work, value: &Value<'_>) -> Result<String> {
    let mut bytes = |bytes: &[u8]| {
        work.steps(bytes.len() * 4)?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    };
    match value {
        Value::Int(number) => Ok(signed(*number, format!("{:x}", number.unsigned_abs()))),
        Value::Uint(number) => Ok(format!("{number:x}")),
        Value::Text(text) => bytes(text.as_bytes()),
        Value::Bytes(found) => bytes(found),
        other => Err(refused("only integers, byte buffers, and strings can be formatted as hex", other)),
    }
}

fn octal(value: &Value<'_>) -> Result<String> {
    match value {
        Value::Int(number) => Ok(signed(*number, format!("{:o}", number.unsigned_abs()))),
        Value::Uint(number) => Ok(format!("{number:o}")),
        other => Err(refused("octal clause can only be used on integers", other)),
    }
}

fn signed(number: i64, digits: String) -> String {
    if number < 0 { format!("-{digits}") } else { digits }
}
