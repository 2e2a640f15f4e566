//! `update vendor`: the library of this program, written into the project.

use std::process::ExitCode;

use super::changes::{self, Workspace, WriteArgs};
use crate::project::Project;
use crate::scaffold::plan::{Plan, Rules};
use crate::scaffold::vendor;
use crate::ui::Ui;

#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  apiserver-boot update vendor --dry-run")]
pub struct VendorArgs {
    #[command(flatten)]
    write: WriteArgs,
}

pub fn vendor(args: VendorArgs, ui: &Ui) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::open()?;
    let next = Project { vendor: vendor::VERSION.into(), ..workspace.project.clone() };
    let mut files = vendor::files();
    files.push(workspace.project_file(&next)?);
    let plan = Plan::new(&workspace.root, files, Rules { force: args.write.force, keep_yours: false })?;
    if changes::carry_out(&workspace.root, &plan, args.write, ui)? && !args.write.dry_run {
        ui.say(format_args!("\n{} is now apiserver {}. Next:\n  cargo test", vendor::FOLDER, vendor::VERSION));
    }
    Ok(ExitCode::SUCCESS)
}
