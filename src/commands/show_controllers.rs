//! `show`: controllers.

use std::path::Path;

use serde::Serialize;

use super::show::ShownFile;
use crate::project::{Controller, Project};
use crate::scaffold::controllers;

/// A controller.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownController {
    pub name: String,
    /// Kinds as objects name theirs: `apps/v1/StatefulSet`.
    owns: Vec<String>,
    watches: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    pub file: ShownFile,
}

/// The controllers of a kind of others.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownExternalControllers {
    /// Empty for the core group.
    api_group: String,
    version: String,
    kind: String,
    plural: String,
    controllers: Vec<ShownController>,
}

/// The controllers of kinds that are not the project's.
pub fn external(root: &Path, project: &Project) -> Vec<ShownExternalControllers> {
    let shown = project.external_controllers.iter().map(|external| ShownExternalControllers {
        api_group: external.named().api_group(),
        version: external.version.clone(),
        kind: external.kind.clone(),
        plural: external.plural.clone(),
        controllers: external.controllers.iter().map(|own| ShownController::new(root, &external.group, own)).collect(),
    });
    shown.collect()
}

impl ShownController {
    /// A controller of a kind in this group.
    pub fn new(root: &Path, group: &str, controller: &Controller) -> Self {
        let kinds = |kinds: &[crate::project::KindRef]| kinds.iter().map(ToString::to_string).collect();
        Self {
            name: controller.name.clone(),
            owns: kinds(&controller.owns),
            watches: kinds(&controller.watches),
            cluster: controller.cluster.clone(),
            file: ShownFile::new(root, controllers::path(group, &controller.name)),
        }
    }

    /// What there is to say beside its file, in brackets; its name unless it is the one that it would have anyway.
    pub fn remarks(&self, default_name: &str) -> String {
        let mut remarks = Vec::new();
        remarks.extend((self.name != default_name).then(|| self.name.clone()));
        let mut kinds = |verb: &str, kinds: &[String]| {
            if !kinds.is_empty() {
                remarks.push(format!("{verb} {}", kinds.join(", ")));
            }
        };
        kinds("owns", &self.owns);
        kinds("watches", &self.watches);
        remarks.extend(self.cluster.as_ref().map(|cluster| format!("in the cluster {cluster}")));
        if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join("; ")) }
    }
}

impl ShownExternalControllers {
    /// As leaves of the tree.
    pub fn lines(&self) -> Vec<String> {
        let group = if self.api_group.is_empty() { String::new() } else { format!("{}/", self.api_group) };
        let kind = format!("{group}{} {}", self.version, self.kind);
        self.controllers.iter().map(|own| format!("{kind}: {}{}", own.file.leaf(), own.remarks(""))).collect()
    }
}
