//! Bodies: from JSON or YAML text to a value, with a note of every field that was given twice.
//!
//! JSON is read in one pass straight into a [`Value`]; looking for duplicates costs nothing until there is one. YAML is
//! read into nodes that know their line, because its duplicates are told by line. Names are case-sensitive, integers keep
//! 64 bits, and the last of several equal names wins. Nesting is limited, so that no body can exhaust the stack, here or
//! wherever the value goes.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::field::{self, path::Path};

/// How deep objects and lists may nest. Readers of JSON in Rust stop at 128; this leaves room for what is put around an
/// object, such as a list or a watch event.
pub const DEPTH_MAX: usize = 100;

/// Kubernetes reports no more problems than this in one body.
const DUPLICATES_MAX: usize = 100;

/// Enough for [`DEPTH_MAX`] levels of YAML, several times over.
const YAML_STACK_BYTES: usize = 32 << 20;

/// In which form a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `application/json`.
    #[default]
    Json,
    /// `application/yaml`: one document. JSON is YAML too.
    Yaml,
}

/// A body that could be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// What it holds.
    pub value: Value,
    /// One text for each field given twice, as strict decoding reports it: `duplicate field "spec.a"`; for YAML one text
    /// with a line for each.
    pub duplicates: Vec<String>,
}

/// Why a body cannot be read: a text for the client, answered 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

/// Reads an object. Whole numbers written as `1.0` become `1`, as they do when Kubernetes stores them.
///
/// # Errors
/// What is not JSON or YAML, more than one document, or nested deeper than [`DEPTH_MAX`].
pub fn decode(body: &[u8], format: Format) -> Result<Decoded, DecodeError> {
    let mut decoded = match format {
        Format::Json => decode_json(body)?,
        Format::Yaml => decode_yaml(body)?,
    };
    make_whole(&mut decoded.value);
    Ok(decoded)
}

/// Reads a JSON patch or a merge patch. Numbers stay as they are written, for operations that compare them.
///
/// # Errors
/// What is not JSON, or nested deeper than [`DEPTH_MAX`].
pub fn decode_patch(body: &[u8]) -> Result<Decoded, DecodeError> {
    decode_json(body)
}

/// Turns every `1.0` into `1`: in Kubernetes both are stored as `1`, and fields of integer type accept both.
pub fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(whole) = number.as_f64().and_then(whole) {
                *number = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(fields) => fields.values_mut().for_each(make_whole),
        _ => {}
    }
}

/// The integer that a float is, where both are exact.
fn whole(float: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
}

fn decode_json(body: &[u8]) -> Result<Decoded, DecodeError> {
    let duplicates = RefCell::new(Vec::new());
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let seed = JsonSeed { path: Path::ROOT, depth: 0, duplicates: &duplicates };
    let value = seed.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    let value = value.map_err(|error| {
        DecodeError(match error.classify() {
            serde_json::error::Category::Eof => "unexpected end of JSON input".to_owned(),
            _ => error.to_string(),
        })
    })?;
    Ok(Decoded { value, duplicates: duplicates.into_inner() })
}

/// Reads one JSON value at one place. The path lives on the stack and is only written out for a duplicate.
struct JsonSeed<'a> {
    path: Path<'a>,
    depth: usize,
    duplicates: &'a RefCell<Vec<String>>,
}

impl JsonSeed<'_> {
    fn deeper<E: de::Error>(&self) -> Result<usize, E> {
        if self.depth < DEPTH_MAX { Ok(self.depth + 1) } else { Err(E::custom("exceeded max depth")) }
    }
}

impl<'de> DeserializeSeed<'de> for JsonSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(JsonSeed {
            path: self.path.index(items.len()),
            depth,
            duplicates: self.duplicates,
        })? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut fields = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let noted = self.duplicates.borrow().len();
            let path = self.path.child(&key);
            let value = access.next_value_seed(JsonSeed { path, depth, duplicates: self.duplicates })?;
            // Found only now, but told ahead of what is twice within the value, as the name came first.
            if fields.contains_key(&key) {
                note(&mut self.duplicates.borrow_mut(), noted, format!("duplicate field \"{path}\""));
            }
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}

