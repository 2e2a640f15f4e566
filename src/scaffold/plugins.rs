//! What templates see of admission plugins.

use serde::Serialize;

use super::layout;
use super::views::{self, KindView};
use crate::names::Module;
use crate::project::{Plugin, Project};
use crate::webhook_names;

/// All plugins of a project.
#[derive(Debug, Serialize)]
pub struct PluginsView {
    /// `pub mod` lines of `src/admission`.
    pub modules: Vec<String>,
    /// Statements that register every plugin.
    pub calls: Vec<String>,
}

/// A plugin.
#[derive(Clone, Debug, Serialize)]
pub struct PluginView {
    /// For example `ban-flunder`.
    pub name: String,
    /// The type: `BanFlunder`.
    pub plugin: String,
    pub file: String,
    /// Relative to the root.
    pub path: String,
    /// Whether it acts on one kind only.
    pub has_target: bool,
    /// That kind, or the one that its test is about.
    pub kind: KindView,
    /// What its type is called.
    pub type_name: String,
    /// The statement that reads the kind's sample into the test.
    pub include_sample: String,
    /// The `use` of the kind.
    pub use_kind: String,
}

/// All plugins as templates see them.
pub fn plugins(project: &Project) -> PluginsView {
    let module = |plugin: &Plugin| Module::of(&plugin.name).ident;
    let call = |plugin: &Plugin| {
        let plugin = format!("{}::{}", module(plugin), webhook_names::plugin_type(&plugin.name));
        layout::call(4, "apis.admission", &[plugin])
    };
    PluginsView {
        modules: layout::modules("admission", project.admission.iter().map(module).collect()),
        calls: project.admission.iter().map(call).collect(),
    }
}

/// A plugin as templates see it; none where there is no kind for its test.
pub fn plugin(project: &Project, plugin: &Plugin) -> Option<PluginView> {
    let (group, kind) = project.kinds().find(|(group, kind)| {
        plugin.target.as_ref().is_none_or(|target| target.group == group.name && target.kind == kind.kind)
    })?;
    let view = views::kind(project, group, kind);
    let path = format!("crate::apis::{}::{}::{}", Module::of(&group.name).ident, kind.stored(), view.module);
    Some(PluginView {
        name: plugin.name.clone(),
        plugin: webhook_names::plugin_type(&plugin.name),
        file: Module::of(&plugin.name).file,
        path: self::path(plugin),
        has_target: plugin.target.is_some(),
        type_name: kind.type_name(),
        include_sample: layout::let_call_at(8, "sample", "include_str!", &format!("\"../../{}\"", view.sample_path)),
        use_kind: layout::use_items(&path, &[&kind.type_name()]),
        kind: view,
    })
}

/// The file of a plugin, relative to the root.
pub fn path(plugin: &Plugin) -> String {
    format!("src/admission/{}.rs", Module::of(&plugin.name).file)
}
