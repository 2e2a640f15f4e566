//! How much is written, so that a test can tell that nothing is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use crate::storage::{Entry, ListRequest, Page, ReadError, Revision, Store, WatchError, WatchStream, WriteError};

/// What was written to a store, counted.
pub(super) struct Writes {
    state: Mutex<State>,
    /// Changes whenever anybody tries to write.
    stirred: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// By group and plural, as keys have them: `demo.example.com/birds`.
    stored: BTreeMap<String, u64>,
    in_flight: usize,
}

/// A request that may write, until dropped.
pub(super) struct InFlight(Arc<Writes>);

/// What tells of work and is none.
const ACCOUNTS: [&str; 3] = ["core/events", "events.k8s.io/events", "coordination.k8s.io/leases"];

impl Writes {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), stirred: watch::Sender::new(0) })
    }

    /// The changes to all objects but Events and Leases.
    pub(super) fn total(&self) -> u64 {
        let state = self.lock();
        state.stored.iter().filter(|(resource, _)| !ACCOUNTS.contains(&resource.as_str())).map(|(_, count)| count).sum()
    }

    /// The changes to the objects of a resource, by group (`core` for the core group) and plural.
    pub(super) fn of(&self, group: &str, plural: &str) -> u64 {
        self.lock().stored.get(&format!("{group}/{plural}")).copied().unwrap_or_default()
    }

    /// What was written most, for whoever has waited in vain for an end of it.
    pub(super) fn report(&self) -> String {
        let state = self.lock();
        let counts: Vec<String> = state.stored.iter().map(|(resource, count)| format!("{resource}: {count}")).collect();
        counts.join(", ")
    }

    /// A request that may write begins.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.lock().in_flight += 1;
        InFlight(self.clone())
    }

    /// A request that was to write has failed: whoever made it will want to do something about that.
    pub(super) fn failed(&self) {
        self.stirred.send_modify(|count| *count += 1);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lock().in_flight == 0
    }

    /// To wait with for the next attempt to write.
    pub(super) fn stirred(&self) -> watch::Receiver<u64> {
        self.stirred.subscribe()
    }

    fn stored(&self, key: &str) {
        let mut parts = key.trim_start_matches("/registry/").split('/');
        let resource = format!("{}/{}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let account = ACCOUNTS.contains(&resource.as_str());
        *self.lock().stored.entry(resource).or_default() += 1;
        if !account {
            self.stirred.send_modify(|count| *count += 1);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
    }
}

/// Another store, whose writes are counted.
pub(super) struct Counted {
    store: Arc<dyn Store>,
    writes: Arc<Writes>,
}

impl Counted {
    pub(super) fn new(store: Arc<dyn Store>, writes: Arc<Writes>) -> Self {
        Self { store, writes }
    }

    fn count<T>(&self, key: &str, result: Result<T, WriteError>) -> Result<T, WriteError> {
        if result.is_ok() {
            self.writes.stored(key);
        }
        result
    }
}

#[async_trait]
impl Store for Counted {
    async fn revision(&self) -> Result<Revision, ReadError> {
        self.store.revision().await
    }

    fn revision_now(&self) -> Option<Revision> {
        self.store.revision_now()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, ReadError> {
        self.store.get(key).await
    }

    async fn list(&self, request: ListRequest) -> Result<Page, ReadError> {
        self.store.list(request).await
    }

    async fn create(&self, key: &str, value: Bytes) -> Result<Revision, WriteError> {
        self.count(key, self.store.create(key, value).await)
    }

    async fn update(&self, key: &str, value: Bytes, expected: Revision) -> Result<Revision, WriteError> {
        self.count(key, self.store.update(key, value, expected).await)
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision, WriteError> {
        self.count(key, self.store.delete(key, expected).await)
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<WatchStream, WatchError> {
        self.store.watch(prefix, after).await
    }

    async fn compact(&self, before: Revision) -> Result<(), ReadError> {
        self.store.compact(before).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::MemoryStore;

    crate::storage::contract_tests!(contract, Counted::new(Arc::new(MemoryStore::default()), Writes::new()));

    #[tokio::test]
    async fn what_was_stored_is_counted_by_resource() {
        let writes = Writes::new();
        let store = Counted::new(Arc::new(MemoryStore::default()), writes.clone());
        let robin = "/registry/demo.example.com/birds/default/robin";
        let revision = store.create(robin, "1".into()).await.unwrap();
        assert!(store.create(robin, "1".into()).await.is_err());
        store.update(robin, "2".into(), revision).await.unwrap();
        store.create("/registry/core/events/default/e", "1".into()).await.unwrap();
        assert_eq!((writes.total(), writes.of("demo.example.com", "birds"), writes.of("core", "events")), (2, 2, 1));
    }
}
