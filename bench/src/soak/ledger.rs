//! What was written, as the writers know it: each object has one writer, so there is never a doubt.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the server has said about one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// 0: not there.
    pub rv: u64,
    /// The value that was written last.
    pub value: String,
    /// A write is under way, so that readers may see the state before it or after it.
    pub busy: bool,
}

pub struct Ledger {
    objects: Vec<Mutex<Known>>,
    /// Of all objects, deleted ones too.
    latest: AtomicU64,
    writes: AtomicU64,
}

impl Ledger {
    pub fn new(objects: usize) -> Ledger {
        Ledger {
            objects: (0..objects).map(|_| Mutex::default()).collect(),
            latest: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        }
    }

    pub fn len(&self) -> usize {
        self.objects.len()
    }

    pub fn known(&self, number: usize) -> Known {
        self.lock(number).clone()
    }

    pub fn begin(&self, number: usize) {
        self.lock(number).busy = true;
    }

    /// A write was answered. `rv` is 0 for a delete, whose own resourceVersion is `at`.
    pub fn end(&self, number: usize, rv: u64, at: u64, value: &str) {
        *self.lock(number) = Known { rv, value: value.to_owned(), busy: false };
        self.latest.fetch_max(at, Ordering::AcqRel);
        self.writes.fetch_add(1, Ordering::AcqRel);
    }

    /// Whatever is read from now on must be at least as new as this.
    pub fn latest(&self) -> u64 {
        self.latest.load(Ordering::Acquire)
    }

    /// How many writes were answered.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Acquire)
    }

    /// What differs from what is stored: names with resourceVersions.
    pub fn differences(&self, stored: &BTreeMap<String, u64>) -> Vec<String> {
        let mut differences = Vec::new();
        for number in 0..self.len() {
            let (name, known) = (name(number), self.known(number));
            let found = stored.get(&name).copied().unwrap_or_default();
            if found != known.rv {
                differences.push(format!("{name} is at resourceVersion {found}, and was last written at {}", known.rv));
            }
        }
        differences
    }

    fn lock(&self, number: usize) -> MutexGuard<'_, Known> {
        self.objects[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn name(number: usize) -> String {
    format!("soak-{number:05}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_write_is_seen() {
        let ledger = Ledger::new(2);
        ledger.end(0, 7, 7, "a");
        ledger.end(1, 8, 8, "b");
        ledger.end(1, 0, 9, "");
        let stored = |rv| BTreeMap::from([(name(0), rv)]);
        assert_eq!(ledger.differences(&stored(7)), Vec::<String>::new());
        assert_eq!(ledger.differences(&stored(6)).len(), 1);
        assert_eq!((ledger.latest(), ledger.writes()), (9, 3));
    }
}
