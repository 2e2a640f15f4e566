//! Whether an answer is the recorded one. What differs from run to run is written as `<uid1>`, `<rv2>`, `<rv3+>`,
//! `<time>`, `<age>`, `<token>` and `<any>` in the recording.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::path::{self, Path};
use super::transcript::{self, Step};

/// Compares one conversation, and remembers which uid and which version stands for which.
#[derive(Default)]
pub struct Comparison {
    uids: BTreeMap<u32, String>,
    versions: BTreeMap<u32, u64>,
    /// Versions of lists and bookmarks, each with the number of the last write that it may show.
    lists: Vec<(u32, u64)>,
}

/// What two documents without tokens differ in.
pub fn differences(wanted: &Value, found: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    Comparison::default().diff(Some(wanted), Some(found), "", &mut differences);
    differences
}

impl Comparison {
    /// What an answer and the recorded one differ in.
    pub fn step(
        &mut self,
        step: &Step,
        mut answer: Value,
        variables: &BTreeMap<String, String>,
    ) -> Result<Vec<String>, String> {
        let status = answer["status"].as_u64().unwrap_or_default();
        if step
            .or_status
            .iter()
            .any(|other| u64::from(*other) == status)
        {
            return Ok(Vec::new());
        }
        let mut wanted = transcript::substitute(&step.response, variables)?;
        let mut differences = Vec::new();
        for (path, pattern) in &step.pattern {
            let pattern = transcript::substitute_text(pattern, variables)?;
            let expression = Regex::new(&pattern).map_err(|error| error.to_string())?;
            let path = transcript::substitute_text(path, variables)?;
            let values = Path::parse(&path)
                .values(body(&answer))
                .into_iter()
                .cloned()
                .collect::<Vec<_>>();
            if values.is_empty() {
                differences.push(format!("{path}: nothing is there; expected /{pattern}/"));
            }
            for value in values {
                let text = text(&value);
                if !expression.is_match(&text) {
                    differences.push(format!("{path}: expected /{pattern}/, got {value}"));
                }
            }
        }
        // The recording holds no more than what is compared.
        trim(&mut wanted, step, variables, false)?;
        trim(&mut answer, step, variables, true)?;
        self.diff(Some(&wanted), Some(&answer), "", &mut differences);
        Ok(differences)
    }

    fn diff(
        &mut self,
        wanted: Option<&Value>,
        found: Option<&Value>,
        at: &str,
        out: &mut Vec<String>,
    ) {
        match (wanted, found) {
            (Some(Value::Object(wanted)), Some(Value::Object(found))) => {
                let more = found.keys().filter(|key| !wanted.contains_key(*key));
                for key in wanted.keys().chain(more) {
                    self.diff(wanted.get(key), found.get(key), &format!("{at}.{key}"), out);
                }
            }
            (Some(Value::Array(wanted)), Some(Value::Array(found))) => {
                for index in 0..wanted.len().max(found.len()) {
                    self.diff(
                        wanted.get(index),
                        found.get(index),
                        &format!("{at}[{index}]"),
                        out,
                    );
                }
            }
            (Some(Value::String(wanted)), Some(Value::String(found))) if wanted.contains('<') => {
                if let Err(why) = self.tokens(wanted, found) {
                    out.push(format!("{at}: expected {wanted:?} ({why}), got {found:?}"));
                }
            }
            (wanted, found) if wanted == found => {}
            // 400 and 400.0 are one number.
            (Some(Value::Number(wanted)), Some(Value::Number(found)))
                if wanted.as_f64() == found.as_f64() => {}
            (wanted, found) => {
                let show =
                    |value: Option<&Value>| value.map_or("nothing".into(), ToString::to_string);
                out.push(format!(
                    "{at}: expected {}, got {}",
                    show(wanted),
                    show(found)
                ));
            }
        }
    }

