//! Whether a field may be left out, and what is in its place then.

use super::model::{Node, Shape};

/// Whether a field is always there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    Always,
    /// There, but null.
    Null,
    /// The server sees to it that it is there.
    Defaulted,
    Maybe,
    /// A list or a map that is left out when it is empty.
    Unless(&'static str),
}

impl Presence {
    /// How a field of this schema is there.
    pub fn of(node: &Node, required: bool) -> Self {
        let empty = match &node.shape {
            Shape::List(_) => Some("Vec::is_empty"),
            Shape::Map(_) => Some("BTreeMap::is_empty"),
            Shape::AnyObject => Some("Map::is_empty"),
            _ => None,
        };
        match (required, node.default().is_some(), node.nullable()) {
            (true, false, true) if !matches!(node.shape, Shape::Any) => Self::Null,
            (true, false, _) => Self::Always,
            (true, true, _) => Self::Defaulted,
            (false, false, false) => empty.map_or(Self::Maybe, Self::Unless),
            (false, _, _) => Self::Maybe,
        }
    }

    /// Whether its type is an `Option`.
    pub fn is_option(self) -> bool {
        !matches!(self, Self::Always | Self::Unless(_))
    }

    /// The attributes that say so.
    pub fn attributes(self) -> &'static str {
        match self {
            Self::Always => "",
            Self::Null => "    #[schemars(required)]\n",
            Self::Defaulted => "    #[serde(skip_serializing_if = \"Option::is_none\")]\n    #[schemars(required)]\n",
            Self::Maybe => "    #[serde(default, skip_serializing_if = \"Option::is_none\")]\n",
            Self::Unless("Vec::is_empty") => "    #[serde(default, skip_serializing_if = \"Vec::is_empty\")]\n",
            Self::Unless("Map::is_empty") => "    #[serde(default, skip_serializing_if = \"Map::is_empty\")]\n",
            Self::Unless(_) => "    #[serde(default, skip_serializing_if = \"BTreeMap::is_empty\")]\n",
        }
    }
}
