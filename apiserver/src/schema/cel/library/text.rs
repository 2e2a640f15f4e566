//! Texts. Places in them are counted in characters. Sources:
//! <https://github.com/google/cel-spec/blob/master/doc/langdef.md#string-functions>,
//! <https://pkg.go.dev/github.com/google/cel-go/ext#Strings>,
//! <https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-regex-library>

use super::super::cost::Cost;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::value::Value;
use super::super::work::Work;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        signatures: &["string.startsWith(string) -> bool"],
        cost: Cost::Walk(1),
        native: |_, args| two(args, |text, start| Value::Bool(text.starts_with(start))),
    },
    Definition {
        signatures: &["string.endsWith(string) -> bool"],
        cost: Cost::Walk(1),
        native: |_, args| two(args, |text, end| Value::Bool(text.ends_with(end))),
    },
    Definition {
        signatures: &["string.contains(string) -> bool"],
        cost: Cost::Find { pattern: false },
        native: contains,
    },
    Definition {
        signatures: &["string.matches(string) -> bool", "matches(string, string) -> bool"],
        cost: Cost::Find { pattern: true },
        native: matches,
    },
    Definition { signatures: &["string.find(string) -> string"], cost: Cost::Find { pattern: true }, native: find },
    Definition {
        signatures: &["string.findAll(string) -> list(string)", "string.findAll(string, int) -> list(string)"],
        cost: Cost::Find { pattern: true },
        native: find_all,
    },
    Definition { signatures: &["string.charAt(int) -> string"], cost: Cost::Fixed(1), native: char_at },
    Definition {
        signatures: &["string.indexOf(string) -> int", "string.indexOf(string, int) -> int"],
        cost: Cost::Traverse,
        native: index_of,
    },
    Definition {
        signatures: &["string.lastIndexOf(string) -> int", "string.lastIndexOf(string, int) -> int"],
        cost: Cost::Traverse,
        native: last_index_of,
    },
    Definition {
        signatures: &["string.lowerAscii() -> string"],
        cost: Cost::Walk(1),
        native: |work, args| made(work, args, |text| text.to_ascii_lowercase()),
    },
    Definition {
        signatures: &["string.upperAscii() -> string"],
        cost: Cost::Walk(1),
        native: |work, args| made(work, args, |text| text.to_ascii_uppercase()),
    },
    Definition {
        signatures: &["string.trim() -> string"],
        cost: Cost::Walk(1),
        native: |work, args| made(work, args, |text| text.trim().to_owned()),
    },
    Definition {
        signatures: &["string.replace(string, string) -> string", "string.replace(string, string, int) -> string"],
        cost: Cost::Walk(2),
        native: replace,
    },
    Definition {
        signatures: &["string.split(string) -> list(string)", "string.split(string, int) -> list(string)"],
        cost: Cost::Walk(2),
        native: split,
    },
    Definition {
        signatures: &["string.substring(int) -> string", "string.substring(int, int) -> string"],
        cost: Cost::Walk(1),
        native: substring,
    },
    Definition {
        signatures: &["list(string).join() -> string", "list(string).join(string) -> string"],
        cost: Cost::Result,
        native: join,
    },
    Definition {
        signatures: &["strings.quote(string) -> string"],
        cost: Cost::Walk(1),
        native: |work, args| made(work, args, quote),
    },
];

fn two<'a>(args: &[Value<'a>], with: impl FnOnce(&str, &str) -> Value<'a>) -> Result<Value<'a>> {
    match args {
        [Value::Text(a), Value::Text(b)] => Ok(with(a, b)),
        _ => Err(Error::Overload),
    }
}

/// A text made of the first argument.
fn made<'a>(work: &mut Work, args: &[Value<'a>], with: impl FnOnce(&str) -> String) -> Result<Value<'a>> {
    let text = args.first().ok_or(Error::Overload)?.as_str()?;
    work.steps(text.len())?;
    Ok(Value::text(with(text)))
}

fn contains<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let size = |value: &Value<'_>| value.as_str().map(str::len);
    if let [a, b] = args {
        work.steps(size(a)? + size(b)?)?;
    }
    two(args, |text, part| Value::Bool(text.contains(part)))
}

fn matches<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::Text(text), Value::Text(pattern)] = args else { return Err(Error::Overload) };
    work.steps(text.len())?;
    Ok(Value::Bool(work.regex(pattern)?.is_match(text)))
}

fn illegal(error: Error) -> Error {
    match error {
        Error::Failed(text) => Error::failed(format!("Illegal regex: {text}")),
        other => other,
    }
}

fn find<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::Text(text), Value::Text(pattern)] = args else { return Err(Error::Overload) };
    work.steps(text.len())?;
    let regex = work.regex(pattern).map_err(illegal)?;
    Ok(Value::text(regex.find(text).map_or("", |found| found.as_str())))
}

fn find_all<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (text, pattern, most) = match args {
        [Value::Text(text), Value::Text(pattern)] => (text, pattern, usize::MAX),
        [Value::Text(text), Value::Text(pattern), Value::Int(most)] => {
            (text, pattern, usize::try_from(*most).unwrap_or(usize::MAX))
        }
        _ => return Err(Error::Overload),
    };
    work.steps(text.len() * 2)?;
    let regex = work.regex(pattern).map_err(illegal)?;
    Ok(Value::list(regex.find_iter(text).take(most).map(|found| Value::text(found.as_str())).collect()))
}

