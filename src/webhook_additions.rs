//! What webhooks and admission plugins may be added to a project, as `additions.rs` has it for kinds: each function checks
//! one addition, and a `PROJECT` file that is read goes through the same functions.

use crate::additions::known_kinds;
use crate::error::{Failure, usage};
use crate::external_additions;
use crate::names::Module;
use crate::project::{Backend, ExternalWebhooks, Plugin, Project, Webhooks};
use crate::webhook_names;

impl Project {
    /// Adds webhooks to a kind of the project, beside those that it has.
    pub fn add_webhooks(&mut self, group: &str, kind: &str, asked: Webhooks) -> Result<(), Failure> {
        something(asked)?;
        let mut next = self.clone();
        let owner = next.kind_mut(group, kind)?;
        if owner.backend == Backend::Custom {
            return Err(usage(format!(
                "the objects of {kind} are kept by code of your own: there are no hooks to call"
            ))
            .hint("a kind with a webhook is kept by a server; make another kind without `--backend custom`"));
        }
        if asked.conversion && owner.version_names().len() < 2 {
            let other = if owner.stored() == "v1" { "v2" } else { "v1" };
            return Err(usage(format!("{kind} in {group} has one version: there is nothing to convert")).hint(
                format!(
                    "add another first, with `apiserver-boot create group version resource --group {group} --version \
                 {other} --kind {kind}`"
                ),
            ));
        }
        owner.webhooks = owner.webhooks.and(asked);
        next.check_webhook_files()?;
        *self = next;
        Ok(())
    }

    /// Adds webhooks to a kind of others, beside those that it has.
    pub fn add_external_webhooks(&mut self, asked: ExternalWebhooks) -> Result<(), Failure> {
        something(asked.webhooks)?;
        external_additions::check_names(&asked.named())?;
        if asked.webhooks.conversion {
            return Err(usage(format!("{} is not a kind of this project: nobody asks it for conversions", asked.kind))
                .hint("leave out `--conversion`; who defines a kind converts it"));
        }
        external_additions::check_is_of_others(self, &asked.named())?;
        let mut next = self.clone();
        match next.external_webhooks.iter_mut().find(|there| there.named().is_same_kind(&asked.named())) {
            Some(there) => {
                same(there, &asked)?;
                there.webhooks = there.webhooks.and(asked.webhooks);
            }
            None => next.external_webhooks.push(asked),
        }
        next.check_webhook_files()?;
        *self = next;
        Ok(())
    }

    /// Adds an admission plugin, unless it is there.
    pub fn add_plugin(&mut self, plugin: Plugin) -> Result<(), Failure> {
        webhook_names::check_plugin(&plugin.name)?;
        if let Some(target) = &plugin.target {
            let there = self.group(&target.group).and_then(|group| group.kind(&target.kind));
            if !there.is_some_and(|kind| kind.version_names().contains(&target.version.as_str())) {
                let message =
                    format!("there is no {} in {}/{} for the plugin", target.kind, target.group, target.version);
                return Err(usage(message).hint(known_kinds(self)));
            }
        }
        if let Some(there) = self.admission.iter().find(|there| there.name == plugin.name) {
            if *there == plugin {
                return Ok(());
            }
            return Err(usage(format!("there is an admission plugin {:?} already, for {}", there.name, about(there)))
                .hint("choose another `--name`, or edit its file: what a plugin acts on is written there"));
        }
        let module = Module::of(&plugin.name);
        if let Some(other) = self.admission.iter().find(|other| Module::of(&other.name) == module) {
            return Err(usage(format!(
                "the plugins {:?} and {:?} would both be the module `{}`",
                other.name, plugin.name, module.ident
            ))
            .hint("choose another `--name`"));
        }
        self.admission.push(plugin);
        Ok(())
    }

