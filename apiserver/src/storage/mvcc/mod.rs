//! All versions of all keys in memory: what [`memory`](super::memory) and [`embedded`](super::embedded) read from.
//!
//! Whoever writes does so under one lock and hands each change to the watches under the same lock, so a watch has
//! exactly the changes up to the store's revision. A watch has a bounded queue; writers never wait for it.
//! Values are shared, never copied. What a write costs depends neither on the number of keys (but for the depth of a
//! tree) nor on watches of other prefixes (but for a comparison of strings each).

mod watch;

use std::collections::VecDeque;
use std::collections::btree_map::BTreeMap;
use std::mem;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use self::watch::Watchers;
use super::{Entry, ListRequest, Page, ReadError, Revision, WatchError, WatchStream, WriteError};

/// Superseded values may take this much memory, whatever revisions they belong to. A compaction every few minutes is
/// not enough by itself: a thousand updates of 1 KiB in a second come to 300 MiB in five minutes.
pub(super) const HISTORY_BYTES_MAX: usize = 16 << 20;

/// What a superseded value takes beside its own bytes, roughly.
const RECORD_BYTES: usize = 128;

/// How many records are looked at with each write while there is something to free. More than one, so that freeing
/// comes to an end.
const SWEEP_PER_WRITE: usize = 4;

/// The state after every revision since the last compaction, and who watches it.
pub(super) struct Mvcc {
    state: RwLock<State>,
    // Locked after `state`, never before.
    watchers: Watchers,
}

/// A write that is asked for.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) key: String,
    /// `None` deletes.
    pub(super) value: Option<Bytes>,
    /// The last write to the key; `None` if it must not exist.
    pub(super) expected: Option<Revision>,
}

/// What one write did to one key.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) revision: Revision,
    pub(super) key: Arc<str>,
    /// `None` when it was deleted.
    pub(super) value: Option<Bytes>,
}

impl Default for Mvcc {
    fn default() -> Self {
        Mvcc::of(State::new(Revision(0)))
    }
}

impl Mvcc {
    /// The state that `records` lead to, in the order of their revisions, when all before `floor` is forgotten; and the
    /// revisions of the records that it has no use for.
    pub(super) fn restore<E>(
        floor: Revision,
        records: impl IntoIterator<Item = Result<(Revision, String, Option<Bytes>), E>>,
    ) -> Result<(Self, Vec<Revision>), E> {
        let mut state = State::new(floor);
        for record in records {
            let (revision, key, value) = record?;
            state.insert(revision, &key, value);
        }
        let keys: Vec<Arc<str>> = state.keys.keys().cloned().collect();
        let mut forgotten = Vec::new();
        for key in keys {
            state.forget(&key, &mut forgotten);
        }
        Ok((Mvcc::of(state), forgotten.iter().map(|record| record.revision).collect()))
    }

    fn of(state: State) -> Self {
        Mvcc { state: RwLock::new(state), watchers: Watchers::default() }
    }

    /// The newest revision. Watches that have nothing to deliver tell it as progress.
    pub(super) fn revision(&self) -> Revision {
        let current = self.read().current;
        self.watchers.announce(current);
        current
    }

    /// The oldest revision that can be read, and the newest.
    pub(super) fn bounds(&self) -> (Revision, Revision) {
        let state = self.read();
        (state.floor, state.current)
    }

    /// What is stored under `key` now.
    pub(super) fn get(&self, key: &str) -> Option<Entry> {
        self.read().newest(key).map(entry)
    }

