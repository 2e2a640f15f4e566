//! Quantities such as `1.5Gi`: exact numbers with suffixes. Sources:
//! <https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-quantity-library>,
//! <https://github.com/kubernetes/apimachinery/blob/master/pkg/api/resource/quantity.go>

use std::cmp::Ordering;
use std::sync::Arc;

use super::super::cost::Cost;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::value::Value;
use super::super::work::Work;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition { signatures: &["quantity(string) -> Quantity"], cost: Cost::Walk(1), native: quantity },
    Definition { signatures: &["isQuantity(string) -> bool"], cost: Cost::Walk(1), native: is_quantity },
    Definition {
        signatures: &["sign(Quantity) -> int"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |quantity| Ok(Value::Int(quantity.mantissa.signum() as i64))),
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

/// A number: `mantissa` times ten to the power of `exponent`, without zeros at the end of the mantissa.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantity {
    mantissa: i128,
    exponent: i32,
}

/// What is finer than this is rounded away from zero.
const EXPONENT_MIN: i32 = -9;

const WRONG: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

impl Quantity {
    fn new(mantissa: i128, exponent: i32) -> Self {
        let mut number = Self { mantissa, exponent };
        while number.mantissa != 0 && number.mantissa % 10 == 0 {
            number.mantissa /= 10;
            number.exponent = number.exponent.saturating_add(1);
        }
        if number.mantissa == 0 {
            number.exponent = 0;
        }
        number
    }

    pub(crate) fn parse(text: &str) -> std::result::Result<Self, &'static str> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if text.is_empty() {
            return Err(WRONG);
        }
        let (whole, rest) = digits(rest);
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), digits);
        let whole = whole.trim_start_matches('0');
        let (mantissa, lost) = read(whole, fraction);
        let number = match binary(suffix) {
            Some(shift) => {
                let max = i128::from(i64::MAX);
                // More than 18 digits are more than the largest quantity of this kind, whatever comes behind them.
                let capped = || Self::new(max, 0);
                let scaled = mantissa.checked_mul(1 << shift).filter(|_| whole.len() <= 30);
                let number = scaled.map_or_else(capped, |scaled| Self::new(scaled, lost).rounded());
                if number.compare(&capped()).is_gt() { capped() } else { number }
            }
            None => Self::new(mantissa, decimal(suffix)?.saturating_add(lost)).rounded(),
        };
        Ok(if negative { Self { mantissa: -number.mantissa, ..number } } else { number })
    }

    /// Away from zero, where it is not negative.
    fn rounded(self) -> Self {
        if self.exponent >= EXPONENT_MIN || self.mantissa == 0 {
            return self;
        }
        let power = power_of_ten(EXPONENT_MIN - self.exponent);
        let mantissa =
            power.map_or(1, |power| self.mantissa.div_euclid(power) + i128::from(self.mantissa % power != 0));
        Self::new(mantissa, EXPONENT_MIN)
    }

    pub(crate) fn equals(&self, other: &Self) -> bool {
        self == other
    }

    fn compare(&self, other: &Self) -> Ordering {
        let sign = self.mantissa.signum().cmp(&other.mantissa.signum());
        if sign.is_ne() || self.mantissa == 0 {
            return sign;
        }
        match self.aligned(other) {
            Some((a, b, _)) => a.cmp(&b),
            // So far apart that the powers decide.
            None => {
                let size = |number: &Self| i64::from(number.exponent) + number.mantissa.unsigned_abs().ilog10() as i64;
                let order = size(self).cmp(&size(other));
                if self.mantissa < 0 { order.reverse() } else { order }
            }
        }
    }

    /// Both with the smaller exponent, where they fit.
    fn aligned(&self, other: &Self) -> Option<(i128, i128, i32)> {
        let exponent = self.exponent.min(other.exponent);
        let scaled = |number: &Self| number.mantissa.checked_mul(power_of_ten(number.exponent.checked_sub(exponent)?)?);
        Some((scaled(self)?, scaled(other)?, exponent))
    }

    fn plus(&self, other: &Self) -> Option<Self> {
        if self.mantissa == 0 || other.mantissa == 0 {
            return Some(if self.mantissa == 0 { *other } else { *self });
        }
        let (a, b, exponent) = self.aligned(other)?;
        Some(Self::new(a.checked_add(b)?, exponent))
    }

    fn integer(&self) -> Option<i64> {
        if self.exponent < 0 {
            return None;
        }
        i64::try_from(self.mantissa.checked_mul(power_of_ten(self.exponent)?)?).ok()
    }

    fn float(&self) -> f64 {
        // Reading digits is the way to the nearest float.
        format!("{}e{}", self.mantissa, self.exponent).parse().unwrap_or(f64::NAN)
    }
}

