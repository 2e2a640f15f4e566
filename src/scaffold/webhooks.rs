//! What templates see of webhooks: of each kind that something is asked about, and of the manifests for a cluster.

use serde::Serialize;

use super::{layout, views};
use crate::names::{self, Module};
use crate::project::{ExternalWebhooks, Group, Kind, Project, Scope, Webhooks};
use crate::webhook_names;

/// All webhooks of a project.
#[derive(Debug, Serialize)]
pub struct WebhooksView {
    /// `pub mod` lines of `src/webhooks`.
    pub modules: Vec<String>,
    /// Statements that register every kind.
    pub calls: Vec<String>,
    pub hooks: Vec<HookView>,
    /// Those that change objects, as a configuration lists them.
    pub mutating: Vec<EndpointView>,
    /// Those that refuse objects.
    pub validating: Vec<EndpointView>,
    /// The CRDs whose conversions are the program's, by name.
    pub converted: Vec<String>,
    /// Whether cert-manager makes the certificate in a cluster.
    pub cert_manager: bool,
}

/// A kind that something is asked about.
#[derive(Clone, Debug, Serialize)]
pub struct HookView {
    /// Whether it is a kind of the project.
    pub own: bool,
    pub kind: String,
    pub version: String,
    /// As clients see it; empty for the core group.
    pub api_group: String,
    /// The same as `apiVersion` has it: `v1`, `apps/v1`.
    pub api_version: String,
    pub plural: String,
    pub namespaced: bool,
    /// What is asked, in the words of the library.
    pub webhooks: Vec<&'static str>,
    /// The module of the group, as code writes it, and as a folder.
    pub group_module: String,
    pub folder: String,
    pub module: String,
    pub file: String,
    /// Relative to the root.
    pub path: String,
    /// What implements the library's trait, for a kind of others: `DeploymentWebhook`.
    pub handler: String,
    /// The type of the objects, as its file writes it.
    pub type_path: String,
    /// Whether the type is in that file too, and its `#[kube(…)]`.
    pub defines_type: bool,
    pub kube_attribute: String,
    /// For a kind of the project, the `use` of its strategy, and the function that gives it.
    pub use_strategy: String,
    pub strategy_fn: String,
    /// Its types and its sample, for the test.
    pub use_kind: String,
    pub include_sample: String,
    /// What is known of the fields of a kind of the project: `scaffolded` as in a new one, `any`, or empty for nothing.
    pub fields: &'static str,
    /// What the type of its objects is called.
    pub type_name: String,
    /// Where its objects are changed, and where they are refused, whether they are or not.
    pub mutate_path: String,
    pub validate_path: String,
}

/// One webhook of a configuration.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointView {
    /// Whether it is about a kind of the project.
    pub own: bool,
    pub name: String,
    pub path: String,
    pub api_group: String,
    pub version: String,
    pub plural: String,
}

/// The kinds of a group that something is asked about.
#[derive(Clone, Debug, Serialize)]
pub struct FolderView {
    pub folder: String,
    /// The groups as clients see them, in words.
    pub api_groups: String,
    /// `pub mod` lines of `src/webhooks/<group>`.
    pub modules: Vec<String>,
}

/// All webhooks as templates see them.
pub fn webhooks(project: &Project) -> WebhooksView {
    let hooks = all(project);
    let mut modules: Vec<String> = Vec::new();
    for hook in &hooks {
        if !modules.contains(&hook.group_module) {
            modules.push(hook.group_module.clone());
        }
    }
    let endpoints = |what: &str, letter: char| -> Vec<EndpointView> {
        let asked = hooks.iter().filter(|hook| hook.webhooks.contains(&what));
        asked.map(|hook| endpoint(hook, letter)).collect()
    };
    let converted = hooks.iter().filter(|hook| hook.webhooks.contains(&"conversion"));
    WebhooksView {
        modules: layout::modules("webhooks", modules),
        calls: hooks.iter().map(call).collect(),
        mutating: endpoints("defaulting", 'm'),
        validating: endpoints("validation", 'v'),
        converted: converted.map(|hook| format!("{}.{}", hook.plural, hook.api_group)).collect(),
        cert_manager: !project.webhook_certificates.is_self_signed(),
        hooks,
    }
}

