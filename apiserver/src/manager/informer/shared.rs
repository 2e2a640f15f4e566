//! The informers of a manager, made when they are first asked for.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use kube::runtime::reflector;
use kube::{Api, Client};
use tokio::task::JoinSet;

use super::Informer;
use crate::manager::Object;

/// One informer for each kind and cluster.
#[derive(Default)]
pub(in crate::manager) struct Informers(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    by_kind: HashMap<(String, TypeId), Box<dyn Any + Send + Sync>>,
    watches: JoinSet<()>,
}

impl Informers {
    /// The informer of a kind in a cluster. The first who asks starts its watch.
    pub(in crate::manager) fn get<K: Object>(&self, cluster: &str, client: &Client) -> Arc<Informer<K>> {
        let mut inner = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        let key = (cluster.to_owned(), TypeId::of::<K>());
        let known = inner.by_kind.get(&key).and_then(|known| known.downcast_ref::<Arc<Informer<K>>>());
        if let Some(known) = known {
            return known.clone();
        }
        let (store, writer) = reflector::store();
        let informer = Arc::new(Informer::new(store));
        inner.watches.spawn(informer.clone().drive(Api::all(client.clone()), writer));
        inner.by_kind.insert(key, Box::new(informer.clone()));
        informer
    }

    /// The informer of a kind in a cluster, if anybody has asked for it.
    pub(in crate::manager) fn known<K: Object>(&self, cluster: &str) -> Option<Arc<Informer<K>>> {
        let inner = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        inner.by_kind.get(&(cluster.to_owned(), TypeId::of::<K>()))?.downcast_ref::<Arc<Informer<K>>>().cloned()
    }

    /// Ends all watches.
    pub(in crate::manager) fn stop(&self) {
        self.0.lock().unwrap_or_else(|broken| broken.into_inner()).watches.abort_all();
    }
}
