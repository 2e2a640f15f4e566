//! `generate`: the tool's own files, rendered again from `PROJECT`.

use std::process::ExitCode;

use super::changes::{self, Workspace, WriteArgs};
use crate::scaffold::plan::{Action, Plan, Rules};
use crate::scaffold::{render, vendor};
use crate::ui::Ui;

#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  apiserver-boot generate\n  apiserver-boot generate --check")]
pub struct GenerateArgs {
    /// Write nothing; exit with 1 and say what differs, if anything does
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    write: WriteArgs,
}

pub fn generate(args: GenerateArgs, ui: &Ui) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::open()?;
    let project = &workspace.project;
    let mut files = render::render(project, Some(project))?;
    if project.vendor == vendor::VERSION {
        files.extend(vendor::files());
    } else {
        ui.warn(format_args!(
            "{} is of version {}, and is left as it is; `apiserver-boot update vendor` brings {}",
            vendor::FOLDER,
            project.vendor,
            vendor::VERSION
        ));
    }
    if args.check {
        // An edit by hand is a difference like any other here, not a refusal.
        let plan = Plan::new(&workspace.root, files, Rules { force: true, keep_yours: false })?;
        return Ok(check(&plan, args.write, ui));
    }
    let plan = Plan::new(&workspace.root, files, Rules { force: args.write.force, keep_yours: false })?;
    changes::carry_out(&workspace.root, &plan, args.write, ui)?;
    Ok(ExitCode::SUCCESS)
}

fn check(plan: &Plan, args: WriteArgs, ui: &Ui) -> ExitCode {
    if args.diff {
        changes::print_diffs(plan, ui);
    }
    for step in plan.changes() {
        let what = match step.action {
            Action::Create => "is missing",
            Action::Remove => "should not be there",
            Action::Replace | Action::Leave => "differs from what PROJECT says",
        };
        ui.result(format_args!("{} {what}", step.file.path));
    }
    if plan.is_empty() {
        ui.say("Everything is as PROJECT says.");
        return ExitCode::SUCCESS;
    }
    ui.say("\nNext:\n  apiserver-boot generate");
    ExitCode::FAILURE
}
