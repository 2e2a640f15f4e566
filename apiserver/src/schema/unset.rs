//! What a typed object is written as, in the form in which clients write objects.

use serde_json::Value;

use super::META_FIELDS;
use super::node::Node;

/// Whole numbers that a float holds exactly.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Drops the nulls that stand for fields which are not set, and the fractions of whole numbers.
pub(super) fn drop_unset(root: &Node, object: &mut Value) {
    fields(root, true, object);
}

fn fields(node: &Node, is_root: bool, value: &mut Value) {
    let Value::Object(fields) = value else { return };
    let required = node.checks.as_ref().map_or(&[][..], |checks| &checks.required);
    fields.retain(|name, value| {
        if is_root && META_FIELDS.contains(&name.as_str()) {
            return true;
        }
        let Some(field) = node.field(name) else { return true };
        // In a map every entry is there on purpose.
        if value.is_null() && node.property(name).is_some() && !required.contains(name) {
            return false;
        }
        within(field, value);
        true
    });
}

fn within(node: &Node, value: &mut Value) {
    match value {
        Value::Object(_) => fields(node, node.embedded, value),
        Value::Array(items) => {
            if let Some(node) = node.items() {
                items.iter_mut().for_each(|item| within(node, item));
            }
        }
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT_MAX);
            if let Some(whole) = whole {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
                let whole = whole as i64;
                *value = whole.into();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Schema;
    use super::*;

    #[track_caller]
    fn check(written: Value, expect: Value) {
        let schema = Schema::compile(&json!({"type": "object", "properties": {"spec": {
            "type": "object", "required": ["must"],
            "properties": {
                "text": {"type": "string", "nullable": true},
                "must": {"type": "string", "nullable": true},
                "number": {"type": "number"},
                "map": {"type": "object", "additionalProperties": {"type": "string", "nullable": true}},
                "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}},
                "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            },
        }}}));
        let mut object = json!({ "spec": written });
        schema.expect("a schema").drop_unset(&mut object);
        assert_eq!(object["spec"], expect);
    }

    #[test]
    fn what_is_not_set_is_not_written() {
        check(json!({"text": null, "number": null}), json!({}));
        check(json!({"must": null, "map": {"a": null}}), json!({"must": null, "map": {"a": null}}));
        check(json!({"list": [{"x": null}, {"x": 1}]}), json!({"list": [{}, {"x": 1}]}));
        check(json!({"number": 2.0}), json!({"number": 2}));
        check(json!({"number": 2.5}), json!({"number": 2.5}));
        check(json!({"any": {"a": null, "b": 1.0}}), json!({"any": {"a": null, "b": 1.0}}));
    }
}
