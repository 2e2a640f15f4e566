//! JSON patches: a list of operations, of which all apply or none.
//!
//! RFC 6902 as Kubernetes understands it: indexes may count from the end, `add` of nothing adds null, `test` of a missing
//! member against null holds, and what precedes the first slash of a path is ignored. Sources:
//! <https://www.rfc-editor.org/rfc/rfc6902>, <https://github.com/evanphx/json-patch/tree/v4.13.0>

use serde_json::Value;

use crate::request::decode::{DEPTH_MAX, make_whole};

/// Operations in one patch. Source:
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/patch.go>
pub const OPERATIONS_MAX: usize = 10_000;

/// Bytes of JSON that all `copy` operations of one patch may add. Source:
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/server/config.go>
pub const COPY_BYTES_MAX: usize = 3 << 20;

/// Texts that name the strict problems of one patch.
const PROBLEMS_MAX: usize = 100;

/// Why a patch was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonPatchError {
    /// It is no list of operations. Answered 400.
    #[error("error decoding patch: {0}")]
    NotAPatch(String),
    /// It has more than [`OPERATIONS_MAX`] operations. Answered 413.
    #[error("The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {found}")]
    TooManyOperations {
        /// How many it has.
        found: usize,
    },
    /// An operation does not fit the document. Answered 422.
    #[error("operation {index} does not apply: {cause}")]
    DoesNotApply {
        /// Which, counted from 0.
        index: usize,
        /// What does not fit.
        cause: String,
    },
}

/// Applies a patch.
///
/// # Errors
/// What is no patch, has too many operations, or does not fit the document.
pub fn apply(document: &Value, patch: &Value) -> Result<Value, JsonPatchError> {
    let mut patcher = Patcher { document: Value::Null, copied_bytes: 0, measured: 0 };
    let operations = operations(patch)?;
    patcher.document = document.clone();
    for (index, operation) in operations.into_iter().enumerate() {
        patcher.run(&operation).map_err(|cause| JsonPatchError::DoesNotApply { index, cause })?;
    }
    Ok(patcher.document)
}

/// What strict decoding finds in a patch: members that no operation has, and the `duplicates` that decoding found. For
/// example `json patch unknown field "[0].foo"`.
pub fn problems(patch: &Value, duplicates: &[String]) -> Vec<String> {
    let mut unknown = Vec::new();
    for (index, operation) in patch.as_array().into_iter().flatten().enumerate() {
        for key in operation.as_object().into_iter().flat_map(|members| members.keys()) {
            if !matches!(key.as_str(), "op" | "path" | "from" | "value") {
                unknown.push(format!("field \"[{index}].{key}\""));
            }
        }
    }
    // A member that is unknown and there twice is reported as unknown only.
    let twice = duplicates.iter().filter(|text| {
        let field = text.strip_prefix("duplicate ").unwrap_or(text);
        !unknown.iter().any(|unknown| unknown == field)
    });
    let twice = twice.map(|text| format!("json patch {text}"));
    twice.chain(unknown.iter().map(|field| format!("json patch unknown {field}"))).take(PROBLEMS_MAX).collect()
}

/// One step of a patch. What is missing is noticed only when it is needed.
struct Operation<'a> {
    op: &'a str,
    path: Option<&'a str>,
    from: Option<&'a str>,
    value: Option<&'a Value>,
}

fn operations(patch: &Value) -> Result<Vec<Operation<'_>>, JsonPatchError> {
    let not_a_patch = |text: String| Err(JsonPatchError::NotAPatch(text));
    let items = match patch {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        other => return not_a_patch(format!("json: cannot unmarshal {} into a list of operations", type_name(other))),
    };
    if items.len() > OPERATIONS_MAX {
        return Err(JsonPatchError::TooManyOperations { found: items.len() });
    }
    let mut operations = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let Value::Object(members) = item else {
            return not_a_patch(format!("json: cannot unmarshal {} into operation {index}", type_name(item)));
        };
        let text = |name: &str| match members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(other) => {
                let found = type_name(other);
                let text = format!("json: cannot unmarshal {found} into member {name} of operation {index}");
                Err(JsonPatchError::NotAPatch(text))
            }
        };
        operations.push(Operation {
            op: text("op")?.unwrap_or("unknown"),
            path: text("path")?,
            from: text("from")?,
            value: members.get("value"),
        });
    }
    Ok(operations)
}

