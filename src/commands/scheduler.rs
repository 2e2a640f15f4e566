//! `create scheduler`: which node gets a pod that asks for this scheduler.

use std::path::Path;

use clap::Args;

use super::changes::WriteArgs;
use super::main_file;
use crate::project::Project;
use crate::scaffold::schedulers;

#[derive(Args, Debug)]
#[command(after_help = "\
Pods with `schedulerName: packer` in their spec wait for it. Its filters and scores are yours to edit.

Examples:
  apiserver-boot create scheduler --name packer
  apiserver-boot create scheduler --name packer --dry-run")]
pub struct SchedulerArgs {
    /// The scheduler's name, which pods have as spec.schedulerName
    #[arg(long)]
    pub name: String,

    #[command(flatten)]
    pub write: WriteArgs,
}

/// What is new in `next`: for each scheduler its name, and the files to edit with what is in them.
pub fn news(before: &Project, next: &Project) -> Vec<(String, Vec<(String, &'static str)>)> {
    let is_new = |name: &&String| !before.schedulers.contains(name);
    let files = |name: &String| {
        let view = schedulers::scheduler(name);
        (
            name.clone(),
            vec![
                (format!("{}/mod.rs", view.path), "its algorithms"),
                (format!("{}/headroom.rs", view.path), "a filter: which nodes will do"),
                (format!("{}/spread_app.rs", view.path), "a score: which of them is best"),
                (view.config_path, "which algorithm is used"),
            ],
        )
    };
    next.schedulers.iter().filter(is_new).map(files).collect()
}

/// What `main.rs`, which is the user's, lacks for schedulers, and how to add it.
pub fn missing_line(root: &Path, project: &Project) -> Option<String> {
    main_file::missing_line(root, project, "schedulers", "does not run schedulers yet")
}
