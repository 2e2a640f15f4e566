//! What the schema says of merging: a place in it, and how what is there is merged.

use std::sync::LazyLock;

use serde_json::{Value, json};

/// A place in a schema. Where the schema ends, objects are merged and lists are replaced.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    openapi: Option<&'a Value>,
    name: &'a str,
    /// Whether its `metadata` is that of an object, which schemas do not describe.
    object: bool,
}

/// How a value is merged with what a patch has in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// Item by item.
    Merge,
    /// Not at all.
    Replace,
    /// As objects are unless somebody says otherwise.
    Unsaid,
}

impl<'a> Node<'a> {
    /// The whole of an object.
    pub(super) fn of_kind(openapi: &'a Value) -> Self {
        Self { openapi: Some(openapi), name: "", object: true }
    }

    /// A field of an object.
    pub(super) fn field(self, name: &'a str) -> Self {
        if self.object && name == "metadata" {
            return Self { openapi: Some(&OBJECT_META), name, object: false };
        }
        let property = |openapi: &'a Value| {
            let declared = openapi.get("properties").and_then(|properties| properties.get(name));
            declared.or_else(|| openapi.get("additionalProperties").filter(|others| others.is_object()))
        };
        let openapi = self.openapi.and_then(property);
        Self { openapi, name, object: openapi.is_some_and(|openapi| flag(openapi, "x-kubernetes-embedded-resource")) }
    }

    /// The items of a list.
    pub(super) fn items(self) -> Self {
        let openapi = self.openapi.and_then(|openapi| openapi.get("items"));
        Self { openapi, object: openapi.is_some_and(|openapi| flag(openapi, "x-kubernetes-embedded-resource")), ..self }
    }

    /// The name of the field that led here.
    pub(super) fn name(self) -> &'a str {
        self.name
    }

    /// How what is here is merged.
    pub(super) fn strategy(self) -> Strategy {
        let text = |name: &str| self.openapi.and_then(|openapi| openapi.get(name)).and_then(Value::as_str);
        match (text("x-kubernetes-list-type"), text("x-kubernetes-map-type")) {
            (Some("map" | "set"), _) => Strategy::Merge,
            (_, Some("atomic")) => Strategy::Replace,
            _ => Strategy::Unsaid,
        }
    }

    /// The fields that tell the items of a list apart; none where items are compared as a whole.
    pub(super) fn keys(self) -> Vec<&'a str> {
        let keys = self.openapi.and_then(|openapi| openapi.get("x-kubernetes-list-map-keys"));
        keys.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// What stands in for a field that an item does not have.
    pub(super) fn default(self) -> Option<&'a Value> {
        self.openapi.and_then(|openapi| openapi.get("default")).filter(|default| !default.is_null())
    }
}

fn flag(openapi: &Value, name: &str) -> bool {
    openapi.get(name) == Some(&Value::Bool(true))
}

/// Source: <https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/types.go>
static OBJECT_META: LazyLock<Value> = LazyLock::new(|| {
    json!({"properties": {
        "finalizers": {"x-kubernetes-list-type": "set"},
        "ownerReferences": {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"]},
    }})
});
