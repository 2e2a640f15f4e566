//! A transcript: commands with what they print, as on a terminal.
//!
//! ```text
//! # A comment, to the end of the line.
//! $ kubectl get birds
//! NAME          AGE
//! bird-sample   <age>
//!
//! $ kubectl get bird nobody
//! ! Error from server (NotFound): birds.demo.example.com "nobody" not found
//! ? 1
//! ```
//! `$` begins a shell command, which `>` lines continue. Then come the lines of stdout, those of stderr behind `!`, and
//! the exit code behind `?` if it is not 0. What differs from run to run is printed as a token: `<age>`, `<rv>`, `<uid>`,
//! `<time>`, `<port>`, `<hash>`. In a written line `<any>` stands for any text, and a line `<lines>` for any number of
//! lines; rewriting keeps both where they fit. `[1.29 1.33]` in front of an output line says in which kubectls it is
//! printed.

use std::fmt::Write;
use std::process::Output;

/// A whole transcript.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transcript {
    /// Comments and empty lines before each command belong to it.
    pub steps: Vec<Step>,
    /// What follows the last command.
    tail: String,
}

/// A command and what it printed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    intro: String,
    /// The shell command; more than one line for a here-document.
    pub command: String,
    /// The lines of output, in the form that they have in the file.
    pub output: Vec<String>,
}

impl Transcript {
    /// Reads a file.
    pub fn parse(text: &str) -> Transcript {
        let mut transcript = Transcript { steps: Vec::new(), tail: String::new() };
        let mut in_command = false;
        for line in text.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                let intro = std::mem::take(&mut transcript.tail);
                transcript.steps.push(Step { intro, command: command.to_owned(), output: Vec::new() });
                in_command = true;
                continue;
            }
            match transcript.steps.last_mut() {
                Some(step) if in_command && line.starts_with('>') => {
                    step.command.push('\n');
                    step.command.push_str(line.strip_prefix("> ").unwrap_or(&line[1..]));
                }
                Some(step) if transcript.tail.is_empty() && !line.starts_with("# ") && !line.is_empty() => {
                    in_command = false;
                    step.output.push(line.to_owned());
                }
                _ => {
                    in_command = false;
                    transcript.tail.push_str(line);
                    transcript.tail.push('\n');
                }
            }
        }
        transcript
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            text.push_str(&step.intro);
            let _ = writeln!(text, "$ {}", step.command.replace('\n', "\n> "));
            step.output.iter().for_each(|line| text.push_str(&format!("{line}\n")));
        }
        text + &self.tail
    }
}

impl Step {
    /// Whether `actual` is what the file expects of kubectl in this version.
    pub fn fits(&self, version: &str, actual: &[String]) -> bool {
        let expected: Vec<&str> = self.output.iter().filter_map(|line| for_version(line, version)).collect();
        fits(&expected, actual)
    }
}

/// The output of a command in the form of a transcript.
pub fn output(output: &Output) -> Vec<String> {
    let mut lines = Vec::new();
    for (prefix, stream) in [("", &output.stdout), ("! ", &output.stderr)] {
        let text = without_namespace(&normalize(&String::from_utf8_lossy(stream)));
        // Kubectls differ in how many empty lines they print in a row.
        let mut text: Vec<&str> = text.lines().map(str::trim_end).collect();
        text.dedup_by(|line, before| line.is_empty() && before.is_empty());
        lines.extend(text.iter().map(|line| format!("{prefix}{line}").trim_end().to_owned()));
    }
    // An empty line would end the output in the file, and some first letters mean something there.
    for line in &mut lines {
        if line.is_empty() || ["$", "?", ">", "# "].iter().any(|mark| line.starts_with(mark)) {
            line.insert(0, '.');
        }
    }
    match output.status.code() {
        Some(0) => {}
        code => lines.push(format!("? {}", code.map_or("killed".to_owned(), |code| code.to_string()))),
    }
    lines
}

fn for_version<'a>(line: &'a str, version: &str) -> Option<&'a str> {
    let Some((versions, rest)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) else {
        return Some(line);
    };
    if !versions.split(' ').all(|word| word.starts_with("1.") && word.len() <= 5) {
        return Some(line);
    }
    versions.split(' ').any(|word| word == version).then_some(rest)
}

