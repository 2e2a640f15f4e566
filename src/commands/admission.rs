//! `create admission`: a plugin that the project's own server asks about objects before it keeps them.

use clap::Args;

use super::changes::WriteArgs;
use crate::error::usage;
use crate::project::{Plugin, Project, Target};
use crate::scaffold::plugins;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apiserver-boot create admission --name quota
  apiserver-boot create admission --name ban-flunder --group demo --version v1 --kind Bird")]
pub struct AdmissionArgs {
    /// The plugin's name, in kebab-case
    #[arg(long)]
    name: String,

    /// The group of the kind that it acts on, without the project's domain [default: all kinds]
    #[arg(long, requires_all = ["version", "kind"])]
    pub group: Option<String>,

    /// The version of that kind
    #[arg(long, requires_all = ["group", "kind"])]
    pub version: Option<String>,

    /// That kind
    #[arg(long, requires_all = ["group", "version"])]
    pub kind: Option<String>,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl AdmissionArgs {
    /// The kind that it acts on, if it is for one.
    pub fn target(&self) -> Option<Target> {
        let (Some(group), Some(version), Some(kind)) = (&self.group, &self.version, &self.kind) else { return None };
        Some(Target { group: group.clone(), version: version.clone(), kind: kind.clone() })
    }
}

/// Adds a plugin.
pub fn add(project: &mut Project, args: &AdmissionArgs) -> anyhow::Result<()> {
    let plugin = Plugin { name: args.name.clone(), target: args.target() };
    if plugin.target.is_none() && project.kinds().next().is_none() {
        return Err(usage("there are no kinds yet that a plugin could be asked about")
            .hint("add one with `apiserver-boot create group version resource`")
            .into());
    }
    Ok(project.add_plugin(plugin)?)
}

/// What is new in `next`: for each plugin its name and the file to edit.
pub fn news(before: &Project, next: &Project) -> Vec<(String, String)> {
    let is_new = |plugin: &&Plugin| !before.admission.contains(plugin);
    next.admission.iter().filter(is_new).map(|plugin| (plugin.name.clone(), plugins::path(plugin))).collect()
}
