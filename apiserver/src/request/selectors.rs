//! Label and field selectors: what `labelSelector` and `fieldSelector` in a query mean.
//!
//! Both are parsed once per request and matched against many objects. Their errors are Kubernetes' texts, answered 400.
//! Sources: <https://github.com/kubernetes/apimachinery/blob/master/pkg/labels/selector.go>,
//! <https://github.com/kubernetes/apimachinery/blob/master/pkg/fields/selector.go>

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::field;
use crate::field::labels;

/// Which objects are meant, by their labels: all requirements must hold. The default selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    requirements: Vec<LabelRequirement>,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRequirement {
    /// The label's key.
    pub key: String,
    /// What must be so.
    pub condition: LabelCondition,
}

/// What must be so about a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelCondition {
    /// It is there and has one of these values; `=` and `==` are sets of one.
    In(Vec<String>),
    /// It is missing or has none of these values; `!=` is a set of one.
    NotIn(Vec<String>),
    /// It is there.
    Exists,
    /// It is missing.
    Missing,
    /// It is there, a number, and above this.
    Above(i64),
    /// It is there, a number, and below this.
    Below(i64),
}

/// Which objects are meant, by their fields: all requirements must hold. The default selects everything.
///
/// Which fields there are is for the kind to say; here any name will do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    requirements: Vec<FieldRequirement>,
}

/// One condition on one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequirement {
    /// For example `metadata.name`.
    pub field: String,
    /// Whether the value must be this, or anything else.
    pub equals: bool,
    /// What to compare with; a missing field counts as empty.
    pub value: String,
}

/// Why a selector cannot be read: a text for the client, answered 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(String);

impl LabelSelector {
    /// Reads a selector such as `size=small,ring in (1, 2),!sick`. Empty selects everything.
    ///
    /// # Errors
    /// What does not follow the grammar, or a key or value that no label can have.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut parser = LabelParser { tokens: tokens(text), position: 0 };
        let mut requirements = parser.requirements().map_err(SelectorError)?;
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { requirements })
    }

    /// The selector of these terms, each a key, an operator as `matchExpressions` write it, and values.
    ///
    /// # Errors
    /// An operator that is none.
    pub fn of_terms(terms: impl IntoIterator<Item = (String, String, Vec<String>)>) -> Result<Self, SelectorError> {
        let mut requirements = Vec::new();
        for (key, operator, values) in terms {
            let condition = match operator.as_str() {
                "In" => LabelCondition::In(values),
                "NotIn" => LabelCondition::NotIn(values),
                "Exists" => LabelCondition::Exists,
                "DoesNotExist" => LabelCondition::Missing,
                other => {
                    return Err(SelectorError(format!(
                        "{} is not a valid label selector operator",
                        field::quoted(other)
                    )));
                }
            };
            requirements.push(LabelRequirement { key, condition });
        }
        Ok(Self { requirements })
    }

    /// Whether an object with these labels is meant.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matches_with(|key| labels.get(key).map(String::as_str))
    }

    /// As [`matches`](Self::matches), for labels in whatever form: `get` gives the value of a key.
    pub fn matches_with<'a>(&self, get: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.condition.holds(get(&requirement.key)))
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The conditions, by key.
    pub fn requirements(&self) -> &[LabelRequirement] {
        &self.requirements
    }
}

impl LabelCondition {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Self::NotIn(values) => value.is_none_or(|value| values.iter().all(|one| one != value)),
            Self::Exists => value.is_some(),
            Self::Missing => value.is_none(),
            Self::Above(limit) => number().is_some_and(|number| number > *limit),
            Self::Below(limit) => number().is_some_and(|number| number < *limit),
        }
    }
}

