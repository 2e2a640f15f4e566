//! Paths into a document: `a.b["c.d"][0][*][name=x]`; `.` is the document itself.

use regex_lite::Regex;
use serde_json::Value;

/// A path, as the steps that it takes.
pub struct Path(Vec<Step>);

enum Step {
    Key(String),
    Index(usize),
    Every,
    /// The items that have this text at this path.
    Where(Path, String),
}

impl Path {
    /// Reads a path.
    pub fn parse(text: &str) -> Self {
        let step =
            Regex::new(r#"\.?(?:\["([^"]*)"\]|\[(\*|\d+)\]|\[([^=\]]+)=([^\]]*)\]|([^.\[\]]+))"#)
                .unwrap();
        let text = if text == "." { "" } else { text };
        let steps = step.captures_iter(text).map(|found| {
            let part = |group: usize| found.get(group).map(|part| part.as_str().to_owned());
            match (part(1).or(part(5)), part(2), part(3)) {
                (Some(key), ..) if key == "*" => Step::Every,
                (Some(key), ..) => Step::Key(key),
                (_, Some(index), _) => index.parse().map_or(Step::Every, Step::Index),
                (_, _, Some(field)) => Step::Where(Path::parse(&field), part(4).unwrap()),
                _ => unreachable!("the expression has no other part"),
            }
        });
        Self(steps.collect())
    }

    /// Every value that it leads to.
    pub fn values<'a>(&self, document: &'a Value) -> Vec<&'a Value> {
        let mut found = Vec::new();
        reach(document, &self.0, &mut found);
        found
    }

    /// Gives every value that it leads to to `change`.
    pub fn change(&self, document: &mut Value, change: &mut dyn FnMut(&mut Value)) {
        reach_mut(document, &self.0, change);
    }

    /// Takes out every value that it leads to.
    pub fn remove(&self, document: &mut Value) {
        let Some((last, parents)) = self.0.split_last() else {
            return;
        };
        reach_mut(document, parents, &mut |parent| match parent {
            Value::Object(fields) => fields.retain(|key, value| !last.is(key, value)),
            Value::Array(items) => {
                let mut index = 0..;
                items.retain(|item| !last.is_at(index.next().unwrap(), item));
            }
            _ => {}
        });
    }
}

/// The part of a document that the paths lead to.
pub fn keep(document: &Value, paths: &[Path]) -> Option<Value> {
    let steps: Vec<&[Step]> = paths.iter().map(|path| path.0.as_slice()).collect();
    keep_steps(document, &steps)
}

fn keep_steps(value: &Value, paths: &[&[Step]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    let below = |fits: &dyn Fn(&Step) -> bool, child: &Value| {
        let rest: Vec<&[Step]> = paths
            .iter()
            .filter(|path| fits(&path[0]))
            .map(|path| &path[1..])
            .collect();
        if rest.is_empty() {
            None
        } else {
            keep_steps(child, &rest)
        }
    };
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter_map(|(key, child)| {
                Some((key.clone(), below(&|step| step.is(key, child), child)?))
            });
            let kept: serde_json::Map<_, _> = kept.collect();
            (!kept.is_empty()).then(|| kept.into())
        }
        Value::Array(items) => {
            let kept = items.iter().enumerate();
            let kept =
                kept.filter_map(|(index, child)| below(&|step| step.is_at(index, child), child));
            let kept: Vec<Value> = kept.collect();
            (!kept.is_empty()).then(|| kept.into())
        }
        _ => None,
    }
}

impl Step {
    fn is(&self, key: &str, value: &Value) -> bool {
        match self {
            Self::Key(wanted) => wanted == key,
            Self::Index(_) => false,
            Self::Every => true,
            Self::Where(path, text) => has(value, path, text),
        }
    }

    fn is_at(&self, index: usize, value: &Value) -> bool {
        match self {
            Self::Key(_) => false,
            Self::Index(wanted) => *wanted == index,
            Self::Every => true,
            Self::Where(path, text) => has(value, path, text),
        }
    }
}

fn has(value: &Value, path: &Path, text: &str) -> bool {
    path.values(value).into_iter().any(|found| match found {
        Value::String(found) => found == text,
        other => {
            let written = other.to_string();
            written == text
        }
    })
}

fn reach<'a>(value: &'a Value, steps: &[Step], found: &mut Vec<&'a Value>) {
    let Some((step, rest)) = steps.split_first() else {
        return found.push(value);
    };
    match value {
        Value::Object(fields) => {
            let children = fields.iter().filter(|(key, child)| step.is(key, child));
            children.for_each(|(_, child)| reach(child, rest, found));
        }
        Value::Array(items) => {
            let children = items
                .iter()
                .enumerate()
                .filter(|(index, child)| step.is_at(*index, child));
            children.for_each(|(_, child)| reach(child, rest, found));
        }
        _ => {}
    }
}

fn reach_mut(value: &mut Value, steps: &[Step], change: &mut dyn FnMut(&mut Value)) {
    let Some((step, rest)) = steps.split_first() else {
        return change(value);
    };
    match value {
        Value::Object(fields) => {
            let children = fields.iter_mut().filter(|(key, child)| step.is(key, child));
            children.for_each(|(_, child)| reach_mut(child, rest, change));
        }
        Value::Array(items) => {
            let children = items
                .iter_mut()
                .enumerate()
                .filter(|(index, child)| step.is_at(*index, child));
            children.for_each(|(_, child)| reach_mut(child, rest, change));
        }
        _ => {}
    }
}
