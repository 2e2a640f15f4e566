//! Who waits for a change of which keys. A write wakes those whom it concerns and costs the others nothing.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::Cursor;

/// Everybody is woken once in so many changes: a cursor that stood still for ever would fall out of the window.
const ALL_EVERY: u64 = 64;

/// All who wait for changes of one cache.
#[derive(Default)]
pub(super) struct Waiters(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// By the number of the waiter; `None` is free.
    all: Vec<Option<Slot>>,
    free: Vec<usize>,
    /// The keys of changes that nobody has been told of yet.
    untold: Vec<Arc<str>>,
    /// The number of changes that were told so far, and the cache's epoch.
    changes: u64,
    epoch: u64,
}

struct Slot {
    prefix: Box<str>,
    /// The changes before this one were seen by who waits, told or not.
    next: u64,
    waker: Option<Waker>,
}

/// One who waits.
pub struct Waiter {
    waiters: Arc<Waiters>,
    number: usize,
}

impl Waiters {
    pub(super) fn join(self: &Arc<Self>, prefix: &str) -> Waiter {
        let mut waiting = self.lock();
        let slot = Some(Slot { prefix: prefix.into(), next: 0, waker: None });
        let number = match waiting.free.pop() {
            Some(number) => {
                waiting.all[number] = slot;
                number
            }
            None => {
                waiting.all.push(slot);
                waiting.all.len() - 1
            }
        };
        drop(waiting);
        Waiter { waiters: self.clone(), number }
    }

    /// Notes a change, to be told.
    pub(super) fn changed(&self, key: Arc<str>) {
        self.lock().untold.push(key);
    }

    /// Wakes those whom the changes since the last time concern, and says how many these are.
    pub(super) fn tell(&self) -> usize {
        let mut waiting = self.lock();
        let keys = std::mem::take(&mut waiting.untold);
        let before = waiting.changes;
        waiting.changes += keys.len() as u64;
        let all = before / ALL_EVERY != waiting.changes / ALL_EVERY;
        let changes = waiting.changes;
        let concerned =
            |slot: &&mut Slot| slot.next < changes && (all || keys.iter().any(|key| key.starts_with(&*slot.prefix)));
        let woken: Vec<Waker> =
            waiting.all.iter_mut().flatten().filter(concerned).filter_map(|slot| slot.waker.take()).collect();
        drop(waiting);
        let count = woken.len();
        woken.into_iter().for_each(Waker::wake);
        count
    }

    /// Wakes all, as the cache was filled anew after so many changes.
    pub(super) fn filled(&self, changes: u64, epoch: u64) {
        let mut waiting = self.lock();
        waiting.untold.clear();
        waiting.changes = changes;
        waiting.epoch = epoch;
        let woken: Vec<Waker> = waiting.all.iter_mut().flatten().filter_map(|slot| slot.waker.take()).collect();
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Ready when there are changes behind the cursor; else `waker` is woken once there is one that concerns this waiter.
    pub fn poll(&self, cursor: &Cursor, waker: &Waker) -> Poll<()> {
        let mut waiting = self.waiters.lock();
        if waiting.changes > cursor.next || waiting.epoch != cursor.epoch {
            return Poll::Ready(());
        }
        if let Some(slot) = waiting.all[self.number].as_mut() {
            slot.next = cursor.next;
            match &mut slot.waker {
                Some(own) => own.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
        Poll::Pending
    }

    /// A place behind all that has been told so far, for who looks at the cache itself whenever it has changed.
    pub fn told(&self) -> Cursor {
        let waiting = self.waiters.lock();
        Cursor { next: waiting.changes, epoch: waiting.epoch }
    }

    /// Waits for changes behind the cursor.
    pub async fn changed(&self, cursor: &Cursor) {
        poll_fn(|cx| self.poll(cursor, cx.waker())).await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.waiters.lock();
        waiting.all[self.number] = None;
        waiting.free.push(self.number);
    }
}
