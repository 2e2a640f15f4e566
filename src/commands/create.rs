//! `create`: groups, versions, kinds, subresources, controllers, webhooks, admission plugins and schedulers. Each command adds what is
//! missing and leaves what is there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgAction, Args, Subcommand};

use super::admission::{self, AdmissionArgs};
use super::changes::{self, Workspace, WriteArgs};
use super::controller::{self, ControllerArgs};
use super::from_crd;
use super::resource_version::{self, VersionFlags};
use super::scheduler::{self, SchedulerArgs};
use super::subresource::{self, SubresourceArgs};
use super::version_news::VersionNews;
use super::webhook::{self, WebhookArgs};
use crate::controller_additions::NewController;
use crate::error::usage;
use crate::names;
use crate::project::{Backend, Group, Kind, KindVersion, Project, Scope, Webhooks};
use crate::scaffold::{File, views};
use crate::ui::{Style, Ui};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example:
  apiserver-boot create group version resource --group demo --version v1alpha1 --kind Bird")]
pub enum CreateCommand {
    /// Add an API group; `group version` and `group version resource` add more at once
    Group(GroupArgs),
    /// Add a kind, and its group and version if they are missing
    Resource(ResourceArgs),
    /// Add a subresource to a kind that is there
    Subresource(SubresourceArgs),
    /// Add a controller for a kind, of the project or of others
    Controller(ControllerArgs),
    /// Add webhooks for a kind, of the project or of others
    Webhook(WebhookArgs),
    /// Add a plugin that is asked about objects before they are kept
    Admission(AdmissionArgs),
    /// Add a scheduler, which puts pods on nodes
    Scheduler(SchedulerArgs),
}

#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  apiserver-boot create group --group demo
  apiserver-boot create group version resource --group demo --version v1alpha1 --kind Bird"
)]
pub struct GroupArgs {
    /// The group, without the project's domain
    #[arg(long, required = true)]
    group: Option<String>,

    #[command(flatten)]
    write: WriteArgs,

    #[command(subcommand)]
    command: Option<GroupCommand>,
}

#[derive(Debug, Subcommand)]
enum GroupCommand {
    /// Add a version, and its group if it is missing
    Version(VersionArgs),
}

#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  apiserver-boot create group version --group demo --version v1alpha1
  apiserver-boot create group version resource --group demo --version v1alpha1 --kind Bird"
)]
struct VersionArgs {
    /// The group, without the project's domain
    #[arg(long, required = true)]
    group: Option<String>,

    /// The version: v1alpha1, v1beta1, v1 …
    #[arg(long, required = true)]
    version: Option<String>,

    #[command(flatten)]
    write: WriteArgs,

    #[command(subcommand)]
    command: Option<VersionCommand>,
}

#[derive(Debug, Subcommand)]
enum VersionCommand {
    /// Add a kind, and its group and version if they are missing
    Resource(ResourceArgs),
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apiserver-boot create resource --group demo --version v1 --kind Bird --short-name bd
  apiserver-boot create resource --group demo --version v1 --kind Nest --non-namespaced
  apiserver-boot create resource --group demo --version v1 --kind Flock --with-scale-subresource
  apiserver-boot create resource --group demo --version v1 --kind Sighting --backend custom
  apiserver-boot create resource --group demo --version v1 --kind Note --schemaless
  apiserver-boot create resource --from-crd certificates.yaml

A further version of a kind that is there: its fields start as those of the version in which objects are
stored, and you go on from there. To say more of a version, type the command again with other flags:
  apiserver-boot create resource --group demo --version v2 --kind Bird
  apiserver-boot create resource --group demo --version v2 --kind Bird --storage-version
  apiserver-boot create resource --group demo --version v1 --kind Bird --deprecated")]
pub struct ResourceArgs {
    /// The group, without the project's domain
    #[arg(long, required_unless_present = "from_crd")]
    pub group: Option<String>,

    /// The version: v1alpha1, v1beta1, v1 …
    #[arg(long, required_unless_present = "from_crd")]
    pub version: Option<String>,

    /// The kind, in UpperCamelCase
    #[arg(long, required_unless_present = "from_crd")]
    pub kind: Option<String>,

    /// Make the types from a CustomResourceDefinition; `-` reads it from stdin. --kind chooses one of several, --version
    /// a version other than the stored one, --group the group's name in this project
    #[arg(long, value_name = "FILE", conflicts_with_all = OWN_SHAPE)]
    pub from_crd: Option<PathBuf>,

