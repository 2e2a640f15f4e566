//! What holds for every value, whatever its schema.

use serde_json::Value;

/// How deep objects and lists may nest. Readers of JSON in Rust stop at 128; this leaves room for what is put around an
/// object, such as a list or a watch event.
pub const DEPTH_MAX: usize = 100;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_lose_their_fraction() {
        let mut value = json!({"a": [1.0, -2.0, 2.5, 1e15], "b": 1e300, "c": "1.0"});
        make_whole(&mut value);
        assert_eq!(value, json!({"a": [1, -2, 2.5, 1_000_000_000_000_000_i64], "b": 1e300, "c": "1.0"}));
    }
}