struct Patcher {
    document: Value,
    copied_bytes: usize,
    /// Values looked at to find how deep something is.
    measured: usize,
}

impl Patcher {
    fn run(&mut self, operation: &Operation<'_>) -> Result<(), String> {
        let path = operation.path.ok_or("the operation has no path");
        let from = operation.from.ok_or("the operation has no from");
        match operation.op {
            "add" => {
                let value = own(operation.value);
                self.add(path?, value)
            }
            "remove" => take(&mut self.document, path?).map(drop),
            "replace" => self.replace(path?, operation.value),
            "move" => {
                let (from, path) = (from?, path?);
                let value = take(&mut self.document, from)?;
                self.add(path, value)
            }
            "copy" => {
                let (from, path) = (from?, path?);
                let value = find(&mut self.document, from)?.ok_or_else(|| missing(from))?.clone();
                self.copied_bytes = self.copied_bytes.saturating_add(json_bytes(&value));
                if self.copied_bytes > COPY_BYTES_MAX {
                    let bytes = self.copied_bytes;
                    return Err(format!("copying adds {bytes} bytes, and {COPY_BYTES_MAX} are allowed"));
                }
                self.add(path, value)
            }
            "test" => self.test(path?, operation.value.unwrap_or(&Value::Null)),
            other => Err(format!("there is no operation {other:?}")),
        }
    }

    fn add(&mut self, path: &str, value: Value) -> Result<(), String> {
        self.check_depth(path, &value)?;
        let (container, key) = container(&mut self.document, path)?;
        match container {
            Value::Object(fields) => {
                fields.insert(key, value);
            }
            Value::Array(items) if key == "-" => items.push(value),
            Value::Array(items) => {
                // One place more than there are items: behind the last.
                let index = index(&key, items.len() + 1)?;
                items.insert(index, value);
            }
            _ => return Err(missing(path)),
        }
        Ok(())
    }

    fn replace(&mut self, path: &str, value: Option<&Value>) -> Result<(), String> {
        let value = own(value);
        if path.is_empty() {
            if !value.is_object() && !value.is_array() {
                return Err("only an object or a list can replace the document".into());
            }
            self.document = value;
            return Ok(());
        }
        self.check_depth(path, &value)?;
        *find(&mut self.document, path)?.ok_or_else(|| missing(path))? = value;
        Ok(())
    }

    fn test(&mut self, path: &str, expect: &Value) -> Result<(), String> {
        let found = if path.is_empty() { Some(&mut self.document) } else { find(&mut self.document, path)? };
        let found = found.as_deref().unwrap_or(&Value::Null);
        if found == expect { Ok(()) } else { Err(format!("the value at {path:?} is another")) }
    }

    /// Each operation could nest what is there one level deeper, which would end in a document too deep to be read.
    fn check_depth(&mut self, path: &str, value: &Value) -> Result<(), String> {
        let deeper = path.bytes().filter(|byte| *byte == b'/').count() + depth(value, &mut self.measured);
        if deeper > DEPTH_MAX {
            return Err(format!("the result is nested deeper than {DEPTH_MAX} levels"));
        }
        // Only a patch that moves the same large things back and forth gets here.
        if self.measured > COPY_BYTES_MAX {
            return Err("the patch moves too much".into());
        }
        Ok(())
    }
}

/// The object or list that holds what a path names, and the last part of the path.
fn container<'a>(document: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), String> {
    let mut parts = path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    let mut here = document;
    let mut key = parts.next().ok_or_else(|| missing(path))?;
    for next in parts {
        here = member(here, &key)?.ok_or_else(|| missing(path))?;
        key = next;
    }
    if here.is_object() || here.is_array() { Ok((here, key)) } else { Err(missing(path)) }
}

