//! What the templates of `config/crd` see: the kinds that become CRDs, with the rights to them.

use serde::Serialize;

use crate::project::{Backend, Kind, Project};

/// The kinds that become CRDs.
#[derive(Debug, Default, Serialize)]
pub struct CrdsView {
    pub groups: Vec<GroupView>,
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
    CrdsView { groups: groups.filter(|group| !group.read.is_empty()).collect() }
}

/// Whether a kind can be deployed as a CRD.
pub fn is_crd(kind: &Kind) -> bool {
    kind.backend == Backend::Storage
}
