//! What a value may be, and who owns what within it: read from the schema of a kind as it is published, with the metadata
//! of Kubernetes in its place. Source:
//! <https://github.com/kubernetes/kube-openapi/blob/master/pkg/schemaconv/openapi.go>

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

/// The shapes that a value may have: at least one.
#[derive(Debug, Default)]
pub(super) struct Type {
    pub(super) scalar: Option<Scalar>,
    pub(super) list: Option<List>,
    pub(super) map: Option<Map>,
}

/// What a scalar may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Numeric,
    String,
    Boolean,
    Untyped,
}

/// A list.
#[derive(Debug)]
pub(super) struct List {
    pub(super) items: TypeRef,
    pub(super) relation: Relation,
}

/// Who owns what in a list.
#[derive(Debug, PartialEq)]
pub(super) enum Relation {
    /// The list is one value.
    Atomic,
    /// Every item is its own key.
    Set,
    /// Items are told apart by these fields.
    Map(Vec<Key>),
}

/// A field that tells the items of a list apart.
#[derive(Debug, PartialEq)]
pub(super) struct Key {
    pub(super) name: String,
    /// Stands in where an item has no such field.
    pub(super) default: Option<Value>,
}

/// An object.
#[derive(Debug)]
pub(super) struct Map {
    declared: BTreeMap<String, TypeRef>,
    /// What fields hold that are not declared; without it, there are none.
    others: Option<TypeRef>,
    /// Whether the object is one value.
    pub(super) atomic: bool,
}

/// The type of something inside another value.
#[derive(Debug)]
pub(super) enum TypeRef {
    /// One of its own.
    Own(Box<Type>),
    /// Anything: objects field by field, lists as a whole.
    Deduced,
    /// Anything, as a whole.
    Untyped,
    /// The metadata of an object.
    ObjectMeta,
}

/// What a value is, apart from null, which is any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Scalar,
    List,
    Map,
}

impl Type {
    /// Reads the schema of a kind's version: OpenAPI v3 with Kubernetes' extensions, known to be structural.
    pub(super) fn of_kind(openapi: &Value) -> Self {
        let mut type_ = Self::read(openapi, false);
        if let Some(map) = &mut type_.map {
            map.make_resource();
        }
        type_
    }

    /// `preserve` is inherited: below a value that keeps unknown fields, objects are open unless they say otherwise.
    fn read(openapi: &Value, preserve: bool) -> Self {
        let flag = |name: &str| openapi.get(name) == Some(&Value::Bool(true));
        let text = |name: &str| openapi.get(name).and_then(Value::as_str).unwrap_or_default();
        let preserve = preserve || flag("x-kubernetes-preserve-unknown-fields");
        let map = || {
            let mut map = Map::read(openapi, preserve);
            if flag("x-kubernetes-embedded-resource") {
                map.make_resource();
            }
            map
        };
        let scalar = |scalar: Scalar| Self { scalar: Some(scalar), ..Self::default() };
        match text("type") {
            "object" => Self { map: Some(map()), ..Self::default() },
            "array" => Self { list: Some(List::read(openapi, preserve)), ..Self::default() },
            "integer" | "number" => scalar(Scalar::Numeric),
            "boolean" => scalar(Scalar::Boolean),
            "string" if matches!(text("format"), "" | "byte") => scalar(Scalar::String),
            "string" => scalar(Scalar::Untyped),
            _ => Self { scalar: Some(Scalar::Untyped), list: Some(List::read(openapi, preserve)), map: Some(map()) },
        }
    }

    /// How a value is to be seen: in its own shape where the type allows it, else in the first that the type has. Null is
    /// seen in the first as well.
    pub(super) fn shape(&self, value: &Value) -> Shape {
        match value {
            Value::Null => self.first(),
            Value::Array(_) if self.list.is_some() => Shape::List,
            Value::Object(_) if self.map.is_some() => Shape::Map,
            Value::Bool(_) | Value::Number(_) | Value::String(_) if self.scalar.is_some() => Shape::Scalar,
            _ => self.first(),
        }
    }

    /// The one shape that a value shows of this type, or `None` where it could be any of several.
    pub(super) fn only_shape(&self, value: &Value) -> Option<Shape> {
        match value {
            Value::Null if self.count() > 1 => None,
            value => Some(self.shape(value)),
        }
    }

    fn first(&self) -> Shape {
        match self {
            Self { map: Some(_), .. } => Shape::Map,
            Self { scalar: Some(_), .. } => Shape::Scalar,
            _ => Shape::List,
        }
    }