/// What a path names; `None` where only the last part is missing, and from an object.
fn find<'a>(document: &'a mut Value, path: &str) -> Result<Option<&'a mut Value>, String> {
    let (container, key) = container(document, path)?;
    member(container, &key)
}

fn member<'a>(container: &'a mut Value, key: &str) -> Result<Option<&'a mut Value>, String> {
    match container {
        Value::Object(fields) => Ok(fields.get_mut(key)),
        Value::Array(items) => {
            let index = index(key, items.len())?;
            Ok(items.get_mut(index))
        }
        _ => Ok(None),
    }
}

fn take(document: &mut Value, path: &str) -> Result<Value, String> {
    let (container, key) = container(document, path)?;
    match container {
        Value::Object(fields) => fields.remove(&key).ok_or_else(|| missing(path)),
        Value::Array(items) => {
            let index = index(&key, items.len())?;
            Ok(items.remove(index))
        }
        _ => Err(missing(path)),
    }
}

/// A place among `places`; negative numbers count from the end.
fn index(key: &str, places: usize) -> Result<usize, String> {
    let number: i64 = key.parse().map_err(|_| format!("{key:?} is not an index"))?;
    let places_signed = i64::try_from(places).unwrap_or(i64::MAX);
    let index = if number < 0 { number.saturating_add(places_signed) } else { number };
    match usize::try_from(index) {
        Ok(index) if index < places => Ok(index),
        _ => Err(format!("index {number} is out of range")),
    }
}

fn own(value: Option<&Value>) -> Value {
    let mut value = value.cloned().unwrap_or_default();
    make_whole(&mut value);
    value
}

fn missing(path: &str) -> String {
    format!("there is nothing at {path:?}")
}

fn depth(value: &Value, measured: &mut usize) -> usize {
    *measured += 1;
    match value {
        Value::Array(items) => 1 + items.iter().map(|item| depth(item, measured)).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(|field| depth(field, measured)).max().unwrap_or_default(),
        _ => 0,
    }
}

