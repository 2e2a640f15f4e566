//! Descriptions as documentation comments. Whoever wrote them did not think of Rust: what Markdown would take for code
//! would be compiled as an example, and a heading in the first line would be the schema's title.

use super::literals::WIDTH;

/// A documentation comment of this text, each line of it indented; empty for no text.
pub fn comment(indent: usize, text: &str) -> String {
    let space = " ".repeat(indent);
    let width = WIDTH - indent - "/// ".len();
    let line = |line: String| format!("{space}/// {line}").trim_end().to_owned() + "\n";
    lines(text, width).into_iter().map(line).collect()
}

/// The text in lines of at most this width, as far as its words allow.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut in_code = false;
    // How far the text of a list's item is indented, while there is one.
    let mut item: Option<usize> = None;
    // Whether the last line ends where it does for its width alone, so that what follows belongs to it.
    let mut runs_on = false;
    for line in text.trim().replace('\t', "    ").lines() {
        let line: String = line.trim_end().chars().filter(|c| is_visible(*c)).collect();
        let bare = line.trim_start();
        if bare.starts_with("```") {
            lines.push(if in_code { "```" } else { "```text" }.to_owned());
            in_code = !in_code;
            runs_on = false;
            item = None;
            continue;
        }
        if in_code {
            lines.push(line);
            continue;
        }
        if bare.is_empty() {
            runs_on = false;
            item = None;
            lines.push(String::new());
            continue;
        }
        // Four spaces would make code of it.
        let indent = (line.len() - bare.len()).min(2);
        let marker = marker(bare);
        let (first, rest) = match (marker, item) {
            (Some(marker), _) => {
                item = Some(indent + marker);
                (indent, indent + marker)
            }
            (None, Some(item)) => (item, item),
            (None, None) => (0, 0),
        };
        let bare = if lines.is_empty() && bare.starts_with('#') || bare.starts_with('>') {
            format!("\\{bare}")
        } else {
            bare.to_owned()
        };
        let before = lines.len();
        let last = (runs_on && marker.is_none()).then(|| lines.pop()).flatten();
        runs_on = match &last {
            Some(last) => {
                wrap(&format!("{} {bare}", last.trim_start()), rest, rest, width, &mut lines);
                true
            }
            None => {
                wrap(&bare, first, rest, width, &mut lines);
                lines.len() > before + 1
            }
        };
    }
    if in_code {
        lines.push("```".to_owned());
    }
    lines
}

fn wrap(text: &str, first: usize, rest: usize, width: usize, lines: &mut Vec<String>) {
    let mut line = " ".repeat(first);
    let mut is_empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        // A sign that starts a list, or the like, must not come to stand first in a line.
        let may_start = marker(&format!("{word} ")).is_none() && !word.starts_with(['#', '>', '|', '=', '-', '+', '`']);
        if !is_empty && line.len() + 1 + word.len() > width && may_start {
            lines.push(std::mem::replace(&mut line, " ".repeat(rest)));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
}

/// How wide the sign is that makes a line the item of a list, the space behind it included.
fn marker(line: &str) -> Option<usize> {
    if ["- ", "* ", "+ "].iter().any(|sign| line.starts_with(sign)) {
        return Some(2);
    }
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let is_number = digits > 0 && [". ", ") "].iter().any(|sign| line[digits..].starts_with(sign));
    is_number.then_some(digits + 2)
}

/// Signs that change the direction of what follows are no part of source code.
fn is_visible(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(lines(text, 20).join("\n"), expected);
    }

    #[test]
    fn texts_are_wrapped_and_nothing_in_them_is_compiled() {
        check("one two three four five six", "one two three four\nfive six");
        check("a\n\n    let x = 1;\n\nb", "a\n\nlet x = 1;\n\nb");
        check("a\n```go\n    code that is very long indeed\n```", "a\n```text\n    code that is very long indeed\n```");
        check("```\nopen", "```text\nopen\n```");
        check("# heading", "\\# heading");
        check("> quote", "\\> quote");
        check("a list:\n- one two three four five\nsix\n\nseven", "a list:\n- one two three four\n  five six\n\nseven");
        check("1. one\n2. two", "1. one\n2. two");
        check("one two three four five\nsix\nseven\n\neight", "one two three four\nfive six seven\n\neight");
        check("one two three four - five", "one two three four -\nfive");
        check("aaaaaaaaaaaaaaaaaaaaaaaaaaaa b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa\nb");
        assert_eq!(comment(4, "a\n\nb"), "    /// a\n    ///\n    /// b\n");
        assert_eq!(comment(4, " "), "");
    }
}