/// Every kind that something is asked about: those of the project, then those of others.
pub fn all(project: &Project) -> Vec<HookView> {
    let own = project.kinds().filter(|(_, kind)| !kind.webhooks.is_empty());
    let own = own.map(|(group, kind)| own_hook(project, group, kind));
    own.chain(project.external_webhooks.iter().map(others_hook)).collect()
}

/// The groups of these kinds, in the order in which they come.
pub fn folders(project: &Project) -> Vec<FolderView> {
    let mut folders: Vec<(String, Vec<String>, Vec<String>)> = Vec::new();
    for hook in all(project) {
        let group = if hook.api_group.is_empty() { "Kubernetes' core group".to_owned() } else { hook.api_group };
        match folders.iter_mut().find(|(folder, ..)| *folder == hook.folder) {
            Some((_, groups, modules)) => {
                if !groups.contains(&group) {
                    groups.push(group);
                }
                modules.push(hook.module);
            }
            None => folders.push((hook.folder, vec![group], vec![hook.module])),
        }
    }
    let view = |(folder, groups, modules): (String, Vec<String>, Vec<String>)| FolderView {
        modules: layout::modules(&folder, modules),
        api_groups: groups.join(" and "),
        folder,
    };
    folders.into_iter().map(view).collect()
}

fn own_hook(project: &Project, group: &Group, kind: &Kind) -> HookView {
    let (folder, module) = (Module::of(&group.name), Module::of(&kind.kind));
    let strategy = format!("{}Strategy", kind.type_name());
    let types = format!("crate::apis::{}::{}", folder.ident, module.ident);
    let fields = format!("crate::apis::{}::{}::{}", folder.ident, kind.stored(), module.ident);
    let sample = format!("\"../../../{}\"", views::sample_path(project, group, kind));
    let names = Names {
        group: &group.name,
        api_group: project.api_group(&group.name),
        version: kind.reviewed(),
        kind: &kind.kind,
        plural: &kind.plural,
    };
    HookView {
        own: true,
        use_strategy: layout::use_items(&types, &[&strategy]),
        strategy_fn: layout::signature("pub fn strategy", &[], &strategy),
        use_kind: layout::use_items(&fields, &[&kind.type_name()]),
        include_sample: layout::let_call_at(8, "sample", "include_str!", &sample),
        type_path: format!("{fields}::{}", kind.type_name()),
        handler: strategy,
        fields: match (kind.from_crd, kind.schemaless) {
            (true, _) => "",
            (false, true) => "any",
            (false, false) => "scaffolded",
        },
        type_name: kind.type_name(),
        ..hook(names, kind.scope, kind.webhooks)
    }
}

fn others_hook(others: &ExternalWebhooks) -> HookView {
    let names = Names {
        group: &others.group,
        api_group: others.api_group(),
        version: &others.version,
        kind: &others.kind,
        plural: &others.plural,
    };
    let builtin = || format!("k8s_openapi::api::{}::{}::{}", others.group, others.version, others.kind);
    let defines_type = others.domain.is_some() && others.type_path.is_none();
    let named = [("group", others.api_group()), ("version", others.version.clone()), ("kind", others.kind.clone())];
    let mut kube_arguments: Vec<String> = named.map(|(name, value)| format!("{name} = {value:?}")).into();
    if others.plural != names::plural(&others.kind) {
        kube_arguments.push(format!("plural = {:?}", others.plural));
    }
    if others.scope == Scope::Namespaced {
        kube_arguments.push("namespaced".into());
    }
    kube_arguments.push("no_spec".into());
    HookView {
        handler: format!("{}Webhook", others.kind),
        type_path: match (&others.type_path, defines_type) {
            (Some(path), _) => path.clone(),
            (None, true) => others.kind.clone(),
            (None, false) => builtin(),
        },
        defines_type,
        kube_attribute: layout::attribute("kube", &kube_arguments),
        ..hook(names, others.scope, others.webhooks)
    }
}

