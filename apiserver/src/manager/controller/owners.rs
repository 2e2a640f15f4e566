//! Whom to look at when something changed.

use std::any::TypeId;

use kube::core::ClusterResourceScope;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use crate::manager::Object;

/// The object of kind `K` that controls `child`, by its controller owner reference; its version may be any.
pub(super) fn controller_of<K: Object, C: Resource>(child: &C) -> Option<ObjectRef<K>> {
    let owner = child.owner_references().iter().find(|owner| owner.controller == Some(true))?;
    let group = owner.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    (owner.kind == K::kind(&()) && group == K::group(&())).then(|| {
        let mut found = ObjectRef::new(&owner.name);
        found.namespace = child.namespace();
        normal(found)
    })
}

/// The one way to refer to an object: a kind without namespaces has none in its references, whoever made them. Otherwise one
/// object could be reconciled twice at once.
pub(super) fn normal<K: Object>(mut object: ObjectRef<K>) -> ObjectRef<K> {
    if TypeId::of::<K::Scope>() == TypeId::of::<ClusterResourceScope>() {
        object.namespace = None;
    }
    object
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
    use k8s_openapi::api::core::v1::{Node, Pod};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

    use super::*;

    /// An owner reference as `apiVersion kind name`, with `!` behind if it is not the controller's.
    fn pod(owners: &[&str]) -> Pod {
        let owner = |text: &&str| {
            let words: Vec<&str> = text.trim_end_matches('!').split(' ').collect();
            OwnerReference {
                api_version: words[0].to_owned(),
                kind: words[1].to_owned(),
                name: words[2].to_owned(),
                uid: "1".to_owned(),
                controller: (!text.ends_with('!')).then_some(true),
                ..OwnerReference::default()
            }
        };
        let mut pod = Pod::default();
        pod.metadata.namespace = Some("wood".to_owned());
        pod.metadata.owner_references = Some(owners.iter().map(owner).collect());
        pod
    }

    #[track_caller]
    fn check<K: Object>(owners: &[&str], expect: Option<&str>) {
        let found = controller_of::<K, Pod>(&pod(owners));
        let found = found.map(|found| format!("{}/{}", found.namespace.unwrap_or_default(), found.name));
        assert_eq!(found.as_deref(), expect, "{owners:?}");
    }

    #[test]
    fn an_owner_is_found_by_its_controller_reference() {
        check::<ReplicaSet>(&["apps/v1 ReplicaSet nest"], Some("wood/nest"));
        check::<ReplicaSet>(&["apps/v1beta1 ReplicaSet nest"], Some("wood/nest"));
        check::<ReplicaSet>(&["v1 Node oak!", "apps/v1 ReplicaSet nest"], Some("wood/nest"));
        check::<ReplicaSet>(&["apps/v1 ReplicaSet nest!"], None);
        check::<ReplicaSet>(&["demo.example.com/v1 ReplicaSet nest"], None);
        check::<Deployment>(&["apps/v1 ReplicaSet nest"], None);
        check::<Deployment>(&[], None);
        check::<Node>(&["v1 Node oak"], Some("/oak"));
    }
}
