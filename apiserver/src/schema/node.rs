//! The compiled form of a schema: one node per value that it describes.

use std::collections::BTreeMap;
#[cfg(feature = "cel")]
use std::sync::Arc;

use serde_json::Value;

use super::formats::Format;
use super::regexes::Pattern;

/// What a schema says of one value.
#[derive(Clone, Debug, Default)]
pub struct Node {
    pub(super) type_: Type,
    pub(super) nullable: bool,
    pub(super) preserve_unknown: bool,
    pub(super) embedded: bool,
    pub(super) properties: BTreeMap<String, Node>,
    pub(super) additional: Additional,
    pub(super) items: Option<Box<Node>>,
    pub(super) default: Option<Value>,
    pub(super) list_type: ListType,
    pub(super) list_map_keys: Vec<String>,
    pub(super) map_type: MapType,
    pub(super) rules: Vec<Rule>,
    /// The same, ready to run.
    #[cfg(feature = "cel")]
    pub(super) compiled: Arc<[super::rules::Compiled]>,
    /// Most nodes have none.
    pub(super) checks: Option<Box<Checks>>,
    /// What there is below this node, so that walks can turn back early.
    pub(super) below: Below,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Type {
    /// Any: only where fields are not checked.
    #[default]
    Any,
    /// An object, be it a map or one with fixed fields.
    Object,
    /// A list.
    Array,
    /// A text.
    String,
    /// A whole number of up to 64 bits with sign.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A whole number or a text: `x-kubernetes-int-or-string`.
    IntOrString,
}

/// What an object may have beside its declared fields.
#[derive(Clone, Debug, Default)]
pub enum Additional {
    /// Nothing is said; such fields are dropped.
    #[default]
    None,
    /// `false`: such fields are an error.
    Forbidden,
    /// `true`: anything, though of objects among it nothing is kept.
    Any,
    /// Values of this kind: the object is a map.
    Schema(Box<Node>),
}

/// Who owns what in a list: `x-kubernetes-list-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListType {
    /// The list is one value.
    #[default]
    Atomic,
    /// Every item is its own key.
    Set,
    /// Items are objects with keys: [`Node::list_map_keys`].
    Map,
}

/// Who owns what in an object: `x-kubernetes-map-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MapType {
    /// Every field has its own owners.
    #[default]
    Granular,
    /// The object is one value.
    Atomic,
}

/// A rule in CEL, as written in `x-kubernetes-validations`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The expression, which must hold.
    pub rule: String,
    /// What to say when it does not; may be empty.
    pub message: String,
    /// An expression that yields what to say; may be empty.
    pub message_expression: String,
    /// For example `FieldValueForbidden`; may be empty, which means `FieldValueInvalid`.
    pub reason: String,
    /// Which field to blame, relative to the value; may be empty.
    pub field_path: String,
    /// Whether `oldSelf` is an optional, so that the rule also holds for values that are new.
    pub optional_old_self: bool,
}

/// What a value must satisfy beside its type.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    pub(super) format: Option<NamedFormat>,
    pub(super) minimum: Option<f64>,
    pub(super) exclusive_minimum: bool,
    pub(super) maximum: Option<f64>,
    pub(super) exclusive_maximum: bool,
    pub(super) multiple_of: Option<f64>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) pattern: Option<Pattern>,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,
    pub(super) min_properties: Option<usize>,
    pub(super) max_properties: Option<usize>,
    pub(super) required: Vec<String>,
    pub(super) enum_: Vec<Value>,
    pub(super) all_of: Vec<Node>,
    pub(super) any_of: Vec<Node>,
    pub(super) one_of: Vec<Node>,
    pub(super) not: Option<Node>,
}

/// A format and how the schema spells it.
#[derive(Clone, Debug)]
pub(super) struct NamedFormat {
    pub(super) name: String,
    pub(super) format: Format,
}

/// What a node or anything below it has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Below {
    pub(super) defaults: bool,
    pub(super) keyed_lists: bool,
    pub(super) embedded: bool,
    pub(super) rules: bool,
}

impl Node {
    /// Its type.
    pub fn type_(&self) -> Type {
        self.type_
    }

    /// Whether it may be null.
    pub fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// Whether fields that are not declared are kept.
    pub fn preserves_unknown_fields(&self) -> bool {
        self.preserve_unknown
    }

    /// Whether it is an object of some kind, with `apiVersion`, `kind` and `metadata` of its own.
    pub fn is_embedded_resource(&self) -> bool {
        self.embedded
    }

    /// The declared fields, by name.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.properties.iter().map(|(name, node)| (name.as_str(), node))
    }

    /// A declared field.
    pub fn property(&self, name: &str) -> Option<&Node> {
        self.properties.get(name)
    }

    /// What describes a field, declared or not.
    pub fn field(&self, name: &str) -> Option<&Node> {
        self.properties.get(name).or(match &self.additional {
            Additional::Schema(node) => Some(node),
            _ => None,
        })
    }

    /// What it may have beside its declared fields.
    pub fn additional(&self) -> &Additional {
        &self.additional
    }

    /// What describes the items of a list.
    pub fn items(&self) -> Option<&Node> {
        self.items.as_deref()
    }

    /// What it is when it is absent.
    pub fn default_value(&self) -> Option<&Value> {
        self.default.as_ref()
    }

    /// Who owns what in a list.
    pub fn list_type(&self) -> ListType {
        self.list_type
    }

    /// The fields that tell the items of a list apart, where the list type is a map.
    pub fn list_map_keys(&self) -> &[String] {
        &self.list_map_keys
    }

    /// Who owns what in an object.
    pub fn map_type(&self) -> MapType {
        self.map_type
    }

    /// How the schema spells the format, where it is one that means something.
    pub(super) fn format_name(&self) -> &str {
        self.checks.as_ref().and_then(|checks| checks.format.as_ref()).map_or("", |format| &format.name)
    }

    /// The rules in CEL.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl Type {
    /// How messages name it, and types within it.
    pub(super) fn names(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::IntOrString => "integer,string",
        }
    }
}
