//! Watches: every change once, in order, from any revision that is kept; and none of it at the writers' cost.

use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;

use super::{PATIENCE, Subject};
use crate::storage::{Event, Revision, WatchError};

/// Each kind of write raises one event.
pub async fn a_watch_delivers_creates_updates_and_deletes(s: Subject) {
    let mut watch = s.watch(s.revision().await).await;
    let first = s.create("robin", "1").await;
    watch.expect(&["robin=1"]).await;
    let second = s.update("robin", "2", first).await;
    watch.expect(&["robin=2"]).await;
    s.delete("robin", second).await;
    watch.expect(&["robin gone"]).await;
    s.create("robin", "3").await;
    watch.expect(&["robin=3"]).await;
}

/// Key, value and revision of an event are those of the write; a delete's event has no value.
pub async fn an_event_is_the_entry_that_was_written(s: Subject) {
    let mut watch = s.watch(s.revision().await).await;
    let first = s.create("robin", "1").await;
    assert_eq!(watch.next().await, Event { key: s.key("robin").into(), value: Some("1".into()), revision: first });
    let gone = s.delete("robin", first).await;
    assert_eq!(watch.next().await, Event { key: s.key("robin").into(), value: None, revision: gone });
}

/// Whatever revision a watcher saw last, it goes on with the one behind it.
pub async fn a_watch_resumes_after_any_revision(s: Subject) {
    let before = s.revision().await;
    let r1 = s.create("robin", "1").await;
    let w1 = s.create("wren", "1").await;
    let r2 = s.update("robin", "2", r1).await;
    let w_gone = s.delete("wren", w1).await;
    let r3 = s.update("robin", "3", r2).await;
    let history = ["robin=1", "wren=1", "robin=2", "wren gone", "robin=3"];
    let mut watches = Vec::new();
    for (seen, after) in [before, r1, w1, r2, w_gone, r3].into_iter().enumerate() {
        let mut watch = s.watch(after).await;
        watch.expect(&history[seen..]).await;
        watches.push(watch);
    }
    s.update("robin", "4", r3).await;
    for mut watch in watches {
        watch.expect(&["robin=4"]).await;
    }
}

/// A watch after the newest revision shows none of the state, only what comes.
pub async fn a_watch_from_now_leaves_out_what_was(s: Subject) {
    let first = s.create("robin", "1").await;
    s.create("wren", "1").await;
    let mut watch = s.watch(s.revision().await).await;
    s.update("robin", "2", first).await;
    watch.expect(&["robin=2"]).await;
}

/// Watches that start while writers write join history and present without a gap or a repetition.
pub async fn a_watch_goes_from_history_to_live_without_a_gap(s: Subject) {
    let before = s.revision().await;
    let writer = s.clone();
    let writes = tokio::spawn(async move {
        let mut written = Vec::new();
        for n in 0..150 {
            let name = n.to_string();
            let revision = writer.create(&name, &name).await;
            written.push(Event { key: writer.key(&name).into(), value: Some(name.into()), revision });
        }
        written
    });
    let mut watchers = Vec::new();
    while !writes.is_finished() && watchers.len() < 50 {
        let mut watch = s.watch(before).await;
        watchers.push(tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 150 {
                seen.push(watch.next().await);
            }
            seen
        }));
        tokio::task::yield_now().await;
    }
    let written = writes.await.expect("the writer");
    for seen in join_all(watchers).await {
        assert_eq!(seen.expect("a watcher"), written);
    }
}