    /// The name in paths [default: the kind's plural]
    #[arg(long, value_name = "PLURAL")]
    resource: Option<String>,

    /// Short names for kubectl
    #[arg(long = "short-name", value_name = "NAME", value_delimiter = ',', num_args = 1..)]
    short_names: Vec<String>,

    /// Groups of kinds for kubectl, such as all
    #[arg(long = "category", value_name = "CATEGORY", value_delimiter = ',', num_args = 1..)]
    categories: Vec<String>,

    /// Objects live in no namespace
    #[arg(long)]
    non_namespaced: bool,

    /// Who keeps the objects
    #[arg(long, value_enum, default_value_t = Backend::Storage)]
    backend: Backend,

    /// Objects are any JSON beside apiVersion, kind and metadata
    #[arg(long)]
    schemaless: bool,

    /// Whether the kind has a status, as a subresource [default: true, and false with --backend custom and --schemaless]
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    with_status_subresource: Option<bool>,

    /// The kind has a scale, as a subresource: `kubectl scale` sets its replicas
    #[arg(long)]
    with_scale_subresource: bool,

    /// Leave the kind out, and add only a controller for one that is there
    #[arg(long)]
    skip_resource: bool,

    /// Leave the controller out
    #[arg(long)]
    pub skip_controller: bool,

    #[command(flatten)]
    pub of_version: VersionFlags,

    #[command(flatten)]
    pub write: WriteArgs,
}

/// Flags that say what a CustomResourceDefinition says itself.
const OWN_SHAPE: [&str; 13] = [
    "resource",
    "short_names",
    "categories",
    "non_namespaced",
    "backend",
    "schemaless",
    "with_status_subresource",
    "with_scale_subresource",
    "skip_resource",
    "storage_version",
    "served",
    "deprecated",
    "warning",
];

pub fn create(command: CreateCommand, ui: &Ui) -> anyhow::Result<ExitCode> {
    match command {
        CreateCommand::Group(args) => match args.command {
            None => {
                add(args.write, ui, |project| project.add_group(&args.group.unwrap_or_default()).map_err(Into::into))
            }
            Some(GroupCommand::Version(args)) => match args.command {
                None => add(args.write, ui, |project| {
                    let group = args.group.unwrap_or_default();
                    project.add_group(&group)?;
                    Ok(project.add_version(&group, &args.version.unwrap_or_default())?)
                }),
                Some(VersionCommand::Resource(args)) => resource(args, ui),
            },
        },
        CreateCommand::Resource(args) => resource(args, ui),
        CreateCommand::Subresource(args) => add_to(args.write, ui, |project, root| {
            project.check_kind_has(&args.group, &args.version, &args.kind)?;
            let before = project.clone();
            subresource::add(project, root, &args)?;
            check_version_is_stored(&before, project, (&args.group, &args.version, &args.kind))?;
            Ok(Vec::new())
        }),
        CreateCommand::Controller(args) => add(args.write, ui, |project| controller::add(project, args)),
        CreateCommand::Webhook(args) => add(args.write, ui, |project| webhook::add(project, args)),
        CreateCommand::Admission(args) => add(args.write, ui, |project| {
            if let Some(target) = args.target() {
                project.check_kind_has(&target.group, &target.version, &target.kind)?;
            }
            admission::add(project, &args)
        }),
        CreateCommand::Scheduler(args) => add(args.write, ui, |project| Ok(project.add_scheduler(&args.name)?)),
    }
}

fn resource(args: ResourceArgs, ui: &Ui) -> anyhow::Result<ExitCode> {
    if let Some(file) = args.from_crd.clone() {
        return from_crd::create(&file, args, ui);
    }
    let named = |name: &Option<String>| name.clone().unwrap_or_default();
    let (group, version, kind) = (named(&args.group), named(&args.version), named(&args.kind));
    add_to(args.write, ui, |project, root| {
        let there = project.group(&group).and_then(|group| group.kind(&kind)).cloned();
        if args.skip_resource {
            project.add_group(&group)?;
            project.add_version(&group, &version)?;
            if !args.skip_controller {
                project.check_kind_has(&group, &version, &kind)?;
                project.create_controller(&group, &kind, &NewController::default())?;
            }
            return Ok(Vec::new());
        }
        let of_version = (group.as_str(), kind.as_str(), version.as_str());
        let mut files = Vec::new();
        let is_first = there.as_ref().is_none_or(|there| there.first() == version);
        match there {
            Some(there) if !is_first || args.of_version.are_given() => {
                let in_common = "all versions of a kind have these in common: leave the flags out for a further one";
                project.add_kind(&group, args.as_given(&there)).map_err(|failure| failure.hint(in_common))?;
                files = resource_version::change(project, root, of_version, &args.of_version)?;
            }
            there => {
                project.add_group(&group)?;
                project.add_version(&group, &version)?;
                let versions = there.map_or_else(|| vec![KindVersion::stored(&version)], |there| there.versions);
                project.add_kind(&group, Kind { versions, ..args.kind() })?;
                resource_version::change(project, root, of_version, &args.of_version)?;
                if !args.skip_controller {
                    project.create_controller(&group, &kind, &NewController::default())?;
                }
            }
        }
        Ok(files)
    })
}

impl ResourceArgs {
    /// A new kind, without versions.
    fn kind(&self) -> Kind {
        let has_status = self.with_scale_subresource || self.backend == Backend::Storage && !self.schemaless;
        Kind {
            plural: self.resource.clone().unwrap_or_else(|| names::plural(self.kind.as_deref().unwrap_or_default())),
            kind: self.kind.clone().unwrap_or_default(),
            scope: if self.non_namespaced { Scope::Cluster } else { Scope::Namespaced },
            versions: Vec::new(),
            short_names: self.short_names.clone(),
            categories: self.categories.clone(),
            backend: self.backend,
            schemaless: self.schemaless,
            from_crd: false,
            status: self.with_status_subresource.unwrap_or(has_status),
            scale: self.with_scale_subresource,
            subresources: Vec::new(),
            controllers: Vec::new(),
            webhooks: Webhooks::default(),
        }
    }

