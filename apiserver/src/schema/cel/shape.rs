//! What describes a JSON value that an expression looks at: a place in a schema, or nothing.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::escaping::{escape, is_reserved, unescape};
use crate::schema::META_FIELDS;
use crate::schema::node::{Additional, Node, Type};

/// What is known of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape<'s> {
    /// Nothing: what it is shows when it is looked at.
    Free,
    /// A schema describes it.
    Node(&'s Node),
    /// A schema describes it, and it has `apiVersion`, `kind` and `metadata`, said or not.
    Resource(&'s Node),
    /// A schema describes it, and what that leaves open is seen nevertheless.
    Open(&'s Node),
}

/// `apiVersion`, `kind` and what is within `metadata`.
static TEXT: LazyLock<Node> = LazyLock::new(|| Node { type_: Type::String, ..Node::default() });

/// The part of `metadata` that expressions see.
static METADATA: LazyLock<Node> = LazyLock::new(|| {
    let names = ["name", "generateName"].map(|name| (name.to_owned(), TEXT.clone()));
    Node { type_: Type::Object, properties: BTreeMap::from(names), ..Node::default() }
});

impl PartialEq for Shape<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.node(), other.node()) {
            (Some(a), Some(b)) => std::ptr::eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }
}

impl<'s> Shape<'s> {
    /// A node at its own place.
    pub(crate) fn of(node: &'s Node) -> Self {
        if node.embedded { Self::Resource(node) } else { Self::Node(node) }
    }

    pub(super) fn node(self) -> Option<&'s Node> {
        match self {
            Self::Free => None,
            Self::Node(node) | Self::Resource(node) | Self::Open(node) => Some(node),
        }
    }

    /// A node below this place.
    fn below(self, node: &'s Node) -> Self {
        match self {
            Self::Open(_) if node.type_ == Type::Any => Self::Free,
            Self::Open(_) => Self::Open(node),
            _ => Self::of(node),
        }
    }

    pub(super) fn items(self) -> Option<Self> {
        match self.node() {
            None => Some(Self::Free),
            Some(node) => node.items().map(|items| self.below(items)),
        }
    }

    /// What describes the values of a map.
    pub(super) fn values(self) -> Option<Self> {
        match self {
            Self::Free => Some(Self::Free),
            Self::Resource(_) => None,
            Self::Node(node) | Self::Open(node) => match &node.additional {
                Additional::Schema(values) => Some(self.below(values)),
                _ => None,
            },
        }
    }

    /// Whether the value has fields of fixed names: their names are escaped, and a null among them is absent.
    pub(super) fn has_fields(self) -> bool {
        match self {
            Self::Free => false,
            Self::Resource(_) => true,
            Self::Node(node) | Self::Open(node) => !node.properties.is_empty(),
        }
    }

    /// What describes a field, by its name in JSON.
    pub(super) fn field(self, name: &str) -> Option<Self> {
        let node = self.node()?;
        if matches!(self, Self::Resource(_)) && META_FIELDS.contains(&name) && !declares_meta(node) {
            return Some(Self::Node(if name == "metadata" { &METADATA } else { &TEXT }));
        }
        node.properties.get(name).map(|node| self.below(node))
    }

    /// What describes a field, by its name in an expression: escaped, or a word of the language as it is.
    pub(super) fn field_of_expression(self, name: &str) -> Option<Self> {
        let raw = unescape(name)?;
        let named = escape(&raw).is_some_and(|escaped| escaped == name) || *raw == *name && is_reserved(name);
        self.field(&raw).filter(|_| named)
    }
}

/// Whether a schema says everything about what every resource has, and perhaps more.
fn declares_meta(node: &Node) -> bool {
    let is_text = |node: &Node, name: &str| node.properties.get(name).is_some_and(|node| node.type_ == Type::String);
    is_text(node, "kind")
        && is_text(node, "apiVersion")
        && node.properties.get("metadata").is_some_and(|metadata| {
            metadata.type_ == Type::Object && is_text(metadata, "name") && is_text(metadata, "generateName")
        })
}