struct Names<'a> {
    group: &'a str,
    api_group: String,
    version: &'a str,
    kind: &'a str,
    plural: &'a str,
}

/// What kinds of the project and those of others have in common.
fn hook(names: Names<'_>, scope: Scope, webhooks: Webhooks) -> HookView {
    let (folder, module) = (Module::of(names.group), Module::of(names.kind));
    let path = |verb| webhook_names::path(verb, names.kind, names.version, &names.api_group);
    HookView {
        own: false,
        kind: names.kind.to_owned(),
        version: names.version.to_owned(),
        api_version: match names.api_group.as_str() {
            "" => names.version.to_owned(),
            group => format!("{group}/{}", names.version),
        },
        plural: names.plural.to_owned(),
        namespaced: scope == Scope::Namespaced,
        webhooks: webhooks.names(),
        path: format!("src/webhooks/{}/{}.rs", folder.file, module.file),
        mutate_path: path("mutate"),
        validate_path: path("validate"),
        api_group: names.api_group,
        group_module: folder.ident,
        folder: folder.file,
        module: module.ident,
        file: module.file,
        handler: String::new(),
        type_path: String::new(),
        defines_type: false,
        kube_attribute: String::new(),
        use_strategy: String::new(),
        strategy_fn: String::new(),
        use_kind: String::new(),
        include_sample: String::new(),
        fields: "",
        type_name: String::new(),
    }
}

fn call(hook: &HookView) -> String {
    let module = format!("{}::{}", hook.group_module, hook.module);
    let mut calls = vec![match hook.own {
        true => ("kind", format!("{module}::strategy()")),
        false => ("add", format!("{module}::{}", hook.handler)),
    }];
    calls.extend(hook.webhooks.iter().map(|webhook| (*webhook, String::new())));
    layout::chain(4, "webhooks", &calls)
}

fn endpoint(hook: &HookView, letter: char) -> EndpointView {
    EndpointView {
        own: hook.own,
        name: webhook_names::webhook(letter, &hook.kind, &hook.version, &hook.api_group),
        path: if letter == 'm' { hook.mutate_path.clone() } else { hook.validate_path.clone() },
        api_group: hook.api_group.clone(),
        version: hook.version.clone(),
        plural: hook.plural.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_laid_out_as_rustfmt_has_them() {
        let text = "version: 1\nname: aviary\ndomain: example.com\nvendor: 0.1.0\nexternalWebhooks:\n\
                    - {group: core, version: v1, kind: Pod, plural: pods, scope: Namespaced, webhooks: {validation: true}}\n\
                    - {group: apps, version: v1, kind: Deployment, plural: deployments, scope: Namespaced, \
                    webhooks: {defaulting: true, validation: true}}\n";
        let view = webhooks(&Project::parse(text).unwrap());
        assert_eq!(view.calls[0], "    webhooks.add(core::pod::PodWebhook).validation();");
        assert_eq!(
            view.calls[1],
            "    webhooks\n        .add(apps::deployment::DeploymentWebhook)\n        .defaulting()\n        .validation();"
        );
        assert_eq!(view.modules, ["pub mod apps;", "pub mod core;"]);
        assert_eq!((view.mutating.len(), view.validating.len()), (1, 2));
        assert_eq!(view.validating[0].name, "vpod-v1.core.k8s.io");
    }

    #[test]
    fn conversions_are_asked_of_crds() {
        let text = "version: 1\nname: aviary\ndomain: example.com\nvendor: 0.1.0\ngroups:\n- name: demo\n  \
                    versions: [v1, v2]\n  kinds:\n  - {kind: Bird, plural: birds, scope: Namespaced, status: false, \
                    versions: [{name: v1, storage: true}, {name: v2, conversions: [v1]}], webhooks: {conversion: true}}\n";
        let view = webhooks(&Project::parse(text).unwrap());
        assert_eq!(view.calls, ["    webhooks.kind(demo::bird::strategy()).conversion();"]);
        assert_eq!(view.converted, ["birds.demo.example.com"]);
        assert!(view.mutating.is_empty() && view.validating.is_empty());
    }
}
