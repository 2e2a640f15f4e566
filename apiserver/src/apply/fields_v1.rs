//! FieldsV1: a set of fields as JSON, each step a key and a letter in front of it for its kind. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/fieldpath/serialize.go>

use serde_json::{Map, Value};

use super::element::Element;
use super::set::Set;
use super::value::{write_json, write_text};

/// Says that the value itself is in the set, where there is more below it.
const SELF: &str = ".";

/// Reads a set. Steps of a kind that is not known are left out, with all below them.
///
/// # Errors
/// What is no set of fields: the text tells why.
pub(super) fn decode(fields: &Value) -> Result<Set, String> {
    decode_below(fields).map(|(set, _)| set)
}

/// Writes a set.
pub(super) fn encode(set: &Set) -> Value {
    encode_below(set, false)
}

/// The set below a step, and whether the step itself is in it. Values nest no deeper than the body that they came in.
fn decode_below(fields: &Value) -> Result<(Set, bool), String> {
    let fields = match fields {
        Value::Object(fields) => fields,
        Value::Null => return Ok((Set::default(), true)),
        other => return Err(format!("expected an object of fields, found {other}")),
    };
    let mut set = Set::default();
    let mut is_member = false;
    for (key, value) in fields {
        if key == SELF {
            is_member = true;
        } else if let Some(element) = decode_element(key)? {
            let (children, member) = decode_below(value)?;
            set.insert(element, member, children);
        }
    }
    is_member |= set.is_empty();
    Ok((set, is_member))
}

fn decode_element(key: &str) -> Result<Option<Element>, String> {
    let Some((kind, rest)) = key.split_at_checked(2).filter(|(kind, _)| kind.ends_with(':')) else {
        return Err(format!("{key:?} does not start with a letter and a colon"));
    };
    let json = |text: &str| serde_json::from_str(text).map_err(|error| format!("{key:?}: {error}"));
    Ok(Some(match kind {
        "f:" => Element::Field(rest.to_owned()),
        "v:" => Element::Value(json(rest)?),
        "k:" => {
            let mut fields: Vec<(String, Value)> = match json(rest)? {
                Value::Object(fields) => fields.into_iter().collect(),
                Value::Null => Vec::new(),
                _ => return Err(format!("{key:?} holds no keys")),
            };
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Element::Key(fields)
        }
        "i:" => Element::Index(rest.parse().map_err(|error| format!("{key:?}: {error}"))?),
        _ => return Ok(None),
    }))
}

fn encode_below(set: &Set, is_member: bool) -> Value {
    let mut fields = Map::new();
    if is_member && !set.is_empty() {
        fields.insert(SELF.to_owned(), Value::Object(Map::new()));
    }
    for node in set.nodes() {
        fields.insert(encode_element(&node.element), encode_below(&node.children, node.member));
    }
    Value::Object(fields)
}

fn encode_element(element: &Element) -> String {
    let mut out = String::new();
    match element {
        Element::Field(name) => {
            out.reserve(2 + name.len());
            out.push_str("f:");
            out.push_str(name);
        }
        Element::Key(fields) => {
            out.push_str("k:{");
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(&mut out, name, false);
                out.push(':');
                write_json(&mut out, value);
            }
            out.push('}');
        }
        Element::Value(value) => {
            out.push_str("v:");
            write_json(&mut out, value);
        }
        Element::Index(index) => {
            out.push_str("i:");
            out.push_str(&index.to_string());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(fields: Value, paths: &[&str]) {
        let set = decode(&fields).expect("a set");
        assert_eq!(set.paths(), paths);
        assert_eq!(encode(&set), fields);
    }

    #[test]
    fn sets_are_read_and_written() {
        check(json!({}), &[]);
        check(json!({"f:spec": {"f:a": {}, "f:b": {".": {}, "f:c": {}}}}), &[".spec.a", ".spec.b", ".spec.b.c"]);
        check(
            json!({"f:l": {"k:{\"a\":1,\"b\":\"x\"}": {".": {}, "f:a": {}}}}),
            &[".l[a=1,b=\"x\"]", ".l[a=1,b=\"x\"].a"],
        );
        check(
            json!({"f:s": {".": {}, "v:\"a\"": {}, "v:1": {}, "v:true": {}}}),
            &[".s", ".s[=1]", ".s[=\"a\"]", ".s[=true]"],
        );
        check(json!({"f:s": {"v:\"\\u003c\"": {}}}), &[".s[=\"<\"]"]);
        check(json!({"f:i": {"i:-1": {}, "i:5": {}}, "f:": {}}), &[".", ".i[-1]", ".i[5]"]);
    }

    #[track_caller]
    fn reads(fields: Value, written: Value) {
        assert_eq!(encode(&decode(&fields).expect("a set")), written);
    }

    #[test]
    fn what_is_written_otherwise_is_read_too() {
        reads(json!(null), json!({}));
        reads(json!({".": 5}), json!({}));
        reads(json!({"f:a": null}), json!({"f:a": {}}));
        reads(json!({"f:a": {".": {}}}), json!({"f:a": {}}));
        reads(json!({"f:a": {"z:new": {"bad": 1}}}), json!({"f:a": {}}));
        reads(json!({"v:1.0": {}, "v: 1": {}, "k:null": {}}), json!({"v:1": {}, "k:{}": {}}));
        reads(json!({"k:{\"b\":1, \"a\":2}": {}}), json!({"k:{\"a\":2,\"b\":1}": {}}));
    }

    #[track_caller]
    fn fails(fields: Value) {
        decode(&fields).expect_err("no set");
    }

    #[test]
    fn nonsense_is_refused() {
        fails(json!(5));
        fails(json!([]));
        fails(json!({"f": {}}));
        fails(json!({"": {}}));
        fails(json!({"field": {}}));
        fails(json!({"\u{e9}:a": {}}));
        fails(json!({"f:a": 1}));
        fails(json!({"f:a": {"f:b": "x"}}));
        fails(json!({"v:": {}}));
        fails(json!({"v:{": {}}));
        fails(json!({"v:1 2": {}}));
        fails(json!({"k:[]": {}}));
        fails(json!({"k:1": {}}));
        fails(json!({"i:": {}}));
        fails(json!({"i:x": {}}));
        fails(json!({ format!("v:{}", "[".repeat(500_000)): {} }));
    }
}
