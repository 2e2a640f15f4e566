//! What the templates of `config/crd` see: the kinds that become CRDs, with the rights to them.

use serde::Serialize;

use crate::kind_refs;
use crate::project::{Backend, Controlled, ExternalControllers, Kind, KindRef, Project};

/// The kinds that become CRDs.
#[derive(Debug, Default, Serialize)]
pub struct CrdsView {
    pub groups: Vec<GroupView>,
    /// What controllers may do with other kinds than their own.
    pub rules: Vec<RuleView>,
}

/// What may be done with kinds of one group, as roles have it.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub struct RuleView {
    /// As clients see it; `""` for the core group.
    pub group: String,
    pub resources: Vec<String>,
    pub verbs: &'static str,
}

/// The kinds of one API group.
#[derive(Debug, Default, Serialize)]
pub struct GroupView {
    /// As clients see it: `demo.example.com`.
    pub name: String,
    /// What can be read: kinds with their subresources.
    pub read: Vec<String>,
    /// What users write: kinds with their scale.
    pub write: Vec<String>,
    /// The kinds that have controllers.
    pub controlled: Vec<String>,
    /// The subresources that controllers write.
    pub parts: Vec<String>,
}

/// The project's kinds, for `config/crd`. Those whose objects are kept by code of the user's are not among them.
pub fn crds(project: &Project) -> CrdsView {
    let groups = project.groups.iter().map(|group| {
        let mut view = GroupView { name: project.api_group(&group.name), ..GroupView::default() };
        for kind in group.kinds.iter().filter(|kind| is_crd(kind)) {
            let part = |name: &str| format!("{}/{name}", kind.plural);
            view.read.push(kind.plural.clone());
            view.write.push(kind.plural.clone());
            if kind.status {
                view.read.push(part("status"));
            }
            if kind.scale {
                view.read.push(part("scale"));
                view.write.push(part("scale"));
            }
            if !kind.controllers.is_empty() {
                view.controlled.push(kind.plural.clone());
                // An owner whose deletion shall wait for what it owns is guarded by its finalizers.
                view.parts.push(part("finalizers"));
                if kind.status {
                    view.parts.push(part("status"));
                }
            }
        }
        view
    });
    CrdsView { groups: groups.filter(|group| !group.read.is_empty()).collect(), rules: rules(project) }
}

/// What is made is written, what is watched is read, and an owner is held by its finalizers. What is in another cluster is that
/// cluster's to allow.
fn rules(project: &Project) -> Vec<RuleView> {
    let mut rules = Vec::new();
    let here = || project.controllers().filter(|(_, controller)| controller.cluster.is_none());
    let kinds = |kinds: &[KindRef]| -> Vec<(String, String)> {
        let named = kinds.iter().filter_map(|kind| Some((kind, kind_refs::find(project, kind)?)));
        named.map(|(kind, target)| (kind.api_group.clone(), target.plural().to_owned())).collect()
    };
    let own = |external: &ExternalControllers| (external.named().api_group(), external.plural.clone());
    let externals = || {
        project.controllers().filter_map(|(of, controller)| match of {
            Controlled::External(external) => Some((external, controller)),
            Controlled::Own(..) => None,
        })
    };
    for kind in here().flat_map(|(_, controller)| kinds(&controller.owns)) {
        add(&mut rules, kind, "[create, delete, get, list, patch, update, watch]");
    }
    for (external, controller) in externals() {
        let (group, plural) = own(external);
        let verbs = if controller.cluster.is_some() { "[get, list, patch, watch]" } else { "[get, list, watch]" };
        add(&mut rules, (group.clone(), plural.clone()), verbs);
        add(&mut rules, (group, format!("{plural}/finalizers")), "[update]");
    }
    for kind in here().flat_map(|(_, controller)| kinds(&controller.watches)) {
        add(&mut rules, kind, "[get, list, watch]");
    }
    rules
}

fn add(rules: &mut Vec<RuleView>, (group, resource): (String, String), verbs: &'static str) {
    let group = if group.is_empty() { "\"\"".to_owned() } else { group };
    if rules
        .iter()
        .any(|rule| rule.group == group && rule.resources.contains(&resource) && rule.verbs.contains("watch"))
    {
        return;
    }
    match rules.iter_mut().find(|rule| rule.group == group && rule.verbs == verbs) {
        Some(rule) if rule.resources.contains(&resource) => {}
        Some(rule) => rule.resources.push(resource),
        None => rules.push(RuleView { group, resources: vec![resource], verbs }),
    }
}

/// Whether a kind can be deployed as a CRD.
pub fn is_crd(kind: &Kind) -> bool {
    kind.backend == Backend::Storage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_may_do_what_they_do_and_no_more() {
        let text = "version: 1\nname: aviary\ndomain: example.com\nvendor: 0.1.0\ngroups:\n- name: demo\n  versions: [v1]\n  \
                    kinds:\n  - {kind: Bird, plural: birds, scope: Namespaced, version: v1, status: true, controllers: [old, \
                    {name: bird, owns: [v1/ConfigMap, apps/v1/StatefulSet], watches: [v1/Secret]}, \
                    {name: exporter, owns: [v1/Service], watches: [v1/Node], cluster: prod}]}\n\
                    externalControllers:\n- {group: apps, version: v1, kind: Deployment, plural: deployments, \
                    scope: Namespaced, controllers: [{name: deployment, owns: [v1/ConfigMap]}]}\n";
        let project = Project::parse(text).unwrap();
        let told: Vec<String> = crds(&project)
            .rules
            .iter()
            .map(|rule| format!("{} {} {}", rule.group, rule.resources.join("+"), rule.verbs))
            .collect();
        let all = "[create, delete, get, list, patch, update, watch]";
        assert_eq!(
            told,
            [
                format!("\"\" configmaps {all}"),
                format!("apps statefulsets {all}"),
                "apps deployments [get, list, watch]".to_owned(),
                "apps deployments/finalizers [update]".to_owned(),
                "\"\" secrets [get, list, watch]".to_owned(),
            ]
        );
    }
}
