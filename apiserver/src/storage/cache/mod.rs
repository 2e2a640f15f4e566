//! All objects of a kind in memory, with a window of their latest changes.
//!
//! A [`WatchCache`] is filled by a [`Feed`](feed::Feed), which follows the whole store with one watch. Readers take a
//! snapshot; watchers hold a [`Cursor`] into the window and read on from there, so that a change is kept once however
//! many watch, and a slow watcher delays no one: it is cut off when the window has moved past its cursor.
//!
//! **Invariant:** when [`Feed::progress`](feed::Feed::progress) has reached a revision, every change at or before it is in the caches.

pub mod feed;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use tokio::sync::watch;

use super::{Entry, Event, Revision};

/// Changes that are kept for watchers to resume from, as in Kubernetes' watch cache at its largest.
const WINDOW_CHANGES_MAX: usize = 102_400;
/// Bytes of values that only the window still holds; older changes are dropped beyond.
const WINDOW_BYTES_MAX: usize = 32 << 20;
/// Changes that are kept whatever their size.
const WINDOW_CHANGES_MIN: usize = 100;

/// What a cache makes of stored bytes.
pub trait Cached: Send + Sync + Sized + 'static {
    /// What is needed to decode, shared by all objects of a cache.
    type Codec: Send + Sync;
    /// Reads an entry. Bytes that cannot be read make an object that says so when it is used.
    fn decode(codec: &Self::Codec, entry: &Entry) -> Self;
    /// The same object as it is shown when it left at a later revision: deleted, or out of a selector.
    fn left_at(&self, codec: &Self::Codec, revision: Revision) -> Self;
    /// The write that stored it.
    fn revision(&self) -> Revision;
    /// Its share of memory, in bytes.
    fn bytes(&self) -> usize;
    /// The form in which it is stored; objects of one form are counted together.
    fn stored_as(&self) -> &str;
    /// Told each time a cache has been filled anew: how many objects there are of each form.
    fn filled(codec: &Self::Codec, stored_as: &BTreeMap<String, u64>) {
        let _ = (codec, stored_as);
    }
}

/// One change, as every watcher sees it.
pub struct Change<T> {
    /// The key that changed.
    pub key: String,
    /// The write that changed it.
    pub revision: Revision,
    /// The object after the change; `None` when it was deleted.
    pub object: Option<Arc<T>>,
    /// The object before the change; `None` when it was created.
    pub previous: Option<Arc<T>>,
    left: OnceLock<Arc<T>>,
    /// Encoded once, by whoever needs it first, for all watchers: a slot for each type of event.
    pub frames: [OnceLock<Bytes>; 3],
}

impl<T: Cached> Change<T> {
    /// The previous object with this change's revision: what a watcher sees leave.
    pub fn left(&self, codec: &T::Codec) -> Option<&Arc<T>> {
        let previous = self.previous.as_ref()?;
        Some(self.left.get_or_init(|| Arc::new(previous.left_at(codec, self.revision))))
    }
}

/// A watcher's place in the window.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    next: u64,
    epoch: u64,
}

/// Why a watcher cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub enum CursorError {
    /// Changes that the watcher has not seen are no longer kept, down to this revision.
    TooOld(Revision),
}

/// Objects as they stood at one revision, in byte order of their keys.
pub struct Snapshot<T> {
    /// The objects.
    pub objects: Vec<Arc<T>>,
    /// How many follow, when the snapshot was cut at a limit.
    pub remaining: u64,
    /// Where the next page starts: the key of the first object that was left out.
    pub next: Option<String>,
    /// The state that was read.
    pub revision: Revision,
    /// Where a watch goes on from this snapshot.
    pub cursor: Cursor,
}

/// All objects under one prefix, and their latest changes.
pub struct WatchCache<T: Cached> {
    prefix: String,
    codec: T::Codec,
    state: RwLock<State<T>>,
    /// The number of changes so far: what watchers wait for.
    changed: watch::Sender<u64>,
}