    fn count(&self) -> usize {
        usize::from(self.scalar.is_some()) + usize::from(self.list.is_some()) + usize::from(self.map.is_some())
    }
}

impl TypeRef {
    /// The type that it stands for.
    pub(super) fn resolve(&self) -> &Type {
        match self {
            Self::Own(type_) => type_,
            Self::Deduced => &DEDUCED,
            Self::Untyped => &UNTYPED,
            Self::ObjectMeta => &OBJECT_META,
        }
    }

    /// Whether any value will do.
    pub(super) fn takes_anything(&self) -> bool {
        matches!(self, Self::Deduced | Self::Untyped)
    }

    fn read(openapi: &Value, preserve: bool) -> Self {
        Self::Own(Box::new(Type::read(openapi, preserve)))
    }
}

impl Map {
    fn read(openapi: &Value, preserve: bool) -> Self {
        let properties = openapi.get("properties").and_then(Value::as_object);
        let declared: BTreeMap<_, _> = properties
            .into_iter()
            .flatten()
            .map(|(name, property)| (name.clone(), TypeRef::read(property, preserve)))
            .collect();
        let embedded = openapi.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true));
        let others = match openapi.get("additionalProperties") {
            // An object of which nothing is said is open.
            None | Some(Value::Null) => (preserve || (declared.is_empty() && !embedded)).then_some(TypeRef::Deduced),
            Some(Value::Bool(allowed)) => allowed.then_some(TypeRef::Deduced),
            Some(schema) => Some(TypeRef::read(schema, preserve)),
        };
        let atomic = openapi.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic");
        Self { declared, others, atomic }
    }

    /// Gives it what every object of Kubernetes has.
    fn make_resource(&mut self) {
        for name in ["apiVersion", "kind"] {
            let string = Type { scalar: Some(Scalar::String), ..Type::default() };
            self.declared.insert(name.to_owned(), TypeRef::Own(Box::new(string)));
        }
        self.declared.insert("metadata".to_owned(), TypeRef::ObjectMeta);
    }

    /// Whether a field is declared by its name.
    pub(super) fn is_declared(&self, name: &str) -> bool {
        self.declared.contains_key(name)
    }

    /// What a field holds; `None` is a field that cannot be.
    pub(super) fn field_ref(&self, name: &str) -> Option<&TypeRef> {
        self.declared.get(name).or(self.others.as_ref())
    }

    /// As [`field_ref`](Self::field_ref), resolved.
    pub(super) fn field(&self, name: &str) -> Option<&Type> {
        self.field_ref(name).map(TypeRef::resolve)
    }

    /// What a field that is not declared holds.
    pub(super) fn others(&self) -> Option<&Type> {
        self.others.as_ref().map(TypeRef::resolve)
    }

    /// Whether it is a mere map of values of which nothing is known.
    pub(super) fn is_deduced(&self) -> bool {
        let unknown = match &self.others {
            Some(TypeRef::Deduced) => true,
            Some(TypeRef::Own(type_)) => type_.scalar == Some(Scalar::Untyped),
            _ => false,
        };
        unknown && self.declared.is_empty()
    }
}

impl List {
    fn read(openapi: &Value, preserve: bool) -> Self {
        let items = openapi.get("items").filter(|items| items.is_object());
        let key = |key: &Value| {
            let name = key.as_str().unwrap_or_default().to_owned();
            let property = items.and_then(|items| items.get("properties")?.get(&name));
            let default = property.and_then(|property| property.get("default")).filter(|value| !value.is_null());
            Key { default: default.cloned(), name }
        };
        let keys = || openapi.get("x-kubernetes-list-map-keys").and_then(Value::as_array).into_iter().flatten();
        let relation = match openapi.get("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("set") => Relation::Set,
            Some("map") => Relation::Map(keys().map(key).collect()),
            _ => Relation::Atomic,
        };
        Self { items: items.map_or(TypeRef::Untyped, |items| TypeRef::read(items, preserve)), relation }
    }
}

static DEDUCED: LazyLock<Type> = LazyLock::new(|| anything(TypeRef::Deduced, false));

static UNTYPED: LazyLock<Type> = LazyLock::new(|| anything(TypeRef::Untyped, true));

fn anything(others: TypeRef, atomic: bool) -> Type {
    Type {
        scalar: Some(Scalar::Untyped),
        list: Some(List { items: TypeRef::Untyped, relation: Relation::Atomic }),
        map: Some(Map { declared: BTreeMap::new(), others: Some(others), atomic }),
    }
}

