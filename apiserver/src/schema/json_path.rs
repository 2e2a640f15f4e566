//! JSON paths, as printer columns, selectable fields and the paths of `/scale` use them.
//!
//! This is the part of kubectl's JSONPath that a CRD may name a value with: keys, indexes, `[*]` and filters that compare
//! with a constant. Recursive descent, slices and unions are refused when the path is read, not when it is used.
//! Source: <https://kubernetes.io/docs/reference/kubectl/jsonpath/>

use serde_json::{Number, Value};

/// A path into an object, read once and followed often. The default leads to the object itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonPath {
    steps: Vec<Step>,
}

/// Why a path cannot be read. Positions count bytes from the start of the path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonPathError {
    /// There is nothing to read.
    #[error("the path is empty")]
    Empty,
    /// A path is relative to the object, so it starts with a dot or a bracket.
    #[error("the path must start with a dot")]
    Start,
    /// Something else was expected here.
    #[error("expected {expected} at position {position}")]
    Expected {
        /// What would have been right.
        expected: &'static str,
        /// Where.
        position: usize,
    },
    /// kubectl knows it, paths of a CRD do not.
    #[error("{feature} at position {position} is not supported")]
    Unsupported {
        /// What was found.
        feature: &'static str,
        /// Where.
        position: usize,
    },
}

impl JsonPath {
    /// Reads a path such as `.spec.color`, `.status.conditions[?(@.type=="Ready")].status` or
    /// `.metadata.annotations.example\.com/x`.
    ///
    /// # Errors
    /// A path that does not follow the grammar, or uses what is not supported here.
    pub fn parse(path: &str) -> Result<Self, JsonPathError> {
        if path.is_empty() {
            return Err(JsonPathError::Empty);
        }
        let mut parser = Parser { text: path, position: 0, filters: 0 };
        parser.eat("$");
        if !matches!(parser.peek(), Some('.' | '[') | None) {
            return Err(JsonPathError::Start);
        }
        if parser.text[parser.position..] == *"." {
            return Ok(Self { steps: Vec::new() });
        }
        let steps = parser.steps()?;
        if parser.peek().is_some() {
            return Err(parser.expected("a dot or a bracket"));
        }
        Ok(Self { steps })
    }

    /// The first value that the path leads to.
    pub fn first<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        first(&self.steps, object)
    }

    /// Every value that the path leads to, in document order.
    pub fn all<'a>(&self, object: &'a Value) -> Vec<&'a Value> {
        let mut found = Vec::new();
        walk(&self.steps, object, &mut |value| {
            found.push(value);
            false
        });
        found
    }

    /// The keys of a path that is made of keys alone, such as `.spec.replicas`: one that can be written through.
    pub fn keys(&self) -> Option<Vec<&str>> {
        self.steps
            .iter()
            .map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                _ => None,
            })
            .collect()
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    /// Negative counts from the end.
    Index(i64),
    All,
    Filter(Vec<Step>, Test),
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Exists,
    Equals(Value),
    Differs(Value),
}

impl Test {
    fn holds(&self, found: Option<&Value>) -> bool {
        match (self, found) {
            (_, None) => false,
            (Self::Exists, Some(_)) => true,
            (Self::Equals(wanted), Some(value)) => equal(wanted, value),
            (Self::Differs(unwanted), Some(value)) => !equal(unwanted, value),
        }
    }
}

/// Numbers are equal by value: `1` in a path finds `1.0` in an object.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn first<'a>(steps: &[Step], value: &'a Value) -> Option<&'a Value> {
    let mut value = value;
    for (at, step) in steps.iter().enumerate() {
        value = match step {
            Step::Key(key) => value.get(key)?,
            Step::Index(index) => element(value, *index)?,
            // Several ways to go on: the first that leads to the end wins.
            Step::All | Step::Filter(..) => {
                let mut found = None;
                walk(&steps[at..], value, &mut |value| {
                    found = Some(value);
                    true
                });
                return found;
            }
        };
    }
    Some(value)
}

/// Calls `visit` for each value at the end of `steps` until it returns true; tells whether it did.
fn walk<'a>(steps: &[Step], value: &'a Value, visit: &mut dyn FnMut(&'a Value) -> bool) -> bool {
    let Some((step, rest)) = steps.split_first() else { return visit(value) };
    match step {
        Step::Key(key) => value.get(key).is_some_and(|value| walk(rest, value, visit)),
        Step::Index(index) => element(value, *index).is_some_and(|value| walk(rest, value, visit)),
        Step::All => match value {
            Value::Array(items) => items.iter().any(|item| walk(rest, item, visit)),
            Value::Object(fields) => fields.values().any(|field| walk(rest, field, visit)),
            _ => false,
        },
        Step::Filter(path, test) => value
            .as_array()
            .is_some_and(|items| items.iter().any(|item| test.holds(first(path, item)) && walk(rest, item, visit))),
    }
}