struct State<T> {
    objects: BTreeMap<String, Arc<T>>,
    /// How many objects there are of each form. One that has been there stays, with none.
    stored_as: BTreeMap<String, u64>,
    window: VecDeque<Arc<Change<T>>>,
    /// The sequence number of the first change in the window.
    first: u64,
    /// Every change after this revision is in the window.
    complete_after: Revision,
    /// Grows when the cache is filled anew: what a watcher saw before cannot be continued.
    epoch: u64,
    window_bytes: usize,
    revision: Revision,
    filled: bool,
}

impl<T: Cached> WatchCache<T> {
    /// An empty cache of what is stored under `prefix`, which ends in `/`.
    pub fn new(prefix: String, codec: T::Codec) -> Self {
        let state = State {
            objects: BTreeMap::new(),
            stored_as: BTreeMap::new(),
            window: VecDeque::new(),
            first: 0,
            complete_after: Revision(0),
            epoch: 0,
            window_bytes: 0,
            revision: Revision(0),
            filled: false,
        };
        Self { prefix, codec, state: RwLock::new(state), changed: watch::Sender::new(0) }
    }

    /// Where its objects are stored.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What decodes its objects.
    pub fn codec(&self) -> &T::Codec {
        &self.codec
    }

    /// Whether it has been filled since the server started.
    pub fn is_filled(&self) -> bool {
        self.read().filled
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.read().objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many objects there are, by the form in which they are stored.
    pub fn stored_as(&self) -> BTreeMap<String, u64> {
        self.read().stored_as.clone()
    }

    /// One object.
    pub fn get(&self, key: &str) -> Option<Arc<T>> {
        self.read().objects.get(key).cloned()
    }

    /// The revision of the newest change that is in the cache.
    pub fn revision(&self) -> Revision {
        self.read().revision
    }

    /// Reads the objects under `prefix` for which `keep` holds, from `start` on, at most `limit` of them (0: all).
    /// `remaining` counts what follows whether `keep` holds or not.
    pub fn snapshot(&self, prefix: &str, start: &str, limit: usize, keep: impl Fn(&T) -> bool) -> Snapshot<T> {
        let state = self.read();
        let from = if start > prefix { start } else { prefix };
        let mut range = state.objects.range::<str, _>((Bound::Included(from), Bound::Unbounded));
        let mut objects = Vec::new();
        let mut next = None;
        let mut remaining = 0;
        for (key, object) in range.by_ref().take_while(|(key, _)| key.starts_with(prefix)) {
            if limit != 0 && objects.len() == limit {
                // Whether another object matches is found out when somebody asks for it.
                next.get_or_insert_with(|| key.clone());
                remaining += 1;
                continue;
            }
            if keep(object) {
                objects.push(object.clone());
            }
        }
        Snapshot { objects, remaining, next, revision: state.revision, cursor: state.end() }
    }

    /// Where a watch for changes after `revision` starts.
    ///
    /// # Errors
    /// When some of them are no longer kept.
    pub fn cursor_after(&self, revision: Revision) -> Result<Cursor, CursorError> {
        let state = self.read();
        if revision < state.complete_after {
            return Err(CursorError::TooOld(state.complete_after));
        }
        let seen = state.window.partition_point(|change| change.revision <= revision);
        Ok(Cursor { next: state.first + seen as u64, epoch: state.epoch })
    }

    /// The changes at the cursor, at most `limit` of them, and moves it behind them. When no more follow it tells the
    /// revision that the cache has reached: nothing at or before it is still to come.
    ///
    /// # Errors
    /// When the window has moved past the cursor.
    pub fn read_on(
        &self,
        cursor: &mut Cursor,
        limit: usize,
        changes: &mut Vec<Arc<Change<T>>>,
    ) -> Result<Option<Revision>, CursorError> {
        let state = self.read();
        if cursor.epoch != state.epoch || cursor.next < state.first {
            return Err(CursorError::TooOld(state.complete_after));
        }
        let from = (cursor.next - state.first) as usize;
        let until = state.window.len().min(from.saturating_add(limit));
        changes.extend(state.window.range(from.min(until)..until).cloned());
        cursor.next = state.first + until as u64;
        Ok((until == state.window.len()).then_some(state.revision))
    }

    /// Wakes when there is a change behind the last one seen by this receiver.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn read(&self) -> RwLockReadGuard<'_, State<T>> {
        self.state.read().unwrap_or_else(|broken| broken.into_inner())
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.state.write().unwrap_or_else(|broken| broken.into_inner())
    }
}

