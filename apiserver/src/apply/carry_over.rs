//! What a change of a typed object means for the object that it was read from. A type writes fields differently than
//! whoever sent them (an absent list as `[]`, say), so only what differs between its two forms is taken over.

use serde_json::Value;

/// Makes the changes between `before` and `after` to `target`, and no others.
pub(crate) fn carry_over(target: &mut Value, before: &Value, after: &Value) {
    if before == after {
        return;
    }
    match (&mut *target, before, after) {
        (Value::Object(target), Value::Object(before), Value::Object(after)) => {
            for (key, new) in after {
                match (before.get(key), new) {
                    (Some(old), new) if old == new => {}
                    (_, Value::Null) => {
                        target.remove(key);
                    }
                    (Some(old), new) => carry_over(target.entry(key).or_insert(Value::Null), old, new),
                    (None, new) => {
                        target.insert(key.clone(), without_nulls(new));
                    }
                }
            }
            for key in before.keys().filter(|key| !after.contains_key(*key)) {
                target.remove(key);
            }
        }
        (Value::Array(target), Value::Array(before), Value::Array(after)) if target.len() == before.len() => {
            carry_over_items(target, before, after);
        }
        (target, _, after) => *target = without_nulls(after),
    }
}

/// An item that only moved takes along what the type does not write of it.
fn carry_over_items(target: &mut Vec<Value>, before: &[Value], after: &[Value]) {
    let mut items: Vec<Option<Value>> = std::mem::take(target).into_iter().map(Some).collect();
    let unmoved = |at: usize, new: &Value| before.get(at) == Some(new);
    for (at, new) in after.iter().enumerate() {
        let same = (0..before.len()).find(|from| {
            items[*from].is_some()
                && before[*from] == *new
                && (*from == at || !after.get(*from).is_some_and(|v| unmoved(*from, v)))
        });
        let item = match same.or_else(|| (at < before.len() && items[at].is_some()).then_some(at)) {
            Some(from) => {
                let mut item = items[from].take().unwrap_or(Value::Null);
                carry_over(&mut item, &before[from], new);
                item
            }
            None => without_nulls(new),
        };
        target.push(item);
    }
}

/// A type writes an absent `Option` as null unless told otherwise; Kubernetes writes nothing.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), without_nulls(v))).collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(mut target: Value, before: Value, after: Value, expect: Value) {
        carry_over(&mut target, &before, &after);
        assert_eq!(target, expect);
    }

    #[test]
    fn only_what_a_hook_changed_is_carried_over() {
        // The type writes `tags: []` and `size: null` where the client wrote nothing.
        check(
            json!({"spec": {"a": 1}}),
            json!({"spec": {"a": 1, "tags": [], "size": null}}),
            json!({"spec": {"a": 2, "tags": [], "size": null}}),
            json!({"spec": {"a": 2}}),
        );
        check(json!({"spec": {}}), json!({"spec": {"n": null}}), json!({"spec": {"n": 3}}), json!({"spec": {"n": 3}}));
        check(json!({"spec": {"n": 3}}), json!({"spec": {"n": 3}}), json!({"spec": {"n": null}}), json!({"spec": {}}));
        check(
            json!({"a": {}}),
            json!({"a": {}}),
            json!({"a": {}, "b": {"c": null, "d": 1}}),
            json!({"a": {}, "b": {"d": 1}}),
        );
        check(json!({"a": 1, "b": 2}), json!({"a": 1, "b": 2}), json!({"a": 1}), json!({"a": 1}));
    }

    #[test]
    fn items_that_stay_in_place_keep_what_the_type_does_not_write() {
        check(
            json!({"l": [{"a": 1, "extra": true}, {"a": 2}]}),
            json!({"l": [{"a": 1}, {"a": 2}]}),
            json!({"l": [{"a": 1}, {"a": 3}]}),
            json!({"l": [{"a": 1, "extra": true}, {"a": 3}]}),
        );
        check(json!({"l": [2, 1]}), json!({"l": [2, 1]}), json!({"l": [1, 2, 3]}), json!({"l": [1, 2, 3]}));
        check(
            json!({"l": [{"a": 2, "extra": true}, {"a": 1}]}),
            json!({"l": [{"a": 2}, {"a": 1}]}),
            json!({"l": [{"a": 1}, {"a": 2}]}),
            json!({"l": [{"a": 1}, {"a": 2, "extra": true}]}),
        );
    }
}
