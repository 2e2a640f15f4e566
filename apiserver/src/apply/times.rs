//! Writes that change nothing but the time of a manager. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/fieldmanager/equality.go>

use serde_json::{Map, Value};

/// When `new` differs from `old` only in times of managedFields, gives it the times of `old`, so that nothing is written.
pub fn keep_times(new: &mut Value, old: &Value) {
    if differ_in_times_only(new, old)
        && let Some(entries) = old.get("metadata").and_then(|metadata| metadata.get("managedFields"))
        && let Some(Value::Object(metadata)) = new.get_mut("metadata")
    {
        metadata.insert("managedFields".to_owned(), entries.clone());
    }
}

fn differ_in_times_only(new: &Value, old: &Value) -> bool {
    let entries = |object: &'_ Value| -> Option<usize> { Some(managed_fields(object)?.len()) };
    if entries(new).is_none() || entries(new) != entries(old) {
        return false;
    }
    let (Some(a), Some(b)) = (managed_fields(new), managed_fields(old)) else { return false };
    if a == b || !a.iter().zip(b).all(|(a, b)| same_without(a, b, "time")) {
        return false;
    }
    let (Some(a), Some(b)) = (new.as_object(), old.as_object()) else { return false };
    a.len() == b.len()
        && a.iter().all(|(name, a)| {
            b.get(name).is_some_and(|b| if name == "metadata" { same_without(a, b, "managedFields") } else { a == b })
        })
}

fn managed_fields(object: &Value) -> Option<&Vec<Value>> {
    object.get("metadata")?.get("managedFields")?.as_array().filter(|entries| !entries.is_empty())
}

/// Whether two objects are the same but for one field.
fn same_without(a: &Value, b: &Value, name: &str) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return a == b };
    let count = |fields: &Map<String, Value>| fields.len() - usize::from(fields.contains_key(name));
    count(a) == count(b) && a.iter().all(|(key, value)| key == name || b.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(new: (&str, i32), old: (&str, i32), kept: bool) {
        let object = |(time, replicas): (&str, i32)| {
            json!({
                "kind": "Bird",
                "metadata": {"name": "a", "managedFields": [{"manager": "m", "time": time, "fieldsV1": {"f:spec": {}}}]},
                "spec": {"replicas": replicas},
            })
        };
        let (mut changed, old) = (object(new), object(old));
        keep_times(&mut changed, &old);
        assert_eq!(changed, if kept { old } else { object(new) });
    }

    #[test]
    fn a_new_time_alone_is_no_change() {
        check(("2", 1), ("1", 1), true);
        check(("2", 2), ("1", 1), false);
        check(("1", 2), ("1", 1), false);
        check(("1", 1), ("1", 1), true);
    }

    #[test]
    fn other_managers_are_a_change() {
        let old = json!({"metadata": {"managedFields": [{"manager": "a", "time": "1"}]}});
        for entries in [
            json!([{"manager": "b", "time": "2"}]),
            json!([{"manager": "a", "time": "2"}, {"manager": "b"}]),
            json!([]),
            json!(null),
        ] {
            let mut new = json!({"metadata": {"managedFields": entries}});
            let expect = new.clone();
            keep_times(&mut new, &old);
            assert_eq!(new, expect);
        }
        let mut new = json!({"metadata": {"managedFields": [{"manager": "a"}]}});
        keep_times(&mut new, &old);
        assert_eq!(new, old);
    }
}