fn json_bytes(value: &Value) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // Neither a counter nor a value that came from JSON can fail.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(document: Value, patch: Value, expect: Value) {
        assert_eq!(apply(&document, &patch).as_ref(), Ok(&expect), "{patch}");
    }

    #[track_caller]
    fn fails(document: Value, patch: Value) {
        let error = apply(&document, &patch).expect_err("the patch should not apply");
        assert!(matches!(error, JsonPatchError::DoesNotApply { .. }), "{error}");
    }

    #[test]
    fn operations_change_the_document() {
        let add = |path: &str, value: Value| json!([{"op": "add", "path": path, "value": value}]);
        check(json!({"a": 1}), add("/b", json!(2)), json!({"a": 1, "b": 2}));
        check(json!({"a": 1}), add("/a", json!({"x": [1.0]})), json!({"a": {"x": [1]}}));
        check(json!({"a": [1, 2]}), add("/a/0", json!(0)), json!({"a": [0, 1, 2]}));
        check(json!({"a": [1, 2]}), add("/a/2", json!(3)), json!({"a": [1, 2, 3]}));
        check(json!({"a": [1, 2]}), add("/a/-", json!(3)), json!({"a": [1, 2, 3]}));
        check(json!({"a": [1, 2]}), add("/a/-1", json!(3)), json!({"a": [1, 2, 3]}));
        check(json!({"a": [1, 2]}), add("/a/-3", json!(0)), json!({"a": [0, 1, 2]}));
        check(json!({"a": [1, 2]}), add("/a/+1", json!(0)), json!({"a": [1, 0, 2]}));
        check(json!({}), add("/a~1b", json!(1)), json!({"a/b": 1}));
        check(json!({}), add("/a~0b", json!(1)), json!({"a~b": 1}));
        check(json!({}), add("/~01", json!(1)), json!({"~1": 1}));
        check(json!({}), add("/", json!(1)), json!({"": 1}));
        check(json!({}), json!([{"op": "add", "path": "/a"}]), json!({"a": null}));
        check(json!({"a": {"b": 1}}), json!([{"op": "remove", "path": "/a/b"}]), json!({"a": {}}));
        check(json!({"a": [1, 2]}), json!([{"op": "remove", "path": "/a/-1"}]), json!({"a": [1]}));
        check(json!({"a": 1}), json!([{"op": "replace", "path": "/a", "value": null}]), json!({"a": null}));
        check(json!({"a": [1]}), json!([{"op": "replace", "path": "/a/0", "value": 2}]), json!({"a": [2]}));
        check(json!({"a": 1}), json!([{"op": "replace", "path": "", "value": {"b": 1}}]), json!({"b": 1}));
        check(json!({"a": 1}), json!([{"op": "move", "from": "/a", "path": "/b"}]), json!({"b": 1}));
        check(json!({"a": [1, 2]}), json!([{"op": "move", "from": "/a/0", "path": "/a/1"}]), json!({"a": [2, 1]}));
        check(
            json!({"a": {"x": 1}}),
            json!([{"op": "copy", "from": "/a", "path": "/a/b"}]),
            json!({"a": {"x": 1, "b": {"x": 1}}}),
        );
        check(json!({"a": 1}), json!([]), json!({"a": 1}));
        check(json!({"a": 1}), Value::Null, json!({"a": 1}));
    }

    #[test]
    fn tests_compare_structures_and_the_text_of_scalars() {
        let holds = |document: Value, path: &str, value: Value| {
            apply(&document, &json!([{"op": "test", "path": path, "value": value}])).is_ok()
        };
        assert!(holds(json!({"a": {"x": 1, "y": [1, "2"]}}), "/a", json!({"y": [1, "2"], "x": 1})));
        assert!(holds(json!({"a": [1, 2]}), "/a/-1", json!(2)));
        assert!(holds(json!({"a": 1}), "", json!({"a": 1})));
        assert!(holds(json!({}), "/a", Value::Null));
        assert!(holds(json!({"a": null}), "/a", Value::Null));
        assert!(!holds(json!({"a": 1}), "/a", json!(1.0)));
        assert!(!holds(json!({"a": 1}), "/a", json!("1")));
        assert!(!holds(json!({"a": [1, 2]}), "/a", json!([2, 1])));
        assert!(!holds(json!({"a": {}}), "/a", Value::Null));
        assert!(!holds(json!({}), "/a/b", Value::Null));
        assert!(!holds(json!({"a": []}), "/a/0", Value::Null));
    }

    #[test]
    fn what_does_not_fit_is_refused_as_a_whole() {
        let one = |op: &str, path: &str| json!([{"op": op, "path": path, "value": 1, "from": "/x"}]);
        fails(json!({}), one("remove", "/a"));
        fails(json!({}), one("replace", "/a"));
        fails(json!({}), one("add", "/a/b"));
        fails(json!({"a": 1}), one("add", "/a/b"));
        fails(json!({"a": null}), one("add", "/a/b"));
        fails(json!({}), one("add", ""));
        fails(json!({}), one("add", "a"));
        fails(json!({"a": []}), one("add", "/a/1"));
        fails(json!({"a": []}), one("add", "/a/-2"));
        fails(json!({"a": []}), one("add", "/a/x"));
        fails(json!({"a": []}), one("remove", "/a/0"));
        fails(json!({"a": [1]}), one("remove", "/a/-"));
        fails(json!({"a": [1]}), one("replace", "/a/99999999999999999999"));
        fails(json!({}), one("move", "/a"));
        fails(json!({}), one("copy", "/a"));
        fails(json!({"x": {}}), one("move", "/x/y"));
        fails(json!({}), one("replace", ""));
        fails(json!({}), one("frobnicate", "/a"));
        fails(json!({}), json!([{}]));
        fails(json!({}), json!([{"op": "add", "value": 1}]));
        fails(json!({"a": 1}), json!([{"op": "move", "path": "/b"}]));
        fails(json!({"a": 1}), json!([{"op": "test", "path": "/a"}]));
    }

    #[test]
    fn what_is_no_patch_is_told_apart() {
        for patch in
            [json!({}), json!("x"), json!([1]), json!([null]), json!([{"op": 1}]), json!([{"op": "add", "path": []}])]
        {
            assert!(matches!(apply(&json!({}), &patch), Err(JsonPatchError::NotAPatch(_))), "{patch}");
        }
    }

    #[test]
    fn growth_is_limited() {
        let many = json!(vec![json!({"op": "test", "path": "/a", "value": null}); OPERATIONS_MAX + 1]);
        let error = apply(&json!({}), &many).unwrap_err();
        assert_eq!(error.to_string(), "The allowed maximum operations in a JSON patch is 10000, got 10001");

        let copy = json!({"op": "copy", "from": "/a", "path": "/l/-"});
        fails(json!({"a": "x".repeat(1 << 20), "l": []}), json!(vec![copy.clone(); 4]));
        assert!(apply(&json!({"a": "x".repeat(1 << 19), "l": []}), &json!(vec![copy; 5])).is_ok());

        // Doubles the depth each time.
        fails(json!({"a": {}}), json!(vec![json!({"op": "copy", "from": "/a", "path": "/a/a"}); 10_000]));
        let deeper: Vec<_> = (1..200).map(|n| json!({"op": "add", "path": "/a".repeat(n), "value": {}})).collect();
        fails(json!({}), json!(deeper));
        let deeper: Vec<_> = std::iter::repeat_n(
            [
                json!({"op": "add", "path": "/b", "value": {}}),
                json!({"op": "move", "from": "/a", "path": "/b/a"}),
                json!({"op": "move", "from": "/b", "path": "/a"}),
            ],
            200,
        )
        .flatten()
        .collect();
        fails(json!({"a": {}}), json!(deeper));
    }

    #[test]
    fn strict_decoding_names_members_that_do_not_belong() {
        let body = br#"[{"op":"add","path":"/a","path":"/b","value":{"x":1,"x":2},"foo":1},{"bar":1,"bar":2}]"#;
        let decoded = crate::request::decode::decode_patch(body).expect("a patch");
        let expect = [
            r#"json patch duplicate field "[0].path""#,
            r#"json patch duplicate field "[0].value.x""#,
            r#"json patch unknown field "[0].foo""#,
            r#"json patch unknown field "[1].bar""#,
        ];
        assert_eq!(problems(&decoded.value, &decoded.duplicates), expect);
        assert!(problems(&json!([{"op": "add", "path": "/a", "value": 1, "from": "x"}]), &[]).is_empty());
    }

    #[test]
    fn no_patch_can_do_harm() {
        use rand::rngs::StdRng;
        use rand::{Rng, SeedableRng};

        let seed = rand::random();
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let mut applied = 0;
        for _ in 0..20_000 {
            let operations: Vec<_> = (0..rng.random_range(1..5)).map(|_| operation(&mut rng)).collect();
            let document = json!({"a": {"b": [1, {"c": null}], "": 0}, "c": [[], {}]});
            match apply(&document, &operations.into()) {
                Ok(patched) => {
                    applied += 1;
                    assert!(depth(&patched, &mut 0) <= DEPTH_MAX);
                }
                Err(error) => assert!(matches!(error, JsonPatchError::DoesNotApply { .. }), "{error}"),
            }
        }
        assert!(applied > 100, "{applied}");

        fn operation(rng: &mut StdRng) -> Value {
            let pieces = ["/a", "/b", "/c", "/0", "/1", "/-", "/-1", "/99", "/", "", "/~0", "/~1~", "x"];
            let mut path = || (0..rng.random_range(0..4)).map(|_| pieces[rng.random_range(0..13)]).collect::<String>();
            let (path, from) = (path(), path());
            let op = ["add", "remove", "replace", "move", "copy", "test"][rng.random_range(0..6)];
            let value = [json!(1), json!({"a": []}), Value::Null][rng.random_range(0..3)].clone();
            json!({"op": op, "path": path, "from": from, "value": value})
        }
    }
}