    /// Matches a text with tokens.
    fn tokens(&mut self, wanted: &str, found: &str) -> Result<(), String> {
        let token = Regex::new(r"<(?:(uid|rv)(\d+)(\+?)|(time|age|token|any))>").unwrap();
        let mut pattern = "(?s)^".to_owned();
        let mut end = 0;
        let tokens: Vec<_> = token.captures_iter(wanted).collect();
        for one in &tokens {
            let whole = one.get(0).unwrap();
            pattern += &regex_lite::escape(&wanted[end..whole.start()]);
            pattern += &format!("({})", shape(one.get(1).or(one.get(4)).unwrap().as_str()));
            end = whole.end();
        }
        pattern += &format!("{}$", regex_lite::escape(&wanted[end..]));
        let values = Regex::new(&pattern).unwrap();
        let values = values.captures(found).ok_or("does not have this form")?;
        for (index, one) in tokens.iter().enumerate() {
            let value = values.get(index + 1).unwrap().as_str();
            let Some(number) = one.get(2).map(|digits| digits.as_str().parse().unwrap()) else {
                continue;
            };
            let is_list = !one[3].is_empty();
            match &one[1] {
                "uid" => self.uid(number, value)?,
                _ if is_list => self.list(number, value.parse().unwrap())?,
                _ => self.version(number, value.parse().unwrap())?,
            }
        }
        Ok(())
    }

    fn uid(&mut self, number: u32, value: &str) -> Result<(), String> {
        let bound = self.uids.entry(number).or_insert_with(|| value.to_owned());
        if bound != value {
            return Err(format!("uid{number} was {bound}"));
        }
        match self.uids.values().filter(|other| *other == value).count() {
            1 => Ok(()),
            _ => Err("this uid stood for another object".into()),
        }
    }

    /// A higher number is a later write.
    fn version(&mut self, number: u32, value: u64) -> Result<(), String> {
        if let Some(bound) = self.versions.get(&number) {
            return if *bound == value {
                Ok(())
            } else {
                Err(format!("rv{number} was {bound}"))
            };
        }
        for (other, bound) in &self.versions {
            if (*other < number) != (*bound < value) || *bound == value {
                return Err(format!("rv{other} was {bound}"));
            }
        }
        for (other, bound) in &self.lists {
            if (number <= *other) != (value <= *bound) {
                return Err(format!("a list after rv{other} was at {bound}"));
            }
        }
        self.versions.insert(number, value);
        Ok(())
    }

    /// At least the numbered write, and before the next one.
    fn list(&mut self, number: u32, value: u64) -> Result<(), String> {
        for (other, bound) in &self.versions {
            if (*other <= number) != (*bound <= value) {
                return Err(format!("rv{other} was {bound}"));
            }
        }
        self.lists.push((number, value));
        Ok(())
    }
}

/// A value as patterns see it: a text as it is, a list as Python writes it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .map(|item| item.to_string().replace('"', "'"))
                .collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

fn shape(token: &str) -> &'static str {
    match token {
        "uid" => "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "rv" => "[1-9][0-9]*",
        "time" => r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        "age" => "(?:[0-9]+[ydhms])+",
        "token" => ".+",
        _ => ".*",
    }
}

/// What an answer holds: a body, or the events of a watch.
pub fn body(answer: &Value) -> &Value {
    answer
        .get("events")
        .or(answer.get("body"))
        .unwrap_or(&Value::Null)
}

