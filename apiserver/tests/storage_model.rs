//! Random operations on a store, opened anew at random moments, come to what a trivial model says.
//!
//! A failure prints its seed; `STORAGE_MODEL_SEED=<seed>` repeats it.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::thread;

use apiserver::storage::embedded::EmbeddedStore;
use apiserver::storage::memory::MemoryStore;
use apiserver::storage::{
    Entry, Event, ListRequest, Page, ReadError, Revision, Store, WatchError, WatchItem, WatchStream, WriteError,
};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

#[tokio::test]
async fn the_memory_store_does_what_the_model_says() {
    for seed in seeds(100) {
        run(seed, 300, &mut |_| Box::new(MemoryStore::default()), false).await;
    }
}

#[tokio::test]
async fn the_embedded_store_does_what_the_model_says() {
    for seed in seeds(6) {
        let folder = tempfile::tempdir().unwrap();
        let mut open = |store: Option<Box<dyn Store>>| {
            drop(store);
            open_embedded(folder.path())
        };
        run(seed, 200, &mut open, true).await;
    }
}

fn open_embedded(folder: &Path) -> Box<dyn Store> {
    Box::new(EmbeddedStore::open(folder).unwrap())
}

fn seeds(count: usize) -> Vec<u64> {
    match env::var("STORAGE_MODEL_SEED") {
        Ok(seed) => vec![seed.parse().expect("a seed is a number")],
        Err(_) => (0..count).map(|_| rand::rng().random()).collect(),
    }
}

/// Every write that was made, in order; all else follows from it.
#[derive(Default)]
struct Model {
    history: Vec<Event>,
    floor: Revision,
}

impl Model {
    fn revision(&self) -> Revision {
        self.history.last().map_or(Revision(1), |event| event.revision)
    }

    fn state(&self, at: Revision) -> BTreeMap<&str, Entry> {
        let mut state = BTreeMap::new();
        for Event { key, value, revision } in self.history.iter().take_while(|event| event.revision <= at) {
            match value {
                Some(value) => {
                    let entry = Entry { key: key.clone(), value: value.clone(), revision: *revision };
                    state.insert(&**key, entry)
                }
                None => state.remove(&**key),
            };
        }
        state
    }

    fn get(&self, key: &str) -> Option<Entry> {
        self.state(self.revision()).remove(key)
    }

    fn write(&mut self, key: &str, value: Option<Bytes>, expected: Option<Revision>) -> Result<Revision, WriteError> {
        match (expected, self.get(key)) {
            (None, Some(entry)) => return Err(WriteError::Exists(entry)),
            (Some(expected), current) if current.as_ref().map(|entry| entry.revision) != Some(expected) => {
                return Err(WriteError::Conflict { current });
            }
            _ => {}
        }
        let revision = Revision(self.revision().0 + 1);
        self.history.push(Event { key: key.into(), value, revision });
        Ok(revision)
    }

    fn list(&self, request: &ListRequest) -> Result<Page, ReadError> {
        let current = self.revision();
        let at = request.at.unwrap_or(current);
        if at > current {
            return Err(ReadError::Future { requested: at, current });
        }
        if at < self.floor {
            return Err(ReadError::Compacted { requested: at, oldest: self.floor });
        }
        let state = self.state(at);
        let meant = |entry: &Entry| entry.key.starts_with(&request.prefix) && *entry.key >= *request.start;
        let mut entries: Vec<Entry> = state.into_values().filter(meant).collect();
        let all = entries.len();
        if request.limit > 0 {
            entries.truncate(request.limit);
        }
        let remaining = (all - entries.len()) as u64;
        Ok(Page { entries, remaining, revision: at })
    }

    fn events(&self, prefix: &str, after: Revision) -> Result<Vec<Event>, WatchError> {
        if after.0 + 1 < self.floor.0 {
            return Err(WatchError::Compacted { after, oldest: self.floor });
        }
        let meant = |event: &&Event| event.revision > after && event.key.starts_with(prefix);
        Ok(self.history.iter().filter(meant).cloned().collect())
    }

    fn compact(&mut self, before: Revision) -> Result<(), ReadError> {
        let current = self.revision();
        if before > current {
            return Err(ReadError::Future { requested: before, current });
        }
        self.floor = self.floor.max(before);
        Ok(())
    }
}

type Open<'a> = &'a mut dyn FnMut(Option<Box<dyn Store>>) -> Box<dyn Store>;

