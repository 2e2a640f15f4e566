//! Bytes under keys, with revisions. Knows no kinds and no HTTP.
//!
//! One counter orders everything, as in etcd: every write that changes something takes the next [`Revision`],
//! a delete too. A [`Store`] keeps the versions that a [`Revision`] since the last compaction can still name, so that a
//! list can be continued and a watch resumed. Stores that keep history in memory compact by themselves when it takes
//! too much of it.
//!
//! Three implementations, held to the same promises by `contract` (a feature): [`memory`] for tests, [`embedded`] for a
//! server that stands alone, [`etcd`] for one that shares its data with replicas.

pub mod cache;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod embedded;
#[cfg(feature = "etcd")]
pub mod etcd;
pub mod memory;
mod mvcc;
pub mod timed;

#[cfg(any(test, feature = "contract"))]
pub use contract::contract_tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

/// The number of a write. Grows by at least one with each write to the store, whatever the key; 0 is before all writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key with its value, as one write left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The whole key, for example `/registry/demo.example.com/birds/default/robin`. Shared with a store that keeps it.
    pub key: Arc<str>,
    /// What was stored, unchanged.
    pub value: Bytes,
    /// The write that stored it.
    pub revision: Revision,
}

/// What [`Store::list`] reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Keys that start with this are meant; end it in `/` to read a folder and not its neighbours.
    pub prefix: String,
    /// Only keys at or after this one. Empty: from the first.
    pub start: String,
    /// At most so many entries; 0 means all.
    pub limit: usize,
    /// The state after this write; `None` is the newest.
    pub at: Option<Revision>,
}

/// A part of a listing, in byte order of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The entries of this page.
    pub entries: Vec<Entry>,
    /// How many entries of the listing come after this page.
    pub remaining: u64,
    /// The state that was read: the one asked for, or the store's newest revision.
    pub revision: Revision,
}

/// One change to one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The key that changed.
    pub key: Arc<str>,
    /// Its new value; `None` when it was deleted.
    pub value: Option<Bytes>,
    /// The write that changed it.
    pub revision: Revision,
}

/// What a watch delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchItem {
    /// Changes in the order of their revisions, never empty. All changes of one revision are in one batch.
    Events(Vec<Event>),
    /// Nothing at or before this revision is still to come.
    Progress(Revision),
}

/// A running watch; dropping it ends it. After an `Err` the stream ends.
pub type WatchStream = BoxStream<'static, Result<WatchItem, WatchError>>;

/// Why a read was refused.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The revision asked for is no longer kept. Answered 410: the client reads again from now.
    #[error("revision {requested} is compacted; the oldest that is kept is {oldest}")]
    Compacted {
        /// What was asked for.
        requested: Revision,
        /// The oldest revision that can still be read; [`Revision`] 0 where the store does not tell.
        oldest: Revision,
    },
    /// The revision asked for has not happened yet.
    #[error("revision {requested} has not happened yet; the newest is {current}")]
    Future {
        /// What was asked for.
        requested: Revision,
        /// The store's newest revision.
        current: Revision,
    },
    /// The store cannot be reached or failed.
    #[error("the store failed to read")]
    Unavailable(#[source] BoxError),
}

/// Why a write was refused. Nothing has been written, except after `Unavailable`, where it may have been.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// `create` found the key taken.
    #[error("the key exists")]
    Exists(Entry),
    /// The key is not as the writer expected it: changed since, or gone.
    #[error("the key was changed by another writer")]
    Conflict {
        /// What is there now.
        current: Option<Entry>,
    },
    /// The store does not take values of this size. Answered 413.
    #[error("the value has {bytes} bytes; the store takes {bytes_max}")]
    TooLarge {
        /// Size of the value.
        bytes: usize,
        /// Largest value that the store takes.
        bytes_max: usize,
    },
    /// The store cannot be reached or failed; the write may or may not have happened.
    #[error("the store failed to write")]
    Unavailable(#[source] BoxError),
}

/// Why a watch cannot start or has ended.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// Events after the given revision are no longer all kept. List, then watch from there.
    #[error("events after revision {after} are compacted; the oldest that is kept is {oldest}")]
    Compacted {
        /// Where the watch was to start.
        after: Revision,
        /// The oldest revision that is kept; 0 where the store does not tell.
        oldest: Revision,
    },
    /// The watcher took its events too slowly and was cut off, so that it delays no one. Watch again from the last event.
    #[error("the watcher fell behind and was cut off")]
    Lagged,
    /// The store cannot be reached or failed.
    #[error("the store failed to watch")]
    Unavailable(#[source] BoxError),
}

/// What a backend said, for the log; clients never see it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Where objects are kept. Every promise is a test in `contract`.
///
/// Dropping a returned future cancels the wait, not a write that is under way.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The newest revision. Whatever was acknowledged to anyone before this call is at or below it. Asked before each read
    /// that must be fresh, by many at once: where it is a round trip, let them share it.
    async fn revision(&self) -> Result<Revision, ReadError>;

    /// The newest revision, where that is known without asking anyone; `None` where it is not.
    fn revision_now(&self) -> Option<Revision> {
        None
    }

    /// The newest value of `key`, with nothing acknowledged before the call missing.
    async fn get(&self, key: &str) -> Result<Option<Entry>, ReadError>;

    /// Lists keys under a prefix, in byte order, as they stood at one revision.
    ///
    /// # Errors
    /// [`ReadError::Compacted`] and [`ReadError::Future`] when `at` cannot be read.
    async fn list(&self, request: ListRequest) -> Result<Page, ReadError>;

    /// Stores `value` under a key that must not exist, and gives the write's revision once it is durable.
    ///
    /// # Errors
    /// [`WriteError::Exists`] with what is there.
    async fn create(&self, key: &str, value: Bytes) -> Result<Revision, WriteError>;

    /// Replaces the value of a key last written at `expected`.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] with what is there instead.
    async fn update(&self, key: &str, value: Bytes, expected: Revision) -> Result<Revision, WriteError>;

    /// Removes a key last written at `expected`, and gives the revision of the removal.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] with what is there instead.
    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision, WriteError>;

    /// Every change under `prefix` with a revision above `after`, in order, none twice, none left out; then those to come.
    /// A revision in the future waits for it.
    ///
    /// # Errors
    /// [`WatchError::Compacted`], here or as the stream's first item, when such changes are no longer all kept.
    async fn watch(&self, prefix: &str, after: Revision) -> Result<WatchStream, WatchError>;

    /// Forgets what only revisions before `before` can name. Newer reads and watches are not touched; a `before` that
    /// is already compacted changes nothing.
    async fn compact(&self, before: Revision) -> Result<(), ReadError>;
}
