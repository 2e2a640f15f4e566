//! Regular expressions as Go has them, on an engine that differs in a few places: there, `\d`, `\s`, `\w` and `\b` know
//! all scripts, in Go only ASCII; there, `[`, `&&`, `--` and `~~` mean something within brackets, in Go they do not.
//! Source: <https://github.com/google/re2/wiki/Syntax>

use regex::{Regex, RegexBuilder};

/// How large a compiled pattern may become, in bytes: enough for classes of Unicode repeated some dozens of times.
const SIZE_MAX: usize = 4 << 20;

/// A pattern of a schema.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// As the schema has it, for messages.
    pub(super) text: String,
    regex: Regex,
}

impl Pattern {
    /// # Errors
    /// As [`compile`].
    pub(super) fn new(text: &str) -> Result<Self, String> {
        Ok(Self { text: text.to_owned(), regex: compile(text)? })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// Compiles a pattern.
///
/// # Errors
/// What is no pattern, or too large a one, in words.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern).map_err(|problem| format!("error parsing regexp: {problem}"))?;
    RegexBuilder::new(&translated).size_limit(SIZE_MAX).nest_limit(200).build().map_err(|error| match error {
        regex::Error::Syntax(text) => {
            let problem = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("error parsing regexp: {problem}")
        }
        regex::Error::CompiledTooBig(_) => "error parsing regexp: expression too large".to_owned(),
        other => other.to_string(),
    })
}

/// How often something may be repeated.
const TIMES_MAX: u32 = 1000;

/// Writes a pattern of Go in the language of the engine.
fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    // The repetition that was read last, when nothing has been read since.
    let mut repeated: Option<&str> = None;
    while let Some(c) = rest.chars().next() {
        let repetition = match c {
            '*' | '+' | '?' => Some(&rest[..1]),
            '{' => repetition(rest)?,
            _ => None,
        };
        if let Some(repetition) = repetition {
            if let Some(before) = repeated {
                return Err(format!("invalid nested repetition operator: `{before}{repetition}`"));
            }
            let lazy = usize::from(rest[repetition.len()..].starts_with('?'));
            let (whole, after) = rest.split_at(repetition.len() + lazy);
            out.push_str(whole);
            repeated = Some(whole);
            rest = after;
            continue;
        }
        repeated = None;
        rest = match c {
            '[' => class(rest, &mut out),
            '\\' => escape(rest, &mut out),
            c => {
                // What is no repetition is what it looks like.
                if c == '{' {
                    out.push('\\');
                }
                out.push(c);
                &rest[c.len_utf8()..]
            }
        };
    }
    Ok(out)
}

/// `{2}`, `{2,}` or `{2,3}` at the start of a text.
fn repetition(text: &str) -> Result<Option<&str>, String> {
    let Some(end) = text.find('}') else { return Ok(None) };
    let inner = &text[1..end];
    let (min, max) = inner.split_once(',').map_or((inner, None), |(min, max)| (min, Some(max)));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(min) || max.is_some_and(|max| !max.is_empty() && !is_number(max)) {
        return Ok(None);
    }
    let too_often = |text: &str| text.parse::<u32>().map_or(true, |times| times > TIMES_MAX);
    if too_often(min) || max.is_some_and(|max| !max.is_empty() && too_often(max)) {
        return Err(format!("invalid repeat count: `{}`", &text[..=end]));
    }
    Ok(Some(&text[..=end]))
}

/// An escape outside of brackets; returns what follows.
fn escape<'a>(text: &'a str, out: &mut String) -> &'a str {
    let mut chars = text.chars();
    let Some(c) = chars.by_ref().nth(1) else {
        out.push_str(text);
        return "";
    };
    match c {
        'Q' => {
            let (literal, after) = chars.as_str().split_once("\\E").unwrap_or((chars.as_str(), ""));
            out.push_str(&regex::escape(literal));
            return after;
        }
        'b' => out.push_str("(?-u:\\b)"),
        // These are ends of words to the engine.
        '<' | '>' => out.push(c),
        'x' | 'p' | 'P' => {
            out.extend(['\\', c]);
            return code(chars.as_str(), out);
        }
        c => match perl(c) {
            Some(class) => out.push_str(class),
            None => out.extend(['\\', c]),
        },
    }
    chars.as_str()
}

/// What stands in braces behind an escape is no repetition; returns what follows.
fn code<'a>(text: &'a str, out: &mut String) -> &'a str {
    let end = if text.starts_with('{') { text.find('}').map_or(text.len(), |end| end + 1) } else { 0 };
    out.push_str(&text[..end]);
    &text[end..]
}

/// The classes that mean ASCII in Go.
fn perl(c: char) -> Option<&'static str> {
    Some(match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => "[\\t\\n\\x0C\\r ]",
        'S' => "[^\\t\\n\\x0C\\r ]",
        _ => return None,
    })
}

/// A class in brackets; returns what follows. One that is not closed is left for the engine to refuse.
fn class<'a>(text: &'a str, out: &mut String) -> &'a str {
    let mut rest = &text[1..];
    out.push('[');
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    loop {
        if rest.is_empty() {
            return rest;
        }
        if let Some(after) = rest.strip_prefix(']').filter(|_| !first) {
            out.push(']');
            return after;
        }
        first = false;
        if let Some(after) = named(rest, out) {
            rest = after;
            continue;
        }
        rest = character(rest, out);
        // A range, unless the hyphen is the last of the class.
        if let Some(after) = rest.strip_prefix('-').filter(|after| !after.starts_with(']') && !after.is_empty()) {
            out.push('-');
            rest = character(after, out);
        }
    }
}

