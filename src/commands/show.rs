//! `show`: what is in a project, as a tree or as JSON.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;

use crate::project::{Backend, Project, Scope};
use crate::scaffold::views;
use crate::ui::{Style, Ui};

#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  apiserver-boot show\n  apiserver-boot show --output json")]
pub struct ShowArgs {
    /// How to print it
    #[arg(long, short, value_enum, default_value_t = Format::Tree)]
    output: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Tree,
    Json,
}

/// The hooks of `apiserver::Strategy`, in the order in which they are called.
pub const HOOKS: &[&str] = &[
    "defaulting",
    "prepare_for_create",
    "prepare_for_update",
    "validate",
    "validate_update",
    "warnings_on_create",
    "warnings_on_update",
    "canonicalize",
    "prepare_for_delete",
    "grace_period_seconds",
    "validate_delete",
    "allow_create_on_update",
    "allow_unconditional_update",
];

pub fn show(args: ShowArgs, ui: &Ui) -> anyhow::Result<ExitCode> {
    let (root, project) = Project::here()?;
    let shown = Shown::new(&root, &project);
    match args.output {
        Format::Json => ui.result(serde_json::to_string_pretty(&shown).context("could not write JSON")?),
        Format::Tree => tree(&shown, ui),
    }
    Ok(ExitCode::SUCCESS)
}

