//! Texts that have a format or match a pattern.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A text that Kubernetes takes for one of this format, if the format is one that it checks.
pub fn of_format(format: &str) -> Option<&'static str> {
    Some(match format.replace('-', "").as_str() {
        "bsonobjectid" => "507f1f77bcf86cd799439011",
        "byte" => "ZXhhbXBsZQ==",
        "cidr" => "192.0.2.0/24",
        "date" => "2024-01-31",
        "datetime" => "2024-01-31T12:00:00Z",
        "duration" => "1h",
        "email" => "someone@example.com",
        "hexcolor" => "#336699",
        "hostname" => "host.example.com",
        "ipv4" | "ip" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "mac" => "00:00:5e:00:53:01",
        "uri" | "url" => "https://example.com/",
        "uuid" | "uuid4" => "f81d4fae-7dec-41d0-a765-00a0c91e6bf6",
        _ => return None,
    })
}

/// A text that matches a pattern and has from `min` to `max` characters, if one is found.
pub fn of_pattern(pattern: &str, min: usize, max: usize) -> Option<String> {
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    // Words first, where the pattern lets one in; then the shortest text, with ever more repetitions.
    let anchored = pattern.contains('^') || pattern.contains('$');
    let fits = |text: &String| (min..=max).contains(&text.chars().count());
    let grown = (0..64).map(|more| {
        let mut text = String::new();
        let mut left = more;
        put(&hir, &mut left, &mut text);
        if !anchored && text.len() < min {
            text.push_str(&"a".repeat(min - text.len()));
        }
        text
    });
    grown.into_iter().find(fits)
}

/// Adds the shortest text that matches, with `more` repetitions beyond what is needed spent where there is room.
fn put(hir: &Hir, more: &mut usize, text: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.push(of_class(class)),
        HirKind::Repetition(repetition) => {
            let room = repetition.max.map_or(usize::MAX, |max| (max - repetition.min) as usize).min(*more);
            *more -= room;
            for _ in 0..repetition.min as usize + room {
                put(&repetition.sub, more, text);
            }
        }
        HirKind::Capture(capture) => put(&capture.sub, more, text),
        HirKind::Concat(all) => all.iter().for_each(|one| put(one, more, text)),
        HirKind::Alternation(all) => {
            // The first that is not empty reads best.
            let first = all.iter().find(|one| one.properties().minimum_len() > Some(0)).or(all.first());
            first.into_iter().for_each(|one| put(one, more, text));
        }
    }
}

/// A character of a class: a small letter or a digit where there is one.
fn of_class(class: &Class) -> char {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => class.iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect(),
    };
    let within = |c: char| ranges.iter().any(|(start, end)| (*start..=*end).contains(&c));
    let nice = ('a'..='z').chain('1'..='9').chain('A'..='Z').chain(['0', '-', '.', '/']);
    nice.into_iter().find(|c| within(*c)).or(ranges.first().map(|(start, _)| *start)).unwrap_or('a')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, min: usize, max: usize, expected: Option<&str>) {
        assert_eq!(of_pattern(pattern, min, max).as_deref(), expected, "{pattern}");
    }

    #[test]
    fn patterns_give_texts() {
        check("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", 1, 63, Some("a"));
        check("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", 5, 63, Some("aaaaa"));
        check("^(0|[1-9][0-9]*)(Ki|Mi)$", 0, 99, Some("0Ki"));
        check("^arn:aws:.+", 0, 99, Some("arn:aws:a"));
        check(r"^\d{4}-\d{2}$", 0, 99, Some("1111-11"));
        check("abc", 5, 9, Some("abcaa"));
        check("^ab$", 3, 9, None);
        check("(?=a)", 0, 9, None);
    }
}
