//! Which keys have a label or a field of some value, so that a selector need not look at every object.
//!
//! An index is made for a label when somebody first selects by it, and kept up with each write from then on: a look-up
//! for each index, of which there are few. It tells candidates; whoever asks still asks the objects themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::Cached;

/// How many indexes a cache keeps; the oldest makes room for another.
const INDEXES_MAX: usize = 8;

/// What objects are told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The value of a label.
    Label(String),
    /// The value of a selectable field, by its place among them.
    Field(usize),
}

/// The part of a selector that an index answers: one of these values.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Of what.
    pub by: By,
    /// The values.
    pub values: Vec<String>,
}

/// All indexes of a cache.
#[derive(Default)]
pub(super) struct Indexes {
    all: Vec<Index>,
}

struct Index {
    by: By,
    keys: HashMap<Box<str>, BTreeSet<Arc<str>>>,
}

impl Indexes {
    /// The index by something, if it is there.
    pub(super) fn knows(&self, by: &By) -> bool {
        self.all.iter().any(|index| index.by == *by)
    }

    /// Makes an index of these objects.
    pub(super) fn add<T: Cached>(&mut self, by: &By, objects: &BTreeMap<Arc<str>, Arc<T>>) {
        if self.all.len() == INDEXES_MAX {
            self.all.remove(0);
        }
        let mut index = Index { by: by.clone(), keys: HashMap::new() };
        for (key, object) in objects {
            index.insert(key, &**object);
        }
        self.all.push(index);
    }

    /// Carries a change over.
    pub(super) fn change<T: Cached>(&mut self, key: &Arc<str>, previous: Option<&T>, object: Option<&T>) {
        for index in &mut self.all {
            let before = previous.and_then(|object| object.value_of(&index.by));
            let now = object.and_then(|object| object.value_of(&index.by));
            if before == now {
                continue;
            }
            if let Some(value) = before
                && let Some(keys) = index.keys.get_mut(value)
            {
                keys.remove(key);
                if keys.is_empty() {
                    index.keys.remove(value);
                }
            }
            if let Some(object) = object {
                index.insert(key, object);
            }
        }
    }

    /// The keys in a range with one of the values, in their order. `None` where there is no such index.
    pub(super) fn find(&self, lookup: &Lookup, from: &str, end: &str) -> Option<Vec<Arc<str>>> {
        let index = self.all.iter().find(|index| index.by == lookup.by)?;
        let sets = lookup.values.iter().filter_map(|value| index.keys.get(value.as_str()));
        let mut keys: Vec<_> = sets
            .flat_map(|keys| keys.range::<str, _>((Bound::Included(from), Bound::Excluded(end))))
            .cloned()
            .collect();
        if lookup.values.len() > 1 {
            keys.sort_unstable();
            keys.dedup();
        }
        Some(keys)
    }
}

impl Index {
    fn insert<T: Cached>(&mut self, key: &Arc<str>, object: &T) {
        let Some(value) = object.value_of(&self.by) else { return };
        match self.keys.get_mut(value) {
            Some(keys) => drop(keys.insert(key.clone())),
            None => drop(self.keys.insert(value.into(), BTreeSet::from([key.clone()]))),
        }
    }
}
