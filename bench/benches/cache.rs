//! The watch cache with 10,000 objects of 1 KiB: get, list, a change and its way to watchers. `cargo bench --bench cache`

mod fixture;

use std::hint::black_box;
use std::sync::Arc;

use apiserver::registry::object::{Codec, Object};
use apiserver::storage::cache::feed::Sink;
use apiserver::storage::cache::index::{By, Lookup};
use apiserver::storage::cache::{Range, WatchCache};
use apiserver::storage::{Entry, Event, Revision};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fixture::{Same, key, kind, stored};

const OBJECTS: usize = 10_000;
const PREFIX: &str = "/registry/demo.example.com/birds/";

/// A cache that is filled, and a value for one more write.
fn cache() -> (WatchCache<Object>, Bytes) {
    let kind = kind();
    let encoder = Codec::new(kind.clone(), Arc::new(Same));
    let cache = WatchCache::new(PREFIX.to_owned(), Codec::new(kind, Arc::new(Same)));
    let entry = |number: usize| Entry {
        key: key(number).into(),
        value: encoder.encode(&stored(number)).bytes,
        revision: Revision(number as u64 + 1),
    };
    cache.fill((0..OBJECTS).map(entry).collect(), Revision(OBJECTS as u64));
    (cache, encoder.encode(&stored(7)).bytes)
}

fn reading(c: &mut Criterion) {
    let (cache, _) = cache();
    let name = key(7);
    c.bench_function("cache/get", |b| b.iter(|| cache.get(black_box(&name)).expect("an object")));
    let mut group = c.benchmark_group("cache/list");
    for (name, limit) in [("all", 0), ("500", 500)] {
        group.throughput(Throughput::Elements(if limit == 0 { OBJECTS } else { limit } as u64));
        group.bench_function(name, |b| {
            b.iter(|| cache.select(&Range { prefix: PREFIX, limit, ..Range::default() }, |_| true))
        });
    }
    let fits = |object: &Object| object.summary.labels.get("shard") == Some("7");
    group.bench_function("by label, all looked at", |b| b.iter(|| cache.snapshot(PREFIX, fits)));
    let lookups = [Lookup { by: By::Label("shard".to_owned()), values: vec!["7".to_owned()] }];
    cache.index(&lookups);
    let range = Range { prefix: PREFIX, lookups: &lookups, ..Range::default() };
    group.bench_function("by label", |b| b.iter(|| cache.select(&range, fits)));
    group.finish();
}

/// A write goes in, and each watcher reads it: what the fan-out costs before anything is sent.
fn fan_out(c: &mut Criterion) {
    let mut group = c.benchmark_group("cache/event");
    for watchers in [0, 1, 100, 1000] {
        let (cache, value) = cache();
        let mut revision = OBJECTS as u64;
        let mut cursors = vec![cache.cursor_after(Revision(revision)).expect("a cursor"); watchers];
        let mut changes = Vec::new();
        group.throughput(Throughput::Elements(watchers.max(1) as u64));
        group.bench_function(format!("{watchers} watchers"), |b| {
            b.iter(|| {
                revision += 1;
                cache.apply(Event { key: key(7).into(), value: Some(value.clone()), revision: Revision(revision) });
                cache.tell();
                for cursor in &mut cursors {
                    changes.clear();
                    cache.read_on(cursor, 100, &mut changes).expect("changes");
                    assert_eq!(black_box(&changes).len(), 1);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, reading, fan_out);
criterion_main!(benches);
