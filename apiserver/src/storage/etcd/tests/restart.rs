//! etcd dies and comes back while it is written to and watched.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use super::super::{EtcdStore, testing::EtcdServer};
use super::{all, keys, next_events, text};
use crate::storage::{Event, Revision, Store, WriteError};

const END: &str = "/registry/end";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_a_watch_goes_on_where_it_was() {
    let Some(mut server) = EtcdServer::start() else { return };
    let store = Arc::new(server.store().await);
    let start = store.revision().await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let follower = tokio::spawn(follow(store.clone(), start));
    let writers: Vec<_> = (0..8).map(|n| tokio::spawn(write(store.clone(), n, stop.clone()))).collect();

    let mut newest = start;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        // Revisions that a reader has seen do not come back with another meaning.
        newest = store.revision().await.unwrap().max(newest);
        server = tokio::task::spawn_blocking(|| {
            server.kill();
            server.restart();
            server
        })
        .await
        .unwrap();
        assert!(store.revision().await.unwrap() >= newest);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Relaxed);

    let mut acknowledged = Vec::new();
    for writer in writers {
        let written = writer.await.unwrap();
        assert!(written.is_sorted_by_key(|(_, revision)| *revision), "a writer's revisions went back");
        acknowledged.extend(written);
    }
    store.create(END, text("")).await.unwrap();
    let seen: Vec<(String, Revision)> =
        follower.await.unwrap().into_iter().map(|event| (event.key.to_string(), event.revision)).collect();
    assert!(seen.is_sorted_by(|(_, a), (_, b)| a < b), "a revision was repeated or went back");

    let mut stored = keys(&store.list(all()).await.unwrap());
    stored.sort_by_key(|(_, revision)| *revision);
    // Every key is written once, so what is stored is all that happened.
    assert_eq!(seen, stored);
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    for (key, revision) in acknowledged {
        assert!(
            stored.binary_search_by_key(&revision, |(_, stored)| *stored).is_ok_and(|at| stored[at].0 == key),
            "{key}"
        );
    }
}

/// Creates one key after the other; what was acknowledged.
async fn write(store: Arc<EtcdStore>, writer: usize, stop: Arc<AtomicBool>) -> Vec<(String, Revision)> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let key = format!("/registry/{writer}-{n}");
        match store.create(&key, text("x")).await {
            Ok(revision) => acknowledged.push((key, revision)),
            // It may have happened; nobody knows, so this key is not used again.
            Err(WriteError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{key} was written by no one else: {error:?}"),
        }
    }
    acknowledged
}

/// All events until the last key, over as many watches as it takes.
async fn follow(store: Arc<EtcdStore>, after: Revision) -> Vec<Event> {
    let mut seen: Vec<Event> = Vec::new();
    loop {
        let after = seen.last().map_or(after, |event| event.revision);
        let Ok(mut watch) = store.watch("/registry/", after).await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        while let Ok(events) = next_events(&mut watch).await {
            seen.extend(events);
            if seen.last().is_some_and(|event| *event.key == *END) {
                return seen;
            }
        }
    }
}
