//! Clusters beside the one that a controller lives in.

use std::sync::Arc;

use kube::Client;

use super::{Context, Lister, Object};

/// Another cluster, by the name that [`Manager::cluster`](super::Manager::cluster) or `--cluster` gave it. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    pub(super) cx: Context,
    pub(super) name: Arc<str>,
    pub(super) client: Client,
}

impl Cluster {
    /// The cluster's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A client of the cluster.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The objects of a kind in the cluster: see [`Context::lister`].
    pub fn lister<K: Object>(&self) -> Lister<K> {
        self.cx.lister_in(&self.name, &self.client)
    }
}
