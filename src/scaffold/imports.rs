//! The `use` lines of a controller's file: types of the project, of Kubernetes and of other crates, under names that hide
//! nothing.

use std::collections::BTreeMap;

use heck::ToUpperCamelCase;

use super::layout;
use crate::kind_refs::Target;
use crate::names::{self, Module};
use crate::project::{Controlled, Group, Kind, KindRef, Project, Scope};

/// Types that the examples of owned kinds are made of, which keep their names.
const PARTS: &[&str] = &[
    "ByteString",
    "Container",
    "DaemonSetSpec",
    "DeploymentSpec",
    "JobSpec",
    "LabelSelector",
    "PodSpec",
    "PodTemplateSpec",
    "ReplicaSetSpec",
    "ServicePort",
    "ServiceSpec",
    "StatefulSetSpec",
];

/// What a file imports, and what it calls it.
#[derive(Default)]
pub struct Imports {
    /// Items by the module that they come from.
    items: BTreeMap<String, Vec<String>>,
    /// What is there already: a kind by its reference, or anything else by none.
    taken: Vec<(String, Option<KindRef>)>,
    /// The module of the controlled kind's types, if it is one of the project.
    types: String,
}

/// `use` lines by where rustfmt sorts them.
pub struct Lines {
    pub first: Vec<String>,
    pub before_kube: Vec<String>,
    pub after_kube: Vec<String>,
    pub own: Vec<String>,
}

impl Imports {
    /// The type that a controller is about: what code calls it, and where it has to be made first the `#[kube(…)]` of it.
    pub fn controlled(&mut self, project: &Project, of: Controlled<'_>, name: &str) -> (String, Option<String>) {
        let external = match of {
            Controlled::Own(group, kind) => {
                let reference = KindRef {
                    api_group: project.api_group(&group.name),
                    version: kind.stored().into(),
                    kind: kind.kind.clone(),
                };
                self.types = types(group, kind, kind.stored());
                return (self.item(&self.types.clone(), &kind.type_name(), Some(reference), &group.name), None);
            }
            Controlled::External(external) => external,
        };
        let api_group = external.named().api_group();
        let reference =
            KindRef { api_group: api_group.clone(), version: external.version.clone(), kind: external.kind.clone() };
        match (&external.domain, &external.type_path) {
            (None, _) => {
                let module = format!("k8s_openapi::api::{}::{}", external.group, external.version);
                (self.item(&module, &external.kind, Some(reference), &external.group), None)
            }
            (Some(_), Some(path)) => {
                let (module, item) = path.rsplit_once("::").unwrap_or(("crate", path));
                (self.item(module, item, Some(reference), &external.group), None)
            }
            (Some(_), None) => {
                let first = external.controllers.first().map_or(name, |first| first.name.as_str());
                if first != name {
                    let module = format!("super::{}", Module::of(first).ident);
                    return (self.item(&module, &external.kind, Some(reference), &external.group), None);
                }
                self.taken.push((external.kind.clone(), Some(reference)));
                let mut arguments: Vec<String> =
                    [("group", &api_group), ("version", &external.version), ("kind", &external.kind)]
                        .map(|(name, value)| format!("{name} = {value:?}"))
                        .into();
                if external.plural != names::plural(&external.kind) {
                    arguments.push(format!("plural = {:?}", external.plural));
                }
                if external.scope == Scope::Namespaced {
                    arguments.push("namespaced".into());
                }
                arguments.push("no_spec".into());
                // `Certificate` is what the derive makes of the fields.
                self.taken.push((format!("{}Fields", external.kind), None));
                self.add("schemars", "JsonSchema");
                self.add("serde", "Deserialize");
                self.add("serde", "Serialize");
                (external.kind.clone(), Some(layout::attribute("kube", &arguments)))
            }
        }
    }

    /// The type of the controlled kind's status, which the file may name.
    pub fn status(&mut self, kind: &str, is_named: bool) -> String {
        let status = format!("{kind}Status");
        if is_named {
            self.add(&self.types.clone(), &status);
        }
        self.taken.push((status.clone(), None));
        status
    }

