//! Where configurations of webhooks come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Hooks;

/// The labels of a namespace.
pub type NamespaceLabels = Arc<BTreeMap<String, String>>;

/// Where configurations of webhooks come from. Asked before every write, so it gives what it has at hand.
pub trait Source: Send + Sync + 'static {
    /// The webhooks as they are now; `None` while they are not known for the first time. Then every write is refused.
    fn hooks(&self) -> Option<Arc<Hooks>>;

    /// The labels of a namespace, for `namespaceSelector`; `None` if there is no such namespace. A server that keeps no
    /// namespaces takes every one to be there, with its name as its only label.
    fn namespace_labels(&self, name: &str) -> Option<NamespaceLabels> {
        Some(labels_of_unknown(name))
    }
}

/// The labels of a namespace of which nothing is known but its name.
pub fn labels_of_unknown(name: &str) -> NamespaceLabels {
    Arc::new(BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), name.to_owned())]))
}