    /// The file of each kind's webhooks is one of its own.
    fn check_webhook_files(&self) -> Result<(), Failure> {
        let own = self.kinds().filter(|(_, kind)| !kind.webhooks.is_empty());
        let own = own.map(|(group, kind)| (&group.name, &kind.kind, self.api_group(&group.name)));
        let others = self.external_webhooks.iter().map(|there| (&there.group, &there.kind, there.api_group()));
        let mut taken: Vec<((Module, Module), String)> = Vec::new();
        for (group, kind, api_group) in own.chain(others) {
            let (file, name) = ((Module::of(group), Module::of(kind)), format!("{kind} in {api_group}"));
            if let Some((_, other)) = taken.iter().find(|(there, _)| *there == file) {
                let path = format!("src/webhooks/{}/{}.rs", file.0.file, file.1.file);
                return Err(usage(format!("the webhooks of {other} and of {name} would both be in {path}"))
                    .hint("a project of its own can have one of them"));
            }
            taken.push((file, name));
        }
        Ok(())
    }
}

fn something(asked: Webhooks) -> Result<(), Failure> {
    if asked.is_empty() {
        return Err(usage("a webhook does something: defaulting, validation or conversion")
            .hint("add `--defaulting`, `--programmatic-validation` or `--conversion`; all three go together too"));
    }
    Ok(())
}

fn same(there: &ExternalWebhooks, asked: &ExternalWebhooks) -> Result<(), Failure> {
    let name = format!("there are webhooks for {} in {} already", there.kind, there.api_group());
    if there.version != asked.version {
        return Err(usage(format!("{name}, in the version {}", there.version)).hint(format!(
            "one version is enough: a cluster converts objects of the others before it asks. Use `--version {}`",
            there.version
        )));
    }
    external_additions::same(&name, &there.named(), &asked.named())
}