fn note(duplicates: &mut Vec<String>, at: usize, text: String) {
    if duplicates.len() < DUPLICATES_MAX && !duplicates.contains(&text) {
        duplicates.insert(at, text);
    }
}

fn decode_yaml(body: &[u8]) -> Result<Decoded, DecodeError> {
    // Clients that speak of YAML mostly send JSON, which is read much faster as what it is. Its duplicates, if any, are
    // for YAML to tell, by line.
    if body.trim_ascii_start().starts_with(b"{")
        && let Ok(decoded) = decode_json(body)
        && decoded.duplicates.is_empty()
    {
        return Ok(decoded);
    }
    let text = std::str::from_utf8(body).map_err(|_| DecodeError("yaml: invalid UTF-8".into()))?;
    // The YAML reader takes tens of kilobytes of stack for each level when built without optimisation, more than an
    // async worker has for all levels that are allowed. The memory is reserved, but used only as far as it is needed.
    let reader = std::thread::Builder::new().stack_size(YAML_STACK_BYTES);
    std::thread::scope(|scope| {
        let reader = reader.spawn_scoped(scope, || decode_yaml_text(text));
        let reader = reader.map_err(|error| DecodeError(format!("no thread to read YAML on: {error}")))?;
        reader.join().unwrap_or_else(|_| Err(DecodeError("yaml: the document cannot be read".into())))
    })
}

fn decode_yaml_text(text: &str) -> Result<Decoded, DecodeError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX + 2 },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    // An empty body is no document and reads as null.
    if text.trim().is_empty() {
        return Ok(Decoded { value: Value::Null, duplicates: Vec::new() });
    }
    let node: serde_saphyr::Spanned<Node> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| DecodeError(format!("error converting YAML to JSON: yaml: {error}")))?;
    let mut lines = Vec::new();
    let value = node.value.into_value(0, &mut lines)?;
    let duplicates =
        if lines.is_empty() { Vec::new() } else { vec![format!("yaml: unmarshal errors:\n  {}", lines.join("\n  "))] };
    Ok(Decoded { value, duplicates })
}

/// A YAML value, with the line at which each value of a mapping begins.
enum Node {
    Scalar(Value),
    List(Vec<Node>),
    Fields(Vec<(Key, serde_saphyr::Spanned<Node>)>),
}

/// A mapping's key: JSON has only texts, so numbers and the like become what they are written as.
struct Key(String);