impl<T: Cached> feed::Sink for WatchCache<T> {
    fn prefix(&self) -> &str {
        &self.prefix
    }

    fn fill(&self, entries: Vec<Entry>, at: Revision) {
        let mut objects = BTreeMap::new();
        let mut stored_as = BTreeMap::new();
        for entry in entries {
            let object = Arc::new(T::decode(&self.codec, &entry));
            count(&mut stored_as, object.stored_as(), 1);
            objects.insert(entry.key, object);
        }
        T::filled(&self.codec, &stored_as);
        let mut state = self.write();
        let next = state.first + state.window.len() as u64;
        for form in state.stored_as.keys() {
            count(&mut stored_as, form, 0);
        }
        *state = State {
            objects,
            stored_as,
            window: VecDeque::new(),
            first: next,
            complete_after: at,
            epoch: state.epoch + 1,
            window_bytes: 0,
            revision: at,
            filled: true,
        };
        drop(state);
        // Watchers of the time before must learn that their cursor leads nowhere.
        self.changed.send_modify(|_| {});
    }

    fn apply(&self, event: Event) {
        // Decoding is the costly part, so it is done before the lock is taken.
        let object = event.value.map(|value| {
            let entry = Entry { key: event.key.clone(), value, revision: event.revision };
            Arc::new(T::decode(&self.codec, &entry))
        });
        let mut state = self.write();
        if event.revision <= state.revision
            && state.objects.get(&event.key).is_some_and(|o| o.revision() >= event.revision)
        {
            return;
        }
        let previous = match &object {
            Some(object) => state.objects.insert(event.key.clone(), object.clone()),
            None => state.objects.remove(&event.key),
        };
        if let Some(object) = &object {
            count(&mut state.stored_as, object.stored_as(), 1);
        }
        if let Some(previous) = &previous {
            count(&mut state.stored_as, previous.stored_as(), -1);
        }
        state.revision = state.revision.max(event.revision);
        if object.is_none() && previous.is_none() {
            return;
        }
        state.push(Change {
            key: event.key,
            revision: event.revision,
            object,
            previous,
            left: OnceLock::new(),
            frames: Default::default(),
        });
        let count = state.first + state.window.len() as u64;
        drop(state);
        self.changed.send_replace(count);
    }

    fn progress(&self, revision: Revision) {
        let mut state = self.write();
        state.revision = state.revision.max(revision);
    }
}

impl<T: Cached> State<T> {
    fn end(&self) -> Cursor {
        Cursor { next: self.first + self.window.len() as u64, epoch: self.epoch }
    }

    fn push(&mut self, change: Change<T>) {
        self.window_bytes += weight(&change);
        self.window.push_back(Arc::new(change));
        while self.window.len() > WINDOW_CHANGES_MIN
            && (self.window.len() > WINDOW_CHANGES_MAX || self.window_bytes > WINDOW_BYTES_MAX)
        {
            let Some(oldest) = self.window.pop_front() else { break };
            self.window_bytes -= weight(&oldest);
            self.complete_after = oldest.revision;
            self.first += 1;
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, form: &str, change: i64) {
    match counts.get_mut(form) {
        Some(count) => *count = count.saturating_add_signed(change),
        None => drop(counts.insert(form.to_owned(), u64::try_from(change).unwrap_or_default())),
    }
}

/// What a change keeps in memory that nothing else does: the object that it replaced.
fn weight<T: Cached>(change: &Change<T>) -> usize {
    change.key.len() + change.previous.as_ref().map_or(0, |object| object.bytes())
}
