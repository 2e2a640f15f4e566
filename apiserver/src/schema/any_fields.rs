//! Fields that no schema knows.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::derive;

/// All fields of an object that its type does not name, whatever they hold. Nothing of them is pruned, and none is
/// reported as unknown. Flattened into a kind without spec, it takes any JSON beside `apiVersion`, `kind` and `metadata`:
///
/// ```
/// use apiserver::AnyFields;
/// use kube::CustomResource;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
/// #[kube(group = "demo.example.com", version = "v1", kind = "Note", namespaced, no_spec)]
/// pub struct NoteFields {
///     #[serde(flatten)]
///     pub fields: AnyFields,
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnyFields(pub Map<String, Value>);

/// What flattening hands over as well, though it is not part of the content.
const TYPE: [&str; 2] = ["apiVersion", "kind"];

impl<'de> Deserialize<'de> for AnyFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        TYPE.iter().for_each(|name| drop(fields.remove(*name)));
        Ok(Self(fields))
    }
}

impl Serialize for AnyFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter(|(name, _)| !TYPE.contains(&name.as_str())))
    }
}

impl JsonSchema for AnyFields {
    fn schema_name() -> Cow<'static, str> {
        "AnyFields".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        derive::any_object(generator)
    }

    fn inline_schema() -> bool {
        true
    }
}

impl Deref for AnyFields {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for AnyFields {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl FromIterator<(String, Value)> for AnyFields {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}
