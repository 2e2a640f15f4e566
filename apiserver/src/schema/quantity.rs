//! Quantities such as `1.5Gi`: exact numbers with suffixes. Source:
//! <https://github.com/kubernetes/apimachinery/blob/master/pkg/api/resource/quantity.go>

use std::cmp::Ordering;
use std::str::FromStr;

/// An amount of a resource, as Kubernetes writes it: `100m`, `1.5Gi`, `3e6`. Equal amounts are equal, however they were
/// written.
///
/// A number: `mantissa` times ten to the power of `exponent`, without zeros at the end of the mantissa.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
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

    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
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

    /// The sum; none where it has more digits than this type can hold.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        if self.mantissa == 0 || other.mantissa == 0 {
            return Some(if self.mantissa == 0 { *other } else { *self });
        }
        let (a, b, exponent) = self.aligned(other)?;
        Some(Self::new(a.checked_add(b)?, exponent))
    }

    /// The number, where it is an integer that fits.
    pub fn integer(&self) -> Option<i64> {
        if self.exponent < 0 {
            return None;
        }
        i64::try_from(self.mantissa.checked_mul(power_of_ten(self.exponent)?)?).ok()
    }

    /// -1, 0 or 1.
    pub fn signum(&self) -> i64 {
        self.mantissa.signum() as i64
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { mantissa: -self.mantissa, ..*self }
    }

    /// How many times ten to the power of `exponent` it is, rounded away from zero: `-3` for the thousandths in which
    /// processors are counted, `0` for bytes. What does not fit is the largest number that does.
    pub fn scaled(&self, exponent: i32) -> i64 {
        let most = if self.mantissa < 0 { i64::MIN } else { i64::MAX };
        let by = self.exponent.saturating_sub(exponent);
        if by >= 0 {
            let scaled = power_of_ten(by).and_then(|power| self.mantissa.checked_mul(power));
            return scaled.and_then(|scaled| i64::try_from(scaled).ok()).unwrap_or(if self.mantissa == 0 {
                0
            } else {
                most
            });
        }
        let sign = self.mantissa.signum();
        let Some(power) = power_of_ten(by.saturating_neg()) else { return sign as i64 };
        let away = if self.mantissa % power == 0 { 0 } else { sign };
        i64::try_from(self.mantissa / power + away).unwrap_or(most)
    }

    /// The nearest float.
    pub fn float(&self) -> f64 {
        // Reading digits is the way to the nearest float.
        format!("{}e{}", self.mantissa, self.exponent).parse().unwrap_or(f64::NAN)
    }
}

/// A text that is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QuantityError(&'static str);

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        Self::parse(text).map_err(QuantityError)
    }
}

impl From<i64> for Quantity {
    fn from(number: i64) -> Self {
        Self::new(number.into(), 0)
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other)
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
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
fn decimal(suffix: &str) -> Result<i32, &'static str> {
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

    #[test]
    fn what_is_finer_than_the_unit_is_rounded_away_from_zero() {
        #[track_caller]
        fn check(text: &str, exponent: i32, expected: i64) {
            assert_eq!(text.parse::<Quantity>().map(|quantity| quantity.scaled(exponent)), Ok(expected), "{text}");
        }
        check("2", -3, 2000);
        check("100m", -3, 100);
        check("1n", -3, 1);
        check("-1n", -3, -1);
        check("1500u", -3, 2);
        check("1.5Gi", 0, 1_610_612_736);
        check("1500m", 0, 2);
        check("0", -3, 0);
        check("1e40", -3, i64::MAX);
        check("-1e40", 0, i64::MIN);
        check("10E", 0, i64::MAX);
    }
}
