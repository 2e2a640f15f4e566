//! The store on a real etcd; see [`testing`](super::testing).

mod compaction;
mod endpoints;
mod progress;
mod proxy;
mod restart;

use bytes::Bytes;
use futures::StreamExt;

use super::testing::EtcdServer;
use crate::storage::contract::Fixture;
use crate::storage::memory::MemoryStore;
use crate::storage::{Event, ListRequest, Page, Revision, Store, WatchError, WatchItem, WatchStream};

crate::storage::contract_tests!(contract, fixture().await);

async fn fixture() -> Fixture {
    match EtcdServer::shared() {
        Some(server) => server.store().await.into(),
        // Opted out. The promises are tested on something, which costs nothing.
        None => MemoryStore::default().into(),
    }
}

#[tokio::test]
async fn a_list_that_comes_in_pieces_is_whole() {
    let Some(server) = EtcdServer::shared() else { return };
    let store = server.store().await;
    fill(&store, 2_500).await;
    let check = async |limit: usize, start: &str, expected: (usize, u64)| {
        let request = ListRequest { limit, start: start.to_owned(), ..all() };
        let page = store.list(request).await.unwrap();
        assert_eq!((page.entries.len(), page.remaining), expected, "limit {limit}, start {start:?}");
        assert!(page.entries.is_sorted_by(|a, b| a.key < b.key));
    };
    check(0, "", (2_500, 0)).await;
    check(2_500, "", (2_500, 0)).await;
    check(2_499, "", (2_499, 1)).await;
    check(1_001, "", (1_001, 1_499)).await;
    check(1_000, "", (1_000, 1_500)).await;
    check(1, "/registry/01000", (1, 1_499)).await;
    check(0, "/registry/01000", (1_500, 0)).await;
    check(0, "/registry/9", (0, 0)).await;
}

#[tokio::test]
async fn a_value_that_is_too_large_is_refused_and_the_largest_is_not() {
    let Some(server) = EtcdServer::shared() else { return };
    let store = server.store().await;
    let bytes_max = super::VALUE_BYTES_MAX;
    let longest_key = "k".repeat(1_000);
    store.create(&longest_key, vec![b'x'; bytes_max].into()).await.unwrap();
    // The member refuses the second itself; the third does not even get to it.
    for bytes in [bytes_max + 4_097, 2 << 20, 20 << 20] {
        match store.create("a", vec![b'x'; bytes].into()).await {
            Err(crate::storage::WriteError::TooLarge { bytes: told, bytes_max: told_max }) => {
                assert_eq!((told, told_max), (bytes, bytes_max));
            }
            other => panic!("{bytes}: {other:?}"),
        }
    }
    assert_eq!(store.get("a").await.unwrap(), None);
}

#[tokio::test]
async fn a_dropped_watch_is_cancelled_on_the_member() {
    let Some(server) = EtcdServer::start() else { return };
    let store = server.store().await;
    let watching = || server.metric("etcd_debugging_mvcc_watcher_total");
    let watches = futures::future::join_all((0..10).map(|_| store.watch("/registry/", Revision(0)))).await;
    assert_eq!(watching(), 10.0);
    drop(watches);
    let patience = std::time::Instant::now();
    while watching() > 0.0 {
        assert!(patience.elapsed().as_secs() < 30, "{} watches are left", watching());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn all() -> ListRequest {
    ListRequest { prefix: "/registry/".to_owned(), ..ListRequest::default() }
}

fn text(value: &str) -> Bytes {
    value.to_owned().into()
}

/// Creates `/registry/00000` and so on.
async fn fill(store: &dyn Store, count: usize) {
    let creates =
        (0..count).map(|n| async move { store.create(&format!("/registry/{n:05}"), text("x")).await.unwrap() });
    futures::stream::iter(creates).buffer_unordered(64).collect::<Vec<_>>().await;
}

fn keys(page: &Page) -> Vec<(String, Revision)> {
    page.entries.iter().map(|entry| (entry.key.to_string(), entry.revision)).collect()
}

/// The next events of a watch, progress left out.
async fn next_events(watch: &mut WatchStream) -> Result<Vec<Event>, WatchError> {
    loop {
        let item = tokio::time::timeout(std::time::Duration::from_secs(30), watch.next()).await;
        match item.expect("the watch says something").expect("a watch ends with an error")? {
            WatchItem::Events(events) => return Ok(events),
            WatchItem::Progress(_) => {}
        }
    }
}