async fn run(seed: u64, operations: usize, open: Open<'_>, durable: bool) {
    let _failing = PrintSeed(seed);
    let mut random = StdRng::seed_from_u64(seed);
    let mut model = Model::default();
    let mut store = open(None);
    let mut watch = Watching::start(&*store, &mut random, &model).await;
    for _ in 0..operations {
        let key = key(&mut random);
        let revision = revision(&mut random, &model, &key);
        match random.random_range(0..100) {
            0..20 => {
                let value = value(&mut random);
                let ours = store.create(&key, value.clone()).await;
                assert_eq!(show(ours), show(model.write(&key, Some(value), None)), "create {key}");
            }
            20..50 => {
                let value = value(&mut random);
                let ours = store.update(&key, value.clone(), revision).await;
                assert_eq!(show(ours), show(model.write(&key, Some(value), Some(revision))), "update {key} {revision}");
            }
            50..65 => {
                let ours = store.delete(&key, revision).await;
                assert_eq!(show(ours), show(model.write(&key, None, Some(revision))), "delete {key} {revision}");
            }
            65..75 => {
                let request = ListRequest {
                    prefix: prefix(&mut random),
                    start: if random.random() { String::new() } else { key },
                    limit: random.random_range(0..4),
                    at: random.random_bool(0.6).then_some(revision),
                };
                let ours = store.list(request.clone()).await;
                assert_eq!(show(ours), show(model.list(&request)), "{request:?}");
            }
            75..85 => {
                let prefix = prefix(&mut random);
                let ours = events(&*store, &prefix, revision).await;
                assert_eq!(show(ours), show(model.events(&prefix, revision)), "{prefix:?} after {revision}");
            }
            85..90 => {
                assert_eq!(store.get(&key).await.unwrap(), model.get(&key));
                assert_eq!(store.revision().await.unwrap(), model.revision());
            }
            90..93 => {
                let ours = store.compact(revision).await;
                assert_eq!(show(ours), show(model.compact(revision)), "compact {revision}");
            }
            93..96 => {
                watch.check(&model);
                watch = Watching::start(&*store, &mut random, &model).await;
            }
            96..99 => watch.check(&model),
            _ if durable => {
                watch.check(&model);
                store = open(Some(store));
                watch = Watching::start(&*store, &mut random, &model).await;
            }
            _ => {}
        }
    }
    watch.check(&model);
}

/// A watch that goes on while other operations happen.
struct Watching {
    stream: WatchStream,
    prefix: String,
    seen: Revision,
}

impl Watching {
    async fn start(store: &dyn Store, random: &mut StdRng, model: &Model) -> Watching {
        let prefix = prefix(random);
        let seen = Revision(random.random_range(model.floor.0..model.revision().0 + 5));
        Watching { stream: store.watch(&prefix, seen).await.unwrap(), prefix, seen }
    }

    /// It has delivered what it should have until now.
    fn check(&mut self, model: &Model) {
        let mut found = Vec::new();
        while let Some(Some(item)) = self.stream.next().now_or_never() {
            match item.unwrap() {
                WatchItem::Events(events) => found.extend(events),
                WatchItem::Progress(revision) => assert!(revision <= model.revision()),
            }
        }
        let meant = |event: &&Event| event.revision > self.seen && event.key.starts_with(&self.prefix);
        assert_eq!(found, model.history.iter().filter(meant).cloned().collect::<Vec<_>>());
        self.seen = self.seen.max(model.revision());
    }
}

async fn events(store: &dyn Store, prefix: &str, after: Revision) -> Result<Vec<Event>, WatchError> {
    let mut watch = store.watch(prefix, after).await?;
    let mut found = Vec::new();
    while let Some(Some(item)) = watch.next().now_or_never() {
        if let WatchItem::Events(events) = item? {
            found.extend(events);
        }
    }
    Ok(found)
}

fn key(random: &mut StdRng) -> String {
    let keys = ["a", "a/", "a/1", "a/2", "a0", "b/1", "b/1/x", "b/é", "c"];
    (*keys.choose(random).unwrap()).to_owned()
}

fn prefix(random: &mut StdRng) -> String {
    (*["", "a", "a/", "b/", "b/1", "zzz"].choose(random).unwrap()).to_owned()
}

fn value(random: &mut StdRng) -> Bytes {
    let mut value = vec![0; random.random_range(0..20)];
    random.fill(&mut value[..]);
    value.into()
}

/// Mostly that of the key; otherwise any, also one that is compacted or has not happened.
fn revision(random: &mut StdRng, model: &Model, key: &str) -> Revision {
    match model.get(key) {
        Some(entry) if random.random_bool(0.6) => entry.revision,
        _ => Revision(random.random_range(0..model.revision().0 + 3)),
    }
}

fn show<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, E>) -> String {
    format!("{result:?}")
}

struct PrintSeed(u64);

impl Drop for PrintSeed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("repeat with STORAGE_MODEL_SEED={}", self.0);
        }
    }
}
