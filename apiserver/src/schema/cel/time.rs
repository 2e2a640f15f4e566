//! Points in time and durations, read and written as Go does it.

use std::cmp::Ordering;

use jiff::tz::TimeZone;

use super::error::{Error, Result};

/// A point in time between the years 1 and 9999.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp {
    /// Since 1970, without leap seconds.
    pub(super) seconds: i64,
    pub(super) nanos: u32,
    /// Of the zone that it was written in, and is written in, in seconds. It makes no difference otherwise.
    offset: i32,
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Timestamp {}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }
}

/// Its parts, as a calendar and a clock show them.
pub(super) struct Civil {
    pub(super) year: i64,
    /// From 1.
    pub(super) month: i64,
    /// From 1.
    pub(super) day: i64,
    /// From 0.
    pub(super) day_of_year: i64,
    /// From 0, which is Sunday.
    pub(super) day_of_week: i64,
    /// Since midnight.
    pub(super) second_of_day: i64,
}

const NANOS: i128 = 1_000_000_000;
const DAY: i64 = 86_400;
/// 0001-01-01 and 10000-01-01.
const SECONDS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

impl Timestamp {
    pub(super) fn new(seconds: i64, nanos: u32) -> Option<Self> {
        SECONDS.contains(&seconds).then_some(Self { seconds, nanos, offset: 0 })
    }

    /// Whether it is the start of the year 1, which is what Go takes for no time at all.
    pub(super) fn is_zero(self) -> bool {
        self.seconds == SECONDS.start && self.nanos == 0
    }

    /// A text as in RFC 3339.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('T')?;
        let (clock, rest) = (time.get(..8)?, time.get(8..)?);
        let clock: Vec<_> = clock.split(':').map(|part| number(part, 2)).collect::<Option<_>>()?;
        let [hour @ 0..24, minute @ 0..60, second @ 0..60] = clock[..] else { return None };
        let (nanos, zone) = match rest.strip_prefix(['.', ',']) {
            None => (0, rest),
            Some(fraction) => {
                let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
                let digits = &fraction[..fraction.len() - zone.len()];
                let nanos = format!("{:0<9}", digits.get(..9).unwrap_or(digits)).parse().ok()?;
                (nanos, (!digits.is_empty()).then_some(zone)?)
            }
        };
        let offset = if zone == "Z" { 0 } else { offset(zone)? };
        let time = Self::new(days_of(date)? * DAY + hour * 3600 + minute * 60 + second - offset, nanos)?;
        Some(Self { offset: offset as i32, ..time })
    }

    /// As [`parse`](Self::parse), where `t` and `z` may be small.
    pub(super) fn parse_lenient(text: &str) -> Option<Self> {
        Self::parse(&text.to_ascii_uppercase())
    }

    /// The start of a day, `2006-01-02`.
    pub(super) fn of_date(text: &str) -> Option<Self> {
        Self::new(days_of(text)? * DAY, 0)
    }

    /// The time `nanos` later.
    pub(super) fn plus(self, nanos: i64) -> Option<Self> {
        let total = i128::from(self.seconds) * NANOS + i128::from(self.nanos) + i128::from(nanos);
        let time = Self::new(total.div_euclid(NANOS) as i64, total.rem_euclid(NANOS) as u32)?;
        Some(Self { offset: self.offset, ..time })
    }

    /// The nanoseconds since another time, where they fit.
    pub(super) fn minus(self, other: Self) -> Option<i64> {
        let seconds = i128::from(self.seconds) - i128::from(other.seconds);
        i64::try_from(seconds * NANOS + i128::from(self.nanos) - i128::from(other.nanos)).ok()
    }

    /// As RFC 3339, with as many decimals as it takes.
    pub(super) fn text(self) -> String {
        let civil = self.civil(self.offset.into());
        let clock = civil.second_of_day;
        let fraction = match self.nanos {
            0 => String::new(),
            nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
        };
        let zone = match (self.offset, self.offset.abs() / 60) {
            (0, _) => "Z".to_owned(),
            (offset, minutes) => {
                format!("{}{:02}:{:02}", if offset < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
            }
        };
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}{zone}",
            civil.year,
            civil.month,
            civil.day,
            clock / 3600,
            clock / 60 % 60,
            clock % 60
        )
    }

    /// Its parts in a zone: an offset such as `+02:00`, or a name such as `Europe/Berlin`.
    pub(super) fn in_zone(self, zone: &str) -> Result<Civil> {
        if matches!(zone, "" | "UTC") {
            return Ok(self.civil(0));
        }
        let signed = if zone.starts_with(['+', '-']) { zone.to_owned() } else { format!("+{zone}") };
        if let Some(offset) = offset(&signed) {
            return Ok(self.civil(offset));
        }
        let unknown = || Error::failed(format!("unknown time zone {zone}"));
        let found = TimeZone::get(zone).map_err(|_| unknown())?;
        let time = jiff::Timestamp::new(self.seconds, 0).map_err(|_| unknown())?;
        Ok(self.civil(found.to_offset(time).seconds().into()))
    }

    fn civil(self, offset: i64) -> Civil {
        let local = self.seconds + offset;
        let days = local.div_euclid(DAY);
        let (year, month, day) = date_of(days);
        Civil {
            year,
            month,
            day,
            day_of_year: days - days_from(year, 1, 1),
            day_of_week: (days + 4).rem_euclid(7),
            second_of_day: local.rem_euclid(DAY),
        }
    }
}