fn fits(expected: &[&str], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((&"<lines>", rest)) => (0..=actual.len()).any(|skipped| fits(rest, &actual[skipped..])),
        Some((line, rest)) => {
            actual.split_first().is_some_and(|(first, others)| line_fits(line, first) && fits(rest, others))
        }
    }
}

fn line_fits(expected: &str, actual: &str) -> bool {
    match expected.split_once("<any>") {
        None => expected == actual,
        Some((start, rest)) => actual.strip_prefix(start).is_some_and(|actual| {
            actual.char_indices().map(|(at, _)| at).chain([actual.len()]).any(|at| line_fits(rest, &actual[at..]))
        }),
    }
}

/// Leaves out what only newer kubectls say: `"bird-1" deleted from forest namespace`.
fn without_namespace(text: &str) -> String {
    let shorten = |line: &str| {
        let (start, rest) = line.split_once("deleted from ")?;
        let (namespace, end) = rest.split_once(" namespace")?;
        (!namespace.contains(' ') && start.contains("\" ")).then(|| format!("{start}deleted{end}"))
    };
    text.lines().map(|line| shorten(line).unwrap_or_else(|| line.to_owned())).collect::<Vec<_>>().join("\n")
}

/// Replaces what differs from run to run by tokens.
fn without_counts(text: &str) -> String {
    let mut out = String::new();
    for part in text.split_inclusive('\n') {
        match part.split_once(" (x").and_then(|(before, after)| Some((before, after.split_once(" over <age>)")?.1))) {
            Some((before, after)) => {
                out.push_str(before);
                out.push_str("   ");
                out.push_str(after.trim_start_matches(' '));
            }
            // Its columns are as wide as the counts.
            None if part.starts_with("  Type ") || part.starts_with("  ---- ") => {
                let words: Vec<&str> = part.split_whitespace().collect();
                out.push_str(&format!("  {}{}", words.join("   "), if part.ends_with('\n') { "\n" } else { "" }));
            }
            None => out.push_str(part),
        }
    }
    out
}

