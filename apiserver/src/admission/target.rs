//! What a request is about, known before its object is.

use kube::core::GroupVersionKind;

use super::Operation;
use super::review::GroupVersionResource;
use crate::kind::{Kind, KindVersion, Typed};

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What is done.
    pub operation: Operation,
    /// The kind that the resource belongs to.
    pub kind: &'a Kind,
    /// The version that the client speaks.
    pub version: &'a KindVersion,
    /// For example `status`; empty for the object itself.
    pub subresource: &'a str,
    /// Of what kind the object is.
    pub object: ObjectKind<'a>,
}

/// Of what kind the object of a request is.
#[derive(Clone, Copy, Debug)]
pub enum ObjectKind<'a> {
    /// The kind of the resource.
    Same,
    /// That of a subresource with an object of its own.
    Own(&'a Kind),
    /// `Scale`, in `autoscaling/v1`.
    Scale,
}

impl Target<'_> {
    /// Whether the object is of a type, in whatever version.
    pub fn is<K: Typed>(&self) -> bool {
        let (group, kind) = (K::group(&()), K::kind(&()));
        match self.object_kind() {
            None => (&*group, &*kind) == (SCALE.0, SCALE.2),
            Some(own) => own.kind == kind && own.versions.iter().any(|version| version.group == group),
        }
    }

    /// Whether it is about a Namespace.
    pub fn is_namespace(&self) -> bool {
        self.kind.group.is_empty() && self.kind.plural == "namespaces"
    }

    /// What the body of the request declares to be.
    pub fn group_version_kind(&self) -> GroupVersionKind {
        match self.object {
            ObjectKind::Same => GroupVersionKind::gvk(&self.version.group, &self.version.version, &self.kind.kind),
            ObjectKind::Own(kind) => GroupVersionKind::gvk(&kind.group, &kind.storage_version().version, &kind.kind),
            ObjectKind::Scale => GroupVersionKind::gvk(SCALE.0, SCALE.1, SCALE.2),
        }
    }

    /// What the path of the request names.
    pub fn group_version_resource(&self) -> GroupVersionResource {
        GroupVersionResource {
            group: self.version.group.clone(),
            version: self.version.version.clone(),
            resource: self.kind.plural.clone(),
        }
    }

    /// The kind of the object, where it is described.
    pub(super) fn object_kind(&self) -> Option<&Kind> {
        match self.object {
            ObjectKind::Same => Some(self.kind),
            ObjectKind::Own(kind) => Some(kind),
            ObjectKind::Scale => None,
        }
    }
}

const SCALE: (&str, &str, &str) = ("autoscaling", "v1", "Scale");