/// A duration as Go writes it, `1h15m30.918s`, in nanoseconds.
pub(super) fn go_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0_i128;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let behind = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &rest[..rest.len() - behind.len()];
        let length = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, after) = behind.split_at(length);
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => NANOS,
            "m" => 60 * NANOS,
            "h" => 3600 * NANOS,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || whole.len() > 20 {
            return None;
        }
        total += whole.parse::<i128>().ok().or_else(|| whole.is_empty().then_some(0))? * unit;
        let mut scale = unit;
        for digit in fraction.bytes().take(18) {
            // What is below a nanosecond is cut off digit by digit, which is as exact as any unit needs.
            total += i128::from(digit - b'0') * scale / 10;
            scale /= 10;
        }
        if total > i128::from(i64::MAX) + i128::from(negative) {
            return None;
        }
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// A duration as OpenAPI has it: Go's, or a number and a word, `3 days`, in nanoseconds.
pub(super) fn openapi_duration(text: &str) -> Option<i64> {
    if let Some(nanos) = go_duration(text) {
        return Some(nanos);
    }
    let mut total = None;
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let behind = rest[start..].trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &rest[start..rest.len() - behind.len()];
        let unit = behind.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
        let after = unit.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '\u{b5}');
        let unit = unit[..unit.len() - after.len()].to_lowercase();
        let nanos: i64 = match unit.as_str() {
            "ns" => 1,
            "us" | "\u{b5}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" | "hr" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            "w" | "wk" => 604_800_000_000_000,
            unit if unit.starts_with("nano") => 1,
            unit if unit.starts_with("micro") => 1_000,
            unit if unit.starts_with("milli") => 1_000_000,
            unit if unit.starts_with("sec") => 1_000_000_000,
            unit if unit.starts_with("min") => 60_000_000_000,
            unit if unit.starts_with("hour") => 3_600_000_000_000,
            unit if unit.starts_with("day") => 86_400_000_000_000,
            unit if unit.starts_with("week") => 604_800_000_000_000,
            _ => 0,
        };
        if nanos > 0 {
            total = Some(total.unwrap_or(0_i64).wrapping_add(number.parse::<i64>().ok()?.wrapping_mul(nanos)));
        }
        rest = after;
    }
    total
}

/// `+02:00` in seconds.
fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours @ 0..=24, minutes @ 0..60) = (number(hours, 2)?, number(minutes, 2)?) else { return None };
    Some(sign * (hours * 3600 + minutes * 60))
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The days since 1970 of `2006-01-02`, where the month has such a day.
fn days_of(date: &str) -> Option<i64> {
    let (year, rest) = date.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_from(year, month, day);
    (date_of(days) == (year, month, day)).then_some(days)
}

/// Years are taken to begin in March here, so that leap days come last.
/// Source: <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>
fn days_from(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The year, month and day of a day since 1970.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march = (5 * of_year + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, expect) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("2024-02-29T23:59:59.120Z", "2024-02-29T23:59:59.12Z"),
            ("2024-03-01T01:00:00+02:30", "2024-03-01T01:00:00+02:30"),
            ("2024-03-01T01:00:00-11:00", "2024-03-01T01:00:00-11:00"),
            ("2024-03-01T01:00:00-00:00", "2024-03-01T01:00:00Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z"),
        ] {
            assert_eq!(Timestamp::parse(text).expect(text).text(), expect);
        }
        for text in [
            "",
            "2024-02-29",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-01t00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "2024-01-01T00:00:00é",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        assert_eq!(Timestamp::parse("2024-03-01T01:00:00+02:30"), Timestamp::parse("2024-02-29T22:30:00Z"));
        let time = Timestamp::parse("2024-12-31T23:30:00Z").expect("a time");
        let local = time.in_zone("+01:00").expect("a zone");
        assert_eq!((local.year, local.month, local.day, local.day_of_year, local.day_of_week), (2025, 1, 1, 0, 3));
        assert_eq!(local.second_of_day, 1800);
        assert!(time.in_zone("Nowhere/City").is_err());
    }

    #[test]
    fn durations_are_read() {
        for (text, nanos) in [
            ("0", 0),
            ("1h", 3_600_000_000_000),
            ("-1.5s", -1_500_000_000),
            ("1h15m30.918s", 4_530_918_000_000),
            (".5ms", 500_000),
            ("1.ns", 1),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(go_duration(text), Some(nanos), "{text}");
        }
        for text in ["", "1", "s", "1x", "1h ", "9223372036854775808ns", "1..s", "99999999999999999999999h"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
        assert_eq!(openapi_duration("3 days"), Some(259_200_000_000_000));
        assert_eq!(openapi_duration("2 hours 1 min"), Some(7_260_000_000_000));
        assert_eq!(openapi_duration("soon"), None);
    }

    #[test]
    fn every_day_has_one_date() {
        for days in (-719_162..2_932_896).step_by(97) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_from(year, month, day), days);
        }
    }
}