/// A class within brackets, where there is one.
fn named<'a>(text: &'a str, out: &mut String) -> Option<&'a str> {
    if text.starts_with("[:")
        && let Some(end) = text.find(":]")
    {
        out.push_str(&text[..end + 2]);
        return Some(&text[end + 2..]);
    }
    let c = text.strip_prefix('\\')?.chars().next()?;
    let end = match c {
        'p' | 'P' if text[2..].starts_with('{') => text.find('}').map_or(text.len(), |end| end + 1),
        'p' | 'P' => 2 + text[2..].chars().next().map_or(0, char::len_utf8),
        c => {
            out.push_str(perl(c)?);
            return Some(&text[2..]);
        }
    };
    out.push_str(&text[..end]);
    Some(&text[end..])
}

/// One character within brackets.
fn character<'a>(text: &'a str, out: &mut String) -> &'a str {
    let mut chars = text.chars();
    match chars.next() {
        Some('\\') => {
            let Some(c) = chars.next() else {
                out.push('\\');
                return "";
            };
            if matches!(c, '<' | '>') {
                out.push(c);
                return chars.as_str();
            }
            out.extend(['\\', c]);
            if c == 'x' {
                // Its two digits, or what is in braces, are no characters of the class.
                let braced = chars.as_str().starts_with('{');
                let (digits, after) =
                    chars.as_str().split_at_checked(2).filter(|_| !braced).unwrap_or(("", chars.as_str()));
                out.push_str(digits);
                return code(after, out);
            }
        }
        Some(c @ ('[' | ']' | '-' | '&' | '~' | '^')) => out.extend(['\\', c]),
        Some(c) => out.push(c),
        None => {}
    }
    chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        for text in yes {
            assert!(regex.is_match(text), "{pattern} and {text}");
        }
        for text in no {
            assert!(!regex.is_match(text), "{pattern} and {text}");
        }
    }

    #[test]
    fn classes_of_perl_know_only_ascii() {
        check(r"^\d+$", &["12"], &["١", "a"]);
        check(r"^\w+$", &["aZ_9"], &["é"]);
        check(r"^[\w-]+$", &["a-b"], &["é"]);
        check(r"^[^\W_]+$", &["ab1"], &["a_", "é"]);
        check(r"^\S+\s\S+$", &["a b", "é é"], &["a\u{a0}b"]);
        check(r"\bfoo\b", &["foo", "éfoo"], &["xfoo"]);
    }

    #[test]
    fn classes_of_unicode_work() {
        check(r"^\p{L}+$", &["é", "日本"], &["1"]);
        check(r"^\pL\PL$", &["é1"], &["ab"]);
        check(r"^[\p{Greek}a]+$", &["αa"], &["b"]);
        check(r"(?i)^É$", &["é"], &["e"]);
    }

    #[test]
    fn brackets_hold_what_they_hold_in_go() {
        check(r"^[a-z&&b]+$", &["a&b"], &["1"]);
        check(r"^[]a]+$", &["]a"], &["b"]);
        check(r"^[^]a]+$", &["b"], &["]"]);
        check(r"^[[a]+$", &["[a"], &["b"]);
        check(r"^[a~~b]+$", &["a~b"], &["c"]);
        check(r"^[[:alpha:]_]+$", &["a_"], &["1", "é"]);
        check(r"^[+--]+$", &["+,-"], &["a"]);
        check(r"^[--/]+$", &["-./"], &["a"]);
        check(r"^[a-]+$", &["a-"], &["b"]);
        check(r"^[\x41-\x{43}]+$", &["ABC"], &["D"]);
        check(r"^[\[\]]+$", &["[]"], &["a"]);
    }

    #[test]
    fn braces_repeat_only_where_they_say_how_often() {
        check(r"^a{2}$", &["aa"], &["a"]);
        check(r"^a{2,}?$", &["aaa"], &["a"]);
        check(r"^a{,5}$", &["a{,5}"], &["aa"]);
        check(r"^{a}{x$", &["{a}{x"], &["a"]);
        check(r"^\x{41}+\p{Lu}{2}$", &["AABC"], &["B"]);
        check(r"^\<a\>$", &["<a>"], &["a"]);
    }

    #[test]
    fn texts_are_quoted() {
        check(r"^\Qa.b\E+$", &["a.bb"], &["axb"]);
        check(r"\Q[", &["["], &["a"]);
        check(r"(?P<n>a)(?:b)", &["ab"], &["b"]);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in [
            "x++",
            "x**",
            "x*?+",
            "x{2}{3}",
            "x{2,1001}",
            "(",
            "[",
            "a**b(?<!x)",
            r"(?=x)",
            r"\1",
            "a{1001}{1001}{1001}",
            "\\",
        ] {
            let error = compile(pattern).expect_err(pattern);
            assert!(error.starts_with("error parsing regexp: "), "{error}");
        }
        assert!(compile(&"(".repeat(10_000)).is_err());
        assert!(compile(&format!("{}{}", "(".repeat(10_000), ")".repeat(10_000))).is_err());
    }
}
