//! One step of a path into an object. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/fieldpath/element.go>

use std::cmp::Ordering;
use std::fmt::{self, Display};

use serde_json::Value;

use super::value;

/// A step from a value to one inside it. Displayed as conflicts print it: `.name`, `[key="a"]`, `[="a"]`, `[0]`.
#[derive(Clone, Debug)]
pub(super) enum Element {
    /// A field of an object.
    Field(String),
    /// The item of a map list that has these keys, in the order of their names.
    Key(Vec<(String, Value)>),
    /// An item of a set.
    Value(Value),
    /// An item of a list by its place.
    Index(i64),
}

impl Element {
    /// The field that it names.
    pub(super) fn as_field(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl Ord for Element {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.cmp(b),
            (Self::Key(a), Self::Key(b)) => {
                let pairs = a.iter().zip(b).map(|(a, b)| a.0.cmp(&b.0).then_with(|| value::compare(&a.1, &b.1)));
                pairs.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (Self::Value(a), Self::Value(b)) => value::compare(a, b),
            (Self::Index(a), Self::Index(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Element {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Element {}

impl Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (index, (name, key)) in fields.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{name}={}", value::text(key))?;
                }
                f.write_str("]")
            }
            Self::Value(item) => write!(f, "[={}]", value::text(item)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(element: &Element, expect: &str) {
        assert_eq!(element.to_string(), expect);
    }

    #[test]
    fn elements_are_printed_as_in_conflicts() {
        check(&Element::Field("a".into()), ".a");
        check(&Element::Key(vec![("a".into(), json!("x")), ("b".into(), json!(1))]), "[a=\"x\",b=1]");
        check(&Element::Value(json!("x\n")), "[=\"x\\n\"]");
        check(&Element::Index(3), "[3]");
    }

    #[test]
    fn fields_come_before_keys_values_and_indexes() {
        let rows = [
            Element::Field("a".into()),
            Element::Field("b".into()),
            Element::Key(vec![]),
            Element::Key(vec![("a".into(), json!(1))]),
            Element::Key(vec![("a".into(), json!(1)), ("b".into(), json!(1))]),
            Element::Key(vec![("a".into(), json!(2))]),
            Element::Value(json!(9)),
            Element::Value(json!(10)),
            Element::Value(json!("1")),
            Element::Index(0),
        ];
        assert!(rows.is_sorted_by(|a, b| a < b));
        assert_eq!(Element::Value(json!(1)), Element::Value(json!(1.0)));
    }
}
