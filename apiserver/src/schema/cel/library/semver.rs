//! Semantic versions. Sources: <https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-semver-library>,
//! <https://semver.org>

use std::cmp::Ordering;
use std::sync::Arc;

use super::super::cost::Cost;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::value::Value;
use super::super::work::Work;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        signatures: &["semver(string) -> Semver", "semver(string, bool) -> Semver"],
        cost: Cost::Walk(1),
        native: semver,
    },
    Definition {
        signatures: &["isSemver(string) -> bool", "isSemver(string, bool) -> bool"],
        cost: Cost::Walk(1),
        native: is_semver,
    },
    Definition { signatures: &["Semver.major() -> int"], cost: Cost::Fixed(1), native: |_, args| part(args, 0) },
    Definition { signatures: &["Semver.minor() -> int"], cost: Cost::Fixed(1), native: |_, args| part(args, 1) },
    Definition { signatures: &["Semver.patch() -> int"], cost: Cost::Fixed(1), native: |_, args| part(args, 2) },
    Definition {
        signatures: &["Semver.isGreaterThan(Semver) -> bool"],
        cost: Cost::Fixed(1),
        native: |_, args| compared(args, |order| Value::Bool(order.is_gt())),
    },
    Definition {
        signatures: &["Semver.isLessThan(Semver) -> bool"],
        cost: Cost::Fixed(1),
        native: |_, args| compared(args, |order| Value::Bool(order.is_lt())),
    },
    Definition {
        signatures: &["Semver.compareTo(Semver) -> int"],
        cost: Cost::Fixed(1),
        native: |_, args| compared(args, |order| Value::Int(order as i64)),
    },
];

/// A version; what it was built from does not count.
#[derive(Clone, Debug)]
pub(crate) struct Semver {
    numbers: [u64; 3],
    /// What it is before, for example `rc`, `1`.
    before: Vec<Identifier>,
}

/// Numbers come before words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Word(String),
}

impl Semver {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        if text.is_empty() {
            return Err("Version string empty".into());
        }
        let parts: Vec<_> = text.splitn(3, '.').collect();
        let [major, minor, rest] = parts[..] else { return Err("No Major.Minor.Patch elements found".into()) };
        let (rest, build) = match rest.split_once('+') {
            Some((rest, build)) => (rest, Some(build)),
            None => (rest, None),
        };
        let (patch, before) = match rest.split_once('-') {
            Some((patch, before)) => (patch, Some(before)),
            None => (rest, None),
        };
        let numbers = [number("major", major)?, number("minor", minor)?, number("patch", patch)?];
        let before = before.into_iter().flat_map(|before| before.split('.'));
        let before = before.map(identifier).collect::<std::result::Result<_, _>>()?;
        for part in build.into_iter().flat_map(|build| build.split('.')) {
            if part.is_empty() {
                return Err("Build meta data is empty".into());
            }
            if !part.bytes().all(is_word) {
                return Err(format!("Invalid character(s) found in build meta data {}", crate::field::quoted(part)));
            }
        }
        Ok(Self { numbers, before })
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        // A version comes after all that lead to it.
        let released = self.before.is_empty().cmp(&other.before.is_empty());
        self.numbers.cmp(&other.numbers).then(released).then_with(|| self.before.cmp(&other.before))
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn number(name: &str, text: &str) -> std::result::Result<u64, String> {
    let shown = crate::field::quoted(text);
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("Invalid character(s) found in {name} number {shown}"));
    }
    if text.len() > 1 && text.starts_with('0') {
        let name = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        return Err(format!("{name} number must not contain leading zeroes {shown}"));
    }
    text.parse().map_err(|_| format!("strconv.ParseUint: parsing {shown}: invalid syntax"))
}

fn identifier(text: &str) -> std::result::Result<Identifier, String> {
    let shown = crate::field::quoted(text);
    if text.is_empty() {
        return Err("Prerelease is empty".into());
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        let word = text.bytes().all(is_word).then(|| Identifier::Word(text.to_owned()));
        return word.ok_or_else(|| format!("Invalid character(s) found in prerelease {shown}"));
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(format!("Numeric PreRelease version must not contain leading zeroes {shown}"));
    }
    text.parse().map(Identifier::Number).map_err(|_| format!("strconv.ParseUint: parsing {shown}: value out of range"))
}

/// Makes a version of `v1` and `1.02`.
fn normalized(text: &str) -> std::result::Result<String, String> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts: Vec<_> = text.splitn(3, '.').map(without_zeros).collect();
    if parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['+', '-'])) {
        return Err("short version cannot contain PreRelease/Build meta data".into());
    }
    parts.resize(3, "0".into());
    Ok(parts.join("."))
}

fn without_zeros(part: &str) -> String {
    if part.len() < 2 {
        return part.to_owned();
    }
    let trimmed = part.trim_start_matches('0');
    let digit = trimmed.starts_with(|c: char| c.is_ascii_digit());
    if digit { trimmed.to_owned() } else { format!("0{trimmed}") }
}

fn parsed(work: &mut Work, args: &[Value<'_>]) -> Result<std::result::Result<Semver, String>> {
    let (text, normalize) = match args {
        [Value::Text(text)] => (text, false),
        [Value::Text(text), Value::Bool(normalize)] => (text, *normalize),
        _ => return Err(Error::Overload),
    };
    work.steps(text.len())?;
    Ok(if normalize { normalized(text).and_then(|text| Semver::parse(&text)) } else { Semver::parse(text) })
}

fn semver<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    Ok(Value::Semver(Arc::new(parsed(work, args)?.map_err(Error::failed)?)))
}

fn is_semver<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    Ok(Value::Bool(parsed(work, args)?.is_ok()))
}

fn part<'a>(args: &[Value<'a>], index: usize) -> Result<Value<'a>> {
    match args {
        [Value::Semver(version)] => Ok(Value::Int(version.numbers[index] as i64)),
        _ => Err(Error::Overload),
    }
}

fn compared<'a>(args: &[Value<'a>], with: fn(Ordering) -> Value<'a>) -> Result<Value<'a>> {
    match args {
        [Value::Semver(a), Value::Semver(b)] => Ok(with(a.compare(b))),
        _ => Err(Error::Overload),
    }
}
