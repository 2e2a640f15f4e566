//! What the collector reads of an object: who it is, who owns it, and whether it is going.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::registry::object::Object;

/// Holds an object until nothing that it blocks on is left.
pub const FOREGROUND: &str = "foregroundDeletion";
/// Holds an object until its dependents no longer name it.
pub const ORPHAN: &str = "orphan";

/// The part of an object's metadata that decides what becomes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Facts {
    /// Of all objects that there ever were, this one.
    pub uid: String,
    /// The write that stored it.
    pub resource_version: String,
    /// Who owns it.
    #[serde(rename = "ownerReferences", deserialize_with = "nullable")]
    pub owners: Vec<OwnerReference>,
    /// What holds it when it is deleted.
    #[serde(deserialize_with = "nullable")]
    pub finalizers: Vec<String>,
    /// Whether it is being deleted.
    #[serde(rename = "deletionTimestamp", deserialize_with = "is_set")]
    pub terminating: bool,
}

/// One entry of `metadata.ownerReferences`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OwnerReference {
    /// For example `apps/v1`.
    pub api_version: String,
    /// For example `StatefulSet`.
    pub kind: String,
    /// The owner's name.
    pub name: String,
    /// The owner itself.
    pub uid: String,
    /// Whether an owner that is deleted in the foreground waits for this dependent.
    #[serde(rename = "blockOwnerDeletion", deserialize_with = "nullable")]
    pub blocks: bool,
}

impl Facts {
    /// Reads an object; `None` where its stored bytes cannot be used.
    pub fn of(object: &Object) -> Option<Self> {
        #[derive(Deserialize)]
        struct Peek {
            metadata: Facts,
        }
        if object.corrupt().is_some() {
            return None;
        }
        serde_json::from_slice::<Peek>(&object.line()).ok().map(|peek| peek.metadata)
    }

    /// Whether it waits for its dependents to be deleted.
    pub fn is_foreground(&self) -> bool {
        self.terminating && self.has_finalizer(FOREGROUND)
    }

    /// Whether it waits for its dependents to be let go.
    pub fn is_orphaning(&self) -> bool {
        self.terminating && self.has_finalizer(ORPHAN)
    }

    /// Whether a finalizer is set.
    pub fn has_finalizer(&self, name: &str) -> bool {
        self.finalizers.iter().any(|finalizer| finalizer == name)
    }
}

impl OwnerReference {
    /// Whether an entry as it is stored names the same owner in the same words.
    pub fn is_named_by(&self, entry: &Value) -> bool {
        let named = |field: &str, value: &str| entry[field] == json!(value);
        named("uid", &self.uid)
            && named("name", &self.name)
            && named("kind", &self.kind)
            && named("apiVersion", &self.api_version)
    }
}

fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn is_set<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<IgnoredAny>::deserialize(from)?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_or_null_is_nothing() {
        let read = |json: Value| serde_json::from_value::<Facts>(json).unwrap();
        assert_eq!(read(json!({})), Facts::default());
        let nulls = json!({"ownerReferences": null, "finalizers": null, "deletionTimestamp": null});
        assert_eq!(read(nulls), Facts::default());
        let reference = json!({"apiVersion": "v1", "kind": "A", "name": "a", "uid": "u", "blockOwnerDeletion": null});
        let facts = read(json!({
            "ownerReferences": [reference], "finalizers": [ORPHAN], "deletionTimestamp": "2026-01-01T00:00:00Z",
        }));
        assert!(facts.is_orphaning() && !facts.is_foreground() && !facts.owners[0].blocks);
        assert!(facts.owners[0].is_named_by(&reference));
        assert!(!facts.owners[0].is_named_by(&json!({"uid": "u"})));
    }
}