    /// A kind that is there, in the form that the command asks for. What it does not say stays as it is.
    fn as_given(&self, there: &Kind) -> Kind {
        let list = |given: &Vec<String>, there: &Vec<String>| if given.is_empty() { there } else { given }.clone();
        Kind {
            plural: self.resource.clone().unwrap_or_else(|| there.plural.clone()),
            scope: if self.non_namespaced { Scope::Cluster } else { there.scope },
            short_names: list(&self.short_names, &there.short_names),
            categories: list(&self.categories, &there.categories),
            backend: if self.backend == Backend::Custom { self.backend } else { there.backend },
            schemaless: self.schemaless || there.schemaless,
            status: self.with_status_subresource.unwrap_or(there.status),
            scale: self.with_scale_subresource || there.scale,
            ..there.clone()
        }
    }
}

/// Adds to the project, writes what follows from it, and says what to do next.
fn add(
    write: WriteArgs,
    ui: &Ui,
    addition: impl FnOnce(&mut Project) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    add_to(write, ui, |project, _| addition(project).map(|()| Vec::new()))
}

/// The same, where the addition depends on files in the project's root too. It gives files of the user's that follow
/// from theirs.
fn add_to(
    write: WriteArgs,
    ui: &Ui,
    addition: impl FnOnce(&mut Project, &Path) -> anyhow::Result<Vec<File>>,
) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::open()?;
    let mut next = workspace.project.clone();
    let files = addition(&mut next, &workspace.root)?;
    let plan = workspace.plan(&next, files, write)?;
    if changes::carry_out(&workspace.root, &plan, write, ui)? && !write.dry_run {
        ui.say(next_steps(&workspace.project, &next, &workspace.root, ui));
    }
    Ok(ExitCode::SUCCESS)
}

/// What a command adds to a kind is written for the version in which hooks see its objects.
pub fn check_version_is_stored(
    before: &Project,
    next: &Project,
    (group, version, kind): (&str, &str, &str),
) -> anyhow::Result<()> {
    let stored = next.group(group).and_then(|group| group.kind(kind)).map_or(version, |kind| kind.stored());
    if before == next || stored == version {
        return Ok(());
    }
    Err(usage(format!("{kind} in {group} is stored in {stored}, and your code for it is written for that version"))
        .hint(format!("use `--version {stored}`"))
        .into())
}

