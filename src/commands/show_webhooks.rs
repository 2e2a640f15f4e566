//! `show`: webhooks and admission plugins.

use std::path::Path;

use serde::Serialize;

use super::show::ShownFile;
use crate::project::Project;
use crate::scaffold::{plugins, webhooks};

/// What is asked about a kind of others.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownWebhooks {
    /// Empty for the core group.
    api_group: String,
    version: String,
    kind: String,
    plural: String,
    webhooks: Vec<&'static str>,
    file: ShownFile,
}

/// An admission plugin.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownPlugin {
    name: String,
    /// The kind that it was made for; none, if for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    file: ShownFile,
}

/// The webhooks for kinds that are not the project's.
pub fn external(root: &Path, project: &Project) -> Vec<ShownWebhooks> {
    let others = webhooks::all(project).into_iter().filter(|hook| !hook.own);
    let shown = others.map(|hook| ShownWebhooks {
        api_group: hook.api_group,
        version: hook.version,
        kind: hook.kind,
        plural: hook.plural,
        webhooks: hook.webhooks,
        file: ShownFile::new(root, hook.path),
    });
    shown.collect()
}

/// The file of the webhooks of a kind of the project, if it has any.
pub fn own(root: &Path, project: &Project, group: &str, kind: &str) -> Option<ShownFile> {
    let api_group = project.api_group(group);
    let mut all = webhooks::all(project).into_iter();
    let hook = all.find(|hook| hook.own && hook.api_group == api_group && hook.kind == kind)?;
    Some(ShownFile::new(root, hook.path))
}

/// The admission plugins.
pub fn plugins(root: &Path, project: &Project) -> Vec<ShownPlugin> {
    let shown = |plugin: &crate::project::Plugin| ShownPlugin {
        name: plugin.name.clone(),
        target: plugin.target.as_ref().map(|target| format!("{} in {}/{}", target.kind, target.group, target.version)),
        file: ShownFile::new(root, plugins::path(plugin)),
    };
    project.admission.iter().map(shown).collect()
}

impl ShownWebhooks {
    /// As a leaf of the tree.
    pub fn line(&self) -> String {
        let group = if self.api_group.is_empty() { String::new() } else { format!("{}/", self.api_group) };
        format!("{group}{} {}: {} ({})", self.version, self.kind, self.file.leaf(), self.webhooks.join(", "))
    }
}

impl ShownPlugin {
    /// As a leaf of the tree.
    pub fn line(&self) -> String {
        let target = self.target.as_ref().map(|target| format!(" ({target})")).unwrap_or_default();
        format!("{}: {}{target}", self.name, self.file.leaf())
    }
}
