//! All objects of a kind in memory, with a window of their latest changes.
//!
//! A [`WatchCache`] is filled by a [`Feed`](feed::Feed), which follows the whole store with one watch. Readers take a
//! snapshot; watchers hold a [`Cursor`] into the window and read on from there, so that a change is kept once however
//! many watch, and a slow watcher delays no one: it is cut off when the window has moved past its cursor.
//!
//! **Invariant:** when [`Feed::progress`](feed::Feed::progress) has reached a revision, every change at or before it is in the caches.

mod change;
pub mod feed;
pub mod index;
mod pace;
#[cfg(test)]
mod tests;
mod waiters;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use self::change::Change;
use self::index::{By, Indexes, Lookup};
pub use self::waiters::Waiter;
use self::waiters::Waiters;
use super::{Entry, Event, Revision};

/// Changes that are kept for watchers to resume from. Each takes some 150 bytes beside its objects, which adds up where
/// many are made at once.
const WINDOW_CHANGES_MAX: usize = 20_480;
/// What the window may take that nothing else does; older changes are dropped beyond. As much as the history of the
/// stores that are in this process, with which it shares the bytes of objects.
const WINDOW_BYTES_MAX: usize = 16 << 20;
/// Changes that are kept whatever their size.
const WINDOW_CHANGES_MIN: usize = 100;
/// How many of the latest changes are kept as they were sent: watchers that keep up are hardly ever further behind.
const FRAMES_KEPT: usize = 256;
/// From so many objects on an index is worth its while.
const INDEXED_MIN: usize = 256;

/// What a cache makes of stored bytes.
pub trait Cached: Send + Sync + Sized + 'static {
    /// What is needed to decode, shared by all objects of a cache.
    type Codec: Send + Sync;
    /// Reads an entry. Bytes that cannot be read make an object that says so when it is used.
    fn decode(codec: &Self::Codec, entry: &Entry) -> Self;
    /// The same object as it is shown when it left at a later revision: deleted, or out of a selector.
    fn left_at(&self, revision: Revision) -> Self;
    /// The write that stored it.
    fn revision(&self) -> Revision;
    /// Its share of memory, in bytes.
    fn bytes(&self) -> usize;
    /// Its value of a label or a field, where it has one.
    fn value_of(&self, by: &By) -> Option<&str>;
    /// The form in which it is stored; objects of one form are counted together.
    fn stored_as(&self) -> &str;
    /// Told each time a cache has been filled anew: how many objects there are of each form.
    fn filled(codec: &Self::Codec, stored_as: &BTreeMap<String, u64>) {
        let _ = (codec, stored_as);
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
    pub next: Option<Arc<str>>,
    /// The state that was read.
    pub revision: Revision,
    /// Where a watch goes on from this snapshot.
    pub cursor: Cursor,
}

/// Which objects a reader wants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Range<'a> {
    /// Where their keys are: the cache's prefix, or a folder in it; ends in `/`.
    pub prefix: &'a str,
    /// Only keys at or after this one. Empty: from the first.
    pub start: &'a str,
    /// At most so many; 0 means all.
    pub limit: usize,
    /// Conditions that all fulfil whom the reader will keep: others need not be looked at.
    pub lookups: &'a [Lookup],
}

/// All objects under one prefix, and their latest changes.
pub struct WatchCache<T: Cached> {
    prefix: String,
    codec: T::Codec,
    state: RwLock<State<T>>,
    /// Nothing at or before this revision is still to come.
    reached: AtomicU64,
    waiters: Arc<Waiters>,
}

struct State<T> {
    objects: BTreeMap<Arc<str>, Arc<T>>,
    indexes: Indexes,
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
    /// The newest change.
    revision: Revision,
    filled: bool,
}