/// What a user does after adding what `next` has and `before` has not.
pub fn next_steps(before: &Project, next: &Project, root: &Path, ui: &Ui) -> String {
    let mut news = News::default();
    for (group, kind) in next.kinds() {
        news.compare(before.group(&group.name).and_then(|g| g.kind(&kind.kind)), next, group, kind, root);
    }
    for (is_first, path) in controller::news(before, next) {
        if !is_first {
            news.titles.push(Title("A new controller".into(), String::new()));
        }
        news.edit.push(format!("  {path}  # what keeps it true"));
    }
    news.by_hand.extend(controller::missing_alone(before, next, root));
    for (title, rest, path) in webhook::news(before, next) {
        news.titles.push(Title(title, rest));
        news.edit.extend(path.map(|path| format!("  {path}  # what they do")));
        news.by_hand.extend(webhook::missing_line(root, next).filter(|line| !news.by_hand.contains(line)));
    }
    for (name, path) in admission::news(before, next) {
        news.titles.push(Title("A new admission plugin".into(), format!(": {name}")));
        news.edit.push(format!("  {path}  # what it changes and refuses"));
    }
    for (name, files) in scheduler::news(before, next) {
        news.titles.push(Title("A new scheduler".into(), format!(": {name}")));
        news.edit.extend(files.into_iter().map(|(path, what)| format!("  {path}  # {what}")));
        news.by_hand.extend(scheduler::missing_line(root, next));
    }
    if news.titles.is_empty() {
        let group = next.groups.last().map_or("demo", |group| &group.name);
        let versions = next.groups.last().map(|group| group.versions.as_slice()).unwrap_or_default();
        let version = versions.last().map_or("v1alpha1", String::as_str);
        return format!("\nNext:\n  apiserver-boot create resource --group {group} --version {version} --kind Bird");
    }
    let mut text = format!("\n{}", news.titles.iter().map(|title| title.paint(ui)).collect::<Vec<_>>().join("\n"));
    if !news.edit.is_empty() {
        text.push_str(&format!(" Yours to edit:\n{}", news.edit.join("\n")));
    }
    for by_hand in &news.by_hand {
        text.push_str(&format!("\n{by_hand}"));
    }
    text.push_str(&format!("\nNext:\n  cargo test\n{}", news.run.join("\n")));
    text.trim_end().to_owned()
}

/// What is new in a project.
#[derive(Default)]
struct News {
    titles: Vec<Title>,
    /// Files to edit.
    edit: Vec<String>,
    /// What has to be done by hand.
    by_hand: Vec<String>,
    /// Commands to try.
    run: Vec<String>,
}

/// What is new in a few words, those that matter first.
struct Title(String, String);

impl Title {
    fn paint(&self, ui: &Ui) -> String {
        format!("{}{}.", ui.paint(Style::Bold, &self.0), self.1)
    }
}

impl News {
    fn compare(&mut self, before: Option<&Kind>, next: &Project, group: &Group, kind: &Kind, root: &Path) {
        let view = views::kind(next, group, kind);
        if before.is_none() {
            let title = format!("A new kind: {}", kind.kind);
            self.titles.push(Title(title, format!(" in {}/{}", next.api_group(&group.name), kind.stored())));
            let hooks = if kind.backend == Backend::Custom { "its backend" } else { "its hooks" };
            self.edit.push(format!("  {}  # its fields", view.types_path));
            self.edit.push(format!("  {}  # {hooks}", view.strategy_path));
            self.run.push("  apiserver-boot run local".to_owned());
            self.run.push(format!("  kubectl --kubeconfig kubeconfig create -f {}", view.sample_path));
        }
        if let Some(before) = before {
            let news = VersionNews::new(before, next, group, kind, root);
            self.titles.extend(news.titles.into_iter().map(|(title, rest)| Title(title, rest)));
            self.edit.extend(news.edit);
            self.by_hand.extend(news.by_hand);
            self.run.extend(news.run);
        }
        let there = |own| before.is_some_and(|before| before.subresources.contains(own));
        for own in kind.subresources.iter().filter(|own| !there(own)) {
            let view = views::subresource(next, group, kind, own);
            self.titles.push(Title("A new subresource".into(), format!(": {}/{}", kind.plural, own.name)));
            self.edit.push(format!("  {}  # what it answers", view.path));
            self.edit.push(format!("  {}  # what it promises", view.test_path));
        }
        for (name, is_new) in [
            ("status", kind.status && before.is_some_and(|before| !before.status)),
            ("scale", kind.scale && before.is_some_and(|before| !before.scale)),
        ] {
            if is_new {
                let known = format!(": {} has it in {}, and PROJECT knows of it now", kind.kind, view.types_path);
                self.titles.push(Title(format!("The subresource {}/{name}", kind.plural), known));
            }
        }
    }
}
