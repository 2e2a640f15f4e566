//! The formats of texts and numbers that are checked; all others say something to people only.
//!
//! Each accepts what Kubernetes accepts, which is not always what the name promises. Sources:
//! <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/validation/formats.go>,
//! <https://github.com/kubernetes/kube-openapi/tree/master/pkg/validation/strfmt>

use std::net::{Ipv4Addr, Ipv6Addr};

use super::node::Type;

/// What a text must look like, or which numbers fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Int32,
    Int64,
    Float,
    Double,
    BsonObjectId,
    Byte,
    Cidr,
    CreditCard,
    Date,
    DateTime,
    Duration,
    Email,
    HexColor,
    Hostname,
    Ipv4,
    Ipv6,
    Isbn,
    Isbn10,
    Isbn13,
    LongName,
    Mac,
    Password,
    RgbColor,
    ShortName,
    Ssn,
    Uri,
    Uuid,
    Uuid3,
    Uuid4,
    Uuid5,
}

impl Format {
    /// The format of that name, if values of the type have it. Hyphens in names of text formats do not count.
    pub(super) fn find(name: &str, type_: Type) -> Option<Self> {
        match (type_, name) {
            (Type::Integer, "int32") => return Some(Self::Int32),
            (Type::Integer, "int64") => return Some(Self::Int64),
            (Type::Number, "float") => return Some(Self::Float),
            (Type::Number, "double") => return Some(Self::Double),
            (Type::String | Type::Any | Type::IntOrString, _) => {}
            _ => return None,
        }
        Some(match name.replace('-', "").as_str() {
            "bsonobjectid" => Self::BsonObjectId,
            "byte" => Self::Byte,
            "cidr" => Self::Cidr,
            "creditcard" => Self::CreditCard,
            "date" => Self::Date,
            "datetime" => Self::DateTime,
            "duration" => Self::Duration,
            "email" => Self::Email,
            "hexcolor" => Self::HexColor,
            "hostname" => Self::Hostname,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "isbn" => Self::Isbn,
            "isbn10" => Self::Isbn10,
            "isbn13" => Self::Isbn13,
            "k8slongname" => Self::LongName,
            "k8sshortname" => Self::ShortName,
            "mac" => Self::Mac,
            "password" => Self::Password,
            "rgbcolor" => Self::RgbColor,
            "ssn" => Self::Ssn,
            "uri" => Self::Uri,
            "uuid" => Self::Uuid,
            "uuid3" => Self::Uuid3,
            "uuid4" => Self::Uuid4,
            "uuid5" => Self::Uuid5,
            _ => return None,
        })
    }

    /// Whether a text has this format.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::Int32 | Self::Int64 | Self::Float | Self::Double | Self::Password => true,
            Self::BsonObjectId => text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit()),
            Self::Byte => is_base64(text),
            Self::Cidr => is_cidr(text),
            Self::CreditCard => is_credit_card(text),
            Self::Date => is_date(text),
            Self::DateTime => is_date_time(text),
            Self::Duration => is_go_duration(text) || is_spoken_duration(text),
            Self::Email => is_email(text),
            Self::HexColor => {
                let digits = text.strip_prefix('#').unwrap_or(text);
                matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit())
            }
            Self::Hostname => is_hostname(text),
            Self::Ipv4 => text.contains('.') && (is_ipv4_sloppy(text) || text.parse::<Ipv6Addr>().is_ok()),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Isbn => is_isbn10(text) || is_isbn13(text),
            Self::Isbn10 => is_isbn10(text),
            Self::Isbn13 => is_isbn13(text),
            Self::LongName => text.len() <= 253 && text.split('.').all(is_dns_label),
            Self::ShortName => text.len() <= 63 && is_dns_label(text),
            Self::Mac => is_mac(text),
            Self::RgbColor => is_rgb_color(text),
            Self::Ssn => is_ssn(text),
            Self::Uri => is_request_uri(text),
            Self::Uuid => is_uuid(text, None),
            Self::Uuid3 => is_uuid(text, Some(b'3')),
            Self::Uuid4 => is_uuid(text, Some(b'4')),
            Self::Uuid5 => is_uuid(text, Some(b'5')),
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_dns_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|b| inner(*b))
        && bytes.last().is_some_and(|b| inner(*b))
        && bytes.iter().all(|b| inner(*b) || *b == b'-')
}