impl<T: Cached> WatchCache<T> {
    /// An empty cache of what is stored under `prefix`, which ends in `/`.
    pub fn new(prefix: String, codec: T::Codec) -> Self {
        let state = State {
            objects: BTreeMap::new(),
            indexes: Indexes::default(),
            stored_as: BTreeMap::new(),
            window: VecDeque::new(),
            first: 0,
            complete_after: Revision(0),
            epoch: 0,
            window_bytes: 0,
            revision: Revision(0),
            filled: false,
        };
        Self { prefix, codec, state: RwLock::new(state), reached: AtomicU64::new(0), waiters: Arc::default() }
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

    /// Differs from what it was before whenever the objects do; `None` until it has been filled.
    pub fn stamp(&self) -> Option<(u64, u64)> {
        let state = self.read();
        state.filled.then(|| (state.epoch, state.first + state.window.len() as u64))
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

    /// The revision that the cache has reached: all changes at or before it are there.
    pub fn revision(&self) -> Revision {
        self.reached(&self.read())
    }

    /// The revision that the cache has reached, and where a watch goes on from there.
    pub fn now(&self) -> (Revision, Cursor) {
        let state = self.read();
        (self.reached(&state), state.end())
    }

    /// All objects under `prefix` for which `keep` holds.
    pub fn snapshot(&self, prefix: &str, keep: impl Fn(&T) -> bool) -> Snapshot<T> {
        self.select(&Range { prefix, ..Range::default() }, keep)
    }

    /// Reads the objects of a range for which `keep` holds. `remaining` counts what follows whether `keep` holds or not,
    /// and is not told with a look-up.
    pub fn select(&self, range: &Range<'_>, keep: impl Fn(&T) -> bool) -> Snapshot<T> {
        self.select_in(&self.read(), range, keep)
    }

    /// The same as they stood at a revision, as long as no change has come since; `None` afterwards.
    pub fn select_at(&self, at: Revision, range: &Range<'_>, keep: impl Fn(&T) -> bool) -> Option<Snapshot<T>> {
        let state = self.read();
        let is_current = state.filled && state.revision <= at && at <= self.reached(&state);
        is_current.then(|| Snapshot { revision: at, ..self.select_in(&state, range, keep) })
    }

    fn select_in(&self, state: &State<T>, range: &Range<'_>, keep: impl Fn(&T) -> bool) -> Snapshot<T> {
        let (objects, next, remaining) = match state.find(range) {
            Some(candidates) => {
                let (objects, next) =
                    cut(&mut candidates.iter().map(|(key, object)| (key, *object)), range.limit, keep);
                (objects, next, 0)
            }
            None => {
                let mut all = state.range(range);
                let (objects, next) = cut(&mut all, range.limit, keep);
                // Counting is going from leaf to leaf of the tree: it looks at neither keys nor objects.
                let remaining = if next.is_some() { all.count() as u64 + 1 } else { 0 };
                (objects, next, remaining)
            }
        };
        Snapshot { objects, remaining, next, revision: self.reached(state), cursor: state.end() }
    }

    /// Sees to it that look-ups have an index, where one is worth its while.
    pub fn index(&self, lookups: &[Lookup]) {
        let state = self.read();
        if state.objects.len() < INDEXED_MIN || state.indexes.know(lookups) {
            return;
        }
        drop(state);
        let state = &mut *self.write();
        state.indexes.add(lookups, &state.objects);
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
        Ok((until == state.window.len()).then(|| self.reached(&state)))
    }

    /// Waits for changes of keys that start with `prefix`.
    pub fn waiter(&self, prefix: &str) -> Waiter {
        self.waiters.join(prefix)
    }

    /// What [`Feed`](feed::Feed) tells is told after the changes that it speaks of, and may be behind a change of ours.
    fn reached(&self, state: &State<T>) -> Revision {
        Revision(self.reached.load(Ordering::Acquire)).max(state.revision)
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
        let (next, epoch) = (state.first + state.window.len() as u64, state.epoch + 1);
        for form in state.stored_as.keys() {
            count(&mut stored_as, form, 0);
        }
        *state = State {
            objects,
            indexes: Indexes::default(),
            stored_as,
            window: VecDeque::new(),
            first: next,
            complete_after: at,
            epoch,
            window_bytes: 0,
            revision: at,
            filled: true,
        };
        self.reached.store(at.0, Ordering::Release);
        drop(state);
        // Watchers of the time before must learn that their cursor leads nowhere.
        self.waiters.filled(next, epoch);
    }

    fn apply(&self, event: Event) {
        // Decoding is the costly part, so it is done before the lock is taken.
        let object = event.value.map(|value| {
            let entry = Entry { key: event.key.clone(), value, revision: event.revision };
            Arc::new(T::decode(&self.codec, &entry))
        });
        let mut state = self.write();
        if state.objects.get(&event.key).is_some_and(|object| object.revision() >= event.revision) {
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
        state.indexes.change(&event.key, previous.as_deref(), object.as_deref());
        state.revision = state.revision.max(event.revision);
        if object.is_none() && previous.is_none() {
            return;
        }
        state.push(Change::new(event.key.clone(), event.revision, object, previous));
        drop(state);
        self.waiters.changed(event.key);
    }

    fn tell(&self) -> usize {
        self.waiters.tell()
    }

    fn progress(&self, revision: Revision) {
        self.reached.fetch_max(revision.0, Ordering::AcqRel);
    }
}

impl<T: Cached> State<T> {
    fn end(&self) -> Cursor {
        Cursor { next: self.first + self.window.len() as u64, epoch: self.epoch }
    }

    /// The objects of a range, without its limit.
    fn range<'a>(&'a self, range: &Range<'_>) -> impl Iterator<Item = (&'a Arc<str>, &'a Arc<T>)> {
        let (from, end) = bounds(range);
        self.objects.range::<str, _>((Bound::Included(from), Bound::Excluded(&*end)))
    }

    /// The objects of a range that its look-ups may mean, if an index tells them.
    fn find<'a>(&'a self, range: &Range<'_>) -> Option<Vec<(Arc<str>, &'a Arc<T>)>> {
        let (from, end) = bounds(range);
        let keys = self.indexes.find(range.lookups, self.objects.len(), from, &end)?;
        Some(keys.into_iter().filter_map(|key| self.objects.get(&key).map(|object| (key, object))).collect())
    }

    fn push(&mut self, change: Change<T>) {
        if let Some(older) = self.window.len().checked_sub(FRAMES_KEPT) {
            self.window[older].close();
        }
        self.window_bytes += change.weight();
        self.window.push_back(Arc::new(change));
        while self.window.len() > WINDOW_CHANGES_MIN
            && (self.window.len() > WINDOW_CHANGES_MAX || self.window_bytes > WINDOW_BYTES_MAX)
        {
            let Some(oldest) = self.window.pop_front() else { break };
            self.window_bytes -= oldest.weight();
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

/// Where the keys of a range start and end.
fn bounds<'a>(range: &Range<'a>) -> (&'a str, String) {
    // Its last character is a slash, and a zero comes next.
    let end = format!("{}0", range.prefix.strip_suffix('/').unwrap_or(range.prefix));
    // A start behind the end is behind everything, and a range must not run backwards.
    let from = if range.start > range.prefix { range.start } else { range.prefix };
    (from, if *end < *from { from.to_owned() } else { end })
}

/// The first `limit` of the objects for which `keep` holds, and the key of the one behind them. Whether that one matches
/// is found out when somebody asks for it.
fn cut<'a, T: 'a>(
    objects: &mut impl Iterator<Item = (&'a Arc<str>, &'a Arc<T>)>,
    limit: usize,
    keep: impl Fn(&T) -> bool,
) -> (Vec<Arc<T>>, Option<Arc<str>>) {
    let mut kept = Vec::new();
    for (key, object) in objects {
        if limit != 0 && kept.len() == limit {
            return (kept, Some(key.clone()));
        }
        if keep(object) {
            kept.push(object.clone());
        }
    }
    (kept, None)
}
