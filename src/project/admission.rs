//! Admission plugins: whom the project's own server asks about objects before it keeps them.

use serde::{Deserialize, Serialize};

/// A plugin.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plugin {
    /// For example `ban-flunder`.
    pub name: String,
    /// The kind that its file was made for; without one, it was made for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

/// A kind of the project.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// Without the domain.
    pub group: String,
    pub version: String,
    pub kind: String,
}