    /// See [`Store::list`](super::Store::list).
    pub(super) fn list(&self, request: &ListRequest) -> Result<Page, ReadError> {
        let state = self.read();
        let at = match request.at {
            Some(at) if at > state.current => {
                return Err(ReadError::Future { requested: at, current: state.current });
            }
            Some(at) if at < state.floor => {
                return Err(ReadError::Compacted { requested: at, oldest: state.floor });
            }
            at => at.unwrap_or(state.current),
        };
        let mut page = Page { entries: Vec::new(), remaining: 0, revision: at };
        let end = prefix_end(&request.prefix);
        let first = request.prefix.as_str().max(&request.start);
        if end.as_deref().is_some_and(|end| end <= first) {
            return Ok(page);
        }
        let first = Bound::Included(first);
        let mut keys = state.keys.range::<str, _>((first, end.as_deref().map_or(Bound::Unbounded, Bound::Excluded)));
        let limit = if request.limit == 0 { usize::MAX } else { request.limit };
        while page.entries.len() < limit
            && let Some((_, versions)) = keys.next()
        {
            page.entries.extend(versions.at(at).map(entry));
        }
        page.remaining = keys.filter(|(_, versions)| versions.is_live_at(at)).count() as u64;
        Ok(page)
    }

    /// Makes a change, if its guard holds. Keeps history within its bounds.
    pub(super) fn write(&self, change: Change) -> Result<Revision, WriteError> {
        let mut state = self.write_lock();
        check(change.expected, state.newest(&change.key).map(entry))?;
        let revision = state.current.next();
        let record = state.insert(revision, &change.key, change.value);
        let woken = self.watchers.publish(&[record]);
        if let Some(before) = state.overfull() {
            state.compact(before);
        }
        let mut forgotten = Vec::new();
        if state.sweeping {
            state.sweep(SWEEP_PER_WRITE, &mut forgotten);
        }
        drop(state);
        woken.wake();
        Ok(revision)
    }

    /// Makes changes that have been decided upon, in the order of their revisions. The caller sees to it that history is
    /// not [overfull](Mvcc::overfull).
    pub(super) fn apply(&self, changes: impl IntoIterator<Item = (Revision, Arc<str>, Option<Bytes>)>) {
        let mut state = self.write_lock();
        let records: Vec<_> =
            changes.into_iter().map(|(revision, key, value)| state.insert(revision, &key, value)).collect();
        let woken = self.watchers.publish(&records);
        drop(state);
        woken.wake();
    }

    /// See [`Store::watch`](super::Store::watch).
    pub(super) fn watch(self: &Arc<Self>, prefix: &str, after: Revision) -> Result<WatchStream, WatchError> {
        Ok(Box::pin(watch::Watch::start(self.clone(), prefix, after)?))
    }

    /// Refuses reads before `before` from now on; [`Mvcc::sweep`] then frees what they alone could see.
    pub(super) fn compact(&self, before: Revision) -> Result<(), ReadError> {
        let mut state = self.write_lock();
        if before > state.current {
            return Err(ReadError::Future { requested: before, current: state.current });
        }
        state.compact(before);
        Ok(())
    }

    /// Where to compact if history takes more memory than it may.
    pub(super) fn overfull(&self) -> Option<Revision> {
        self.read().overfull()
    }

    /// Frees some of what no read can see any more, looking at `limit` records at most, so that the lock is held
    /// briefly. Gives the records that are forgotten, and whether there are no more of them.
    pub(super) fn sweep(&self, limit: usize) -> (Vec<Arc<Record>>, bool) {
        let mut forgotten = Vec::new();
        let done = self.write_lock().sweep(limit, &mut forgotten);
        (forgotten, done)
    }

    /// Ends all watches, as the store is gone.
    pub(super) fn close(&self) {
        self.write_lock().closed = true;
        self.watchers.close();
    }