fn about(plugin: &Plugin) -> String {
    match &plugin.target {
        Some(target) => format!("{} in {}/{}", target.kind, target.group, target.version),
        None => "all kinds".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Scope, Target};

    const BOTH: Webhooks = Webhooks { defaulting: true, validation: true, conversion: false };
    const DEFAULTING: Webhooks = Webhooks { validation: false, ..BOTH };
    const CONVERSION: Webhooks = Webhooks { defaulting: false, validation: false, conversion: true };
    const FINE: &str = "";

    /// A project with Bird in demo, and Log in demo that its own code keeps.
    fn project() -> Project {
        let text = "version: 1\nname: aviary\ndomain: example.com\nvendor: 0.1.0\ngroups:\n- name: demo\n  versions: [v1]\n  \
                    kinds:\n  - {kind: Bird, plural: birds, scope: Namespaced, version: v1, status: false}\n  \
                    - {kind: Log, plural: logs, scope: Namespaced, version: v1, backend: custom, status: false}\n";
        Project::parse(text).unwrap()
    }

    fn deployment() -> ExternalWebhooks {
        ExternalWebhooks {
            group: "apps".into(),
            domain: None,
            version: "v1".into(),
            kind: "Deployment".into(),
            plural: "deployments".into(),
            scope: Scope::Namespaced,
            type_path: None,
            webhooks: DEFAULTING,
        }
    }

    fn certificate() -> ExternalWebhooks {
        ExternalWebhooks {
            group: "cert-manager".into(),
            domain: Some("io".into()),
            kind: "Certificate".into(),
            plural: "certificates".into(),
            ..deployment()
        }
    }

    #[track_caller]
    fn check(result: Result<(), Failure>, expected: &str) {
        let text = result.err().map(|failure| crate::error::report(&failure.into())).unwrap_or_default();
        assert!(if expected.is_empty() { text.is_empty() } else { text.contains(expected) }, "{text:?}");
    }

    #[test]
    fn what_is_asked_again_is_added_to_what_is_there() {
        let mut project = project();
        check(project.add_webhooks("demo", "Bird", DEFAULTING), FINE);
        check(project.add_webhooks("demo", "Bird", BOTH), FINE);
        check(project.add_webhooks("demo", "Bird", DEFAULTING), FINE);
        assert_eq!(project.groups[0].kinds[0].webhooks, BOTH);
        check(project.add_external_webhooks(deployment()), FINE);
        check(project.add_external_webhooks(ExternalWebhooks { webhooks: BOTH, ..deployment() }), FINE);
        assert_eq!(project.external_webhooks, [ExternalWebhooks { webhooks: BOTH, ..deployment() }]);
        check(project.check(), FINE);
    }

    #[test]
    fn a_webhook_asks_what_can_be_asked() {
        let mut project = project();
        check(
            project.add_webhooks("demo", "Bird", Webhooks::default()),
            "add `--defaulting`, `--programmatic-validation`",
        );
        check(project.add_webhooks("demo", "Bird", CONVERSION), "has one version: there is nothing to convert");
        check(project.add_webhooks("demo", "Log", BOTH), "kept by code of your own");
        check(project.add_webhooks("demo", "Egg", BOTH), "the kinds are Bird in demo");
        let asked = |change: fn(&mut ExternalWebhooks)| {
            let mut asked = certificate();
            change(&mut asked);
            asked
        };
        check(project.add_external_webhooks(asked(|a| a.webhooks = CONVERSION)), "who defines a kind converts it");
        check(project.add_external_webhooks(asked(|a| a.webhooks = Webhooks::default())), "add `--defaulting`");
        check(project.add_external_webhooks(asked(|a| a.domain = None)), "Kubernetes has no group \"cert-manager\"");
        check(project.add_external_webhooks(asked(|a| a.kind = "certificate".into())), "try `--kind Certificate`");
        check(project.add_external_webhooks(asked(|a| a.domain = Some("I_O".into()))), "is not a domain");
        check(project.add_external_webhooks(asked(|a| a.type_path = Some("a b".into()))), "is not the path of a type");
        check(project.add_external_webhooks(asked(|a| a.type_path = Some("cm::v1::Certificate".into()))), FINE);
        check(project.add_external_webhooks(certificate()), "its type is cm::v1::Certificate, not in its own file");
        check(project.add_external_webhooks(asked(|a| a.version = "v2".into())), "Use `--version v1`");
        check(
            project.add_external_webhooks(asked(|a| a.scope = Scope::Cluster)),
            "its scope is Namespaced, not Cluster",
        );
        let own = asked(|a| (a.group, a.domain, a.kind) = ("demo".into(), Some("example.com".into()), "Bird".into()));
        check(project.add_external_webhooks(own), "is a kind of this project");
        let plural = ExternalWebhooks { plural: "deploys".into(), ..deployment() };
        check(project.add_external_webhooks(plural), "its plural is deployments");
        let path = ExternalWebhooks { type_path: Some("a::B".into()), ..deployment() };
        check(project.add_external_webhooks(path), "its type is that of k8s-openapi");
    }

    #[test]
    fn each_kind_has_a_file_of_its_own() {
        let mut project = project();
        check(project.add_webhooks("demo", "Bird", BOTH), FINE);
        let bird =
            ExternalWebhooks { group: "demo".into(), domain: Some("org".into()), kind: "Bird".into(), ..certificate() };
        check(project.add_external_webhooks(bird), "would both be in src/webhooks/demo/bird.rs");
    }

    #[test]
    fn plugins_have_names_and_types_of_their_own() {
        let plugin = |name: &str, kind: &str| Plugin {
            name: name.into(),
            target: (!kind.is_empty()).then(|| Target {
                group: "demo".into(),
                version: "v1".into(),
                kind: kind.into(),
            }),
        };
        let mut project = project();
        check(project.add_plugin(plugin("ban-flunder", "Bird")), FINE);
        check(project.add_plugin(plugin("ban-flunder", "Bird")), FINE);
        check(project.add_plugin(plugin("ban-flunder", "")), "already, for Bird in demo/v1");
        check(project.add_plugin(plugin("ban--flunder", "")), "would both be the module `ban_flunder`");
        check(project.add_plugin(plugin("ban-egg", "Egg")), "the kinds are Bird in demo");
        check(project.add_plugin(plugin("Ban", "")), "is not a name for an admission plugin");
        check(project.add_plugin(plugin("option", "")), "would hide");
        check(project.add_plugin(plugin("type", "")), FINE);
        assert_eq!(project.admission.len(), 2);
        check(project.check(), FINE);
    }
}