/// The digits at the start, and the rest.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The number that all digits make, and the power of ten that it is to be taken with. Beyond 37 digits they are rounded
/// away from zero.
fn read(whole: &str, fraction: &str) -> (i128, i32) {
    let mut mantissa = 0_i128;
    let mut exponent = 0_i32;
    let mut more = false;
    for (index, digit) in whole.bytes().chain(fraction.bytes()).enumerate() {
        let behind = i32::from(index >= whole.len());
        let next = mantissa.checked_mul(10).and_then(|next| next.checked_add(i128::from(digit - b'0')));
        match next.filter(|next| *next < i128::MAX / 20 && !more) {
            Some(next) => {
                mantissa = next;
                exponent -= behind;
            }
            None => {
                more |= true;
                exponent += 1 - behind;
            }
        }
    }
    (mantissa + i128::from(more), exponent)
}

fn power_of_ten(exponent: i32) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(exponent).ok()?)
}

/// The power of two that a suffix stands for.
fn binary(suffix: &str) -> Option<u32> {
    ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().position(|known| *known == suffix).map(|index| 10 * (index as u32 + 1))
}

/// The power of ten that a suffix stands for.
fn decimal(suffix: &str) -> std::result::Result<i32, &'static str> {
    const UNKNOWN: &str = "unable to parse quantity's suffix";
    let power = match suffix {
        "n" => -9,
        "u" => -6,
        "m" => -3,
        "" => 0,
        "k" => 3,
        "M" => 6,
        "G" => 9,
        "T" => 12,
        "P" => 15,
        "E" => 18,
        suffix => {
            let letters = suffix.trim_start_matches(|c: char| "eEinumkKMGTP".contains(c));
            let number = letters.strip_prefix(['-', '+']).unwrap_or(letters);
            if !number.bytes().all(|b| b.is_ascii_digit()) {
                return Err(WRONG);
            }
            let number = suffix.strip_prefix(['e', 'E']).ok_or(UNKNOWN)?;
            return number.parse::<i64>().map(|power| power.clamp(-1_000_000, 1_000_000) as i32).map_err(|_| UNKNOWN);
        }
    };
    Ok(power)
}

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

fn sum<'a>(args: &[Value<'a>], sign: i128) -> Result<Value<'a>> {
    let (a, b) = match args {
        [Value::Quantity(a), Value::Quantity(b)] => (a, **b),
        [Value::Quantity(a), Value::Int(b)] => (a, Quantity::new((*b).into(), 0)),
        _ => return Err(Error::Overload),
    };
    let sum = a.plus(&Quantity { mantissa: b.mantissa * sign, ..b });
    Ok(Value::Quantity(Arc::new(sum.ok_or_else(|| Error::failed("quantity overflow"))?)))
}

fn compared<'a>(args: &[Value<'a>], with: fn(Ordering) -> Value<'a>) -> Result<Value<'a>> {
    match args {
        [Value::Quantity(a), Value::Quantity(b)] => Ok(with(a.compare(b))),
        _ => Err(Error::Overload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact() {
        let parse = |text: &str| Quantity::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        for (a, b) in [
            ("1k", "1000"),
            ("0.2G", "200M"),
            ("1Ki", "1024"),
            ("1.5Gi", "1610612736"),
            ("100m", "0.1"),
            ("1e3", "1E3"),
            ("1E", "1000P"),
            ("12e-3", "12m"),
            ("0.1n", "1n"),
            ("-0.1n", "-1n"),
            ("-0", "0"),
            ("+5", "5.000"),
            ("1.", "1"),
            (".5", "500m"),
            ("Ki", "0"),
            ("99999999999999999999Ki", "9223372036854775807"),
            ("00012", "12"),
        ] {
            assert_eq!(parse(a), parse(b), "{a} and {b}");
        }
        for text in ["", "1x", "1 k", "k1", "1.2.3", "1ki", "1KiB", "--1", "1e", "1ee3", "five"] {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
        assert!(parse("1e40").compare(&parse("1e-9")).is_gt());
        assert!(parse("-1e40").compare(&parse("1")).is_lt());
        assert!(parse("-1e40").compare(&parse("-1")).is_lt());
        assert_eq!(parse("10E").integer(), None);
        assert_eq!(parse("5.0").integer(), Some(5));
        assert_eq!(parse("5.5").integer(), None);
        assert_eq!(parse("5.5").float(), 5.5);
    }
}