/// Padded, in the standard alphabet, and not empty.
fn is_base64(text: &str) -> bool {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

/// Leading zeros are allowed, as they once were in Go.
fn is_ipv4_sloppy(text: &str) -> bool {
    let parts: Vec<_> = text.split('.').collect();
    let is_byte = |part: &&str| {
        is_digits(part) && part.trim_start_matches('0').len() <= 3 && {
            part.trim_start_matches('0').parse::<u16>().unwrap_or_default() <= 255
        }
    };
    parts.len() == 4 && parts.iter().all(is_byte)
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let bits = if is_digits(bits) { bits.parse::<u16>().ok() } else { None };
    bits.is_some_and(|bits| {
        (is_ipv4_sloppy(address) || address.parse::<Ipv4Addr>().is_ok()) && bits <= 32
            || address.parse::<Ipv6Addr>().is_ok() && bits <= 128
    })
}

/// 6, 8 or 20 bytes in pairs of digits, or 6 or 8 in groups of four.
fn is_mac(text: &str) -> bool {
    let groups_of = |separator: char, digits: usize, counts: &[usize]| {
        let groups: Vec<_> = text.split(separator).collect();
        counts.contains(&groups.len())
            && groups.iter().all(|group| group.len() == digits && group.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    match text.find([':', '-', '.']) {
        Some(2) if text[2..].starts_with(':') => groups_of(':', 2, &[6, 8, 20]),
        Some(2) if text[2..].starts_with('-') => groups_of('-', 2, &[6, 8, 20]),
        Some(4) if text[4..].starts_with('.') => groups_of('.', 4, &[3, 4, 10]),
        _ => false,
    }
}

/// Hyphens may be left out. Versions 4 and 5 also fix the variant.
fn is_uuid(text: &str, version: Option<u8>) -> bool {
    let mut rest = text.as_bytes();
    for (group, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if group > 0 && rest.first() == Some(&b'-') {
            rest = &rest[1..];
        }
        if rest.len() < length || !rest[..length].iter().all(u8::is_ascii_hexdigit) {
            return false;
        }
        let wrong_version = group == 2 && version.is_some_and(|version| rest[0] != version);
        let has_variant = matches!(rest[0], b'8' | b'9' | b'a' | b'b' | b'A' | b'B');
        let wrong_variant = group == 3 && matches!(version, Some(b'4' | b'5')) && !has_variant;
        if wrong_version || wrong_variant {
            return false;
        }
        rest = &rest[length..];
    }
    rest.is_empty()
}

fn without_spaces_and_hyphens(text: &str) -> Vec<u8> {
    text.bytes().filter(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' | b'-')).collect()
}

fn is_isbn10(text: &str) -> bool {
    let digits = without_spaces_and_hyphens(text);
    let [first @ .., last] = digits.as_slice() else { return false };
    if first.len() != 9 || !first.iter().all(u8::is_ascii_digit) || !(last.is_ascii_digit() || *last == b'X') {
        return false;
    }
    let last = if *last == b'X' { 10 } else { u32::from(last - b'0') };
    let sum: u32 = first.iter().zip(1..).map(|(digit, weight)| weight * u32::from(digit - b'0')).sum();
    (sum + 10 * last).is_multiple_of(11)
}

fn is_isbn13(text: &str) -> bool {
    let digits = without_spaces_and_hyphens(text);
    if digits.len() != 13 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum: u32 = digits.iter().zip([1, 3].into_iter().cycle()).map(|(d, weight)| weight * u32::from(d - b'0')).sum();
    sum.is_multiple_of(10)
}

/// Anything but digits is skipped.
fn is_credit_card(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| digits.starts_with(prefix));
    let issued = match digits.len() {
        13 => starts(&["4"]),
        14 => starts(&["300", "301", "302", "303", "304", "305", "36", "38"]),
        15 => starts(&["34", "37", "2131", "1800"]),
        16 => starts(&["4", "51", "52", "53", "54", "55", "6011", "65", "35"]),
        _ => false,
    };
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            let doubled = if place % 2 == 1 { digit * 2 } else { digit };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    issued && sum.is_multiple_of(10)
}

fn is_ssn(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 11
        && bytes.iter().enumerate().all(|(place, b)| match place {
            3 | 6 => matches!(b, b'-' | b' '),
            _ => b.is_ascii_digit(),
        })
}

fn is_rgb_color(text: &str) -> bool {
    let space = [' ', '\t', '\n', '\r', '\x0c'];
    let is_byte = |part: &str| {
        let number = part.trim_matches(space);
        is_digits(number) && (number == "0" || !number.starts_with('0')) && number.parse::<u8>().is_ok()
    };
    let inner = text.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')'));
    inner.is_some_and(|inner| inner.split(',').count() == 3 && inner.split(',').all(is_byte))
}

/// `2006-01-02`, and a day that the month has.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let number = |range| text.get(range).filter(|part| is_digits(part)).and_then(|part| part.parse::<u32>().ok());
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else { return false };
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// As in RFC 3339, without leap seconds.
fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else { return false };
    let two = |text: &str, max: u8| text.len() == 2 && is_digits(text) && text.parse::<u8>().is_ok_and(|n| n <= max);
    let (Some(clock), Some(rest)) = (time.get(..8), time.get(8..)) else { return false };
    let mut parts = clock.split(':');
    let limits = [23, 59, 59];
    if !is_date(date) || !limits.iter().all(|max| parts.next().is_some_and(|part| two(part, *max))) {
        return false;
    }
    let rest = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() {
                return false;
            }
            zone
        }
    };
    match rest.as_bytes() {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', _, _, b':', _, _] => {
            rest.get(1..3).is_some_and(is_digits) && rest.get(4..6).is_some_and(is_digits)
        }
        _ => false,
    }
}

