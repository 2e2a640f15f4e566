//! Templates to files, in memory. `templates/` is laid out as the tree that it produces. A placeholder in a path says
//! for what a template is rendered: `{group}` once for each group, `{version}` for each of its versions, `{kind}`,
//! `{sample}` and `{test}` for each kind, `{controller}` for each controller, `{controller-group}` for the groups of their
//! kinds, `{subresource-arbitrary}`,
//! `{further-test}` for each version that was added to a kind and is served, `{subresource-connect}` and their `{test-…}`
//! for each subresource of that type; none of them, once. `{kind-custom}` in the place of `{kind}` is for kinds whose
//! backend is the user's, `{kind-schemaless}` for those without a schema, `{kind-imported}` for those whose types were made
//! from a CustomResourceDefinition; where there is no such template, the one for `{kind}` is theirs too. `{webhook-own}`
//! and `{webhook-others}` are for each kind with webhooks, the project's or not, `{webhook-group}` for the groups of both,
//! `{plugin}` for each admission plugin, `{scheduler}`, `{scheduler-config}` and `{scheduler-test}` for each scheduler; what is in `config/webhook` is for projects with webhooks, and what is in
//! `config/crd` for `build config`.

use anyhow::Context;
use include_dir::{Dir, include_dir};
use tera::Tera;

use super::controllers::{self, ControllerFolder, ControllerView};
use super::crds;
use super::plugins::{self, PluginView};
use super::schedulers::{self, SchedulerView};
use super::views::{self, FurtherView, GroupView, KindView, SubresourceView, VersionView};
use super::webhooks::{self, FolderView, HookView};
use super::{File, Owner, lock, marker};
use crate::from_crd::Imported;
use crate::project::{Answers, Backend, Group, Kind, Project};

static TEMPLATES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// What the first line of a template of ours holds.
const OURS: &str = "{{ generated }}";

/// Renders all files of ours, and those of yours that belong to what `before` does not have yet.
pub fn render(project: &Project, before: Option<&Project>) -> anyhow::Result<Vec<File>> {
    render_with(project, before, None)
}