impl Node {
    fn into_value(self, depth: usize, lines: &mut Vec<String>) -> Result<Value, DecodeError> {
        match self {
            Self::Scalar(value) => Ok(value),
            _ if depth == DEPTH_MAX => {
                Err(DecodeError("error converting YAML to JSON: yaml: exceeded max depth".into()))
            }
            Self::List(nodes) => {
                let items = nodes.into_iter().map(|node| node.into_value(depth + 1, lines));
                items.collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Fields(nodes) => {
                let mut fields = Map::new();
                for (Key(key), node) in nodes {
                    let noted = lines.len();
                    let line = node.referenced.line();
                    let value = node.value.into_value(depth + 1, lines)?;
                    if fields.contains_key(&key) {
                        let key = field::quoted(&key);
                        note(lines, noted, format!("line {line}: key {key} already set in map"));
                    }
                    fields.insert(key, value);
                }
                Ok(Value::Object(fields))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Node, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Node, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number that JSON cannot hold"))?;
        Ok(Node::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = access.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(entry) = access.next_entry()? {
            nodes.push(entry);
        }
        Ok(Node::Fields(nodes))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Node::deserialize(deserializer)? {
            Node::Scalar(Value::String(text)) => Ok(Self(text)),
            Node::Scalar(value) => Ok(Self(value.to_string())),
            Node::List(_) | Node::Fields(_) => Err(de::Error::custom("a key must be a scalar")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(format: Format, body: &str, value: Value, duplicates: &[&str]) {
        let decoded = decode(body.as_bytes(), format).expect(body);
        assert_eq!(decoded.value, value, "{body}");
        assert_eq!(decoded.duplicates, duplicates, "{body}");
    }

    #[test]
    fn json_bodies_become_values() {
        let json = |body, value| check(Format::Json, body, value, &[]);
        json(r#"{"a":[1,-2,2.5,true,null,"x"],"A":{}}"#, json!({"a": [1, -2, 2.5, true, null, "x"], "A": {}}));
        json("9223372036854775807", json!(9223372036854775807_i64));
        json("-9223372036854775808", json!(-9223372036854775808_i64));
        json("[1.0, 1e3, 1.5, 1e300]", json!([1, 1000, 1.5, 1e300]));
        json(r#"" \u00e9\n""#, json!(" é\n"));
        assert_eq!(decode_patch(b"[1.0]").expect("a value").value, json!([1.0]));
    }

    #[test]
    fn duplicates_are_told_in_document_order_and_the_last_wins() {
        let json = |body, value, duplicates| check(Format::Json, body, value, duplicates);
        json(r#"{"spec":{"b":1,"b":2}}"#, json!({"spec": {"b": 2}}), &[r#"duplicate field "spec.b""#]);
        json(
            r#"{"a":1,"items":[{},{"x":{"y":1,"y":2},"x":{"z":1,"z":1}}],"a":2}"#,
            json!({"a": 2, "items": [{}, {"x": {"z": 1}}]}),
            &[
                r#"duplicate field "items[1].x.y""#,
                r#"duplicate field "items[1].x""#,
                r#"duplicate field "items[1].x.z""#,
                r#"duplicate field "a""#,
            ],
        );
        json(r#"{"b":1,"b":2,"b":3}"#, json!({"b": 3}), &[r#"duplicate field "b""#]);
    }

    #[test]
    fn yaml_bodies_become_values() {
        let yaml = |body, value| check(Format::Yaml, body, value, &[]);
        yaml("a: 1\nb: [x, 'y', \"z\"]\nc:\n- d: e\n", json!({"a": 1, "b": ["x", "y", "z"], "c": [{"d": "e"}]}));
        yaml("---\na: b\n", json!({"a": "b"}));
        yaml("# nothing\na: ~\nb:\nc: null\n", json!({"a": null, "b": null, "c": null}));
        yaml(
            "a: true\nb: 'true'\nc: 1.0\nd: 1.5\ne: '1'\n",
            json!({"a": true, "b": "true", "c": 1, "d": 1.5, "e": "1"}),
        );
        yaml("a: 9223372036854775807\nb: -9223372036854775808\n", json!({"a": i64::MAX, "b": i64::MIN}));
        yaml("a: |\n  x\n  y\nb: >-\n  x\n  y\n", json!({"a": "x\ny\n", "b": "x y"}));
        yaml(
            "a: 2024-05-06\nb: 2024-05-06T07:08:09Z\nc: 0644\n",
            json!({"a": "2024-05-06", "b": "2024-05-06T07:08:09Z", "c": 420}),
        );
        yaml("a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n", json!({"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}));
        yaml("1: a\ntrue: b\n", json!({"1": "a", "true": "b"}));
        yaml("{\"a\": [1, {\"b\": null}]}", json!({"a": [1, {"b": null}]}));
        yaml("", Value::Null);
        yaml(" \n", Value::Null);
    }

    #[test]
    fn yaml_duplicates_are_told_by_line() {
        check(
            Format::Yaml,
            "spec:\n  a: 1\n  b: x\n  a: 2\n  c:\n    d: 1\n    d: 2\n",
            json!({"spec": {"a": 2, "b": "x", "c": {"d": 2}}}),
            &[
                "yaml: unmarshal errors:\n  line 4: key \"a\" already set in map\n  line 7: key \"d\" already set in map",
            ],
        );
    }

    #[test]
    fn whole_numbers_lose_their_fraction() {
        let mut value = json!({"a": [1.0, -2.0, 2.5, 1e15], "b": 1e300, "c": "1.0"});
        make_whole(&mut value);
        assert_eq!(value, json!({"a": [1, -2, 2.5, 1_000_000_000_000_000_i64], "b": 1e300, "c": "1.0"}));
    }

    #[track_caller]
    fn fails(format: Format, body: &str, expect: &str) {
        let error = decode(body.as_bytes(), format).expect_err(body).to_string();
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn other_bodies_are_refused() {
        fails(Format::Json, "", "unexpected end of JSON input");
        fails(Format::Json, r#"{"a": 1, "#, "unexpected end of JSON input");
        fails(Format::Json, "{} {}", "trailing characters");
        fails(Format::Json, "{'a': 1}", "key must be a string");
        fails(Format::Json, &"[".repeat(100_000), "exceeded max depth");
        fails(Format::Json, &"{\"a\":".repeat(100_000), "exceeded max depth");
        fails(Format::Yaml, "a: b: c\n", "error converting YAML to JSON: yaml: ");
        fails(Format::Yaml, "a: [1, 2\n", "error converting YAML to JSON: yaml: ");
        fails(Format::Yaml, "a: 1\n---\nb: 2\n", "error converting YAML to JSON: yaml: ");
        fails(Format::Yaml, "? [a, b]\n: c\n", "error converting YAML to JSON: yaml: ");
        fails(Format::Yaml, "a: .inf\n", "error converting YAML to JSON: yaml: ");
        fails(Format::Yaml, "a: *unknown\n", "error converting YAML to JSON: yaml: ");
        fails(Format::Yaml, &"[".repeat(100_000), "error converting YAML to JSON: yaml: ");
        fails(Format::Yaml, &"- ".repeat(100_000), "error converting YAML to JSON: yaml: ");
        fails(Format::Yaml, &"{a: ".repeat(100_000), "error converting YAML to JSON: yaml: ");
        assert!(decode(&[b'"', 0xff, b'"'], Format::Json).is_err() && decode(&[0xff], Format::Yaml).is_err());
    }

    #[test]
    fn nesting_up_to_the_limit_is_accepted() {
        for format in [Format::Json, Format::Yaml] {
            let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            assert!(decode(nested(DEPTH_MAX).as_bytes(), format).is_ok());
            assert!(decode(nested(DEPTH_MAX + 1).as_bytes(), format).is_err());
        }
    }

    #[test]
    fn no_body_can_do_harm() {
        use rand::rngs::StdRng;
        use rand::{Rng, SeedableRng};

        let seed = rand::random();
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let bodies = [
            r#"{"apiVersion":"a/v1","spec":{"x":[1,-2.5e3,true,null,"\u00e9"],"x":{}},"a":{"a":{"a":[[]]}}}"#,
            "a: &x\n  - b: 'c'\n    d: |\n      e\n  - *x\n<<: {f: 0x1F, g: !!str 5}\n\"h\": [~, .5, yes]\n# i\n",
        ];
        for round in 0..2000 {
            let mut body = bodies[round % 2].as_bytes().to_vec();
            for _ in 0..rng.random_range(1..6) {
                let at = rng.random_range(0..body.len());
                match rng.random_range(0..3) {
                    0 => body[at] = rng.random(),
                    1 => body.truncate(at.max(1)),
                    _ => body.insert(at, b"{}[]:,\"'-*&!|>\n #\\"[rng.random_range(0..18)]),
                }
            }
            for format in [Format::Json, Format::Yaml] {
                if let Ok(decoded) = decode(&body, format) {
                    let text = serde_json::to_vec(&decoded.value).expect("what was read can be written");
                    assert_eq!(decode(&text, Format::Json).expect("and read again").value, decoded.value);
                }
            }
        }
    }
}
