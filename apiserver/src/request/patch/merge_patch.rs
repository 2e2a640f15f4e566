//! JSON merge patches: objects are merged, null removes, everything else replaces.
//! Source: <https://www.rfc-editor.org/rfc/rfc7386>

use serde_json::{Map, Value};

use crate::request::decode::make_whole;

/// A merge patch of an object must be an object: answered 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error decoding patch: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}")]
pub struct NotAnObject {
    found: &'static str,
}

/// Whether a patch can be one of an object.
///
/// # Errors
/// When it is anything but an object.
pub fn check(patch: &Value) -> Result<(), NotAnObject> {
    let found = match patch {
        Value::Object(_) => return Ok(()),
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
    };
    Err(NotAnObject { found })
}

/// Applies a patch. What is not an object in the document gives way to what the patch has there.
pub fn apply(document: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *document = patch.clone();
        make_whole(document);
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    if let Value::Object(fields) = document {
        for (key, change) in changes {
            if change.is_null() {
                fields.remove(key);
            } else {
                apply(fields.entry(key.as_str()).or_insert(Value::Null), change);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn expect(mut document: Value, patch: Value, expect: Value) {
        apply(&mut document, &patch);
        assert_eq!(document, expect, "{patch}");
    }

    /// The examples of RFC 7386, appendix A.
    #[test]
    fn patches_merge() {
        expect(json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"}));
        expect(json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"}));
        expect(json!({"a": "b"}), json!({"a": null}), json!({}));
        expect(json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"}));
        expect(json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"}));
        expect(json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]}));
        expect(json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}}));
        expect(json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]}));
        expect(json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1}));
        expect(json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"}));
        expect(json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}}));
        expect(json!({"a": 1}), json!({"a": 1.0, "b": [2.0, 2.5]}), json!({"a": 1, "b": [2, 2.5]}));
    }

    #[test]
    fn a_patch_of_an_object_is_an_object() {
        assert_eq!(check(&json!({})), Ok(()));
        let message =
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}";
        assert_eq!(check(&json!([])).unwrap_err().to_string(), message);
    }

    #[test]
    fn the_patch_of_a_difference_gives_the_target() {
        let seed = rand::random();
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        for _ in 0..2000 {
            let (from, to) = (object(&mut rng, 4), object(&mut rng, 4));
            let mut patched = from.clone();
            apply(&mut patched, &difference(&from, &to));
            assert_eq!(patched, to, "from {from}");
        }
    }

    fn difference(from: &Value, to: &Value) -> Value {
        let (Value::Object(from), Value::Object(to)) = (from, to) else { return to.clone() };
        let gone = from.keys().filter(|key| !to.contains_key(*key)).map(|key| (key.clone(), Value::Null));
        let changed = to.iter().filter(|(key, value)| from.get(*key) != Some(value));
        let changed = changed.map(|(key, value)| (key.clone(), difference(from.get(key).unwrap_or(&json!(0)), value)));
        gone.chain(changed).collect()
    }

    fn object(rng: &mut StdRng, depth: usize) -> Value {
        let count = rng.random_range(0..4);
        (0..count).map(|_| (format!("k{}", rng.random_range(0..4)), value(rng, depth - 1))).collect()
    }

    /// No nulls, which a merge patch cannot set.
    fn value(rng: &mut StdRng, depth: usize) -> Value {
        match rng.random_range(0..if depth == 0 { 3 } else { 6 }) {
            0 => json!(rng.random_range(0..3)),
            1 => json!(rng.random_bool(0.5)),
            2 => json!(["x", "y"][rng.random_range(0..2)]),
            3 => json!([rng.random_range(0..2)]),
            _ => object(rng, depth),
        }
    }
}
