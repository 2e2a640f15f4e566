//! A kind.

use serde::{Deserialize, Serialize};

use super::version::{self, KindVersion};
use super::{Controller, Subresource, Webhooks};
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
    /// Its versions, in the order of their creation.
    #[serde(alias = "version", deserialize_with = "version::one_or_more")]
    pub versions: Vec<KindVersion>,
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
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub schemaless: bool,
    /// Whether its types were made from a CustomResourceDefinition, so that nothing is known here of its fields.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub from_crd: bool,
    /// Whether it has a status, as a subresource.
    pub status: bool,
    /// Whether it has a scale, as a subresource.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub scale: bool,
    /// The subresources beside status and scale, in the order of their creation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subresources: Vec<Subresource>,
    /// Its controllers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controllers: Vec<Controller>,
    /// What other servers ask about it.
    #[serde(default, skip_serializing_if = "Webhooks::is_empty")]
    pub webhooks: Webhooks,
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

    /// The version of this name.
    pub fn version(&self, name: &str) -> Option<&KindVersion> {
        self.versions.iter().find(|version| version.name == name)
    }

    /// The name of the version in which objects are stored.
    pub fn stored(&self) -> &str {
        self.versions.iter().find(|version| version.storage).map_or("", |version| &version.name)
    }

    /// The name of the version that it was made with: its sample and its tests are called after the kind alone.
    pub fn first(&self) -> &str {
        self.versions.first().map_or("", |version| &version.name)
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