/// A project as `show` tells it. The names of the fields are what scripts read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: String,
    domain: String,
    root: String,
    library: String,
    groups: Vec<ShownGroup>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownGroup {
    name: String,
    api_group: String,
    versions: Vec<String>,
    kinds: Vec<ShownKind>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownKind {
    kind: String,
    version: String,
    plural: String,
    singular: String,
    short_names: Vec<String>,
    categories: Vec<String>,
    namespaced: bool,
    backend: Backend,
    schemaless: bool,
    status: bool,
    scale: bool,
    /// The hooks that the strategy writes with a body that is more than the default.
    hooks: Vec<&'static str>,
    /// What the backend implements, in the words of its list; empty where the server keeps the objects, and does all.
    verbs: Vec<String>,
    files: Files,
    /// Those beside status and scale.
    subresources: Vec<ShownSubresource>,
    controllers: Vec<ShownController>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Files {
    types: ShownFile,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy: Option<ShownFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<ShownFile>,
    sample: ShownFile,
    test: ShownFile,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownFile {
    path: String,
    exists: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSubresource {
    name: String,
    #[serde(rename = "type")]
    answers: &'static str,
    file: ShownFile,
    test: ShownFile,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownController {
    name: String,
    file: ShownFile,
}

impl Shown {
    fn new(root: &Path, project: &Project) -> Self {
        let file = |path: String| ShownFile { exists: root.join(&path).is_file(), path };
        let groups = project.groups.iter().map(|group| ShownGroup {
            name: group.name.clone(),
            api_group: project.api_group(&group.name),
            versions: group.versions.clone(),
            kinds: group
                .kinds
                .iter()
                .map(|kind| {
                    let view = views::kind(project, group, kind);
                    let behaviour = std::fs::read_to_string(root.join(&view.strategy_path)).unwrap_or_default();
                    let custom = kind.backend == Backend::Custom;
                    let subresources = kind.subresources.iter().map(|own| {
                        let view = views::subresource(project, group, kind, own);
                        ShownSubresource {
                            name: own.name.clone(),
                            answers: own.answers.name(),
                            file: file(view.path),
                            test: file(view.test_path),
                        }
                    });
                    let controllers = kind.controllers.iter().map(|name| ShownController {
                        name: name.clone(),
                        file: file(views::controller(project, group, kind, name).path),
                    });
                    ShownKind {
                        kind: kind.kind.clone(),
                        version: kind.version.clone(),
                        plural: kind.plural.clone(),
                        singular: view.singular,
                        short_names: kind.short_names.clone(),
                        categories: kind.categories.clone(),
                        namespaced: kind.scope == Scope::Namespaced,
                        backend: kind.backend,
                        schemaless: kind.schemaless,
                        status: kind.status,
                        scale: kind.scale,
                        hooks: hooks_in(&behaviour),
                        verbs: if custom { verbs_in(&behaviour) } else { Vec::new() },
                        files: Files {
                            types: file(view.types_path),
                            strategy: (!custom).then(|| file(view.strategy_path.clone())),
                            backend: custom.then(|| file(view.strategy_path)),
                            sample: file(view.sample_path),
                            test: file(view.test_path),
                        },
                        subresources: subresources.collect(),
                        controllers: controllers.collect(),
                    }
                })
                .collect(),
        });
        Self {
            name: project.name.clone(),
            domain: project.domain.clone(),
            root: root.display().to_string(),
            library: project.vendor.clone(),
            groups: groups.collect(),
        }
    }
}

fn tree(shown: &Shown, ui: &Ui) {
    ui.result(format_args!("{} ({}, library {})", ui.paint(Style::Bold, &shown.name), shown.domain, shown.library));
    branches(
        &shown.groups,
        "",
        ui,
        |group| ui.paint(Style::Cyan, &group.api_group).into_owned(),
        |group, indent| {
            branches(&group.versions, indent, ui, String::clone, |version, indent| {
                let kinds: Vec<&ShownKind> = group.kinds.iter().filter(|kind| kind.version == **version).collect();
                branches(
                    &kinds,
                    indent,
                    ui,
                    |kind| kind_line(kind, ui),
                    |kind, indent| {
                        branches(&kind_leaves(kind), indent, ui, String::clone, |_, _| {});
                    },
                );
            });
        },
    );
    if shown.groups.is_empty() {
        ui.say("└── no kinds yet; `apiserver-boot create group version resource` adds one");
    }
}

/// Prints each item on a line of its own, and what is below it further in.
fn branches<T>(items: &[T], indent: &str, ui: &Ui, line: impl Fn(&T) -> String, below: impl Fn(&T, &str)) {
    for (index, item) in items.iter().enumerate() {
        let last = index + 1 == items.len();
        ui.result(format_args!("{indent}{} {}", if last { "└──" } else { "├──" }, line(item)));
        below(item, &format!("{indent}{}", if last { "    " } else { "│   " }));
    }
}

fn kind_line(kind: &ShownKind, ui: &Ui) -> String {
    let mut names = vec![kind.plural.clone()];
    names.extend(kind.short_names.iter().cloned());
    let scope = if kind.namespaced { "namespaced" } else { "cluster-scoped" };
    let mut words = vec![scope];
    words.extend(kind.schemaless.then_some("schemaless"));
    words.extend(kind.status.then_some("status"));
    words.extend(kind.scale.then_some("scale"));
    format!("{} ({}), {}", ui.paint(Style::Bold, &kind.kind), names.join(", "), words.join(", "))
}

fn kind_leaves(kind: &ShownKind) -> Vec<String> {
    let file = |what: &str, file: &ShownFile| {
        format!("{what:<11} {}{}", file.path, if file.exists { "" } else { " (missing)" })
    };
    let hooks = if kind.hooks.is_empty() { "none".to_owned() } else { kind.hooks.join(", ") };
    let mut leaves = vec![file("types", &kind.files.types)];
    leaves.extend(kind.files.strategy.iter().map(|strategy| file("strategy", strategy)));
    leaves.extend(kind.files.backend.iter().map(|backend| file("backend", backend)));
    if !kind.verbs.is_empty() {
        leaves.push(format!("{:<11} {}", "verbs", kind.verbs.join(", ")));
    }
    leaves.push(format!("{:<11} {hooks}", "hooks"));
    leaves.extend(
        kind.subresources
            .iter()
            .map(|own| file("subresource", &own.file) + &format!(" ({}, {})", own.name, own.answers)),
    );
    leaves.extend(kind.controllers.iter().map(|controller| {
        let same = controller.name == crate::names::controller("", &kind.kind);
        let name = if same { String::new() } else { format!(" ({})", controller.name) };
        file("controller", &controller.file) + &name
    }));
    leaves.push(file("sample", &kind.files.sample));
    leaves.push(file("test", &kind.files.test));
    leaves
}

/// The hooks that a strategy file writes with a body that is more than the default, in the order of [`HOOKS`].
fn hooks_in(source: &str) -> Vec<&'static str> {
    let code: String = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let does_something = |hook: &str| {
        let (_, rest) = code.split_once(&format!("fn {hook}("))?;
        let (_, body) = rest.split_once('{')?;
        let (body, _) = body.split_once('}')?;
        (!["", "false", "None", "Vec::new()"].contains(&body.trim())).then_some(())
    };
    HOOKS.iter().copied().filter(|hook| does_something(hook).is_some()).collect()
}

/// What a backend's file lists as implemented: `get` for `Verb::Get`.
fn verbs_in(source: &str) -> Vec<String> {
    let code: String = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let list = code.split_once("const VERBS").and_then(|(_, rest)| rest.split_once("];")).map(|(list, _)| list);
    let verbs = list.unwrap_or_default().split("Verb::").skip(1);
    let name = |verb: &str| verb.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_lowercase();
    verbs.map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_with_a_body_are_found() {
        let source = "
            impl Strategy for BirdStrategy {
                // fn validate_delete(&self) { no }
                fn canonicalize(&self, bird: &mut Bird) {
                    bird.spec.songs.sort(); // sorted
                }
                fn prepare_for_update(&self, _cx: &RequestContext, _new: &mut Bird, _old: &Bird) {
                    // nothing yet
                }
                fn defaulting(&self, bird: &mut Bird) {}
                fn allow_create_on_update(&self) -> bool {
                    true
                }
                fn allow_unconditional_update(&self) -> bool {
                    false
                }
            }";
        assert_eq!(hooks_in(source), ["canonicalize", "allow_create_on_update"]);
        assert!(hooks_in("").is_empty());
    }

    #[test]
    fn the_verbs_of_a_backend_are_found() {
        let source = "
            const VERBS: &'static [Verb] =
                // Verb::Delete comes later
                &[Verb::Get, Verb::List];
            fn get() { Verb::Watch }";
        assert_eq!(verbs_in(source), ["get", "list"]);
        assert!(verbs_in("").is_empty());
    }

    #[test]
    fn the_hooks_are_those_of_the_library() {
        let strategy = include_str!("../../apiserver/src/registry/strategy.rs");
        let (_, body) = strategy.split_once("pub trait Strategy").unwrap();
        let mut found: Vec<&str> =
            body.lines().filter_map(|line| line.strip_prefix("    fn ")?.split('(').next()).collect();
        let mut known = HOOKS.to_vec();
        // What shapes there are is no hook: no object comes by there.
        found.retain(|name| *name != "versions");
        found.sort_unstable();
        known.sort_unstable();
        assert_eq!(found, known);
    }
}
