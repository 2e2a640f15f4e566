//! Webhooks by the configurations that this server keeps itself.

use std::sync::{Arc, RwLock};

use serde::de::DeserializeOwned;

use crate::admission::webhook::{self, Clients, Hooks, NamespaceLabels, Source};
use crate::registry::object::Object;
use crate::storage::cache::WatchCache;

/// Webhooks by the configurations in two caches, compiled when these have changed.
pub struct StoredWebhooks {
    mutating: Arc<WatchCache<Object>>,
    validating: Arc<WatchCache<Object>>,
    namespaces: Option<Arc<WatchCache<Object>>>,
    clients: Clients,
    compiled: RwLock<Option<Compiled>>,
}

/// What was compiled, and of which state.
struct Compiled {
    stamp: Stamp,
    hooks: Arc<Hooks>,
}

type Stamp = [(u64, u64); 2];

impl StoredWebhooks {
    /// Webhooks by what is in the caches of the two kinds. Without one of Namespaces, all of them are taken to be there.
    pub fn new(
        mutating: Arc<WatchCache<Object>>,
        validating: Arc<WatchCache<Object>>,
        namespaces: Option<Arc<WatchCache<Object>>>,
    ) -> Self {
        Self { mutating, validating, namespaces, clients: Clients::default(), compiled: RwLock::default() }
    }
}

impl Source for StoredWebhooks {
    fn hooks(&self) -> Option<Arc<Hooks>> {
        // The stamps come first: whatever changes after them is compiled the next time.
        let stamp = [self.mutating.stamp()?, self.validating.stamp()?];
        if let Some(compiled) = &*self.compiled.read().unwrap_or_else(|broken| broken.into_inner())
            && compiled.stamp == stamp
        {
            return Some(compiled.hooks.clone());
        }
        let hooks = Arc::new(Hooks::compile(all(&self.mutating), all(&self.validating), &self.clients));
        let compiled = Compiled { stamp, hooks: hooks.clone() };
        *self.compiled.write().unwrap_or_else(|broken| broken.into_inner()) = Some(compiled);
        Some(hooks)
    }

    fn namespace_labels(&self, name: &str) -> Option<NamespaceLabels> {
        let Some(namespaces) = &self.namespaces else { return Some(webhook::labels_of_unknown(name)) };
        let found = namespaces.get(&format!("{}{name}", namespaces.prefix()))?;
        Some(Arc::new(found.summary.labels.to_map()))
    }
}

fn all<K: DeserializeOwned>(cache: &WatchCache<Object>) -> Vec<K> {
    let objects = cache.snapshot(cache.prefix(), |_| true).objects;
    let read = |object: Arc<Object>| {
        let read = object.value().and_then(|value| K::deserialize(&value));
        read.inspect_err(|error| {
            tracing::error!(name = object.summary.name, %error, "a configuration of webhooks cannot be read");
        })
    };
    objects.into_iter().filter_map(|object| read(object).ok()).collect()
}