fn out_of_range(index: i64) -> Error {
    Error::failed(format!("index out of range: {index}"))
}

/// Where a character starts; the end counts as one.
fn offset(text: &str, index: i64) -> Result<usize> {
    let place = usize::try_from(index).map_err(|_| out_of_range(index))?;
    let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    places.nth(place).ok_or_else(|| out_of_range(index))
}

fn char_at<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::Text(text), Value::Int(index)] = args else { return Err(Error::Overload) };
    work.steps(text.len())?;
    let rest = &text[offset(text, *index)?..];
    Ok(Value::text(rest.chars().next().map(String::from).unwrap_or_default()))
}

fn count(text: &str) -> i64 {
    text.chars().count() as i64
}

fn index_of<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (text, part, from) = match args {
        [Value::Text(text), Value::Text(part)] => (text, part, 0),
        [Value::Text(text), Value::Text(part), Value::Int(from)] => (text, part, *from),
        _ => return Err(Error::Overload),
    };
    work.steps(text.len() + part.len())?;
    if from < 0 {
        return Err(out_of_range(from));
    }
    if part.is_empty() {
        return Ok(Value::Int(from.min(count(text))));
    }
    let Ok(start) = offset(text, from) else { return Ok(Value::Int(-1)) };
    Ok(Value::Int(text[start..].find(&**part).map_or(-1, |at| from + count(&text[start..start + at]))))
}

fn last_index_of<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (text, part, from) = match args {
        [Value::Text(text), Value::Text(part)] => (text, part, None),
        [Value::Text(text), Value::Text(part), Value::Int(from)] => (text, part, Some(*from)),
        _ => return Err(Error::Overload),
    };
    work.steps(text.len() + part.len())?;
    let length = count(text);
    let from = match from {
        Some(from) if from < 0 => return Err(out_of_range(from)),
        Some(from) => from,
        None => length,
    };
    if part.is_empty() {
        return Ok(Value::Int(from.min(length)));
    }
    // A place behind the end finds nothing, but that is not where a search without a place begins.
    if matches!(args, [_, _, _]) && from >= length {
        return Ok(Value::Int(-1));
    }
    // The part may begin at this place at the latest.
    let end = text.char_indices().nth(from as usize).map_or(text.len(), |(at, _)| (at + part.len()).min(text.len()));
    let end = (0..=end).rfind(|end| text.is_char_boundary(*end)).unwrap_or_default();
    Ok(Value::Int(text[..end].rfind(&**part).map_or(-1, |at| count(&text[..at]))))
}

fn replace<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (text, old, new, most) = match args {
        [Value::Text(text), Value::Text(old), Value::Text(new)] => (text, old, new, usize::MAX),
        [Value::Text(text), Value::Text(old), Value::Text(new), Value::Int(most)] => {
            (text, old, new, usize::try_from(*most).unwrap_or(usize::MAX))
        }
        _ => return Err(Error::Overload),
    };
    work.steps(text.len() + old.len())?;
    // What comes out may be many times what goes in.
    let times = text.matches(&**old).take(most).count();
    work.steps(times.saturating_mul(new.len()).saturating_add(text.len()))?;
    Ok(Value::text(text.replacen(&**old, new, times)))
}

fn split<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (text, mark, most) = match args {
        [Value::Text(text), Value::Text(mark)] => (text, mark, usize::MAX),
        [Value::Text(text), Value::Text(mark), Value::Int(most)] => {
            (text, mark, usize::try_from(*most).unwrap_or(usize::MAX))
        }
        _ => return Err(Error::Overload),
    };
    work.steps(text.len() * 2 + mark.len())?;
    let part = |part: &str| Value::text(part);
    if mark.is_empty() && most > 0 {
        // Into characters, the last part being what is left.
        let mut parts = Vec::new();
        let mut rest = &**text;
        while let Some(c) = rest.chars().next() {
            let length = if parts.len() + 1 == most { rest.len() } else { c.len_utf8() };
            parts.push(part(&rest[..length]));
            rest = &rest[length..];
        }
        return Ok(Value::list(parts));
    }
    Ok(Value::list(text.splitn(most, &**mark).map(part).collect()))
}

fn substring<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (text, start, end) = match args {
        [Value::Text(text), Value::Int(start)] => (text, *start, None),
        [Value::Text(text), Value::Int(start), Value::Int(end)] => (text, *start, Some(*end)),
        _ => return Err(Error::Overload),
    };
    work.steps(text.len())?;
    if let Some(end) = end.filter(|end| start > *end) {
        return Err(Error::failed(format!("invalid substring range. start: {start}, end: {end}")));
    }
    let from = offset(text, start)?;
    let to = end.map_or(Ok(text.len()), |end| offset(text, end))?;
    Ok(Value::text(&text[from..to]))
}

fn join<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (list, mark) = match args {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::Text(mark)] => (list, &**mark),
        _ => return Err(Error::Overload),
    };
    let mut joined = String::new();
    for (index, item) in list.iter().enumerate() {
        let item = item?;
        let Value::Text(text) = &item else { return Err(Error::failed("join: invalid input")) };
        work.steps(mark.len() + text.len() + 1)?;
        if index > 0 {
            joined.push_str(mark);
        }
        joined.push_str(text);
    }
    Ok(Value::text(joined))
}

/// As a literal of the language.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
