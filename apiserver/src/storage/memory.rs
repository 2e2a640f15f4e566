//! A store that forgets everything with the process: for tests, and for servers whose objects need not outlive them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::mvcc::{Change, Mvcc};
use super::{Entry, ListRequest, Page, ReadError, Revision, Store, WatchError, WatchStream, WriteError};

/// A [`Store`] in memory. No call waits, but for [`Store::compact`], which lets others go first now and then. When
/// superseded values take more than 16 MiB, the older half of history is compacted without being asked for.
#[derive(Default)]
pub struct MemoryStore {
    mvcc: Arc<Mvcc>,
}

/// How many records a compaction looks at before it lets writers go on.
const SWEEP_RECORDS: usize = 1024;

#[async_trait]
impl Store for MemoryStore {
    async fn revision(&self) -> Result<Revision, ReadError> {
        Ok(self.mvcc.revision())
    }

    fn revision_now(&self) -> Option<Revision> {
        Some(self.mvcc.revision())
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, ReadError> {
        Ok(self.mvcc.get(key))
    }

    async fn list(&self, request: ListRequest) -> Result<Page, ReadError> {
        self.mvcc.list(&request)
    }

    async fn create(&self, key: &str, value: Bytes) -> Result<Revision, WriteError> {
        self.mvcc.write(Change { key: key.to_owned(), value: Some(value), expected: None })
    }

    async fn update(&self, key: &str, value: Bytes, expected: Revision) -> Result<Revision, WriteError> {
        self.mvcc.write(Change { key: key.to_owned(), value: Some(value), expected: Some(expected) })
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision, WriteError> {
        self.mvcc.write(Change { key: key.to_owned(), value: None, expected: Some(expected) })
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<WatchStream, WatchError> {
        self.mvcc.watch(prefix, after)
    }

    async fn compact(&self, before: Revision) -> Result<(), ReadError> {
        self.mvcc.compact(before)?;
        while !self.mvcc.sweep(SWEEP_RECORDS).1 {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        self.mvcc.close();
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryStore;

    crate::storage::contract_tests!(contract, MemoryStore::default());
}