/// As Go's `time.ParseDuration` reads it: `1h15m30.918s`.
fn is_go_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let (mut any, mut total) = (false, 0.0_f64);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let (number, unit) = rest.split_at(digits);
        let length = unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit.len());
        let (unit, after) = unit.split_at(length);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return false,
        };
        if number.matches('.').count() > 1 || !number.contains(|c: char| c.is_ascii_digit()) {
            return false;
        }
        total += number.trim_end_matches('.').parse().unwrap_or(f64::INFINITY) * seconds;
        (any, rest) = (true, after);
    }
    // What 64 bits of nanoseconds hold.
    any && total <= 9_223_372_036.854_776
}

/// As Scala says it: `10 seconds`, anywhere in the text.
fn is_spoken_duration(text: &str) -> bool {
    const EXACT: [&str; 17] = [
        "ns", "nano", "us", "\u{b5}s", "micro", "ms", "milli", "s", "sec", "m", "min", "h", "hr", "d", "w", "wk",
        "week",
    ];
    const PREFIX: [&str; 8] = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];
    let mut rest = text;
    let mut known = false;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let behind = rest[start..].trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &rest[start..rest.len() - behind.len()];
        let unit = behind.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
        let after = unit.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '\u{b5}');
        let unit = unit[..unit.len() - after.len()].to_lowercase();
        if !unit.is_empty() {
            if number.parse::<i64>().is_err() {
                return false;
            }
            known |= EXACT.contains(&unit.as_str()) || PREFIX.iter().any(|prefix| unit.starts_with(prefix));
        }
        rest = after;
    }
    known
}

/// One label in which only the second character may be a hyphen, or several labels and a top-level domain of letters.
/// Letters and symbols of all scripts count as letters.
fn is_hostname(text: &str) -> bool {
    let letter = |c: char| c.is_alphabetic();
    let symbol = |c: char| {
        "$+<=>^`|~".contains(c) || !c.is_ascii() && !c.is_alphanumeric() && !c.is_whitespace() && !c.is_control()
    };
    let inner = |c: char| c.is_ascii_digit() || letter(c) || symbol(c);
    let label = |label: &str| {
        label.chars().count() <= 63
            && label.starts_with(inner)
            && label.ends_with(inner)
            && label.chars().all(|c| inner(c) || c == '-')
    };
    let short = text.len() <= 255 && text.split('.').all(|part| part.len() <= 63);
    short
        && match text.rsplit_once('.') {
            Some((labels, top)) => {
                labels.split('.').all(label) && (2..=63).contains(&top.chars().count()) && top.chars().all(letter)
            }
            None => {
                let mut chars = text.chars();
                let first = chars.next().is_some_and(inner);
                let rest = chars.as_str();
                first && rest.strip_prefix('-').unwrap_or(rest).chars().all(inner)
            }
        }
}

/// `a@b`, or a name and `<a@b>`.
fn is_email(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    if let Some(inner) = text.strip_suffix('>') {
        let Some(start) = inner.rfind('<') else { return false };
        let name = inner[..start].trim_matches([' ', '\t']);
        return is_display_name(name) && is_address(&inner[start + 1..]);
    }
    is_address(text)
}

fn is_display_name(name: &str) -> bool {
    if let Some(quoted) = name.strip_prefix('"') {
        return quoted.strip_suffix('"').is_some_and(is_quoted);
    }
    name.split([' ', '\t']).all(|word| word.is_empty() || word.chars().all(|c| c == '.' || is_atom(c)))
}

