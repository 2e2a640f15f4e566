//! Writes that change nothing but the time of a manager. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/fieldmanager/equality.go>

use serde_json::Value;

use super::object::{managed_fields, same_object, same_without};

/// When `new` differs from `old` only in times of managedFields, gives it the times of `old`, so that nothing is written.
pub fn keep_times(new: &mut Value, old: &Value) {
    if differ_in_times_only(new, old)
        && let Some(entries) = managed_fields(old)
        && let Some(Value::Object(metadata)) = new.get_mut("metadata")
    {
        metadata.insert("managedFields".to_owned(), entries.clone());
    }
}

fn differ_in_times_only(new: &Value, old: &Value) -> bool {
    let (Some(a), Some(b)) = (entries(new), entries(old)) else { return false };
    // Mostly something has changed, and is found sooner than all that has not.
    same_object(new, old) && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_without(a, b, "time")) && a != b
}

fn entries(object: &Value) -> Option<&Vec<Value>> {
    managed_fields(object)?.as_array().filter(|entries| !entries.is_empty())
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