/// The same, with the files of a kind that were made from a CustomResourceDefinition.
pub fn render_with(project: &Project, before: Option<&Project>, import: Option<&Import>) -> anyhow::Result<Vec<File>> {
    let mut renderer = Renderer::new(project)?;
    let is_new = before.is_none();
    let mut templates = Vec::new();
    collect(&TEMPLATES, &mut templates);
    for template in &templates {
        match template.each {
            Each::Cluster => {}
            Each::Project => renderer.file(template, is_new, &Place::default())?,
            Each::Webhooks if project.has_webhooks() => {
                let is_new = before.is_none_or(|before| !before.has_webhooks());
                renderer.file(template, is_new, &Place::default())?;
            }
            Each::Webhooks => {}
            Each::WebhookGroup => {
                for folder in webhooks::folders(project) {
                    renderer.file(template, false, &Place { folder: Some(folder), ..Place::default() })?;
                }
            }
            Each::Webhook { own } => {
                let there = before.map(webhooks::all).unwrap_or_default();
                for hook in webhooks::all(project).into_iter().filter(|hook| hook.own == own) {
                    let is_new = !there.iter().any(|there| there.path == hook.path);
                    renderer.file(template, is_new, &Place { hook: Some(hook), ..Place::default() })?;
                }
            }
            Each::Plugin => {
                for plugin in &project.admission {
                    let is_new = before.is_none_or(|before| !before.admission.contains(plugin));
                    let plugin = plugins::plugin(project, plugin);
                    renderer.file(template, is_new, &Place { plugin, ..Place::default() })?;
                }
            }
            Each::Scheduler => {
                for name in &project.schedulers {
                    let is_new = before.is_none_or(|before| !before.schedulers.contains(name));
                    let scheduler = Some(schedulers::scheduler(name));
                    renderer.file(template, is_new, &Place { scheduler, ..Place::default() })?;
                }
            }
            Each::Group => {
                for group in &project.groups {
                    renderer.file(template, is_new, &Place::group(project, group))?;
                }
            }
            Each::Version => {
                for (group, version) in project.groups.iter().flat_map(|g| g.versions.iter().map(move |v| (g, v))) {
                    let place = Place { version: Some(views::version(group, version)), ..Place::group(project, group) };
                    renderer.file(template, is_new, &place)?;
                }
            }
            Each::Kind => {
                for (group, kind) in project.kinds().filter(|(_, kind)| is_for(template, kind, &templates)) {
                    let is_new = before_has(before, group, kind).is_none();
                    let imported = import.filter(|import| import.is_of(group, kind)).map(|import| import.files.clone());
                    let place = Place { imported, ..Place::kind(project, group, kind) };
                    renderer.file(template, is_new, &place)?;
                }
            }
            Each::Further => {
                for (group, kind) in project.kinds() {
                    for version in kind.versions.iter().filter(|version| version.served) {
                        let further = views::further(project, group, kind, &version.name);
                        let there = before_has(before, group, kind).is_some_and(|k| k.version(&version.name).is_some());
                        if further.is_some() {
                            let place = Place { further, ..Place::kind(project, group, kind) };
                            renderer.file(template, !there, &place)?;
                        }
                    }
                }
            }
            Each::Subresource(answers) => {
                for (group, kind) in project.kinds() {
                    for own in kind.subresources.iter().filter(|own| own.answers == answers) {
                        let there = before_has(before, group, kind).is_some_and(|kind| kind.subresources.contains(own));
                        let subresource = Some(views::subresource(project, group, kind, own));
                        let place = Place { subresource, ..Place::kind(project, group, kind) };
                        renderer.file(template, !there, &place)?;
                    }
                }
            }
            Each::ControllerGroup => {
                for controllers in controllers::folders(project) {
                    renderer.file(template, false, &Place { controllers: Some(controllers), ..Place::default() })?;
                }
            }
            Each::Controller => {
                for (of, own) in project.controllers() {
                    let there =
                        before.is_some_and(|before| before.controllers().any(|(_, there)| there.name == own.name));
                    let controller = Some(controllers::controller(project, of, own));
                    renderer.file(template, !there, &Place { controller, ..Place::default() })?;
                }
            }
        }
    }
    if is_new {
        let content = lock::render(&project.name).into_bytes();
        renderer.files.push(File { path: "Cargo.lock".into(), content: content.into(), owner: Owner::Yours });
    }
    renderer.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(renderer.files)
}

/// Renders what is in `config/crd`, but for the CRDs, which the project's code knows.
pub fn cluster(project: &Project) -> anyhow::Result<Vec<File>> {
    let mut renderer = Renderer::new(project)?;
    renderer.context.insert("crds", &crds::crds(project));
    renderer.context.insert("has_webhooks", &project.has_webhooks());
    let mut templates = Vec::new();
    collect(&TEMPLATES, &mut templates);
    for template in templates.iter().filter(|template| matches!(template.each, Each::Cluster)) {
        renderer.file(template, true, &Place::default())?;
    }
    Ok(renderer.files)
}

/// The project's name as one in Kubernetes, which is also its namespace in a cluster.
pub fn dns_name(project: &Project) -> String {
    views::project(project).dns_name
}

/// The text that heads a source file which the user owns: the copyright as a comment, and an empty line.
pub fn copyright_header(project: &Project) -> String {
    let Some(text) = &project.copyright else { return String::new() };
    let lines = text.lines().map(|line| format!("// {line}").trim_end().to_owned() + "\n");
    lines.collect::<String>() + "\n"
}

/// The files of a new kind that were made elsewhere.
pub struct Import {
    pub group: String,
    pub kind: String,
    pub files: Imported,
}

impl Import {
    fn is_of(&self, group: &Group, kind: &Kind) -> bool {
        self.group == group.name && self.kind == kind.kind
    }
}

struct Template {
    path: &'static str,
    text: &'static str,
    each: Each,
}

/// For what a template is rendered.
#[derive(Clone, Copy)]
enum Each {
    Project,
    Group,
    Version,
    Kind,
    Further,
    Subresource(Answers),
    ControllerGroup,
    Controller,
    /// The project, if it has webhooks.
    Webhooks,
    /// The project, when it is to be deployed as CRDs.
    Cluster,
    WebhookGroup,
    Webhook {
        own: bool,
    },
    Plugin,
    Scheduler,
}