fn is_address(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let atoms = |text: &str| text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom));
    let local = match local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => is_quoted(quoted),
        None => atoms(local),
    };
    let domain = match domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(literal) => {
            literal.parse::<Ipv4Addr>().is_ok() || literal.trim_start_matches("IPv6:").parse::<Ipv6Addr>().is_ok()
        }
        None => atoms(domain),
    };
    local && domain
}

fn is_atom(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii()
}

fn is_quoted(text: &str) -> bool {
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            c if c.is_control() && c != '\t' => return false,
            _ => {}
        }
    }
    !escaped
}

/// What may stand in the first line of a request: an absolute URI or an absolute path.
pub(super) fn is_request_uri(text: &str) -> bool {
    if text.is_empty() || text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return false;
    }
    if text == "*" {
        return true;
    }
    let Some((scheme, rest)) = split_scheme(text) else { return false };
    let rest = rest.split('?').next().unwrap_or_default();
    if !rest.starts_with('/') {
        // An opaque URI such as `mailto:a@b`.
        return scheme;
    }
    let path = match rest.strip_prefix("//") {
        Some(authority) if scheme => {
            let end = authority.find('/').unwrap_or(authority.len());
            if !is_authority(&authority[..end]) {
                return false;
            }
            &authority[end..]
        }
        _ => rest,
    };
    has_valid_escapes(path)
}

/// Whether there is a scheme, and what follows it; `None` for a colon without one.
fn split_scheme(text: &str) -> Option<(bool, &str)> {
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index > 0 => return Some((true, &text[index + 1..])),
            b':' => return None,
            _ => return Some((false, text)),
        }
    }
    Some((false, text))
}

fn is_authority(authority: &str) -> bool {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let user_ok = user.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b))
        && has_valid_escapes(user);
    let (host, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.rsplit_once(']') {
            Some((host, port)) => (host, port),
            None => return false,
        },
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let port_ok =
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
    let host_ok =
        host.bytes().all(|b| b >= 0x80 || b.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&b));
    user_ok && port_ok && host_ok && has_valid_escapes(host)
}