fn normalize(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut out = String::new();
        let mut rest = line;
        while !rest.is_empty() {
            let at_word = out.chars().next_back().is_none_or(|c| !c.is_alphanumeric());
            if at_word && let Some((token, length)) = token(rest, &out) {
                out.push_str(token);
                rest = &rest[length..];
                // Columns are as wide as what stands in them.
                if token == "<age>" {
                    let spaces = rest.len() - rest.trim_start_matches(' ').len();
                    if spaces > 1 {
                        out.push_str("   ");
                        rest = &rest[spaces..];
                    }
                }
            } else {
                let c = rest.chars().next().unwrap_or_default();
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        lines.push(out);
    }
    // Whether something was said once or twice depends on how busy the machine is.
    without_counts(&lines.join("\n"))
}

/// The token for what `text` starts with, and how much of it.
fn token(text: &str, before: &str) -> Option<(&'static str, usize)> {
    let run = |accept: fn(char) -> bool| text.find(|c| !accept(c)).unwrap_or(text.len());
    let hex = run(|c| c.is_ascii_hexdigit() || c == '-');
    if hex == 36 && text[..hex].split('-').map(str::len).eq([8, 4, 4, 4, 12]) {
        return Some(("<uid>", hex));
    }
    let digits = run(|c| c.is_ascii_digit());
    let keys = ["resourceVersion: \"", "\"resourceVersion\": \"", "\"resourceVersion\":\"", "Resource Version:"];
    if digits > 0 && keys.iter().any(|key| before.ends_with(key) || before.trim_end().ends_with(key)) {
        return Some(("<rv>", digits));
    }
    if before.ends_with("127.0.0.1:") && digits > 0 {
        return Some(("<port>", digits));
    }
    let time = run(|c| c.is_ascii_digit() || "-:TZ.".contains(c));
    if time >= 20 && text[..time].matches(['-', ':']).count() == 4 && text[..time].ends_with('Z') {
        return Some(("<time>", time));
    }
    let word = run(|c| c.is_ascii_alphanumeric());
    // An event's name ends in the time of its making.
    if before.ends_with('.') && word == 16 && text[..word].chars().all(|c| c.is_ascii_hexdigit()) {
        return Some(("<hash>", word));
    }
    // A whole word like 5s, 2m10s or 90m.
    let parts: Vec<&str> = text[..word].split_inclusive(['s', 'm', 'h', 'd']).collect();
    let follows = text[word..].chars().next();
    let is_part =
        |part: &&str| part.len() > 1 && part.len() <= 4 && part[..part.len() - 1].chars().all(|c| c.is_ascii_digit());
    if word > 1
        && parts.iter().all(|part| is_part(part) && part.ends_with(['s', 'm', 'h', 'd']))
        && follows.is_none_or(|c| c == ' ' || c == ')')
        && before.chars().next_back().is_none_or(|c| c == ' ' || c == '(')
    {
        return Some(("<age>", word));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_survives_reading_and_writing() {
        let text = "# Birds\n\n$ kubectl apply -f - <<EOF\n> kind: Bird\n> \n> EOF\nbird created\n.\n! warning\n? 1\n\n# next\n$ true\n\n# end\n";
        let transcript = Transcript::parse(text);
        assert_eq!(transcript.to_text(), text);
        assert_eq!(transcript.steps.len(), 2);
        assert_eq!(transcript.steps[0].command, "kubectl apply -f - <<EOF\nkind: Bird\n\nEOF");
        assert_eq!(transcript.steps[0].output, ["bird created", ".", "! warning", "? 1"]);
        assert!(transcript.steps[1].output.is_empty());
    }

    #[test]
    fn what_differs_from_run_to_run_is_a_token() {
        let check = |text: &str, expected: &str| assert_eq!(normalize(text), expected);
        check("bird-sample   5s", "bird-sample   <age>");
        check("a   True   2m10s   x", "a   True   <age>   x");
        check("a   12s   b", "a   <age>   b");
        check("(5s ago)", "(<age> ago)");
        check("  resourceVersion: \"123\"", "  resourceVersion: \"<rv>\"");
        check("  Resource Version:  3", "  Resource Version:  <rv>");
        check("uid: 0b5cf5f3-3b0c-4f0e-8ad1-7f0b7a2e9a55", "uid: <uid>");
        check("creationTimestamp: \"2026-11-21T09:00:00Z\"", "creationTimestamp: \"<time>\"");
        check("2026-11-21T09:00:00.123456Z", "<time>");
        check("https://127.0.0.1:9443/x", "https://127.0.0.1:<port>/x");
        check("event/bird-sample.18a2b3c4d5e6f701", "event/bird-sample.<hash>");
        check("v1 1s2x bird5s sums", "v1 1s2x bird5s sums");
    }

    #[test]
    fn kubectls_of_all_ages_say_the_same() {
        let check = |newer: &str, older: &str| {
            assert_eq!(without_namespace(newer), older);
            assert_eq!(without_namespace(older), older);
        };
        check("b.x \"b\" deleted from default namespace", "b.x \"b\" deleted");
        check("b \"b\" force deleted from forest namespace\nb", "b \"b\" force deleted\nb");
        check("b \"b\" deleted from forest namespace (server dry run)", "b \"b\" deleted (server dry run)");
    }

    #[test]
    fn a_written_line_may_leave_things_open() {
        let check =
            |expected: &[&str], actual: &str| fits(expected, &actual.lines().map(str::to_owned).collect::<Vec<_>>());
        assert!(check(&["a", "b <any> d<any>"], "a\nb c c d"));
        assert!(!check(&["b <any> d"], "b c"));
        assert!(check(&["a", "<lines>", "z"], "a\nb\nc\nz"));
        assert!(check(&["a", "<lines>", "z"], "a\nz"));
        assert!(!check(&["a", "<lines>", "z"], "a\nb"));
        let step = Transcript::parse("$ x\n[1.29] old\n[1.33 1.37] new\n[not a version] same\n").steps.remove(0);
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert!(step.fits("1.29", &lines("old\n[not a version] same")));
        assert!(step.fits("1.37", &lines("new\n[not a version] same")));
    }
}