/// What distinguishes kinds whose files come from other templates than those of most.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Variant {
    Custom,
    Imported,
    Schemaless,
}

/// One place that a template is rendered for.
#[derive(Default, serde::Serialize)]
struct Place {
    group: Option<GroupView>,
    version: Option<VersionView>,
    kind: Option<KindView>,
    further: Option<FurtherView>,
    subresource: Option<SubresourceView>,
    controllers: Option<ControllerFolder>,
    controller: Option<ControllerView>,
    imported: Option<Imported>,
    folder: Option<FolderView>,
    hook: Option<HookView>,
    plugin: Option<PluginView>,
    scheduler: Option<SchedulerView>,
}

impl Place {
    fn group(project: &Project, group: &Group) -> Self {
        Self { group: Some(views::group(project, group)), ..Self::default() }
    }

    fn kind(project: &Project, group: &Group, kind: &Kind) -> Self {
        Self {
            version: Some(views::version(group, kind.stored())),
            kind: Some(views::kind(project, group, kind)),
            ..Self::group(project, group)
        }
    }

    /// Puts names in the place of placeholders.
    fn path(&self, template: &str) -> String {
        let mut path = plain(template.trim_end_matches(".tera"));
        let mut fill = |placeholder: &str, name: Option<&String>| {
            path = path.replace(placeholder, name.map_or("", String::as_str));
        };
        fill("{group}", self.group.as_ref().map(|group| &group.folder));
        fill("{version}", self.version.as_ref().map(|version| &version.name));
        fill("{kind}", self.kind.as_ref().map(|kind| &kind.file));
        fill("{sample}", self.kind.as_ref().map(|kind| &kind.sample));
        fill("{further-test}", self.further.as_ref().map(|further| &further.test));
        fill("{subresource}", self.subresource.as_ref().map(|own| &own.file));
        let test = self.subresource.as_ref().map(|own| &own.test);
        fill("{test}", test.or(self.kind.as_ref().map(|kind| &kind.test)));
        fill("{controller}", self.controller.as_ref().map(|controller| &controller.file));
        let folder = self.controllers.as_ref().map(|folder| &folder.folder);
        fill("{controller-group}", folder.or(self.controller.as_ref().map(|controller| &controller.folder)));
        let folder = self.folder.as_ref().map(|folder| &folder.folder);
        fill("{webhook-group}", folder.or(self.hook.as_ref().map(|hook| &hook.folder)));
        fill("{webhook-own}", self.hook.as_ref().map(|hook| &hook.file));
        fill("{webhook-others}", self.hook.as_ref().map(|hook| &hook.file));
        fill("{plugin}", self.plugin.as_ref().map(|plugin| &plugin.file));
        fill("{scheduler}", self.scheduler.as_ref().map(|scheduler| &scheduler.folder));
        fill("{scheduler-config}", self.scheduler.as_ref().map(|scheduler| &scheduler.config));
        fill("{scheduler-test}", self.scheduler.as_ref().map(|scheduler| &scheduler.test));
        path
    }
}

struct Renderer {
    tera: Tera,
    context: tera::Context,
    files: Vec<File>,
}

impl Renderer {
    fn new(project: &Project) -> anyhow::Result<Self> {
        let mut context = tera::Context::new();
        context.insert("project", &views::project(project));
        context.insert("all_controllers", &controllers::controllers(project));
        context.insert("webhooks", &webhooks::webhooks(project));
        context.insert("plugins", &plugins::plugins(project));
        context.insert("schedulers", &schedulers::schedulers(project));
        context.insert("copyright", &copyright_header(project));
        context.insert("generated", &marker::blank());
        let mut tera = Tera::default();
        tera.autoescape_on(Vec::new());
        Ok(Self { tera, context, files: Vec::new() })
    }