impl FieldSelector {
    /// Reads a selector such as `metadata.name=a,spec.color!=red`. A backslash escapes `,`, `=` and itself in values.
    ///
    /// # Errors
    /// A term without an operator, or with an escape that is none.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut terms = terms(text);
        terms.sort_unstable();
        let mut requirements = Vec::new();
        for term in terms.into_iter().filter(|term| !term.is_empty()) {
            let Some((field, equals, value)) = split_term(term) else {
                return Err(SelectorError(format!("invalid selector: '{text}'; can't understand '{term}'")));
            };
            let value = unescape(value)?;
            if !field.is_empty() || !value.is_empty() {
                requirements.push(FieldRequirement { field: field.to_owned(), equals, value: value.into_owned() });
            }
        }
        Ok(Self { requirements })
    }

    /// Whether an object is meant whose fields `get` gives. Called once per requirement, until one does not hold.
    pub fn matches<'a>(&self, get: impl Fn(&str) -> Option<Cow<'a, str>>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = get(&requirement.field).unwrap_or_default();
            (value == requirement.value.as_str()) == requirement.equals
        })
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The conditions, in the order of their text.
    pub fn requirements(&self) -> &[FieldRequirement] {
        &self.requirements
    }

    /// The value that a field must have, where the selector allows one only.
    pub fn required_value(&self, field: &str) -> Option<&str> {
        self.requirements.iter().find(|one| one.equals && one.field == field).map(|one| one.value.as_str())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    End,
    Close,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    Greater,
    /// Also `in` and `notin`, which are operators only behind a key.
    Word(&'a str),
    Less,
    NotEquals,
    Open,
}

impl<'a> Token<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::End => "",
            Self::Close => ")",
            Self::Comma => ",",
            Self::Not => "!",
            Self::DoubleEquals => "==",
            Self::Equals => "=",
            Self::Greater => ">",
            Self::Word(text) => text,
            Self::Less => "<",
            Self::NotEquals => "!=",
            Self::Open => "(",
        }
    }
}

/// Never empty: the last token is [`Token::End`].
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    // A NUL ends the text, as it does in Kubernetes.
    let mut rest = text.split('\0').next().unwrap_or_default();
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let (token, length) = match rest.as_bytes() {
            [] => break,
            [b'=', b'=', ..] => (Token::DoubleEquals, 2),
            [b'!', b'=', ..] => (Token::NotEquals, 2),
            [b'=', ..] => (Token::Equals, 1),
            [b'!', ..] => (Token::Not, 1),
            [b'(', ..] => (Token::Open, 1),
            [b')', ..] => (Token::Close, 1),
            [b',', ..] => (Token::Comma, 1),
            [b'>', ..] => (Token::Greater, 1),
            [b'<', ..] => (Token::Less, 1),
            _ => {
                let ends = ['=', '!', '(', ')', ',', '>', '<', ' ', '\t', '\r', '\n'];
                let length = rest.find(ends).unwrap_or(rest.len());
                (Token::Word(&rest[..length]), length)
            }
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    tokens.push(Token::End);
    tokens
}

struct LabelParser<'a> {
    tokens: Vec<Token<'a>>,
    position: usize,
}