/// The way of every informer: a list, and a watch from its revision, give the whole state at any time.
pub async fn a_list_and_a_watch_from_it_miss_nothing(s: Subject) {
    let writer = s.clone();
    let writes = tokio::spawn(async move {
        let mut revision = writer.create("last", "0").await;
        for n in 1..=50 {
            writer.create(&format!("{n:03}"), "1").await;
            revision = writer.update("last", &n.to_string(), revision).await;
        }
        writer.update("last", "done", revision).await;
    });
    let mut informers = Vec::new();
    for _ in 0..20 {
        let page = s.list(s.all()).await;
        let mut watch = s.watch(page.revision).await;
        let s = s.clone();
        informers.push(tokio::spawn(async move {
            let mut state: std::collections::BTreeMap<_, _> =
                page.entries.into_iter().map(|entry| (entry.key, entry.value)).collect();
            while state.get(&*s.key("last")).is_none_or(|value| value != "done") {
                let event = watch.next().await;
                let known = state.insert(event.key.clone(), event.value.expect("nothing is deleted"));
                assert!(*event.key == *s.key("last") || known.is_none(), "{} came twice", event.key);
            }
            assert_eq!(state.len(), 51);
        }));
        tokio::task::yield_now().await;
    }
    writes.await.expect("the writer");
    for informer in informers {
        informer.await.expect("an informer");
    }
}

/// What is written beside the prefix is not delivered, neither live nor from history.
pub async fn a_watch_sees_only_its_prefix(s: Subject) {
    let before = s.revision().await;
    let mut live = s.watch_below("birds/", before).await;
    let mut wide = s.watch_below("bird", before).await;
    for name in ["birds/robin", "birds2/owl", "birds", "bird/x", "bats/pip", "birds/", "birds/wren"] {
        s.create(name, "").await;
    }
    let mut replayed = s.watch_below("birds/", before).await;
    for watch in [&mut live, &mut replayed] {
        watch.expect(&["birds/robin=", "birds/=", "birds/wren="]).await;
    }
    wide.expect(&["birds/robin=", "birds2/owl=", "birds=", "bird/x=", "birds/=", "birds/wren="]).await;
}

/// A watch may be ahead of the store, and then leaves out what comes up to its revision.
pub async fn a_watch_after_a_future_revision_waits_for_it(s: Subject) {
    let now = s.revision().await;
    let after = Revision(now.0 + 10);
    let mut watch = s.watch(after).await;
    let mut expected = Vec::new();
    for n in 0..20 {
        let revision = s.create(&n.to_string(), "").await;
        if revision > after {
            expected.push(format!("{n}="));
        }
    }
    assert!(!expected.is_empty());
    watch.expect(&expected).await;
}

/// Between two accepted writes, refused ones leave no trace.
pub async fn refused_writes_raise_no_events(s: Subject) {
    let mut watch = s.watch(s.revision().await).await;
    let first = s.create("robin", "1").await;
    let second = s.update("robin", "2", first).await;
    s.try_create("robin", "3").await.expect_err("exists");
    s.try_update("robin", "3", first).await.expect_err("stale");
    s.try_delete("robin", first).await.expect_err("stale");
    s.try_delete("wren", first).await.expect_err("missing");
    s.delete("robin", second).await;
    watch.expect(&["robin=1", "robin=2", "robin gone"]).await;
}

/// Sixteen writers at once, one order: that of the revisions they were given.
pub async fn events_of_concurrent_writers_are_in_order(s: Subject) {
    let mut watch = s.watch(s.revision().await).await;
    let written = sixteen_writers(&s).await;
    let mut seen = Vec::new();
    while seen.len() < written.len() {
        seen.push(watch.next().await);
    }
    assert_eq!(seen, written);
}

/// Order is the store's, not the watch's.
pub async fn two_watches_see_the_same_order(s: Subject) {
    let before = s.revision().await;
    let mut first = s.watch(before).await;
    let mut second = s.watch(before).await;
    for n in 0..sixteen_writers(&s).await.len() {
        assert_eq!(first.next().await, second.next().await, "event {n}");
    }
}

/// Every watch has a copy of its own.
pub async fn a_hundred_watches_all_see_every_event(s: Subject) {
    let before = s.revision().await;
    let mut watches = Vec::new();
    for _ in 0..100 {
        watches.push(s.watch(before).await);
    }
    let first = s.create("robin", "1").await;
    s.create("wren", "1").await;
    s.delete("robin", first).await;
    for watch in &mut watches {
        watch.expect(&["robin=1", "wren=1", "robin gone"]).await;
    }
}

