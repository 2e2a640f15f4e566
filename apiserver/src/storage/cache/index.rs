//! Which keys have a label or a field of some value, so that a selector need not look at every object.
//!
//! An index is made for a label when somebody first selects by it, and kept up with each write from then on: a look-up
//! for each index, of which there are few. It tells candidates; whoever asks still asks the objects themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::Cached;

/// How many indexes a cache keeps; the oldest makes room for another.
const INDEXES_MAX: usize = 16;
/// Conditions of one selector that are looked up: others of a long one would drive out what is used more.
const LOOKUPS_MAX: usize = 4;

/// What objects are told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The value of a label.
    Label(String),
    /// The value of a selectable field, by its place among them.
    Field(usize),
}

/// A condition of a selector that an index answers: one of these values.
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
    /// Whether all that is worth an index has one.
    pub(super) fn know(&self, lookups: &[Lookup]) -> bool {
        lookups.iter().take(LOOKUPS_MAX).all(|lookup| self.knows(&lookup.by))
    }

    fn knows(&self, by: &By) -> bool {
        self.all.iter().any(|index| index.by == *by)
    }

    /// Makes the indexes that are missing, of these objects.
    pub(super) fn add<T: Cached>(&mut self, lookups: &[Lookup], objects: &BTreeMap<Arc<str>, Arc<T>>) {
        for lookup in lookups.iter().take(LOOKUPS_MAX) {
            if !self.knows(&lookup.by) {
                self.add_one(&lookup.by, objects);
            }
        }
    }

    fn add_one<T: Cached>(&mut self, by: &By, objects: &BTreeMap<Arc<str>, Arc<T>>) {
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

    /// The keys in a range that fulfil one of the conditions, the one that the fewest do, in their order. `None` where no
    /// index leaves out most of so many objects: looking at all of them in turn is cheaper then.
    pub(super) fn find(&self, lookups: &[Lookup], objects: usize, from: &str, end: &str) -> Option<Vec<Arc<str>>> {
        let answered = lookups.iter().filter_map(|lookup| {
            let index = self.all.iter().find(|index| index.by == lookup.by)?;
            Some((index.count(lookup), index, lookup))
        });
        let (count, index, lookup) = answered.min_by_key(|(count, ..)| *count)?;
        if count > objects / 2 {
            return None;
        }
        let mut keys: Vec<_> = index
            .sets(lookup)
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
    fn sets<'a>(&'a self, lookup: &'a Lookup) -> impl Iterator<Item = &'a BTreeSet<Arc<str>>> {
        lookup.values.iter().filter_map(|value| self.keys.get(value.as_str()))
    }

    fn count(&self, lookup: &Lookup) -> usize {
        self.sets(lookup).map(BTreeSet::len).sum()
    }

    fn insert<T: Cached>(&mut self, key: &Arc<str>, object: &T) {
        let Some(value) = object.value_of(&self.by) else { return };
        match self.keys.get_mut(value) {
            Some(keys) => drop(keys.insert(key.clone())),
            None => drop(self.keys.insert(value.into(), BTreeSet::from([key.clone()]))),
        }
    }
}