    // No code that may panic leaves the state half changed, so a poisoned lock is as good as any.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_lock(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a change may be made, given what is stored under its key.
pub(super) fn check(expected: Option<Revision>, current: Option<Entry>) -> Result<(), WriteError> {
    match (expected, current) {
        (None, None) => Ok(()),
        (None, Some(entry)) => Err(WriteError::Exists(entry)),
        (Some(expected), Some(entry)) if entry.revision == expected => Ok(()),
        (Some(_), current) => Err(WriteError::Conflict { current }),
    }
}

impl Revision {
    pub(super) fn next(self) -> Revision {
        Revision(self.0 + 1)
    }
}

struct State {
    keys: BTreeMap<Arc<str>, Versions>,
    /// All records from the floor on, by revision.
    log: VecDeque<Arc<Record>>,
    current: Revision,
    /// The oldest revision that can be read.
    floor: Revision,
    /// The floor has moved, and not all below it is forgotten.
    sweeping: bool,
    /// What superseded values take.
    history_bytes: usize,
    closed: bool,
}

impl State {
    fn new(floor: Revision) -> Self {
        // To a Kubernetes client the resourceVersion 0 means "any", so an empty store is at 1, as etcd is.
        let current = floor.max(Revision(1));
        State {
            keys: BTreeMap::new(),
            log: VecDeque::new(),
            current,
            floor,
            sweeping: false,
            history_bytes: 0,
            closed: false,
        }
    }

    fn newest(&self, key: &str) -> Option<&Arc<Record>> {
        self.keys.get(key)?.newest()
    }

    fn insert(&mut self, revision: Revision, key: &str, value: Option<Bytes>) -> Arc<Record> {
        let record = if let Some(versions) = self.keys.get_mut(key) {
            let record = Arc::new(Record { revision, key: versions.newest.key.clone(), value });
            self.history_bytes += versions.newest.bytes();
            versions.push(record.clone());
            record
        } else {
            let key = Arc::<str>::from(key);
            let record = Arc::new(Record { revision, key: key.clone(), value });
            self.keys.insert(key, Versions::new(record.clone()));
            record
        };
        self.current = self.current.max(revision);
        if revision >= self.floor {
            self.log.push_back(record.clone());
        }
        record
    }

    fn compact(&mut self, before: Revision) {
        if before > self.floor {
            self.floor = before;
            self.sweeping = true;
        }
    }

    // Half of history at once, so that it is seldom. Whoever reads the other half is not disturbed.
    fn overfull(&self) -> Option<Revision> {
        let full = self.history_bytes > HISTORY_BYTES_MAX && !self.sweeping;
        full.then(|| self.log[self.log.len() / 2].revision)
    }

    fn sweep(&mut self, limit: usize, forgotten: &mut Vec<Arc<Record>>) -> bool {
        for _ in 0..limit {
            let Some(record) = self.log.front().cloned().filter(|record| record.revision <= self.floor) else {
                self.sweeping = false;
                return true;
            };
            self.forget(&record.key, forgotten);
            if record.revision == self.floor {
                // Stays in the log: a watch after the revision before it needs it.
                self.sweeping = false;
                return true;
            }
            self.log.pop_front();
        }
        false
    }

    /// Takes from a key what only revisions before the floor can see.
    fn forget(&mut self, key: &str, forgotten: &mut Vec<Arc<Record>>) {
        let Some(versions) = self.keys.get_mut(key) else { return };
        let floor = self.floor;
        let gone = |record: &Record| record.value.is_none() && record.revision < floor;
        if versions.newest.revision <= floor {
            self.history_bytes -= versions.older.iter().map(|record| record.bytes()).sum::<usize>();
            forgotten.append(&mut versions.older);
            if gone(&versions.newest) {
                forgotten.extend(self.keys.remove(key).map(|versions| versions.newest));
            }
            return;
        }
        let visible_or_newer = versions.older.partition_point(|record| record.revision <= floor);
        let Some(visible) = visible_or_newer.checked_sub(1) else { return };
        let count = visible + usize::from(gone(&versions.older[visible]));
        self.history_bytes -= versions.older[..count].iter().map(|record| record.bytes()).sum::<usize>();
        forgotten.extend(versions.older.drain(..count));
    }
}

impl Record {
    fn bytes(&self) -> usize {
        RECORD_BYTES + self.value.as_ref().map_or(0, Bytes::len)
    }
}

/// The versions of one key that can still be read.
struct Versions {
    newest: Arc<Record>,
    /// What `newest` says, kept here so that to count keys is not to visit each of their records.
    revision: Revision,
    live: bool,
    /// By revision; mostly empty.
    older: Vec<Arc<Record>>,
}

impl Versions {
    fn new(newest: Arc<Record>) -> Self {
        Versions { revision: newest.revision, live: newest.value.is_some(), newest, older: Vec::new() }
    }

