//! Reading the objects of a kind from memory.

use std::sync::Arc;

use kube::core::{Selector, SelectorExt};
use kube::{Resource, ResourceExt};
use tokio::sync::watch;

use super::Informer;
use crate::manager::Object;

/// The objects of a kind, read from memory: no request is made. Cheap to clone.
///
/// What it gives may lag behind the server a little, as a controller's own object may: a controller that has just written
/// reads the old one until the watch has told of the new. Objects are shared, so clone one before changing it.
pub struct Lister<K: Object>(pub(in crate::manager) Arc<Informer<K>>);

impl<K: Object> Lister<K> {
    /// An object by namespace and name; the namespace is empty for kinds that have none.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.0.read(|index| index.get(namespace, name).cloned())
    }

    /// The objects of a namespace by name, or all of them for `""`.
    pub fn list(&self, namespace: &str) -> Vec<Arc<K>> {
        self.0.read(|index| index.namespace(namespace).cloned().collect())
    }

    /// Those of [`list`](Self::list) whose labels a selector matches.
    pub fn matching(&self, namespace: &str, selector: &Selector) -> Vec<Arc<K>> {
        let matches = |object: &&Arc<K>| selector.matches(object.labels());
        self.0.read(|index| index.namespace(namespace).filter(matches).cloned().collect())
    }

    /// The objects with an owner reference to `owner`, by namespace and name.
    pub fn owned_by<O: Resource>(&self, owner: &O) -> Vec<Arc<K>> {
        let Some(uid) = &owner.meta().uid else { return Vec::new() };
        self.0.read(|index| index.owned_by(uid).cloned().collect())
    }

    /// Waits until all objects are known. A controller that asked for the lister before it ran need not.
    pub async fn filled(&self) {
        filled(self.0.filled()).await;
    }
}

impl<K: Object> Clone for Lister<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

pub(in crate::manager) async fn filled(mut filled: watch::Receiver<bool>) {
    if filled.wait_for(|filled| *filled).await.is_err() {
        // The manager is at its end.
        std::future::pending().await
    }
}
