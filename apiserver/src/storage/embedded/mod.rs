//! A store in one file, for a server that stands alone: a log of all writes, and the state they lead to in memory.
//!
//! Reads never touch the disk. Writes go to one thread, which decides on all that are waiting, one after the other,
//! commits them together, and only then lets anybody see them: a write is acknowledged once it is on disk, concurrent
//! writers share the wait for it, and a commit that fails has changed nothing.

mod disk;
mod writer;

use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::oneshot;

use self::disk::Disk;
use self::writer::{Request, Writer};
use super::mvcc::{Change, Mvcc};
use super::{BoxError, Entry, ListRequest, Page, ReadError, Revision, Store, WatchError, WatchStream, WriteError};

/// A [`Store`] on the local disk. Dropping it finishes the writes that were asked for, and waits for them. When
/// superseded values take more than 16 MiB, the older half of history is compacted without being asked for.
pub struct EmbeddedStore {
    mvcc: Arc<Mvcc>,
    // Both are taken when the store is dropped.
    requests: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
}

/// Why the data cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such folder, and it cannot be made.
    #[error("the data folder {} cannot be created", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file or its folder may not be written.
    #[error(
        "{} cannot be written: give the user that runs the server write access to it, or choose another data folder",
        path.display()
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process has the file open, or this one has it open already.
    #[error("{} is in use: stop the server that has it open, or choose another data folder", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a store, or was damaged.
    #[error("{} is damaged: restore it from a backup, or move it away to start with an empty store", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BoxError,
    },
    /// A later version of this library wrote the file.
    #[error(
        "{} has format {found}, and this server reads formats up to {supported}: run the version that wrote it, or a later one",
        path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: u64,
        /// The newest format that can be read.
        supported: u64,
    },
    /// The system failed to read or write the file.
    #[error("{} cannot be opened", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: BoxError,
    },
}

impl EmbeddedStore {
    /// Opens the store in the folder `path`, or starts an empty one there. Reads all of it, so that it takes the longer
    /// the more is stored.
    ///
    /// # Errors
    /// Whatever keeps the data from being used; every message names the path.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        EmbeddedStore::start(path, || Disk::open(path))
    }

    fn start(path: &Path, open: impl FnOnce() -> Result<Disk, OpenError>) -> Result<Self, OpenError> {
        let open = || {
            let mut disk = open()?;
            let (mvcc, unused) = disk.load()?;
            Ok((disk, mvcc, unused))
        };
        // The database finds most damage, and panics at some.
        let opened = panic::catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| {
            Err(OpenError::Corrupt { path: path.to_owned(), source: "it cannot be made sense of".into() })
        });
        let (disk, mvcc, unused) = opened?;
        let mvcc = Arc::new(mvcc);
        let (requests, queue) = mpsc::channel();
        let writer = Writer::new(mvcc.clone(), disk, unused);
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let thread = thread.spawn(move || writer.run(&queue)).expect("the system can start a thread");
        Ok(EmbeddedStore { mvcc, requests: Some(requests), writer: Some(thread) })
    }

    async fn write(&self, change: Change) -> Result<Revision, WriteError> {
        self.ask(|answer| Request::Write { change, answer }).await.unwrap_or_else(|e| Err(WriteError::Unavailable(e)))
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, BoxError> {
        let (sender, receiver) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or("the store is closed")?;
        requests.send(request(sender)).map_err(|_| "the thread that writes is gone")?;
        Ok(receiver.await.map_err(|_| "the thread that writes is gone")?)
    }
}

#[async_trait]
impl Store for EmbeddedStore {
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
        self.write(Change { key: key.to_owned(), value: Some(value), expected: None }).await
    }

    async fn update(&self, key: &str, value: Bytes, expected: Revision) -> Result<Revision, WriteError> {
        self.write(Change { key: key.to_owned(), value: Some(value), expected: Some(expected) }).await
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision, WriteError> {
        self.write(Change { key: key.to_owned(), value: None, expected: Some(expected) }).await
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<WatchStream, WatchError> {
        self.mvcc.watch(prefix, after)
    }

    async fn compact(&self, before: Revision) -> Result<(), ReadError> {
        let answered = self.ask(|answer| Request::Compact { before, answer }).await;
        answered.unwrap_or_else(|error| Err(ReadError::Unavailable(error)))
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the thread that writes to the store panicked");
        }
        self.mvcc.close();
    }
}

#[cfg(test)]
mod tests;
