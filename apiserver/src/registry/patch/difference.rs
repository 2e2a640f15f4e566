//! The JSON patch that makes one document of another.

use serde_json::{Map, Value, json};

/// Gives a patch which, applied to `before`, gives `after`: an empty one if they are equal. Source:
/// <https://www.rfc-editor.org/rfc/rfc6902>
pub fn difference(before: &Value, after: &Value) -> Vec<Value> {
    let mut patch = Vec::new();
    compare(&mut String::new(), before, after, &mut patch);
    patch
}

fn compare(path: &mut String, before: &Value, after: &Value, patch: &mut Vec<Value>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Value::Object(before), Value::Object(after)) => fields(path, before, after, patch),
        (Value::Array(before), Value::Array(after)) => items(path, before, after, patch),
        (_, after) => patch.push(json!({ "op": "replace", "path": path, "value": after })),
    }
}

fn fields(path: &mut String, before: &Map<String, Value>, after: &Map<String, Value>, patch: &mut Vec<Value>) {
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        below(path, name, |path| patch.push(json!({ "op": "remove", "path": path })));
    }
    for (name, new) in after {
        below(path, name, |path| match before.get(name) {
            Some(old) => compare(path, old, new, patch),
            None => patch.push(json!({ "op": "add", "path": path, "value": new })),
        });
    }
}

/// What is the same at the start and at the end stays; what is between is compared one by one, and the rest is added or
/// removed.
fn items(path: &mut String, before: &[Value], after: &[Value], patch: &mut Vec<Value>) {
    let shorter = before.len().min(after.len());
    let start = (0..shorter).take_while(|at| before[*at] == after[*at]).count();
    let same_at_the_end = |back: &usize| before[before.len() - 1 - back] == after[after.len() - 1 - back];
    let end = (0..shorter - start).take_while(same_at_the_end).count();
    let (old, new) = (&before[start..before.len() - end], &after[start..after.len() - end]);
    let common = old.len().min(new.len());
    for at in 0..common {
        below(path, &(start + at).to_string(), |path| compare(path, &old[at], &new[at], patch));
    }
    // From the last one on, so that the others keep their places.
    for at in (common..old.len()).rev() {
        below(path, &(start + at).to_string(), |path| patch.push(json!({ "op": "remove", "path": path })));
    }
    for (at, item) in new.iter().enumerate().skip(common) {
        let add = |path: &mut String| patch.push(json!({ "op": "add", "path": path, "value": item }));
        below(path, &(start + at).to_string(), add);
    }
}

/// Does something at a place below. Source: <https://www.rfc-editor.org/rfc/rfc6901>
fn below(path: &mut String, name: &str, then: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push('/');
    path.push_str(&name.replace('~', "~0").replace('/', "~1"));
    then(path);
    path.truncate(length);
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::registry::patch::json_patch;

    #[track_caller]
    fn check(before: Value, after: Value, expect: Value) {
        let patch = Value::Array(difference(&before, &after));
        assert_eq!(patch, expect);
        assert_eq!(json_patch::apply(&before, &patch), Ok(after));
    }

    #[test]
    fn a_patch_is_as_small_as_the_change() {
        check(json!({"a": 1}), json!({"a": 1}), json!([]));
        check(json!({"a": 1}), json!({"a": 2}), json!([{"op": "replace", "path": "/a", "value": 2}]));
        check(json!({"a": {"b": 1}}), json!({"a": {}}), json!([{"op": "remove", "path": "/a/b"}]));
        check(json!({"a": [1]}), json!({"a": {}}), json!([{"op": "replace", "path": "/a", "value": {}}]));
    }

    #[test]
    fn parents_that_are_missing_come_along() {
        check(
            json!({"metadata": {}}),
            json!({"metadata": {"labels": {"a": "b"}}}),
            json!([{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]),
        );
    }

    #[test]
    fn names_may_hold_what_pointers_are_made_of() {
        check(
            json!({"a": {"x/y~z": 1, "~1": 1}}),
            json!({"a": {"x/y~z": 2}}),
            json!([{"op": "remove", "path": "/a/~01"}, {"op": "replace", "path": "/a/x~1y~0z", "value": 2}]),
        );
        check(json!({"": {"": 1}}), json!({"": {}}), json!([{"op": "remove", "path": "//"}]));
    }

    #[test]
    fn items_come_and_go_where_they_are() {
        check(json!([1, 2]), json!([0, 1, 2]), json!([{"op": "add", "path": "/0", "value": 0}]));
        check(json!([1, 2]), json!([1, 2, 3]), json!([{"op": "add", "path": "/2", "value": 3}]));
        check(json!([1, 2, 3]), json!([3]), json!([{"op": "remove", "path": "/1"}, {"op": "remove", "path": "/0"}]));
        check(json!([1, 1]), json!([1]), json!([{"op": "remove", "path": "/1"}]));
        check(
            json!([{"n": 1}, {"n": 2}]),
            json!([{"n": 1}, {"n": 3}]),
            json!([{"op": "replace", "path": "/1/n", "value": 3}]),
        );
    }

    #[test]
    fn whatever_is_compared_the_patch_leads_there() {
        for seed in 0..2000 {
            let mut random = StdRng::seed_from_u64(seed);
            let (before, after) = (object(&mut random, 4), object(&mut random, 4));
            let patch = Value::Array(difference(&before, &after));
            assert_eq!(json_patch::apply(&before, &patch).as_ref(), Ok(&after), "seed {seed}: {before} {patch}");
        }
    }

    fn object(random: &mut StdRng, depth: usize) -> Value {
        let names = ["a", "b", "/", "~", "~1", "0", "a/b", "é"];
        let count = random.random_range(0..4);
        (0..count).map(|_| (names[random.random_range(0..names.len())].to_owned(), value(random, depth - 1))).collect()
    }

    fn value(random: &mut StdRng, depth: usize) -> Value {
        match random.random_range(0..if depth == 0 { 4 } else { 6 }) {
            0 => random.random_range(0..3).into(),
            1 => random.random::<bool>().into(),
            2 => ["", "x", "y"][random.random_range(0..3)].into(),
            3 => Value::Null,
            4 => object(random, depth),
            _ => (0..random.random_range(0..5)).map(|_| value(random, depth - 1)).collect(),
        }
    }
}
