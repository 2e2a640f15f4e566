//! A store whose operations are timed, for metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Entry, ListRequest, Page, ReadError, Revision, Store, WatchError, WatchStream, WriteError};

/// Told of each operation that has ended, well or not: its name, as Kubernetes' metrics have it, the key or prefix that
/// it was about, and how long it took. Called on the way of every write, so it must not wait.
pub type Observe = Box<dyn Fn(&'static str, &str, Duration) + Send + Sync>;

/// Another store, timed. Watches are not: they last.
pub struct Timed {
    store: Arc<dyn Store>,
    observe: Observe,
}

impl Timed {
    /// Times the operations of a store.
    pub fn new(store: Arc<dyn Store>, observe: Observe) -> Self {
        Self { store, observe }
    }

    async fn time<T>(&self, operation: &'static str, key: &str, running: impl Future<Output = T>) -> T {
        let begin = Instant::now();
        let result = running.await;
        (self.observe)(operation, key, begin.elapsed());
        result
    }
}

#[async_trait]
impl Store for Timed {
    async fn revision(&self) -> Result<Revision, ReadError> {
        self.time("getCurrentResourceVersion", "", self.store.revision()).await
    }

    fn revision_now(&self) -> Option<Revision> {
        self.store.revision_now()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, ReadError> {
        self.time("get", key, self.store.get(key)).await
    }

    async fn list(&self, request: ListRequest) -> Result<Page, ReadError> {
        let prefix = request.prefix.clone();
        self.time("list", &prefix, self.store.list(request)).await
    }

    async fn create(&self, key: &str, value: Bytes) -> Result<Revision, WriteError> {
        self.time("create", key, self.store.create(key, value)).await
    }

    async fn update(&self, key: &str, value: Bytes, expected: Revision) -> Result<Revision, WriteError> {
        self.time("update", key, self.store.update(key, value, expected)).await
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision, WriteError> {
        self.time("delete", key, self.store.delete(key, expected)).await
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
    use std::sync::Mutex;

    use super::*;
    use crate::storage::memory::MemoryStore;

    crate::storage::contract_tests!(contract, Timed::new(Arc::new(MemoryStore::default()), Box::new(|_, _, _| {})));

    #[tokio::test]
    async fn each_operation_is_told_with_its_key() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = seen.clone();
        let observe: Observe = Box::new(move |operation, key, _| {
            told.lock().unwrap().push(format!("{operation} {key}"));
        });
        let store = Timed::new(Arc::new(MemoryStore::default()), observe);
        let revision = store.create("/a/b", Bytes::new()).await.unwrap();
        assert!(store.create("/a/b", Bytes::new()).await.is_err());
        let revision = store.update("/a/b", Bytes::new(), revision).await.unwrap();
        store.get("/a/b").await.unwrap();
        store.list(ListRequest { prefix: "/a/".into(), ..ListRequest::default() }).await.unwrap();
        store.delete("/a/b", revision).await.unwrap();
        store.revision().await.unwrap();
        let expect = [
            "create /a/b",
            "create /a/b",
            "update /a/b",
            "get /a/b",
            "list /a/",
            "delete /a/b",
            "getCurrentResourceVersion ",
        ];
        assert_eq!(*seen.lock().unwrap(), expect);
    }
}
