//! Each store with 2,000 values of 1 KiB: create, get, update, list. `cargo bench --bench stores`; etcd's with `ETCD=$(which etcd)`.

mod fixture;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use apiserver::storage::embedded::EmbeddedStore;
use apiserver::storage::etcd::{EtcdConfig, EtcdStore};
use apiserver::storage::memory::MemoryStore;
use apiserver::storage::{ListRequest, Store};
use bench::peer::Etcd;
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use fixture::{body, key};
use tokio::runtime::Runtime;

const OBJECTS: usize = 2000;

fn stores(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let folder = tempfile::tempdir().expect("a folder");
    store(c, &runtime, "memory", Arc::new(MemoryStore::default()));
    let embedded = EmbeddedStore::open(folder.path()).expect("a store");
    store(c, &runtime, "embedded", Arc::new(embedded));
    if std::env::var_os("ETCD").is_none() {
        eprintln!("etcd is left out: name its binary in ETCD");
        return;
    }
    let etcd = runtime.block_on(Etcd::start(folder.path())).expect("etcd");
    let config = EtcdConfig { endpoints: vec![etcd.url().to_owned()], ..EtcdConfig::default() };
    let connected = runtime.block_on(EtcdStore::connect(config)).expect("a store");
    store(c, &runtime, "etcd", Arc::new(connected));
}

fn store(c: &mut Criterion, runtime: &Runtime, name: &str, store: Arc<dyn Store>) {
    let value: Bytes = body(7);
    let fill = async {
        for number in 0..OBJECTS {
            store.create(&key(number), value.clone()).await.expect("a write");
        }
    };
    runtime.block_on(fill);
    let mut group = c.benchmark_group(name);
    group.sample_size(20);
    let list =
        |limit| ListRequest { prefix: "/registry/demo.example.com/birds/".to_owned(), limit, ..ListRequest::default() };
    group.bench_function("get", |b| {
        b.iter(|| runtime.block_on(store.get(&key(7))).expect("a read").expect("an entry"));
    });
    group.bench_function("list/2000", |b| b.iter(|| runtime.block_on(store.list(list(0))).expect("a page")));
    group.bench_function("list/100", |b| b.iter(|| runtime.block_on(store.list(list(100))).expect("a page")));
    let mut revision = runtime.block_on(store.get(&key(7))).expect("a read").expect("an entry").revision;
    group.bench_function("update", |b| {
        b.iter(|| {
            revision = runtime.block_on(store.update(&key(7), value.clone(), revision)).expect("a write");
        });
    });
    // Outside of the prefix that is listed.
    let next = Arc::new(AtomicUsize::new(0));
    let fresh =
        |next: &AtomicUsize| format!("/registry/demo.example.com/nests/{:09}", next.fetch_add(1, Ordering::Relaxed));
    group.bench_function("create", |b| {
        b.iter(|| runtime.block_on(store.create(&fresh(&next), value.clone())).expect("a write"));
    });
    // What stores that commit in groups, or send several requests at a time, gain.
    group.bench_function("create/16 at a time", |b| {
        b.iter_custom(|writes| {
            let begin = Instant::now();
            let writers = (0..16).map(|_| {
                let (store, next, value) = (store.clone(), next.clone(), value.clone());
                runtime.spawn(async move {
                    for _ in 0..writes.div_ceil(16) {
                        store.create(&fresh(&next), value.clone()).await.expect("a write");
                    }
                })
            });
            let writers: Vec<_> = writers.collect();
            for writer in writers {
                runtime.block_on(writer).expect("a writer");
            }
            begin.elapsed()
        });
    });
    group.finish();
}

criterion_group!(benches, stores);
criterion_main!(benches);
