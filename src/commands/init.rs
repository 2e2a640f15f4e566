//! `init repo`: a project in the current folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use super::changes::{self, WriteArgs};
use crate::error::{WithHint, failure, usage};
use crate::names;
use crate::project::{self, Project};
use crate::scaffold::plan::{Plan, Rules};
use crate::scaffold::{self, render, vendor};
use crate::ui::{Style, Ui};

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  apiserver-boot init repo --domain example.com
  apiserver-boot init repo --domain example.com --name aviary --copyright HEADER.txt")]
pub struct RepoArgs {
    /// What the project's API groups end in, such as example.com
    #[arg(long)]
    domain: String,

    /// The name of the package, its library and its binary [default: that of the folder]
    #[arg(long)]
    name: Option<String>,

    /// A file whose text heads each source file that is yours
    #[arg(long, value_name = "FILE")]
    copyright: Option<PathBuf>,

    #[command(flatten)]
    write: WriteArgs,
}

pub fn repo(args: RepoArgs, ui: &Ui) -> anyhow::Result<ExitCode> {
    let root = std::env::current_dir().context("could not find out the current folder")?;
    let _lock = changes::lock(&root);
    names::check_domain(&args.domain)?;
    let name = name(&root, args.name.as_deref(), ui)?;
    let copyright = args.copyright.as_deref().map(read_copyright).transpose()?;
    if root.join(project::FILE).exists() {
        return already_there(&root, &args.domain, args.name.as_deref(), copyright, ui);
    }
    let project = Project::new(name, args.domain, vendor::VERSION.into(), copyright);
    let mut files = render::render(&project, None)?;
    files.extend(vendor::files());
    files.push(changes::project_file(&project)?);
    refuse_foreign_files(&root, &files, args.copyright.as_deref())?;
    let plan = Plan::new(&root, files, Rules { force: args.write.force, keep_yours: true })?;
    if changes::carry_out(&root, &plan, args.write, ui)? && !args.write.dry_run {
        ui.say(format_args!(
            "\n{} {}. Next:\n  apiserver-boot create group version resource --group demo --version v1alpha1 --kind Bird",
            ui.paint(Style::Bold, "A new project:"),
            project.name
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The project's name: as given, or that of the folder.
fn name(root: &Path, given: Option<&str>, ui: &Ui) -> anyhow::Result<String> {
    if let Some(name) = given {
        names::check_package(name)?;
        return Ok(name.to_owned());
    }
    let folder = root.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(name) = names::package_from_folder(folder) else {
        return Err(failure(format!("the folder's name, {folder:?}, does not make a name for a project"))
            .hint("give one with `--name aviary`")
            .into());
    };
    if name != folder {
        ui.say(format_args!(
            "The project is called {name}, because {folder} is no name for a package; `--name` sets another."
        ));
    }
    Ok(name)
}

/// The text of a copyright file without comment signs: files made for other tools often have them.
fn read_copyright(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("could not read {}", path.display()))
        .with_hint(|| "`--copyright` names a text file")?;
    let text = uncomment(&text);
    if text.is_empty() {
        return Err(usage(format!("{} is empty", path.display())).hint("leave `--copyright` out for no header").into());
    }
    Ok(text)
}

fn uncomment(text: &str) -> String {
    let text = text.trim();
    let block = text.strip_prefix("/*").and_then(|text| text.strip_suffix("*/"));
    let lines: Vec<&str> = block.unwrap_or(text).lines().map(str::trim_end).collect();
    let signs: &[&str] = if block.is_some() { &["*"] } else { &["//", "#"] };
    let commented = |sign: &&&str| lines.iter().all(|line| line.is_empty() || line.trim_start().starts_with(**sign));
    let lines: Vec<&str> = match signs.iter().find(commented) {
        Some(sign) => {
            let bare = lines.iter().map(|line| line.trim_start().trim_start_matches(sign));
            bare.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect()
        }
        None => lines,
    };
    lines.join("\n").trim().to_owned()
}

/// A second `init repo` in a project changes nothing; one that asks for another project is refused.
fn already_there(
    root: &Path,
    domain: &str,
    name: Option<&str>,
    copyright: Option<String>,
    ui: &Ui,
) -> anyhow::Result<ExitCode> {
    let project = Project::read(root)?;
    let other_name = name.is_some_and(|name| name != project.name);
    let other_copyright = copyright.is_some() && copyright != project.copyright;
    if project.domain != domain || other_name || other_copyright {
        let what = if project.domain != domain {
            format!("with the domain {}", project.domain)
        } else if other_name {
            format!("called {}", project.name)
        } else {
            "with another copyright".into()
        };
        return Err(failure(format!("there is a project here already, {what}"))
            .hint("start another project in a folder of its own")
            .into());
    }
    ui.say(format_args!("Nothing to do: {} is here already.", project.name));
    Ok(ExitCode::SUCCESS)
}

/// Files that have nothing to do with a project's sources and may be there before it.
fn may_be_there(name: &str) -> bool {
    let lower = name.to_lowercase();
    let documents = [
        "license",
        "licence",
        "copying",
        "notice",
        "readme",
        "contributing",
        "code_of_conduct",
        "security",
        "changelog",
    ];
    name.starts_with(".git")
        || documents.iter().any(|document| lower.starts_with(document))
        || ["authors", "owners", "codeowners", "maintainers"].iter().any(|document| lower.starts_with(document))
        || [".apiserver-boot", ".ds_store", ".editorconfig", ".idea", ".vscode", ".devcontainer", ".envrc", ".mailmap"]
            .contains(&lower.as_str())
}

/// Refuses a folder with files of others. Files that are just as this command would write them are not foreign: they
/// are what a command that was killed half way has left.
fn refuse_foreign_files(root: &Path, files: &[scaffold::File], copyright: Option<&Path>) -> anyhow::Result<()> {
    let ours: BTreeMap<&str, &[u8]> = files.iter().map(|file| (file.path.as_str(), &*file.content)).collect();
    let copyright = copyright.and_then(|path| path.canonicalize().ok());
    let entries = walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name().into_iter();
    let entries =
        entries.filter_entry(|entry| entry.depth() > 1 || !entry.file_name().to_str().is_some_and(may_be_there));
    let mut foreign = Vec::new();
    for entry in entries {
        let entry = entry.context("could not look through the folder")?;
        let path = entry.path().strip_prefix(root).unwrap_or(entry.path()).to_string_lossy().replace('\\', "/");
        let known = ours.get(path.as_str());
        let as_ours = || known.is_some_and(|content| std::fs::read(entry.path()).is_ok_and(|there| there == **content));
        let is_copyright = || copyright.is_some() && entry.path().canonicalize().ok() == copyright;
        if !entry.file_type().is_dir() && !as_ours() && !is_copyright() {
            foreign.push(path);
            if foreign.len() > FOREIGN_MAX {
                break;
            }
        }
    }
    if foreign.is_empty() {
        return Ok(());
    }
    let mut list: String = foreign.iter().take(FOREIGN_MAX).map(|path| format!("\n  {path}")).collect();
    if foreign.len() > FOREIGN_MAX {
        list.push_str("\n  …");
    }
    Err(failure(format!("this folder has files of others:{list}"))
        .hint("start the project in an empty folder; `.git`, a licence and a README may be there")
        .into())
}

/// How many foreign files are named before the list is cut.
const FOREIGN_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comment_signs_are_taken_off() {
        for text in [
            "Copyright YEAR\n\nAll of us\n",
            "// Copyright YEAR\n//\n// All of us",
            "# Copyright YEAR\n#\n# All of us",
            "/*\nCopyright YEAR\n\nAll of us\n*/\n",
            "/*\n * Copyright YEAR\n *\n * All of us\n */",
        ] {
            assert_eq!(uncomment(text), "Copyright YEAR\n\nAll of us", "{text}");
        }
    }

    #[test]
    fn documents_may_be_there() {
        for name in [".git", ".gitignore", ".github", "LICENSE", "LICENCE.txt", "README.md", "readme", "CHANGELOG.md"] {
            assert!(may_be_there(name), "{name}");
        }
        for name in ["src", "Cargo.toml", "main.rs", "notes.txt", ".env"] {
            assert!(!may_be_there(name), "{name}");
        }
    }
}