/// Leaves what the step compares.
fn trim(
    answer: &mut Value,
    step: &Step,
    variables: &BTreeMap<String, String>,
    is_answer: bool,
) -> Result<(), String> {
    let root = if answer.get("events").is_some() {
        "events"
    } else {
        "body"
    };
    let paths = |paths: &[String]| {
        paths
            .iter()
            .map(|path| Ok(Path::parse(&transcript::substitute_text(path, variables)?)))
            .collect::<Result<Vec<_>, String>>()
    };
    if let Some(fields) = answer.as_object_mut()
        && let Some(mut value) = fields.remove(root)
    {
        tidy(&mut value);
        if let Value::Array(events) = &mut value
            && root == "events"
        {
            drop_bookmarks(events, step.bookmarks.as_deref() == Some("collapse"));
        }
        if is_answer && !step.only.is_empty() {
            let mut only = paths(&step.only)?;
            only.push(Path::parse("kind"));
            value = path::keep(&value, &only).unwrap_or(Value::Object(Map::new()));
        }
        let without_body = step
            .ignore
            .iter()
            .chain(step.pattern.keys())
            .any(|path| path == ".");
        for path in paths(&step.ignore)? {
            path.remove(&mut value);
        }
        let patterns: Vec<String> = step.pattern.keys().cloned().collect();
        for path in paths(&patterns)? {
            path.remove(&mut value);
        }
        for path in paths(&step.unordered)? {
            path.change(&mut value, &mut |list| {
                if let Value::Array(items) = list {
                    items.sort_by_key(ToString::to_string);
                }
            });
        }
        if !without_body {
            fields.insert(root.into(), value);
        }
    }
    for name in &step.ignore_headers {
        if let Some(headers) = answer.get_mut("headers").and_then(Value::as_object_mut) {
            headers.remove(name);
        }
    }
    Ok(())
}

/// Periodic bookmarks come when they come.
fn drop_bookmarks(events: &mut Vec<Value>, collapse: bool) {
    let mut before = false;
    events.retain(|event| {
        let periodic = is_periodic(event);
        let keep = !periodic || (collapse && !before);
        before = periodic;
        keep
    });
}

/// Whether an event is a bookmark, but not the one that ends the initial events.
pub fn is_periodic(event: &Value) -> bool {
    event["type"] == "BOOKMARK" && !event.to_string().contains("k8s.io/initial-events-end")
}

const UNCHECKED: &str = ", <nil>: Invalid value: null: some validation rules were not checked because the object was \
                         invalid; correct the existing errors to complete validation";

/// Takes out what has no meaning: orders that are none, descriptions of columns, and what a server says of rules that
/// it did not look at.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            tidy_status(fields);
            for (key, field) in fields.iter_mut() {
                match (key.as_str(), &mut *field) {
                    ("managedFields", Value::Array(entries)) => entries.sort_by_key(|entry| {
                        ["manager", "operation", "subresource", "apiVersion"]
                            .map(|key| entry[key].to_string())
                    }),
                    ("verbs", Value::Array(verbs)) => verbs.sort_by_key(ToString::to_string),
                    ("columnDefinitions", Value::Array(columns)) => {
                        columns
                            .iter_mut()
                            .filter_map(Value::as_object_mut)
                            .for_each(|column| {
                                column.remove("description");
                            });
                    }
                    ("metadata", Value::Object(metadata))
                        if metadata.get("continue").is_some_and(|text| text == "") =>
                    {
                        metadata.remove("continue");
                    }
                    _ => {}
                }
                tidy(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn tidy_status(status: &mut Map<String, Value>) {
    let is_invalid = status
        .get("reason")
        .is_some_and(|reason| reason == "Invalid");
    let Some(causes) = status
        .get_mut("details")
        .and_then(|details| details.get_mut("causes"))
    else {
        return;
    };
    let Some(causes) = causes.as_array_mut() else {
        return;
    };
    causes.retain(|cause| cause["field"] != "<nil>");
    causes.sort_by_key(|cause| ["field", "reason", "message"].map(|key| cause[key].to_string()));
    causes.dedup();
    let several = causes.len() > 1;
    let Some(Value::String(message)) = status.get_mut("message").filter(|_| is_invalid) else {
        return;
    };
    *message = message.replace(UNCHECKED, "");
    let Some((before, after)) = message.split_once(" is invalid: ") else {
        return;
    };
    // The message says the causes again, in no order.
    let after = if several {
        "[...]"
    } else {
        after
            .strip_prefix('[')
            .and_then(|a| a.strip_suffix(']'))
            .unwrap_or(after)
    };
    *message = format!("{before} is invalid: {after}");
}