fn has_valid_escapes(text: &str) -> bool {
    let mut parts = text.split('%');
    parts.next();
    parts.all(|part| part.len() >= 2 && part.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, good: &[&str], bad: &[&str]) {
        let format = Format::find(name, Type::String).expect(name);
        for text in good {
            assert!(format.fits(text), "{text:?} is a {name}");
        }
        for text in bad {
            assert!(!format.fits(text), "{text:?} is no {name}");
        }
    }

    #[test]
    fn texts_have_formats() {
        check(
            "bsonobjectid",
            &["507f1f77bcf86cd799439011"],
            &["", "507f1f77bcf86cd79943901", "507f1f77bcf86cd79943901g"],
        );
        check("byte", &["YQ==", "YWI=", "YWJj", "YWJjZA=="], &["", "YQ", "YQ=", "Y===", "YW-j", "YQ==YQ=="]);
        check(
            "cidr",
            &["10.0.0.0/8", "010.0.0.0/8", "::1/128"],
            &["", "10.0.0.0", "10.0.0.0/33", "::/129", "a/8", "1.2.3.4/-1"],
        );
        check(
            "creditcard",
            &["4111 1111 1111 1111", "378282246310005", "30569309025904"],
            &["", "4111111111111112", "1234"],
        );
        check(
            "date",
            &["2024-02-29", "2023-12-31"],
            &["", "2023-02-29", "2024-13-01", "2024-00-01", "24-01-01", "2024-1-01", "2024-01-01Z"],
        );
        check(
            "date-time",
            &["2024-05-06T07:08:09Z", "2024-05-06t07:08:09z", "2024-05-06T07:08:09.123456+02:00"],
            &[
                "",
                "2024-05-06",
                "2024-05-06 07:08:09Z",
                "2024-05-06T24:00:00Z",
                "2024-05-06T07:08:60Z",
                "2024-05-06T07:08:09",
                "2024-05-06T07:08:09.Z",
                "2024-05-06T07:08Z",
                "soon",
                "2024-05-06T0é:08:0Z",
            ],
        );
        check(
            "duration",
            &[
                "1h15m30.918s",
                "0",
                "-1.5h",
                "+5s",
                "1us",
                "1\u{b5}s",
                "10 seconds",
                "1.2.3s",
                "3 days",
                "2weeks",
                "1wk",
            ],
            &["", "1", "h", "ten", "10 parsecs"],
        );
        check(
            "email",
            &["a@b", "a.b+c@example.com", "Bob <bob@x.y>", "\"B ob\" <bob@x.y>", "\"a b\"@c", "é@x"],
            &["", "a", "a@", "@b", "a b@c", "a@b..c", "<a@b", "a@b>"],
        );
        check("hexcolor", &["#fff", "FFFFFF", "#12aBcd"], &["", "#", "#ffff", "#ggg"]);
        check(
            "hostname",
            &["a", "a-b", "example.com", "a-b.example.com", "1.example.com", "münchen.de"],
            &["", "-a", "ab-c", "a.b", "a..com", "-a.com", "a-.com", "a b", "example.c0m", "example.com."],
        );
        check(
            "ipv4",
            &["1.2.3.4", "001.2.3.4", "::ffff:1.2.3.4"],
            &["", "1.2.3", "1.2.3.256", "1.2.3.4.5", "::1", "1.2.3.a"],
        );
        check("ipv6", &["::1", "fe80::1", "::ffff:1.2.3.4"], &["", "1.2.3.4", "::1%eth0", ":::"]);
        check("isbn", &["0321751043", "978-0321751041", "080442957X"], &["", "0321751044", "978-0321751042"]);
        check("isbn10", &["0-321-75104-3"], &["978-0321751041"]);
        check("isbn13", &["978 0321751041"], &["0321751043"]);
        check(
            "mac",
            &["01:23:45:67:89:ab", "01-23-45-67-89-AB", "0123.4567.89ab"],
            &["", "01:23:45:67:89", "01:23:45:67:89:a", "01:23-45:67:89:ab", "0123456789ab"],
        );
        check("password", &["", "x"], &[]);
        check(
            "rgbcolor",
            &["rgb(0,0,0)", "rgb( 255 , 1, 99)"],
            &["", "rgb(256,0,0)", "rgb(01,0,0)", "rgb(0,0)", "rgb(0,0,0"],
        );
        check("ssn", &["111-11-1111", "111 11 1111"], &["", "111111111", "111-11-111a"]);
        check(
            "uri",
            &[
                "http://example.com/a?b=%zz",
                "https://u:p@[::1]:8080/x",
                "/a/b",
                "mailto:a@b",
                "*",
                "http://example.com",
                "//x/y",
            ],
            &["", "a", "example.com/x", ":x", "http://a b/", "/%zz", "http://x:y/", "http://[::1", "/a\n"],
        );
        check(
            "uuid",
            &["8d2cbc4a-b0a8-4a7d-8a2f-4b4f6e3f9a11", "8D2CBC4AB0A84A7D8A2F4B4F6E3F9A11"],
            &["", "8d2cbc4a", "8d2cbc4a-b0a8-4a7d-8a2f-4b4f6e3f9a1g", "8d2cbc4a-b0a8-4a7d-8a2f-4b4f6e3f9a111"],
        );
        check("uuid3", &["8d2cbc4a-b0a8-3a7d-1a2f-4b4f6e3f9a11"], &["8d2cbc4a-b0a8-4a7d-8a2f-4b4f6e3f9a11"]);
        check("uuid4", &["8d2cbc4a-b0a8-4a7d-8a2f-4b4f6e3f9a11"], &["8d2cbc4a-b0a8-4a7d-1a2f-4b4f6e3f9a11"]);
        check("uuid5", &["8d2cbc4a-b0a8-5a7d-aa2f-4b4f6e3f9a11"], &["8d2cbc4a-b0a8-4a7d-8a2f-4b4f6e3f9a11"]);
        check("k8s-short-name", &["a", "a-b"], &["", "A", "a.b", "-a"]);
        check("k8s-long-name", &["a", "a.b-c"], &["", "A", "a..b"]);
    }

    #[test]
    fn formats_belong_to_types() {
        assert_eq!(Format::find("int32", Type::Integer), Some(Format::Int32));
        assert_eq!(Format::find("uint64", Type::Integer), None);
        assert_eq!(Format::find("int32", Type::Number), None);
        assert_eq!(Format::find("double", Type::Number), Some(Format::Double));
        assert_eq!(Format::find("datetime", Type::String), Some(Format::DateTime));
        assert_eq!(Format::find("int32", Type::IntOrString), None);
        assert_eq!(Format::find("date", Type::Object), None);
        assert_eq!(Format::find("wingspan", Type::String), None);
    }
}
