//! What every command that writes has in common: its flags, and how a plan is told and carried out.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use similar::TextDiff;

use crate::project::{self, Project};
use crate::scaffold::plan::{Action, Plan, Rules, Step};
use crate::scaffold::render::Import;
use crate::scaffold::{self, Owner, write};
use crate::ui::{Style, Ui};

/// Flags of every command that writes.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct WriteArgs {
    /// Print what would be done to each file, and do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Print what changes in each file as a unified diff
    #[arg(long)]
    pub diff: bool,

    /// Replace the tool's own files even if they were edited by hand; leave yours that are in the way
    #[arg(long)]
    pub force: bool,
}

/// A project that a command is about to change. Two commands on one project wait for each other.
pub struct Workspace {
    pub root: std::path::PathBuf,
    pub project: Project,
    /// `PROJECT` as it is, comments of the user included.
    text: String,
    _lock: Option<File>,
}

impl Workspace {
    /// Finds the project that the current folder is in.
    pub fn open() -> anyhow::Result<Self> {
        let (root, _) = Project::here()?;
        let lock = lock(&root);
        // Read again: another command may have been at work until now.
        let project = Project::read(&root)?;
        let text = std::fs::read_to_string(root.join(project::FILE)).context("could not read PROJECT")?;
        Ok(Self { root, project, text, _lock: lock })
    }

    /// `PROJECT` as a file of a plan. When nothing is added it keeps its form.
    pub fn project_file(&self, next: &Project) -> anyhow::Result<scaffold::File> {
        if *next == self.project {
            let content = self.text.clone().into_bytes().into();
            return Ok(scaffold::File { path: project::FILE.into(), content, owner: Owner::State });
        }
        project_file(next)
    }

    /// Plans what it takes to bring the tree from the project as it is to `next`, with files that follow from those of the
    /// user's.
    pub fn plan(&self, next: &Project, more: Vec<scaffold::File>, args: WriteArgs) -> anyhow::Result<Plan> {
        self.plan_with(next, None, more, args)
    }

    /// The same, with the files of a kind that were made from a CustomResourceDefinition.
    pub fn plan_with(
        &self,
        next: &Project,
        import: Option<&Import>,
        more: Vec<scaffold::File>,
        args: WriteArgs,
    ) -> anyhow::Result<Plan> {
        let mut files = scaffold::render::render_with(next, Some(&self.project), import)?;
        files.extend(more);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.push(self.project_file(next)?);
        Plan::new(&self.root, files, Rules { force: args.force, keep_yours: false })
    }
}

/// Holds the folder for this command alone, where the system can; without that, nothing worse happens than before.
pub fn lock(root: &Path) -> Option<File> {
    let folder = File::open(root).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

/// `PROJECT` as a file of a plan.
pub fn project_file(project: &Project) -> anyhow::Result<scaffold::File> {
    let content = project.to_text()?.into_bytes().into();
    Ok(scaffold::File { path: project::FILE.into(), content, owner: Owner::State })
}

/// Carries a plan out and tells what was done, or what would be. Returns whether that is anything.
pub fn carry_out(root: &Path, plan: &Plan, args: WriteArgs, ui: &Ui) -> anyhow::Result<bool> {
    if !args.dry_run && !plan.is_empty() {
        let progress = ui.steps(plan.changes().count(), "Writing");
        write::carry_out(root, plan, || progress.step())?;
    }
    for line in lines(plan, args.dry_run) {
        if args.dry_run { ui.result(paint(&line, ui)) } else { ui.say(paint(&line, ui)) }
    }
    if args.diff {
        print_diffs(plan, ui);
    }
    if plan.is_empty() {
        ui.say("Nothing to do: everything is as it should be.");
    } else if args.dry_run {
        ui.say("Nothing was written: this was a dry run.");
    }
    Ok(!plan.is_empty())
}

/// The plan in lines, the library's many files as one.
pub fn lines(plan: &Plan, show_all: bool) -> Vec<(Action, String)> {
    let mut lines = Vec::new();
    let mut library: Vec<(Action, usize)> = Vec::new();
    for step in &plan.steps {
        if step.action == Action::Leave && !show_all {
            continue;
        }
        if step.file.owner == Owner::Library {
            match library.iter_mut().find(|(action, _)| *action == step.action) {
                Some((_, count)) => *count += 1,
                None => library.push((step.action, 1)),
            }
        } else {
            lines.push((step.action, step.file.path.clone()));
        }
    }
    for (action, count) in library {
        let files = if count == 1 { "file" } else { "files" };
        lines.push((action, format!("{}/ ({count} {files})", scaffold::vendor::FOLDER)));
    }
    lines
}

fn paint((action, path): &(Action, String), ui: &Ui) -> String {
    let (word, style) = match action {
        Action::Create => ("create", Style::Green),
        Action::Replace => ("replace", Style::Yellow),
        Action::Remove => ("remove", Style::Red),
        Action::Leave => ("leave", Style::Dim),
    };
    format!("{} {path}", ui.paint(style, &format!("{word:8}")))
}

/// What changes, as a unified diff that `patch` takes.
pub fn print_diffs(plan: &Plan, ui: &Ui) {
    plan.changes().for_each(|step| print_diff(step, ui));
}

fn print_diff(step: &Step, ui: &Ui) {
    // A library that is new as a whole would bury everything else.
    if step.file.owner == Owner::Library && step.action == Action::Create {
        return;
    }
    let old = String::from_utf8_lossy(step.old.as_deref().unwrap_or_default());
    let new = String::from_utf8_lossy(&step.file.content);
    let (a, b) = (format!("a/{}", step.file.path), format!("b/{}", step.file.path));
    let from = if step.action == Action::Create { "/dev/null" } else { a.as_str() };
    let to = if step.action == Action::Remove { "/dev/null" } else { b.as_str() };
    let diff = TextDiff::from_lines(old.as_ref(), new.as_ref());
    let text = diff.unified_diff().header(from, to).to_string();
    for line in text.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') => Some(Style::Green),
            Some(b'-') => Some(Style::Red),
            Some(b'@') => Some(Style::Cyan),
            _ => None,
        };
        match style {
            Some(style) => ui.result(ui.paint(style, line)),
            None => ui.result(line),
        }
    }
}