impl<'a> LabelParser<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens.get(self.position).copied().unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.position += 1;
        token
    }

    fn requirements(&mut self) -> Result<Vec<LabelRequirement>, String> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                Token::End => return Ok(requirements),
                Token::Word(_) | Token::Not => {}
                other => {
                    return Err(format!("found '{}', expected: !, identifier, or 'end of string'", other.text()));
                }
            }
            requirements.push(self.requirement().map_err(|error| format!("unable to parse requirement: {error}"))?);
            match self.next() {
                Token::End => return Ok(requirements),
                Token::Comma => match self.peek() {
                    Token::Word(_) | Token::Not => {}
                    other => return Err(format!("found '{}', expected: identifier after ','", other.text())),
                },
                other => return Err(format!("found '{}', expected: ',' or 'end of string'", other.text())),
            }
        }
    }

    fn requirement(&mut self) -> Result<LabelRequirement, String> {
        let absent = self.peek() == Token::Not;
        if absent {
            self.next();
        }
        let key = match self.next() {
            Token::Word(key) => key,
            other => return Err(format!("found '{}', expected: identifier", other.text())),
        };
        let problems = labels::qualified_name(key);
        if !problems.is_empty() {
            return Err(invalid("", key, &problems.join("; ")));
        }
        let done = |condition| Ok(LabelRequirement { key: key.to_owned(), condition });
        if absent {
            return done(LabelCondition::Missing);
        }
        if matches!(self.peek(), Token::End | Token::Comma) {
            return done(LabelCondition::Exists);
        }
        let operator = self.next();
        let values = match operator {
            Token::Word("in" | "notin") => self.values()?,
            Token::Equals | Token::DoubleEquals | Token::NotEquals | Token::Greater | Token::Less => {
                vec![self.value()?]
            }
            other => {
                return Err(format!("found '{}', expected: in, notin, =, ==, !=, gt, lt", other.text()));
            }
        };
        let mut problems = Vec::new();
        let mut number = None;
        if matches!(operator, Token::Greater | Token::Less) {
            number = values[0].parse().ok();
            if number.is_none() {
                let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
                problems.push(invalid("values[0]", &values[0], detail));
            }
        }
        for (index, value) in values.iter().enumerate() {
            let wrong = labels::label_value(value);
            if !wrong.is_empty() {
                problems.push(invalid(&format!("values[{index}][{key}]"), value, &wrong.join("; ")));
            }
        }
        match problems.as_slice() {
            [] => {}
            [one] => return Err(one.clone()),
            several => return Err(format!("[{}]", several.join(", "))),
        }
        done(match (operator, number) {
            (Token::Greater, Some(limit)) => LabelCondition::Above(limit),
            (Token::Less, Some(limit)) => LabelCondition::Below(limit),
            (Token::Word("notin") | Token::NotEquals, _) => LabelCondition::NotIn(values),
            _ => LabelCondition::In(values),
        })
    }

    fn value(&mut self) -> Result<String, String> {
        match self.peek() {
            Token::End | Token::Comma => Ok(String::new()),
            Token::Word(value) => {
                self.next();
                Ok(value.to_owned())
            }
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    /// A list in parentheses; values may be empty, so that `(a,,b)` has three. Sorted, each once.
    fn values(&mut self) -> Result<Vec<String>, String> {
        match self.next() {
            Token::Open => {}
            other => return Err(format!("found '{}' expected: '('", other.text())),
        }
        if !matches!(self.peek(), Token::Word(_) | Token::Comma | Token::Close) {
            return Err(format!("found '{}', expected: ',', ')' or identifier", self.peek().text()));
        }
        let mut values = Vec::new();
        loop {
            let value = match self.peek() {
                Token::Word(value) => {
                    self.next();
                    value
                }
                Token::Comma | Token::Close => "",
                other => return Err(format!("found '{}', expected: ',', or identifier", other.text())),
            };
            values.push(value.to_owned());
            match self.next() {
                Token::Comma => {}
                Token::Close => break,
                other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
            }
        }
        values.sort_unstable();
        values.dedup();
        Ok(values)
    }
}

fn invalid(path: &str, value: &str, detail: &str) -> String {
    let mut errors = field::Errors::default();
    errors.invalid(path, value, detail);
    errors.iter().map(ToString::to_string).collect()
}

/// The terms between commas that are not escaped.
fn terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                terms.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

/// Field, whether it must be equal, and the value as written.
fn split_term(term: &str) -> Option<(&str, bool, &str)> {
    let at = term.bytes().enumerate().find_map(|(index, byte)| match byte {
        b'=' => Some(index),
        b'!' if term.as_bytes().get(index + 1) == Some(&b'=') => Some(index),
        _ => None,
    })?;
    let (field, rest) = term.split_at(at);
    if let Some(value) = rest.strip_prefix("!=") {
        return Some((field, false, value));
    }
    Some((field, true, rest.strip_prefix("==").unwrap_or(&rest[1..])))
}

fn unescape(value: &str) -> Result<Cow<'_, str>, SelectorError> {
    if !value.contains(['\\', ',', '=']) {
        return Ok(Cow::Borrowed(value));
    }
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => plain.push(c),
                other => {
                    let sequence: String = std::iter::once('\\').chain(other).collect();
                    return Err(SelectorError(format!("invalid field selector: invalid escape sequence: {sequence}")));
                }
            },
            ',' | '=' => {
                let code = u32::from(c);
                return Err(SelectorError(format!("invalid field selector: unescaped character in value: {code}")));
            }
            c => plain.push(c),
        }
    }
    Ok(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(selector: &str, labels: &[(&str, &str)], expect: bool) {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(LabelSelector::parse(selector).expect(selector).matches(&labels), expect, "{selector}");
    }

    #[test]
    fn labels_select_objects() {
        let small = [("size", "small"), ("ring", "7")];
        check("", &small, true);
        check("size=small", &small, true);
        check("size==large", &small, false);
        check("size=small,ring=7", &small, true);
        check("size=small,ring=8", &small, false);
        check(" size = small , ring ", &small, true);
        check("size!=large", &small, true);
        check("size!=small", &small, false);
        check("color!=red", &small, true);
        check("color notin (red,blue)", &small, true);
        check("size in (large,small)", &small, true);
        check("size in (large)", &small, false);
        check("color in (red)", &small, false);
        check("size", &small, true);
        check("!size", &small, false);
        check("! color", &small, true);
        check("ring>6", &small, true);
        check("ring>7", &small, false);
        check("ring<8,ring>6", &small, true);
        check("size>6", &small, false);
        check("x=", &[("x", "")], true);
        check("x=,y", &[("x", ""), ("y", "1")], true);
        check("x in ()", &[("x", "")], true);
        check("x in (a,,b)", &[("x", "")], true);
        check("x in (,a)", &[("x", "")], true);
        check("x in (a,)", &[("x", "")], true);
        check("in in (in,notin)", &[("in", "notin")], true);
        check("example.com/x=1", &[("example.com/x", "1")], true);
        check("a\0=b", &[("a", "")], true);
    }

    #[track_caller]
    fn fails(selector: &str, expect: &str) {
        let error = LabelSelector::parse(selector).expect_err(selector);
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn label_selectors_fail_as_in_kubernetes() {
        fails("a=b=c", "found '=', expected: ',' or 'end of string'");
        fails("size in small", "unable to parse requirement: found 'small' expected: '('");
        fails("size=not ok!", "found 'ok', expected: ',' or 'end of string'");
        fails(",", "found ',', expected: !, identifier, or 'end of string'");
        fails("a,", "found '', expected: identifier after ','");
        fails("a,,b", "found ',', expected: identifier after ','");
        fails("!", "unable to parse requirement: found '', expected: identifier");
        fails("!a=b", "found '=', expected: ',' or 'end of string'");
        fails("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
        fails("a=(", "unable to parse requirement: found '(', expected: identifier");
        fails("a in (b", "unable to parse requirement: found '', expected: ',' or ')'");
        fails("a in (b,", "unable to parse requirement: found '', expected: ',', or identifier");
        fails("a in (=", "unable to parse requirement: found '=', expected: ',', ')' or identifier");
        fails(
            "a=_b",
            "unable to parse requirement: values[0][a]: Invalid value: \"_b\": a valid label must be an empty string or \
             consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character \
             (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
             '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        );
        fails(
            "_a=b",
            "unable to parse requirement: <nil>: Invalid value: \"_a\": name part must consist of alphanumeric \
             characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or \
             'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        );
        fails(
            "a>b",
            "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be \
             an integer",
        );
    }

    #[track_caller]
    fn field(selector: &str, expect: Result<&[(&str, bool, &str)], &str>) {
        let seen = FieldSelector::parse(selector);
        let seen = seen.as_ref().map_err(ToString::to_string).map(|selector| {
            let all = selector.requirements().iter();
            all.map(|one| (one.field.as_str(), one.equals, one.value.as_str())).collect::<Vec<_>>()
        });
        assert_eq!(seen, expect.map(<[_]>::to_vec).map_err(str::to_owned), "{selector}");
    }

    #[test]
    fn fields_select_objects() {
        field("", Ok(&[]));
        field("metadata.name=a", Ok(&[("metadata.name", true, "a")]));
        field("metadata.name==a", Ok(&[("metadata.name", true, "a")]));
        field("metadata.name!=a", Ok(&[("metadata.name", false, "a")]));
        field("b=1,a!=2,", Ok(&[("a", false, "2"), ("b", true, "1")]));
        field(r"a=x\,y\=z\\", Ok(&[("a", true, r"x,y=z\")]));
        field("a=", Ok(&[("a", true, "")]));
        field("=", Ok(&[]));
        field("a=b!", Ok(&[("a", true, "b!")]));
        field("metadata.name", Err("invalid selector: 'metadata.name'; can't understand 'metadata.name'"));
        field("a=b=c", Err("invalid field selector: unescaped character in value: 61"));
        field(r"a=\x", Err(r"invalid field selector: invalid escape sequence: \x"));
        field(r"a=b\", Err(r"invalid field selector: invalid escape sequence: \"));

        let selector = FieldSelector::parse("spec.color=red,metadata.name!=b").expect("a selector");
        let get = |name: &'static str| {
            move |field: &str| Some(Cow::Borrowed(if field == "metadata.name" { name } else { "red" }))
        };
        assert!(selector.matches(get("a")) && !selector.matches(get("b")));
        assert_eq!(selector.required_value("spec.color"), Some("red"));
        assert_eq!(selector.required_value("metadata.name"), None);
        assert!(FieldSelector::parse("a=").expect("a selector").matches(|_| None));
    }

    #[test]
    fn no_selector_can_do_harm() {
        use rand::rngs::StdRng;
        use rand::{Rng, SeedableRng};

        let seed = rand::random();
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let pieces =
            ["a", "b/c", "in", "notin", "(", ")", ",", "=", "==", "!", "!=", ">", "<", " ", "5", "\\", "é", "\0", "_"];
        for _ in 0..20_000 {
            let count = rng.random_range(0..9);
            let text: String = (0..count).map(|_| pieces[rng.random_range(0..pieces.len())]).collect();
            if let Ok(selector) = LabelSelector::parse(&text) {
                selector.matches_with(|_| Some("5"));
            }
            if let Ok(selector) = FieldSelector::parse(&text) {
                selector.matches(|_| None);
            }
        }
    }
}
