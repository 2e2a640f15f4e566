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
