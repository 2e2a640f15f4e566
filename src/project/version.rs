//! A version of a kind. One of them is stored; the objects are shown in the others by conversions.

use serde::de::{Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Serialize};

/// A version of a kind.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KindVersion {
    /// For example `v1alpha1`.
    pub name: String,
    /// Whether objects are stored in it: one version of each kind is.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub storage: bool,
    /// Whether clients may use it.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub served: bool,
    /// Whether each request to it is answered with a warning.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub deprecated: bool,
    /// The text of the warning, where it is not the standard one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The versions for which this one has a file of conversions, in the order of their creation: the one that is stored,
    /// and those that once were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conversions: Vec<String>,
}

impl KindVersion {
    /// A version that is served, and not stored.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            storage: false,
            served: true,
            deprecated: false,
            warning: None,
            conversions: Vec::new(),
        }
    }

    /// The only version of a new kind.
    pub fn stored(name: &str) -> Self {
        Self { storage: true, ..Self::new(name) }
    }
}

/// Reads the versions of a kind. Older files have one name in their place, and the field is called `version` there.
pub fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KindVersion>, D::Error> {
    struct OneOrMore;

    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Vec<KindVersion>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of versions")
        }

        fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
            Ok(vec![KindVersion::stored(name)])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            Deserialize::deserialize(SeqAccessDeserializer::new(list))
        }
    }

    deserializer.deserialize_any(OneOrMore)
}

fn is_true(value: &bool) -> bool {
    *value
}

fn yes() -> bool {
    true
}
