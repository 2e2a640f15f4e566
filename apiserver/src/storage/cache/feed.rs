//! One watch of the whole store, handed out to the caches.
//!
//! One watch instead of one for each kind, because then every revision that the server's own keys take is seen here:
//! a quiet kind's cache moves forward with the writes of the busy ones, and a read that must be fresh has only to wait
//! until [`Feed::progress`] reaches the store's revision. On an etcd that other programs write to as well, that
//! moment may not come by itself; then a marker is written, see [`Feed::mark`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::watch;

use super::pace::Pace;
use crate::storage::{Entry, Event, ListRequest, ReadError, Revision, Store, WatchError, WatchItem, WriteError};

/// Under this lies everything that the server stores.
pub const ROOT: &str = "/registry/";

/// What [`Feed::mark`] writes; no kind's prefix starts so.
const MARKER: &str = "/registry/.marker";

/// How many entries are read at once when a cache is filled.
const FILL_PAGE: usize = 10_000;

/// Who is fed: a cache of one kind.
pub trait Sink: Send + Sync + 'static {
    /// Where its keys are; ends in `/`.
    fn prefix(&self) -> &str;
    /// All entries as they stand at a revision; what was known before is void.
    fn fill(&self, entries: Vec<Entry>, at: Revision);
    /// The next change. Who waits for it is told by [`tell`](Self::tell).
    fn apply(&self, event: Event);
    /// Wakes those who wait for what has been applied, and says how many these are.
    fn tell(&self) -> usize;
    /// Nothing at or before this revision is still to come. Told to all after each change of any, so it takes no lock.
    fn progress(&self, revision: Revision);
}

/// Follows the store for all caches.
pub struct Feed {
    store: Arc<dyn Store>,
    /// In the order of their prefixes.
    sinks: Vec<Arc<dyn Sink>>,
    progress: watch::Sender<Revision>,
    filled: AtomicBool,
}

impl Feed {
    /// A feed for these caches; nothing happens until [`run`](Self::run).
    pub fn new(store: Arc<dyn Store>, mut sinks: Vec<Arc<dyn Sink>>) -> Self {
        sinks.sort_by(|one, other| one.prefix().cmp(other.prefix()));
        Self { store, sinks, progress: watch::Sender::new(Revision(0)), filled: AtomicBool::new(false) }
    }

    /// Fills the caches and follows the store until the future is dropped. Whatever fails is tried again.
    pub async fn run(&self) {
        let mut wait = Duration::from_millis(50);
        loop {
            let error = match self.fill().await {
                Ok(at) => {
                    wait = Duration::from_millis(50);
                    self.follow(at).await
                }
                Err(error) => Box::new(error),
            };
            tracing::warn!(error = %Chain(&*error), "lost the store's changes; reading it again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(2));
        }
    }

    /// Whether every cache has been filled at least once.
    pub fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// Waits until every cache has been filled.
    pub async fn filled(&self) {
        let mut progress = self.progress.subscribe();
        // The sender lives as long as `self`, so this only ends when the caches are filled.
        let _ = progress.wait_for(|_| self.is_filled()).await;
    }

    /// The revision that the caches have reached, all changes at or before it included.
    pub fn progress(&self) -> Revision {
        *self.progress.borrow()
    }

    /// Wakes when [`progress`](Self::progress) moves.
    pub fn subscribe(&self) -> watch::Receiver<Revision> {
        self.progress.subscribe()
    }

    /// Waits until the caches have reached a revision, at most so long. Tells whether they have.
    pub async fn reached(&self, revision: Revision, timeout: Duration) -> bool {
        if self.progress() >= revision {
            return true;
        }
        let mut progress = self.progress.subscribe();
        matches!(tokio::time::timeout(timeout, progress.wait_for(|at| *at >= revision)).await, Ok(Ok(_)))
    }

    /// Writes a marker, so that a change comes by whose revision is above all that were asked for so far. For a store that
    /// others write to as well: their writes move its revision and are not seen here.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn mark(&self) -> Result<(), ReadError> {
        let value = bytes::Bytes::from_static(b"{}");
        let written = match self.store.get(MARKER).await? {
            Some(entry) => self.store.update(MARKER, value, entry.revision).await,
            None => self.store.create(MARKER, value).await,
        };
        match written {
            Err(WriteError::Unavailable(error)) => Err(ReadError::Unavailable(error)),
            // Somebody else's marker does as well as ours.
            _ => Ok(()),
        }
    }

