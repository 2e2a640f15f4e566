//! The past goes away while somebody is reading it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::super::testing::EtcdServer;
use super::{all, fill, next_events, text};
use crate::storage::{Event, ListRequest, ReadError, Revision, Store, WatchError};

#[tokio::test]
async fn the_next_page_of_a_compacted_list_is_refused() {
    let Some(server) = EtcdServer::start() else { return };
    let store = server.store().await;
    fill(&store, 30).await;
    let first = store.list(ListRequest { limit: 10, ..all() }).await.unwrap();
    let newest = store.create("/registry/z", text("")).await.unwrap();
    let next = ListRequest { limit: 10, start: "/registry/00010".into(), at: Some(first.revision), ..all() };
    assert_eq!(store.list(next.clone()).await.unwrap().remaining, 10);
    store.compact(newest).await.unwrap();
    match store.list(next).await {
        Err(ReadError::Compacted { requested, .. }) => assert_eq!(requested, first.revision),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_now_outruns_compactions() {
    let Some(server) = EtcdServer::start() else { return };
    let store = server.store().await;
    fill(&store, 3_000).await;
    let done = AtomicBool::new(false);
    let compact = async {
        let mut at = store.create("/other", text("")).await.unwrap();
        while !done.load(Relaxed) {
            store.compact(at).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            at = store.update("/other", text(""), at).await.unwrap();
        }
    };
    let read = async {
        for _ in 0..30 {
            assert_eq!(store.list(all()).await.unwrap().entries.len(), 3_000);
        }
        done.store(true, Relaxed);
    };
    futures::join!(compact, read);
}

#[tokio::test]
async fn a_deletion_at_the_compacted_revision_is_not_left_out() {
    let Some(server) = EtcdServer::start() else { return };
    let store = server.store().await;
    let created = store.create("/registry/robin", text("1")).await.unwrap();
    let deleted = store.delete("/registry/robin", created).await.unwrap();
    store.create("/registry/wren", text("1")).await.unwrap();
    store.compact(deleted).await.unwrap();
    // Whoever saw the creation must either see the deletion or be told to read again.
    match store.watch("/registry/", created).await {
        Err(WatchError::Compacted { after, .. }) => assert_eq!(after, created),
        Err(error) => panic!("{error:?}"),
        Ok(mut watch) => {
            let event = Event { key: "/registry/robin".into(), value: None, revision: deleted };
            assert_eq!(next_events(&mut watch).await.unwrap(), [event]);
        }
    }
}

#[tokio::test]
async fn a_watch_that_is_overtaken_by_a_compaction_has_no_gap() {
    let Some(server) = EtcdServer::start() else { return };
    let store = server.store().await;
    let mut after = store.revision().await.unwrap();
    let mut watch = store.watch("/registry/", after).await.unwrap();
    // More than all buffers between the member and this watch take in while it is not read.
    let value = "x".repeat(100_000);
    let mut written = Vec::new();
    for n in 0..300 {
        written.push(store.create(&format!("/registry/{n}"), text(&value)).await.unwrap());
    }
    let newest = *written.last().unwrap();
    store.compact(newest).await.unwrap();
    let mut seen: Vec<Revision> = Vec::new();
    while after < newest {
        match next_events(&mut watch).await {
            Ok(events) => {
                seen.extend(events.iter().map(|event| event.revision));
                after = seen[seen.len() - 1];
            }
            Err(WatchError::Compacted { after: told, .. }) => {
                assert_eq!(told, after);
                break;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(seen, written[..seen.len()]);
}
