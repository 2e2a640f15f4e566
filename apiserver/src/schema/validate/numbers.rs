//! Numbers: their formats, multiples and bounds.

use serde_json::{Number, Value};

use super::Validator;
use crate::field::path::Path;
use crate::field::{self, ErrorKind};
use crate::schema::formats::Format;
use crate::schema::node::{Node, Type};

/// A number as Go sees it: what does not fit 64 bits with sign is a float.
#[derive(Clone, Copy)]
pub(super) enum Num {
    Int(i64),
    Float(f64),
}

impl Num {
    pub(super) fn new(number: &Number) -> Self {
        number.as_i64().map_or_else(|| Self::Float(number.as_f64().unwrap_or_default()), Self::Int)
    }

    pub(super) fn float(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    pub(super) fn value(self) -> Value {
        match self {
            Self::Int(number) => number.into(),
            Self::Float(number) => number.into(),
        }
    }

    pub(super) fn is_whole(self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Float(number) => number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0,
        }
    }
}

impl Validator<'_> {
    pub(super) fn number(&mut self, node: &Node, number: Num, path: &Path<'_>) {
        let format = node.checks.as_ref().and_then(|checks| checks.format.as_ref()).map(|format| format.format);
        let fits = match (node.type_, format, number) {
            (Type::Integer, Some(Format::Int32), Num::Int(number)) => i32::try_from(number).is_ok(),
            (Type::Integer, _, number) => number.is_whole(),
            (Type::Number, Some(Format::Float), number) => number.float().abs() <= f64::from(f32::MAX),
            _ => true,
        };
        if !fits {
            let type_ = node.type_.names();
            let format = match format {
                Some(Format::Int32) => "with format int32",
                Some(Format::Int64) => "with format int64",
                Some(Format::Float) => "with format float",
                _ => "(default format)",
            };
            self.general(format!("Checked value must be of type {type_} {format} in {}", path.dotted()));
        }
        let Some(checks) = &node.checks else { return };
        if let Some(factor) = checks.multiple_of.filter(|factor| !is_multiple(number, *factor)) {
            let message = format!("{} in body should be a multiple of {}", path.dotted(), bound_text(number, factor));
            self.problem(ErrorKind::Invalid, path, Some(number.value()), message);
        }
        if let Some(min) = checks.minimum.filter(|min| !is_within(number, *min, checks.exclusive_minimum, |a, b| a > b))
        {
            let than = if checks.exclusive_minimum { "greater than" } else { "greater than or equal to" };
            let message = format!("{} in body should be {than} {}", path.dotted(), bound_text(number, min));
            self.problem(ErrorKind::Invalid, path, Some(number.value()), message);
        }
        if let Some(max) = checks.maximum.filter(|max| !is_within(number, *max, checks.exclusive_maximum, |a, b| a < b))
        {
            let than = if checks.exclusive_maximum { "less than" } else { "less than or equal to" };
            let message = format!("{} in body should be {than} {}", path.dotted(), bound_text(number, max));
            self.problem(ErrorKind::Invalid, path, Some(number.value()), message);
        }
    }
}

fn is_multiple(number: Num, factor: f64) -> bool {
    if let (Num::Int(number), true) = (number, factor.fract() == 0.0 && factor <= i64::MAX as f64) {
        return number.checked_rem(factor as i64).is_none_or(|rest| rest == 0);
    }
    let number = number.float();
    let quotient = if factor < 1.0 { 1.0 / factor * number } else { number / factor };
    // Floats rarely divide exactly.
    quotient.is_finite() && (quotient - quotient.round()).abs() <= 1e-9 * quotient.abs().max(1.0)
}

fn is_within(number: Num, bound: f64, exclusive: bool, beyond: fn(f64, f64) -> bool) -> bool {
    match number {
        // Above 2^53 two integers may be one float.
        Num::Int(number) if bound.fract() == 0.0 && bound.abs() < i64::MAX as f64 => {
            let bound = bound as i64;
            if number == bound { !exclusive } else { beyond(if number > bound { 1.0 } else { -1.0 }, 0.0) }
        }
        number => beyond(number.float(), bound) || !exclusive && number.float() == bound,
    }
}

/// A bound as messages print it beside this number: whole beside whole.
fn bound_text(number: Num, bound: f64) -> String {
    match number {
        Num::Int(_) if bound.fract() == 0.0 => (bound as i64).to_string(),
        _ => field::float_text(bound),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::check;
    use super::*;

    #[test]
    fn numbers_have_bounds() {
        let wing = json!({"type": "integer", "format": "int32", "minimum": 1.0, "maximum": 400});
        check(wing.clone(), json!(1), &[]);
        check(
            wing.clone(),
            json!(401),
            &["spec.x: Invalid value: 401: spec.x in body should be less than or equal to 400"],
        );
        check(
            wing.clone(),
            json!(0),
            &["spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1"],
        );
        check(
            wing,
            json!(3_000_000_000_u64),
            &[
                r#"<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.x"#,
                "spec.x: Invalid value: 3000000000: spec.x in body should be less than or equal to 400",
            ],
        );
        let open =
            json!({"type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 2.5, "exclusiveMaximum": true});
        check(open.clone(), json!(0.1), &[]);
        check(open.clone(), json!(0), &["spec.x: Invalid value: 0: spec.x in body should be greater than 0"]);
        check(open.clone(), json!(2.5), &["spec.x: Invalid value: 2.5: spec.x in body should be less than 2.5"]);
        check(open, json!(3), &["spec.x: Invalid value: 3: spec.x in body should be less than 2.5"]);
        let huge = json!({"type": "integer", "minimum": -9.3e18, "maximum": 9.3e18});
        check(huge, json!(i64::MAX), &[]);
        check(
            json!({"type": "integer", "maximum": 9007199254740992_i64}),
            json!(9007199254740993_i64),
            &[
                "spec.x: Invalid value: 9007199254740993: spec.x in body should be less than or equal to 9007199254740992",
            ],
        );
        let multiple = |factor: Value| json!({"type": "number", "multipleOf": factor});
        check(multiple(json!(5)), json!(15), &[]);
        check(
            multiple(json!(5)),
            json!(i64::MIN),
            &["spec.x: Invalid value: -9223372036854775808: spec.x in body should be a multiple of 5"],
        );
        check(multiple(json!(0.1)), json!(0.3), &[]);
        check(multiple(json!(0.5)), json!(3), &[]);
        check(
            multiple(json!(0.5)),
            json!(0.7),
            &["spec.x: Invalid value: 0.7: spec.x in body should be a multiple of 0.5"],
        );
        let float = json!({"type": "number", "format": "float"});
        check(float.clone(), json!(1e38), &[]);
        check(
            float,
            json!(1e39),
            &[r#"<nil>: Invalid value: "": Checked value must be of type number with format float in spec.x"#],
        );
        check(
            json!({"type": "integer", "format": "uint64", "minimum": 0.0}),
            json!(u64::MAX),
            &[
                r#"spec.x: Invalid value: "number": spec.x in body must be of type integer: "number""#,
                r#"<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.x"#,
            ],
        );
    }
}