    fn push(&mut self, newest: Arc<Record>) {
        let Versions { revision, live, .. } = Versions::new(newest.clone());
        (self.revision, self.live) = (revision, live);
        self.older.push(mem::replace(&mut self.newest, newest));
    }

    fn newest(&self) -> Option<&Arc<Record>> {
        self.live.then_some(&self.newest)
    }

    /// What is stored at a revision.
    fn at(&self, revision: Revision) -> Option<&Arc<Record>> {
        if self.revision <= revision {
            return self.newest();
        }
        let newer = self.older.partition_point(|record| record.revision <= revision);
        let visible = &self.older[newer.checked_sub(1)?];
        visible.value.is_some().then_some(visible)
    }

    fn is_live_at(&self, revision: Revision) -> bool {
        if self.revision <= revision { self.live } else { self.at(revision).is_some() }
    }
}

/// Where the keys with a prefix end: the first text, in byte order, that is behind all of them. None is if the prefix is
/// empty or of the last character only.
fn prefix_end(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The order of characters is that of their bytes.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

fn entry(record: &Arc<Record>) -> Entry {
    let value = record.value.clone().unwrap_or_default();
    Entry { key: record.key.clone(), value, revision: record.revision }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compaction_forgets_what_only_older_revisions_see() {
        // a: 2 4 7, b: 3 deleted at 5, c: 6
        let writes = "a=1 b=1 a=2 b- c=1 a=3";
        check(writes, 1, "", "2 3 4 5 6 7");
        check(writes, 3, "", "3 4 5 6 7"); // 2 is what a revision 3 sees of a
        check(writes, 4, "2", "4 5 6 7");
        check(writes, 5, "2 3", "5 6 7"); // the delete of b is an event that a watch after 4 needs
        check(writes, 6, "2 3 5", "6 7");
        check(writes, 7, "2 3 4 5", "7");
        check("a=1 a-", 3, "2", "3");
        check("a=1 a- a=2", 3, "2", "3 4");
        check("a=1 a- a=2", 4, "2 3", "4");
    }

    // Compacts what `writes` left (the first is revision 2) before a revision: what is forgotten, what the log keeps.
    #[track_caller]
    fn check(writes: &str, before: u64, forgotten: &str, log: &str) {
        for limit in [1, 2, 100] {
            let mvcc = written(writes);
            mvcc.compact(Revision(before)).unwrap();
            let mut found = Vec::new();
            loop {
                let (some, done) = mvcc.sweep(limit);
                found.extend(some);
                if done {
                    break;
                }
            }
            found.sort_by_key(|record| record.revision);
            assert_eq!(numbers(found.iter()), forgotten, "sweeping {limit} at a time");
            assert_eq!(numbers(mvcc.read().log.iter()), log);
        }
        // In any number of steps it comes to the same.
        let mvcc = written(writes);
        let mut found = Vec::new();
        for floor in 1..=before {
            mvcc.compact(Revision(floor)).unwrap();
            found.extend(mvcc.sweep(100).0);
        }
        found.sort_by_key(|record| record.revision);
        assert_eq!(numbers(found.iter()), forgotten, "compacting step by step");
        // And after a restart.
        let mvcc = written(writes);
        let records: Vec<_> = mvcc.read().log.iter().cloned().collect();
        let records = records.iter().map(|r| Ok::<_, ()>((r.revision, r.key.to_string(), r.value.clone())));
        let (restored, unused) = Mvcc::restore(Revision(before), records).unwrap();
        let mut unused: Vec<_> = unused.iter().map(|revision| revision.0).collect();
        unused.sort();
        assert_eq!(unused, found.iter().map(|record| record.revision.0).collect::<Vec<_>>(), "restored");
        assert_eq!(numbers(restored.read().log.iter()), log, "restored");
        assert_eq!(restored.revision(), mvcc.revision());
    }

    fn written(writes: &str) -> Mvcc {
        let mvcc = Mvcc::default();
        for write in writes.split(' ') {
            let (key, value) = match write.strip_suffix('-') {
                Some(key) => (key, None),
                None => write.split_once('=').map(|(key, value)| (key, Some(Bytes::from(value.to_owned())))).unwrap(),
            };
            let expected = mvcc.get(key).map(|entry| entry.revision);
            mvcc.write(Change { key: key.to_owned(), value, expected }).unwrap();
        }
        mvcc
    }

    fn numbers<'a>(records: impl Iterator<Item = &'a Arc<Record>>) -> String {
        records.map(|record| record.revision.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_prefix_ends_behind_all_that_start_with_it() {
        let check = |prefix, end| assert_eq!(prefix_end(prefix).as_deref(), end);
        check("birds/", Some("birds0"));
        check("a", Some("b"));
        check("\u{7f}", Some("\u{80}"));
        check("a\u{d7ff}", Some("a\u{e000}"));
        check("a\u{10ffff}", Some("b"));
        check("\u{10ffff}", None);
        check("", None);
    }

    #[test]
    fn nothing_is_left_of_what_is_deleted_and_compacted() {
        let mvcc = written("a=1 b=1 a- b- c=1");
        mvcc.compact(mvcc.revision()).unwrap();
        while !mvcc.sweep(1).1 {}
        let state = mvcc.read();
        assert_eq!(state.keys.keys().map(AsRef::as_ref).collect::<Vec<&str>>(), ["c"]);
        assert_eq!(state.log.len(), 1);
    }

    #[test]
    fn history_takes_bounded_memory() {
        let mvcc = Mvcc::default();
        let value = Bytes::from(vec![0; 1 << 20]);
        let mut last = None;
        for _ in 0..200 {
            last = Some(mvcc.write(Change { key: "a".into(), value: Some(value.clone()), expected: last }).unwrap());
            let state = mvcc.read();
            let older = &state.keys["a"].older;
            assert_eq!(state.history_bytes, older.iter().map(|record| record.bytes()).sum::<usize>());
            assert!(state.history_bytes < HISTORY_BYTES_MAX * 3 / 2, "{}", state.history_bytes);
        }
        let (floor, current) = mvcc.bounds();
        assert!(floor > Revision(1) && floor.0 <= current.0 - 10, "{floor} {current}");
        mvcc.list(&ListRequest { at: Some(floor), ..ListRequest::default() }).unwrap();
        mvcc.compact(current).unwrap();
        mvcc.sweep(usize::MAX);
        assert_eq!(mvcc.read().history_bytes, 0);
    }

    #[test]
    fn values_and_keys_are_shared() {
        let mvcc = Mvcc::default();
        let value = Bytes::from(vec![7; 1000]);
        let key = "a".to_owned();
        let first = mvcc.write(Change { key: key.clone(), value: Some(value.clone()), expected: None }).unwrap();
        mvcc.write(Change { key, value: Some(value.clone()), expected: Some(first) }).unwrap();
        let state = mvcc.read();
        let versions = &state.keys["a"];
        assert!(Arc::ptr_eq(&versions.newest.key, &versions.older[0].key));
        assert!(Arc::ptr_eq(&versions.newest, &state.log[1]));
        assert_eq!(versions.newest.value.as_ref().unwrap().as_ptr(), value.as_ptr());
    }
}
