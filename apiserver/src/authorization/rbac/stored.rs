//! Roles and bindings that this server keeps itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::de::DeserializeOwned;

use super::PolicySource;
use super::policy::Policy;
use crate::registry::object::Object;
use crate::storage::cache::WatchCache;

type Cache = Arc<WatchCache<Object>>;
type Stamp = [(u64, u64); 4];

/// The policy by what is in four caches, arranged anew when one of these has changed.
pub struct StoredPolicy {
    cluster_roles: Cache,
    roles: Cache,
    cluster_bindings: Cache,
    bindings: Cache,
    arranged: RwLock<Option<(Stamp, Arc<Policy>)>>,
    // To read ten thousand bindings because one has changed would hold up whoever asks next.
    read: Mutex<Read>,
}

/// The objects that have been read already.
#[derive(Default)]
struct Read {
    cluster_roles: Known<ClusterRole>,
    roles: Known<Role>,
    cluster_bindings: Known<ClusterRoleBinding>,
    bindings: Known<RoleBinding>,
}

/// Objects by where they are in memory, which they keep as long as they are known.
type Known<K> = HashMap<usize, (Arc<Object>, Arc<K>)>;

impl StoredPolicy {
    /// By what is in these caches.
    pub fn new(cluster_roles: Cache, roles: Cache, cluster_bindings: Cache, bindings: Cache) -> Self {
        let (arranged, read) = (RwLock::default(), Mutex::default());
        Self { cluster_roles, roles, cluster_bindings, bindings, arranged, read }
    }

    fn stamp(&self) -> Option<Stamp> {
        Some([self.cluster_roles.stamp()?, self.roles.stamp()?, self.cluster_bindings.stamp()?, self.bindings.stamp()?])
    }

    fn arranged(&self, stamp: &Stamp) -> Option<Arc<Policy>> {
        let arranged = self.arranged.read().unwrap_or_else(|broken| broken.into_inner());
        arranged.as_ref().filter(|(of, _)| of == stamp).map(|(_, policy)| policy.clone())
    }
}

impl PolicySource for StoredPolicy {
    fn policy(&self) -> Option<Arc<Policy>> {
        if let Some(policy) = self.arranged(&self.stamp()?) {
            return Some(policy);
        }
        let mut read = self.read.lock().unwrap_or_else(|broken| broken.into_inner());
        // The stamp comes first: whatever changes after it is seen the next time. Another may have been here meanwhile.
        let stamp = self.stamp()?;
        if let Some(policy) = self.arranged(&stamp) {
            return Some(policy);
        }
        let read = &mut *read;
        let policy = Arc::new(Policy::new(
            refresh(&mut read.cluster_roles, &self.cluster_roles),
            refresh(&mut read.roles, &self.roles),
            refresh(&mut read.cluster_bindings, &self.cluster_bindings),
            refresh(&mut read.bindings, &self.bindings),
        ));
        *self.arranged.write().unwrap_or_else(|broken| broken.into_inner()) = Some((stamp, policy.clone()));
        Some(policy)
    }
}

/// Reads what is new in a cache, forgets what has gone, and gives all of it.
fn refresh<'a, K: DeserializeOwned>(known: &'a mut Known<K>, cache: &Cache) -> impl Iterator<Item = &'a K> {
    let objects = cache.snapshot(cache.prefix(), |_| true).objects;
    let mut before = std::mem::take(known);
    for object in objects {
        let place = Arc::as_ptr(&object) as usize;
        let entry = before.remove(&place).or_else(|| Some((object.clone(), Arc::new(read(&object)?))));
        known.extend(entry.map(|entry| (place, entry)));
    }
    known.values().map(|(_, object)| &**object)
}

fn read<K: DeserializeOwned>(object: &Object) -> Option<K> {
    let read = object.value().and_then(|value| K::deserialize(&value));
    let failed = |error: &serde_json::Error| {
        tracing::error!(name = object.summary.name, %error, "a role or binding cannot be read");
    };
    read.inspect_err(failed).ok()
}