fn element(value: &Value, index: i64) -> Option<&Value> {
    let items = value.as_array()?;
    let index = if index < 0 { index.checked_add(i64::try_from(items.len()).ok()?)? } else { index };
    items.get(usize::try_from(index).ok()?)
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
    /// How many filters the position is within.
    filters: usize,
}

/// Filters within filters are read by calls within calls, for which there is only so much stack.
const FILTERS_MAX: usize = 16;

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.position..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, token: &str) -> bool {
        let there = self.text[self.position..].starts_with(token);
        if there {
            self.position += token.len();
        }
        there
    }

    fn spaces(&mut self) {
        while self.eat(" ") {}
    }

    fn expected(&self, expected: &'static str) -> JsonPathError {
        JsonPathError::Expected { expected, position: self.position }
    }

    fn unsupported(&self, feature: &'static str) -> JsonPathError {
        JsonPathError::Unsupported { feature, position: self.position }
    }

    fn want(&mut self, token: &'static str) -> Result<(), JsonPathError> {
        if self.eat(token) { Ok(()) } else { Err(self.expected(token)) }
    }

    fn steps(&mut self) -> Result<Vec<Step>, JsonPathError> {
        let mut steps = Vec::new();
        loop {
            if self.eat("..") {
                self.position -= 2;
                return Err(self.unsupported("`..`"));
            } else if self.eat(".") {
                // `.a.[0]` is as good as `.a[0]`.
                if self.peek() != Some('[') {
                    steps.push(self.key()?);
                }
            } else if self.eat("[") {
                steps.push(self.bracket()?);
            } else {
                return Ok(steps);
            }
        }
    }

    /// What follows a dot. A backslash takes the next character as it is.
    fn key(&mut self) -> Result<Step, JsonPathError> {
        let mut key = String::new();
        while let Some(next) = self.peek() {
            match next {
                '.' | '[' | ']' | ')' | '(' | ' ' | '=' | '!' | '<' | '>' | '{' | '}' | '"' | '\'' | ',' => break,
                '\\' => {
                    self.next();
                    key.push(self.next().ok_or_else(|| self.expected("a character after the backslash"))?);
                }
                _ => {
                    self.next();
                    key.push(next);
                }
            }
        }
        match key.as_str() {
            "" => Err(self.expected("a key")),
            "*" => Ok(Step::All),
            _ => Ok(Step::Key(key)),
        }
    }

    /// What follows an opening bracket, with the closing one.
    fn bracket(&mut self) -> Result<Step, JsonPathError> {
        self.spaces();
        let step = match self.peek() {
            Some('*') => {
                self.next();
                Step::All
            }
            Some('"' | '\'') => Step::Key(self.quoted()?),
            Some('?') => {
                self.next();
                return self.filter();
            }
            Some(':') => return Err(self.unsupported("a slice")),
            _ => {
                let number = self.take(|c| c == '-' || c.is_ascii_digit());
                Step::Index(number.parse().map_err(|_| self.expected("an index, a quoted key, `*` or `?(`"))?)
            }
        };
        self.spaces();
        match self.peek() {
            Some(':') => Err(self.unsupported("a slice")),
            Some(',') => Err(self.unsupported("a union")),
            _ => self.want("]").map(|()| step),
        }
    }

    fn filter(&mut self) -> Result<Step, JsonPathError> {
        self.want("(")?;
        self.spaces();
        self.want("@")?;
        if self.filters == FILTERS_MAX {
            return Err(self.unsupported("a filter within so many filters"));
        }
        self.filters += 1;
        let path = self.steps()?;
        self.filters -= 1;
        self.spaces();
        let test = if self.eat("==") {
            Test::Equals(self.constant()?)
        } else if self.eat("!=") {
            Test::Differs(self.constant()?)
        } else if matches!(self.peek(), Some('<' | '>')) {
            return Err(self.unsupported("an ordering"));
        } else {
            Test::Exists
        };
        self.spaces();
        self.want(")")?;
        self.want("]")?;
        Ok(Step::Filter(path, test))
    }

    fn constant(&mut self) -> Result<Value, JsonPathError> {
        self.spaces();
        if matches!(self.peek(), Some('"' | '\'')) {
            return Ok(Value::String(self.quoted()?));
        }
        let position = self.position;
        let word = self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
        match word {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => match word.parse::<Number>() {
                Ok(number) => Ok(Value::Number(number)),
                Err(_) => {
                    Err(JsonPathError::Expected { expected: "a quoted string, a number, true or false", position })
                }
            },
        }
    }

    fn quoted(&mut self) -> Result<String, JsonPathError> {
        let quote = self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(self.expected("a closing quote")),
                end if end == quote => return Ok(text),
                Some('\\') => text.push(self.next().ok_or_else(|| self.expected("a closing quote"))?),
                Some(other) => text.push(other),
            }
        }
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &str {
        let rest = &self.text[self.position..];
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.position += end;
        &rest[..end]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What a path finds in one bird; values are separated by spaces.
    fn check(path: &str, found: &str) {
        let bird = json!({
            "metadata": {"annotations": {"example.com/x": "dotted", "a b": "spaced"}},
            "spec": {"color": "brown", "songs": ["dawn", "dusk"], "nothing": null, "b.c": 1},
            "status": {"conditions": [
                {"type": "Ready", "status": "True", "seen": 1, "ok": true},
                {"type": "Nesting", "status": "False", "seen": 2, "ok": false, "reason": "Late"},
                {"type": "Ringed", "seen": 2.5}
            ]}
        });
        let path = JsonPath::parse(path).unwrap();
        let all = path.all(&bird);
        assert_eq!(path.first(&bird), all.first().copied(), "{path:?}");
        let text: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(text.join(" "), found, "{path:?}");
    }

    fn check_error(path: &str, message: &str) {
        assert_eq!(JsonPath::parse(path).unwrap_err().to_string(), message, "{path}");
    }

    #[test]
    fn keys_lead_down() {
        check(".spec.color", r#""brown""#);
        check("$.spec.color", r#""brown""#);
        check(".spec.absent.deeper", "");
        check(".spec.nothing", "null");
        check(".spec.color.deeper", "");
        check(r#".spec["b.c"]"#, "1");
        check(".spec['b.c']", "1");
        check(r".spec.b\.c", "1");
        check(r".metadata.annotations.example\.com/x", r#""dotted""#);
        check(r#"["metadata"]['annotations']["a b"]"#, r#""spaced""#);
    }

    #[test]
    fn indexes_count_from_either_end() {
        check(".spec.songs[0]", r#""dawn""#);
        check(".spec.songs.[1]", r#""dusk""#);
        check(".spec.songs[-1]", r#""dusk""#);
        check(".spec.songs[2]", "");
        check(".spec.songs[-3]", "");
        check(".spec[0]", "");
        check(".spec.songs[-9223372036854775808]", "");
    }

    #[test]
    fn a_star_takes_all_there_is() {
        check(".spec.songs[*]", r#""dawn" "dusk""#);
        check(".spec.songs.*", r#""dawn" "dusk""#);
        check(".status.conditions[*].status", r#""True" "False""#);
        check(".metadata.annotations[*]", r#""spaced" "dotted""#);
        check(".spec.color[*]", "");
    }

    #[test]
    fn filters_compare_with_constants() {
        check(r#".status.conditions[?(@.type=="Ready")].status"#, r#""True""#);
        check(".status.conditions[?(@.type == 'Nesting')].status", r#""False""#);
        check(r#".status.conditions[?(@.type!="Ready")].seen"#, "2 2.5");
        check(r#".status.conditions[?(@.status!="True")].seen"#, "2");
        check(".status.conditions[?(@.seen==2)].reason", r#""Late""#);
        check(".status.conditions[?(@.seen==2.5)].type", r#""Ringed""#);
        check(".status.conditions[?(@.seen==1.0)].type", r#""Ready""#);
        check(".status.conditions[?(@.ok==true)].type", r#""Ready""#);
        check(".status.conditions[?(@.reason)].type", r#""Nesting""#);
        check(r#".spec.songs[?(@=="dusk")]"#, r#""dusk""#);
        check(r#".status.conditions[?(@.type=="Gone")].status"#, "");
    }

    #[test]
    fn a_bad_path_says_where() {
        check_error("", "the path is empty");
        check_error("spec.color", "the path must start with a dot");
        check_error(".spec.", "expected a key at position 6");
        check_error(".spec..color", "`..` at position 5 is not supported");
        check_error(".spec.songs[0", "expected ] at position 13");
        check_error(".spec.songs[x]", "expected an index, a quoted key, `*` or `?(` at position 12");
        check_error(".spec.songs[0:1]", "a slice at position 13 is not supported");
        check_error(".spec['a','b']", "a union at position 9 is not supported");
        check_error(".spec['a", "expected a closing quote at position 8");
        check_error(".a[?(@.b==c)]", "expected a quoted string, a number, true or false at position 10");
        check_error(".a[?(@.b<1)]", "an ordering at position 8 is not supported");
        let deep = ".a[?(@".repeat(17);
        check_error(&deep, "a filter within so many filters at position 102 is not supported");
        check_error(".a]", "expected a dot or a bracket at position 2");
    }

    #[test]
    fn only_plain_keys_can_be_written_through() {
        assert_eq!(JsonPath::parse(".spec.replicas").unwrap().keys(), Some(vec!["spec", "replicas"]));
        assert_eq!(JsonPath::parse(".spec.all[0]").unwrap().keys(), None);
        assert_eq!(JsonPath::parse(".").unwrap().keys(), Some(vec![]));
    }
}
