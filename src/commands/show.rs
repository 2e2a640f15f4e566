//! `show`: what is in a project, as a tree or as JSON.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;

use super::show_controllers::{self, ShownController, ShownExternalControllers};
use super::show_schedulers::{self, ShownScheduler};
use super::show_webhooks::{self, ShownPlugin, ShownWebhooks};
use crate::project::{Backend, Group, Kind, KindVersion, Project, Scope};
use crate::scaffold::{pair, views};
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
    /// Controllers of kinds that are not the project's.
    external_controllers: Vec<ShownExternalControllers>,
    /// Webhooks for kinds that are not the project's.
    external_webhooks: Vec<ShownWebhooks>,
    admission: Vec<ShownPlugin>,
    schedulers: Vec<ShownScheduler>,
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
    /// The version in which objects are stored.
    version: String,
    versions: Vec<ShownVersion>,
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
    /// What a cluster asks about it.
    webhooks: Vec<&'static str>,
}

/// A version of a kind.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownVersion {
    name: String,
    storage: bool,
    served: bool,
    deprecated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    types: ShownFile,
    sample: ShownFile,
    /// Files of conversions, by the version to which they lead and from which they come.
    conversions: BTreeMap<String, ShownFile>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    webhooks: Option<ShownFile>,
}

/// A file of the user's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownFile {
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

impl ShownFile {
    /// The file at a path in the project.
    pub fn new(root: &Path, path: String) -> Self {
        Self { exists: root.join(&path).is_file(), path }
    }

    /// As the tree tells it.
    pub fn leaf(&self) -> String {
        format!("{}{}", self.path, if self.exists { "" } else { " (missing)" })
    }
}

impl ShownVersion {
    fn new(root: &Path, project: &Project, group: &Group, kind: &Kind, version: &KindVersion) -> Self {
        let pairs = pair::of_version(kind, &version.name);
        Self {
            name: version.name.clone(),
            storage: version.storage,
            served: version.served,
            deprecated: version.deprecated,
            warning: version.warning.clone(),
            types: ShownFile::new(root, views::types_path(group, kind, &version.name)),
            sample: ShownFile::new(root, views::version_sample_path(project, group, kind, &version.name)),
            conversions: pairs.map(|pair| (pair.hub.clone(), ShownFile::new(root, pair.path(group)))).collect(),
        }
    }
}

impl Shown {
    fn new(root: &Path, project: &Project) -> Self {
        let file = |path: String| ShownFile::new(root, path);
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
                    let controllers = kind.controllers.iter().map(|own| ShownController::new(root, &group.name, own));
                    ShownKind {
                        kind: kind.kind.clone(),
                        version: kind.stored().to_owned(),
                        versions: kind
                            .versions
                            .iter()
                            .map(|v| ShownVersion::new(root, project, group, kind, v))
                            .collect(),
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
                            sample: file(views::version_sample_path(project, group, kind, kind.stored())),
                            test: file(view.test_path),
                            webhooks: show_webhooks::own(root, project, &group.name, &kind.kind),
                        },
                        subresources: subresources.collect(),
                        controllers: controllers.collect(),
                        webhooks: kind.webhooks.names(),
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
            external_controllers: show_controllers::external(root, project),
            external_webhooks: show_webhooks::external(root, project),
            admission: show_webhooks::plugins(root, project),
            schedulers: show_schedulers::all(root, project),
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
                let of_version = |kind| ShownKind::version_of(kind, version).map(|version| (kind, version));
                let kinds: Vec<(&ShownKind, &ShownVersion)> = group.kinds.iter().filter_map(of_version).collect();
                branches(
                    &kinds,
                    indent,
                    ui,
                    |(kind, version)| kind_line(kind, version, ui),
                    |(kind, version), indent| {
                        branches(&kind_leaves(kind, version), indent, ui, String::clone, |_, _| {});
                    },
                );
            });
        },
    );
    let others: Vec<String> = shown.external_webhooks.iter().map(ShownWebhooks::line).collect();
    let plugins: Vec<String> = shown.admission.iter().map(ShownPlugin::line).collect();
    let controllers: Vec<String> =
        shown.external_controllers.iter().flat_map(ShownExternalControllers::lines).collect();
    let schedulers: Vec<String> = shown.schedulers.iter().map(ShownScheduler::line).collect();
    for (title, lines) in [
        ("controllers of kinds of others", controllers),
        ("webhooks for kinds of others", others),
        ("admission plugins", plugins),
        ("schedulers", schedulers),
    ] {
        if !lines.is_empty() {
            ui.result(ui.paint(Style::Cyan, title));
            branches(&lines, "", ui, String::clone, |_, _| {});
        }
    }
    if shown.groups.is_empty() && shown.schedulers.is_empty() {
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

impl ShownKind {
    fn version_of<'a>(&'a self, name: &str) -> Option<&'a ShownVersion> {
        self.versions.iter().find(|version| version.name == name)
    }
}

fn kind_line(kind: &ShownKind, version: &ShownVersion, ui: &Ui) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend((kind.versions.len() > 1 && version.storage).then(|| "stored".to_owned()));
    words.extend((!version.served).then(|| "not served".to_owned()));
    if version.deprecated {
        let warning = version.warning.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
        words.push(format!("deprecated{warning}"));
    }
    let words = if words.is_empty() { String::new() } else { format!(", {}", words.join(", ")) };
    if version.storage {
        return stored_line(kind, ui) + &words;
    }
    format!("{} ({}), stored in {}{words}", ui.paint(Style::Bold, &kind.kind), kind.plural, kind.version)
}

fn stored_line(kind: &ShownKind, ui: &Ui) -> String {
    let mut names = vec![kind.plural.clone()];
    names.extend(kind.short_names.iter().cloned());
    let scope = if kind.namespaced { "namespaced" } else { "cluster-scoped" };
    let mut words = vec![scope];
    words.extend(kind.schemaless.then_some("schemaless"));
    words.extend(kind.status.then_some("status"));
    words.extend(kind.scale.then_some("scale"));
    format!("{} ({}), {}", ui.paint(Style::Bold, &kind.kind), names.join(", "), words.join(", "))
}

fn kind_leaves(kind: &ShownKind, version: &ShownVersion) -> Vec<String> {
    let file = |what: &str, file: &ShownFile| format!("{what:<11} {}", file.leaf());
    let conversions = version.conversions.iter().map(|(hub, path)| file("conversions", path) + &format!(" ({hub})"));
    if !version.storage {
        let mut leaves = vec![file("types", &version.types)];
        leaves.extend(conversions);
        // Of what no client can use there is no need for a sample.
        leaves.extend((version.served || version.sample.exists).then(|| file("sample", &version.sample)));
        return leaves;
    }
    let hooks = if kind.hooks.is_empty() { "none".to_owned() } else { kind.hooks.join(", ") };
    let mut leaves = vec![file("types", &kind.files.types)];
    leaves.extend(conversions);
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
        file("controller", &controller.file) + &controller.remarks(&crate::names::controller("", &kind.kind))
    }));
    let webhooks = format!(" ({})", kind.webhooks.join(", "));
    leaves.extend(kind.files.webhooks.iter().map(|own| file("webhooks", own) + &webhooks));
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
        // What shapes there are, and how the kind answers, is no hook: no object comes by there.
        found.retain(|name| !["versions", "is_native"].contains(name));
        found.sort_unstable();
        known.sort_unstable();
        assert_eq!(found, known);
    }
}
