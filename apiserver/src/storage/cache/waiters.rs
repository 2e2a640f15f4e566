//! Who waits for a change of which keys. A write wakes those whom it concerns and costs the others nothing.

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
    /// The number of changes so far, and the cache's epoch.
    changes: u64,
    epoch: u64,
}

struct Slot {
    prefix: Box<str>,
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
        let slot = Some(Slot { prefix: prefix.into(), waker: None });
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

    /// Wakes those whom the change of a key concerns: the last of so many changes.
    pub(super) fn changed(&self, key: &str, changes: u64) {
        let mut waiting = self.lock();
        waiting.changes = changes;
        let all = changes.is_multiple_of(ALL_EVERY);
        let concerned = |slot: &&mut Slot| all || key.starts_with(&*slot.prefix);
        let woken: Vec<Waker> =
            waiting.all.iter_mut().flatten().filter(concerned).filter_map(|slot| slot.waker.take()).collect();
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Wakes all, as the cache was filled anew.
    pub(super) fn filled(&self, epoch: u64) {
        let mut waiting = self.lock();
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
            match &mut slot.waker {
                Some(own) => own.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
        Poll::Pending
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.waiters.lock();
        waiting.all[self.number] = None;
        waiting.free.push(self.number);
    }
}
