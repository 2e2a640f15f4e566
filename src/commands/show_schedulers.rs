//! `show`: schedulers.

use std::path::Path;

use serde::Serialize;

use super::show::ShownFile;
use crate::project::Project;
use crate::scaffold::schedulers;

/// A scheduler.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownScheduler {
    name: String,
    /// Its algorithms.
    file: ShownFile,
    config: ShownFile,
}

/// The schedulers.
pub fn all(root: &Path, project: &Project) -> Vec<ShownScheduler> {
    let shown = |name: &String| {
        let view = schedulers::scheduler(name);
        let (file, config) = (format!("{}/mod.rs", view.path), view.config_path);
        ShownScheduler { name: name.clone(), file: ShownFile::new(root, file), config: ShownFile::new(root, config) }
    };
    project.schedulers.iter().map(shown).collect()
}

impl ShownScheduler {
    /// As a leaf of the tree.
    pub fn line(&self) -> String {
        format!("{}: {} ({})", self.name, self.file.leaf(), self.config.leaf())
    }
}