    async fn fill(&self) -> Result<Revision, ReadError> {
        let at = self.store.revision().await?;
        for sink in &self.sinks {
            let mut entries: Vec<Entry> = Vec::new();
            loop {
                // The key right after the last one: nothing sorts between a key and the key with a zero byte behind it.
                let start = entries.last().map(|last| format!("{}\0", last.key)).unwrap_or_default();
                let request = ListRequest { prefix: sink.prefix().to_owned(), start, limit: FILL_PAGE, at: Some(at) };
                let page = self.store.list(request).await?;
                entries.extend(page.entries);
                if page.remaining == 0 {
                    break;
                }
            }
            sink.fill(entries, at);
        }
        self.filled.store(true, Ordering::Release);
        self.progress.send_replace(at);
        Ok(at)
    }

    /// Follows changes until following is no longer possible; a connection that breaks is resumed.
    async fn follow(&self, at: Revision) -> Box<dyn std::error::Error + Send + Sync> {
        let mut at = at;
        let mut failures = 0;
        // Caches whose watchers are still to be told.
        let (mut untold, mut pace) = (BTreeSet::new(), Pace::default());
        loop {
            let error = match self.store.watch(ROOT, at).await {
                Ok(mut changes) => loop {
                    let item = tokio::select! {
                        biased;
                        () = pace.over(), if !untold.is_empty() => {
                            pace.told(self.tell(&mut untold));
                            continue;
                        }
                        item = changes.next() => item,
                    };
                    match item {
                        Some(Ok(item)) => {
                            failures = 0;
                            at = at.max(self.hand_out(item, &mut untold));
                        }
                        Some(Err(error)) => break error,
                        None => break WatchError::Unavailable("the store ended the watch".into()),
                    }
                },
                Err(error) => error,
            };
            self.tell(&mut untold);
            // Resuming gives up only where it must: filling anew ends every client's watch.
            if matches!(error, WatchError::Compacted { .. }) {
                return Box::new(error);
            }
            failures += 1;
            tracing::debug!(error = %Chain(&error), "resuming the watch of the store");
            tokio::time::sleep(Duration::from_millis(50 * failures.min(20))).await;
        }
    }

    /// Tells those who wait for changes of these caches, and says how many they are.
    fn tell(&self, untold: &mut BTreeSet<usize>) -> usize {
        std::mem::take(untold).into_iter().map(|sink| self.sinks[sink].tell()).sum()
    }

    /// Notes in `untold` whom a change was handed to.
    fn hand_out(&self, item: WatchItem, untold: &mut BTreeSet<usize>) -> Revision {
        let revision = match item {
            WatchItem::Progress(revision) => revision,
            WatchItem::Events(events) => {
                let last = events.last().map_or(Revision(0), |event| event.revision);
                for event in events {
                    if let Some(sink) = self.sink_of(&event.key) {
                        self.sinks[sink].apply(event);
                        untold.insert(sink);
                    }
                }
                last
            }
        };
        for sink in &self.sinks {
            sink.progress(revision);
        }
        self.progress.send_if_modified(|at| {
            let moved = revision > *at;
            *at = (*at).max(revision);
            moved
        });
        revision
    }

    fn sink_of(&self, key: &str) -> Option<usize> {
        // No prefix is part of another, so only the last one at or before the key can be its own.
        let sink = self.sinks.partition_point(|sink| sink.prefix() <= key).checked_sub(1)?;
        key.starts_with(self.sinks[sink].prefix()).then_some(sink)
    }
}

/// An error with its causes, for the log.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