    /// Renders a file of ours always, one of yours only when what it belongs to is new.
    fn file(&mut self, template: &Template, is_new: bool, place: &Place) -> anyhow::Result<()> {
        let ours = template.text.lines().next().is_some_and(|line| line.contains(OURS));
        if !ours && !is_new {
            return Ok(());
        }
        let failed = || format!("could not render templates/{}", template.path);
        if self.tera.get_template(template.path).is_err() {
            self.tera.add_raw_template(template.path, template.text).with_context(failed)?;
        }
        let mut context = self.context.clone();
        context.extend(tera::Context::from_serialize(place).with_context(failed)?);
        let text = self.tera.render(template.path, &context).with_context(failed)?;
        // A template of ours renders to nothing where the project needs no such file.
        if text.trim().is_empty() {
            return Ok(());
        }
        let content = if ours { marker::seal(&text) } else { text };
        let owner = if ours { Owner::Ours } else { Owner::Yours };
        self.files.push(File { path: place.path(template.path), content: content.into_bytes().into(), owner });
        Ok(())
    }
}

fn collect(folder: &'static Dir<'static>, templates: &mut Vec<Template>) {
    for file in folder.files() {
        let (Some(path), Some(text)) = (file.path().to_str(), file.contents_utf8()) else { continue };
        if path.ends_with(".tera") {
            templates.push(Template { path, text, each: Each::of(path) });
        }
    }
    folder.dirs().for_each(|folder| collect(folder, templates));
}

impl Variant {
    /// All of them, with the ends of their placeholders.
    const ALL: [(Self, &'static str); 3] =
        [(Self::Custom, "-custom}"), (Self::Imported, "-imported}"), (Self::Schemaless, "-schemaless}")];

    fn of_kind(kind: &Kind) -> Option<Self> {
        match kind.backend {
            Backend::Custom => Some(Self::Custom),
            Backend::Storage if kind.from_crd => Some(Self::Imported),
            Backend::Storage => kind.schemaless.then_some(Self::Schemaless),
        }
    }

    fn of_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, end)| path.contains(end)).map(|(variant, _)| variant)
    }
}

/// Whether a template is what a file of this kind comes from.
fn is_for(template: &Template, kind: &Kind, templates: &[Template]) -> bool {
    let (wanted, own) = (Variant::of_kind(kind), Variant::of_path(template.path));
    let is_better = |other: &Template| Variant::of_path(other.path) == wanted && plain(other.path) == template.path;
    own == wanted || own.is_none() && !templates.iter().any(is_better)
}

/// A path whose placeholders do not say which kinds or subresources it is for.
fn plain(path: &str) -> String {
    let ends = Variant::ALL.iter().map(|(_, end)| end).chain(Each::SUBRESOURCES.iter().map(|(_, end)| end));
    ends.fold(path.to_owned(), |path, end| path.replace(end, "}"))
}

impl Each {
    /// The types of subresources, with the ends of their placeholders.
    const SUBRESOURCES: [(Answers, &'static str); 2] =
        [(Answers::Arbitrary, "-arbitrary}"), (Answers::Connect, "-connect}")];

    fn of(path: &str) -> Self {
        let subresource = Self::SUBRESOURCES.into_iter().find(|(_, end)| path.contains(end));
        let path = &plain(path);
        if let Some((answers, _)) = subresource {
            Self::Subresource(answers)
        } else if path.contains("{further-test}") {
            Self::Further
        } else if path.contains("{controller}") {
            Self::Controller
        } else if path.contains("{controller-group}") {
            Self::ControllerGroup
        } else if path.contains("{webhook-own}") || path.contains("{webhook-others}") {
            Self::Webhook { own: path.contains("{webhook-own}") }
        } else if path.contains("{webhook-group}") {
            Self::WebhookGroup
        } else if path.contains("{plugin}") {
            Self::Plugin
        } else if path.contains("{scheduler") {
            Self::Scheduler
        } else if path.starts_with("config/webhook/") {
            Self::Webhooks
        } else if path.starts_with("config/crd/") {
            Self::Cluster
        } else if ["{kind}", "{sample}", "{test}"].iter().any(|placeholder| path.contains(placeholder)) {
            Self::Kind
        } else if path.contains("{version}") {
            Self::Version
        } else if path.contains("{group}") {
            Self::Group
        } else {
            Self::Project
        }
    }
}

fn before_has<'a>(before: Option<&'a Project>, group: &Group, kind: &Kind) -> Option<&'a Kind> {
    before?.group(&group.name)?.kind(&kind.kind)
}
