//! Durations as Go writes them: `1h30m`, `1.5s`, `250ms`, `0`. Source: <https://pkg.go.dev/time#ParseDuration>

use std::time::Duration;

/// Why a text is not a duration; reads like Go's own message, because clients know that one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not of the form at all.
    #[error("time: invalid duration {0:?}")]
    Invalid(String),
    /// A number without a unit.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit that does not exist.
    #[error("time: unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

/// Reads a duration. A negative one is 0: whoever asks for less than nothing asks for nothing.
///
/// # Errors
/// The text is not a duration.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        let number: f64 = number.parse().map_err(|_| invalid())?;
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        seconds += number
            * match unit {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "" => return Err(DurationError::MissingUnit(text.to_owned())),
                unit => return Err(DurationError::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() }),
            };
        rest = after;
    }
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| invalid())?;
    Ok(if negative { Duration::ZERO } else { duration })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_numbers_with_units() {
        check("0", Ok(0));
        check("5s", Ok(5_000));
        check("1h30m", Ok(5_400_000));
        check("1.5s", Ok(1_500));
        check("250ms", Ok(250));
        check("+1m", Ok(60_000));
        check("-1m", Ok(0));
        check("", Err("time: invalid duration \"\""));
        check("-", Err("time: invalid duration \"-\""));
        check("soon", Err("time: invalid duration \"soon\""));
        check(".s", Err("time: invalid duration \".s\""));
        check("5", Err("time: missing unit in duration \"5\""));
        check("5s6", Err("time: missing unit in duration \"5s6\""));
        check("5parsec", Err("time: unknown unit \"parsec\" in duration \"5parsec\""));
        check("99999999999999999999h", Err("time: invalid duration \"99999999999999999999h\""));
    }

    fn check(text: &str, expected_ms: Result<u128, &str>) {
        let found = parse(text).map(|duration| duration.as_millis()).map_err(|error| error.to_string());
        assert_eq!(found, expected_ms.map_err(str::to_owned), "{text:?}");
    }
}