    /// What code calls a kind that a controller owns or watches.
    pub fn target(&mut self, target: &Target<'_>, reference: &KindRef) -> String {
        match target {
            Target::Own(group, kind) => {
                let module = types(group, kind, &reference.version);
                self.item(&module, &kind.type_name(), Some(reference.clone()), &group.name)
            }
            Target::Builtin(builtin) => {
                let module = format!("k8s_openapi::api::{}::{}", builtin.group, builtin.version);
                self.item(&module, builtin.kind, Some(reference.clone()), builtin.group)
            }
        }
    }

    /// The type of the fields of a kind of the project.
    pub fn fields(&mut self, group: &Group, kind: &Kind, item: &str) -> String {
        self.item(&types(group, kind, kind.stored()), item, None, &group.name)
    }

    /// A type under its own name, which must be one that nothing else can have.
    pub fn add(&mut self, module: &str, item: &str) {
        let items = self.items.entry(module.to_owned()).or_default();
        if !items.iter().any(|there| there == item) {
            items.push(item.to_owned());
        }
    }

    /// A type under its own name where that is free, else with the group's before it.
    fn item(&mut self, module: &str, item: &str, reference: Option<KindRef>, group: &str) -> String {
        if let Some((there, _)) = self.taken.iter().find(|(_, kind)| reference.is_some() && *kind == reference) {
            return there.clone();
        }
        let mut local = item.to_owned();
        if self.is_taken(&local) {
            local = format!("{}{item}", group.to_upper_camel_case());
        }
        while self.is_taken(&local) {
            local.push_str("Kind");
        }
        self.add(module, &if local == item { local.clone() } else { format!("{item} as {local}") });
        self.taken.push((local.clone(), reference));
        local
    }

    fn is_taken(&self, name: &str) -> bool {
        names::is_type_taken(name) || PARTS.contains(&name) || self.taken.iter().any(|(taken, _)| taken == name)
    }

    /// The lines, each in its place.
    pub fn lines(self) -> Lines {
        let mut lines = Lines { first: Vec::new(), before_kube: Vec::new(), after_kube: Vec::new(), own: Vec::new() };
        let mut modules: Vec<(String, Vec<String>)> = self.items.into_iter().collect();
        // `super` stands before `crate`.
        modules.sort_by_key(|(module, _)| (module.starts_with("crate"), module.replace("r#", "")));
        for (module, mut items) in modules {
            items.sort();
            let items: Vec<&str> = items.iter().map(String::as_str).collect();
            let line = match items[..] {
                [item] if item.contains(" as ") => format!("use {module}::{item};"),
                _ => layout::use_items(&module, &items),
            };
            let root = module.split("::").next().unwrap_or_default();
            match root {
                "crate" | "super" => lines.own.push(line),
                root if root < "apiserver" => lines.first.push(line),
                root if root < "kube" => lines.before_kube.push(line),
                _ => lines.after_kube.push(line),
            }
        }
        lines
    }
}

/// The module of a kind's types.
fn types(group: &Group, kind: &Kind, version: &str) -> String {
    format!("crate::apis::{}::{version}::{}", Module::of(&group.name).ident, Module::of(&kind.kind).ident)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_taken_get_the_groups_before_them() {
        let mut imports = Imports::default();
        imports.taken.push(("Bird".into(), None));
        let module = "k8s_openapi::api::core::v1";
        assert_eq!(imports.item(module, "Secret", None, "core"), "Secret");
        assert_eq!(imports.item(module, "Event", None, "core"), "CoreEvent");
        assert_eq!(imports.item("crate::apis::crew::v1::bird", "Bird", None, "crew"), "CrewBird");
        assert_eq!(
            imports.item("crate::apis::my_crew::v1::container", "Container", None, "my-crew"),
            "MyCrewContainer"
        );
        imports.add(module, "Container");
        let lines = imports.lines();
        assert_eq!(lines.before_kube, ["use k8s_openapi::api::core::v1::{Container, Event as CoreEvent, Secret};"]);
        assert_eq!(
            lines.own,
            [
                "use crate::apis::crew::v1::bird::Bird as CrewBird;",
                "use crate::apis::my_crew::v1::container::Container as MyCrewContainer;",
            ]
        );
    }
}