/// Source: <https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/types.go>
static OBJECT_META: LazyLock<Type> = LazyLock::new(|| {
    let (string, boolean, integer) =
        (json!({"type": "string"}), json!({"type": "boolean"}), json!({"type": "integer"}));
    let time = json!({"type": "string", "format": "date-time"});
    let texts = json!({"type": "object", "additionalProperties": string});
    let owner = json!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "apiVersion": {"type": "string", "default": ""},
            "kind": {"type": "string", "default": ""},
            "name": {"type": "string", "default": ""},
            "uid": {"type": "string", "default": ""},
            "controller": boolean,
            "blockOwnerDeletion": boolean,
        },
    });
    let metadata = json!({
        "type": "object",
        "properties": {
            "name": string,
            "generateName": string,
            "namespace": string,
            "selfLink": string,
            "uid": string,
            "resourceVersion": string,
            "generation": integer,
            "creationTimestamp": time,
            "deletionTimestamp": time,
            "deletionGracePeriodSeconds": integer,
            "labels": texts,
            "annotations": texts,
            "ownerReferences": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["uid"],
                "items": owner,
            },
            "finalizers": {"type": "array", "x-kubernetes-list-type": "set", "items": string},
            // The entries are read and checked elsewhere.
            "managedFields": {"type": "array"},
        },
    });
    Type::read(&metadata, false)
});

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(openapi: Value, expect: &str) {
        assert_eq!(describe(&Type::read(&openapi, false)), expect, "{openapi}");
    }

    fn describe(type_: &Type) -> String {
        let reference = |reference: &TypeRef| match reference {
            TypeRef::Own(type_) => describe(type_),
            other => format!("{other:?}"),
        };
        let scalar = type_.scalar.map(|scalar| format!("{scalar:?}"));
        let list = type_.list.as_ref().map(|list| {
            let relation = match &list.relation {
                Relation::Map(keys) => keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(","),
                other => format!("{other:?}"),
            };
            format!("[{} by {relation}]", reference(&list.items))
        });
        let map = type_.map.as_ref().map(|map| {
            let mut fields: Vec<_> =
                map.declared.iter().map(|(name, field)| format!("{name}: {}", reference(field))).collect();
            fields.extend(map.others.as_ref().map(|others| format!("*: {}", reference(others))));
            format!("{}{{{}}}", if map.atomic { "atomic " } else { "" }, fields.join(", "))
        });
        [scalar, list, map].into_iter().flatten().collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn schemas_become_types() {
        check(json!({"type": "integer", "format": "int64"}), "Numeric");
        check(json!({"type": "number"}), "Numeric");
        check(json!({"type": "boolean"}), "Boolean");
        check(json!({"type": "string"}), "String");
        check(json!({"type": "string", "format": "byte"}), "String");
        check(json!({"type": "string", "format": "date-time"}), "Untyped");
        check(json!({"x-kubernetes-int-or-string": true}), "Untyped | [Untyped by Atomic] | {*: Deduced}");
        check(json!({"type": "object"}), "{*: Deduced}");
        check(json!({"type": "object", "properties": {"a": {"type": "string"}}}), "{a: String}");
        check(json!({"type": "object", "additionalProperties": {"type": "string"}}), "{*: String}");
        check(json!({"type": "object", "additionalProperties": true}), "{*: Deduced}");
        check(json!({"type": "object", "additionalProperties": false}), "{}");
        check(json!({"type": "object", "x-kubernetes-map-type": "atomic"}), "atomic {*: Deduced}");
        let string = json!({"type": "string"});
        check(json!({"type": "array", "items": string}), "[String by Atomic]");
        check(json!({"type": "array", "items": string, "x-kubernetes-list-type": "set"}), "[String by Set]");
        let item = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        check(
            json!({"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"]}),
            "[{a: String} by a]",
        );
    }

    #[test]
    fn unknown_fields_are_kept_below_too() {
        check(
            json!({
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": true,
                "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}},
            }),
            "{a: {b: String, *: Deduced}, *: Deduced}",
        );
        check(
            json!({
                "type": "object",
                "x-kubernetes-embedded-resource": true,
                "x-kubernetes-preserve-unknown-fields": true,
            }),
            "{apiVersion: String, kind: String, metadata: ObjectMeta, *: Deduced}",
        );
    }

    #[test]
    fn kinds_have_metadata() {
        let type_ = Type::of_kind(&json!({
            "type": "object",
            "properties": {"metadata": {"type": "object"}, "spec": {"type": "object"}},
        }));
        assert_eq!(describe(&type_), "{apiVersion: String, kind: String, metadata: ObjectMeta, spec: {*: Deduced}}");
        assert!(describe(&OBJECT_META).contains("ownerReferences: [atomic {"));
    }
}