/// A watcher that leaves takes nobody along.
pub async fn a_dropped_watch_ends_alone(s: Subject) {
    let before = s.revision().await;
    let mut stays = s.watch(before).await;
    let mut leaves = s.watch(before).await;
    let never_read = s.watch(before).await;
    s.create("robin", "1").await;
    leaves.expect(&["robin=1"]).await;
    drop(leaves);
    drop(never_read);
    s.create("wren", "1").await;
    stays.expect(&["robin=1", "wren=1"]).await;
}

/// Watches in great number, most of them dropped at once, disturb neither writers nor each other.
pub async fn watches_may_come_and_go_while_others_write(s: Subject) {
    let before = s.revision().await;
    let mut stays = s.watch(before).await;
    let mut written = Vec::new();
    for n in 0..100 {
        drop(s.watch(before).await);
        let mut short = s.watch(s.revision().await).await;
        s.create(&n.to_string(), "").await;
        short.expect(&[format!("{n}=")]).await;
        written.push(format!("{n}="));
    }
    stays.expect(&written).await;
}

/// Writers do not wait for watchers. One that never reads may be cut off; what it got until then has no gap, and it
/// can go on from there.
pub async fn a_watcher_that_reads_nothing_delays_no_writer(s: Subject) {
    const WRITES: usize = 200;
    let before = s.revision().await;
    let mut idle = s.watch(before).await;
    let value = "x".repeat(10_000);
    let writes = async {
        for n in 0..WRITES {
            s.create(&format!("{n:04}"), &value).await;
        }
    };
    tokio::time::timeout(PATIENCE, writes).await.expect("the writers are not delayed");
    let mut seen = Vec::new();
    let mut after = before;
    while seen.len() < WRITES {
        match idle.next_or_end().await {
            Ok(event) => {
                after = event.revision;
                seen.push(s.name(&event.key).to_owned());
            }
            Err(WatchError::Lagged) => {
                assert!(idle.stream.next().await.is_none(), "a watch goes on after an error");
                idle = s.watch(after).await;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    let expected: Vec<String> = (0..WRITES).map(|n| format!("{n:04}")).collect();
    assert_eq!(seen, expected);
}

/// A reader that asks for the newest revision and then waits for a watch to reach it does not wait in vain, even if
/// all that was written lies elsewhere. A watch cache lives by this.
pub async fn a_quiet_watch_tells_progress_when_the_revision_is_asked_for(s: Subject) {
    let before = s.revision().await;
    let mut quiet = s.watch_below("birds/", before).await;
    for n in 0..3 {
        let elsewhere = s.create(&format!("bats/{n}"), "").await;
        let revision = s.revision().await;
        assert!(elsewhere <= revision);
        assert!(quiet.progress(revision).await >= revision);
    }
    s.create("birds/robin", "1").await;
    quiet.expect(&["birds/robin=1"]).await;
}

/// Sixteen writers write, update and delete; what they wrote, by revision.
async fn sixteen_writers(s: &Subject) -> Vec<Event> {
    let writers = (0..16).map(|writer| {
        let s = s.clone();
        tokio::spawn(async move {
            let mut written = Vec::new();
            for n in 0..5 {
                let name = format!("{writer}-{n}");
                let key: Arc<str> = s.key(&name).into();
                let created = s.create(&name, "1").await;
                let updated = s.update(&name, "2", created).await;
                let gone = s.delete(&name, updated).await;
                written.push(Event { key: key.clone(), value: Some("1".into()), revision: created });
                written.push(Event { key: key.clone(), value: Some("2".into()), revision: updated });
                written.push(Event { key, value: None, revision: gone });
            }
            written
        })
    });
    let mut written: Vec<Event> =
        join_all(writers.collect::<Vec<_>>()).await.into_iter().flat_map(|events| events.expect("a writer")).collect();
    written.sort_by_key(|event| event.revision);
    written
}
