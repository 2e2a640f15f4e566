//! A kind.

use serde::{Deserialize, Serialize};

use super::Subresource;
use crate::names;

/// A kind.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kind {
    /// For example `Bird`.
    pub kind: String,
    /// For example `birds`: the name in paths.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub scope: Scope,
    /// The version in which it is served and stored.
    pub version: String,
    /// Short names for kubectl.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short_names: Vec<String>,
    /// Groups of kinds for kubectl, for example `all`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Whether the server keeps its objects, or a file of the user's.
    #[serde(default, skip_serializing_if = "Backend::is_storage")]
    pub backend: Backend,
    /// Whether its objects are any JSON, without a schema.
    #[serde(default, skip_serializing_if = "is_false")]
    pub schemaless: bool,
    /// Whether its types were made from a CustomResourceDefinition, so that nothing is known here of its fields.
    #[serde(default, skip_serializing_if = "is_false")]
    pub from_crd: bool,
    /// Whether it has a status, as a subresource.
    pub status: bool,
    /// Whether it has a scale, as a subresource.
    #[serde(default, skip_serializing_if = "is_false")]
    pub scale: bool,
    /// The subresources beside status and scale, in the order of their creation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subresources: Vec<Subresource>,
    /// The names of its controllers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controllers: Vec<String>,
}

/// Who keeps the objects of a kind.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "camelCase")]
pub enum Backend {
    /// The server, in its storage
    #[default]
    Storage,
    /// Code of your own
    Custom,
}

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Scope {
    Namespaced,
    Cluster,
}

impl Kind {
    /// What its type is called in Rust: as it is itself, unless Rust or a scaffolded file has that already. Only kinds that
    /// somebody else named are ever so called.
    pub fn type_name(&self) -> String {
        names::type_of_kind(&self.kind)
    }
}

impl Backend {
    /// As `PROJECT`, the command line and `show` have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Custom => "custom",
        }
    }

    fn is_storage(&self) -> bool {
        *self == Self::Storage
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
