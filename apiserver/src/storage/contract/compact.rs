//! Compaction: the past is forgotten, the present and whoever follows it are not touched.

use futures::StreamExt;

use super::Subject;
use crate::storage::{ListRequest, ReadError, Revision, WatchError};

/// States before the compaction cannot be read.
pub async fn a_list_at_a_compacted_revision_is_refused(s: Subject) {
    let (old, new) = history(&s).await;
    s.compact(new).await;
    match s.store.list(ListRequest { at: Some(old), ..s.all() }).await {
        Err(ReadError::Compacted { requested, oldest }) => {
            assert_eq!(requested, old);
            assert!(oldest == Revision(0) || oldest == new, "{oldest}");
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// The revision that is compacted to is the oldest that is kept.
pub async fn a_list_at_the_revision_of_the_compaction_is_answered(s: Subject) {
    let (_, new) = history(&s).await;
    let shown = s.shown_at(new).await;
    let robin = s.get("robin").await.expect("robin");
    let later = s.update("robin", "later", robin.revision).await;
    s.delete("robin", later).await;
    s.compact(new).await;
    assert_eq!(s.shown_at(new).await, shown);
    assert_eq!(s.shown_at(later).await, shown.replace("robin=5", "robin=later"));
}

/// A watch cannot resume where events are missing; it says so and does not silently go on.
pub async fn a_watch_from_a_compacted_revision_is_refused(s: Subject) {
    let (old, new) = history(&s).await;
    s.compact(new).await;
    let error = match s.store.watch(&s.prefix, old).await {
        Err(error) => error,
        Ok(mut stream) => {
            let error = match stream.next().await {
                Some(Err(error)) => error,
                other => panic!("not refused: {other:?}"),
            };
            assert!(stream.next().await.is_none(), "a watch goes on after an error");
            error
        }
    };
    match error {
        WatchError::Compacted { after, oldest } => {
            assert_eq!(after, old);
            assert!(oldest == Revision(0) || oldest == new, "{oldest}");
        }
        other => panic!("refused for another reason: {other:?}"),
    }
}

/// Who has seen all up to the compaction misses nothing.
pub async fn a_watch_after_the_compaction_resumes(s: Subject) {
    let (_, new) = history(&s).await;
    let a = s.create("a", "1").await;
    s.delete("a", a).await;
    s.compact(new).await;
    let mut watch = s.watch(new).await;
    watch.expect(&["a=1", "a gone"]).await;
    s.create("b", "1").await;
    watch.expect(&["b=1"]).await;
}

/// However old a value is, it stays while it is the newest of its key.
pub async fn a_compaction_keeps_every_current_value(s: Subject) {
    let oldest = s.create("oldest", "1").await;
    history(&s).await;
    let before = s.list(s.all()).await;
    s.compact(s.revision().await).await;
    assert_eq!(s.list(s.all()).await.entries, before.entries);
    let entry = s.get("oldest").await.expect("the oldest key");
    assert_eq!(entry.revision, oldest);
    s.update("oldest", "2", oldest).await;
}

/// What was deleted does not come back with the loss of its delete.
pub async fn a_compaction_leaves_deleted_keys_deleted(s: Subject) {
    let first = s.create("a", "1").await;
    let second = s.update("a", "2", first).await;
    let gone = s.delete("a", second).await;
    for before in [second, gone, s.create("b", "1").await] {
        s.compact(before).await;
        assert_eq!(s.get("a").await, None, "compacted before {before}");
        assert_eq!(s.shown().await, "b=1");
    }
    let again = s.create("a", "3").await;
    assert!(gone < again);
    s.compact(again).await;
    assert_eq!(s.shown().await, "a=3 b=1");
}

/// Watches that are up to date do not notice.
pub async fn a_compaction_leaves_running_watches_alone(s: Subject) {
    let before = s.revision().await;
    let mut watch = s.watch(before).await;
    let mut revision = s.create("robin", "0").await;
    for n in 1..=20 {
        watch.expect(&[format!("robin={}", n - 1)]).await;
        revision = s.update("robin", &n.to_string(), revision).await;
        watch.expect(&[format!("robin={n}")]).await;
        s.compact(revision).await;
        revision = s.update("robin", &n.to_string(), revision).await;
    }
    s.delete("robin", revision).await;
    watch.expect(&["robin=20", "robin gone"]).await;
}

/// A list that is being paged goes on, if its revision is kept.
pub async fn a_compaction_leaves_newer_pages_alone(s: Subject) {
    let (old, new) = history(&s).await;
    let first = s.list(ListRequest { limit: 1, at: Some(new), ..s.all() }).await;
    let wren = s.get("wren").await.expect("wren");
    s.delete("wren", wren.revision).await;
    s.compact(old).await;
    s.compact(new).await;
    let request = ListRequest { start: format!("{}\0", first.entries[0].key), at: Some(new), ..s.all() };
    let second = s.list(request).await;
    assert_eq!((s.show(&first), s.show(&second)), ("robin=5".to_owned(), "wren=1".to_owned()));
    assert_eq!((first.remaining, second.remaining), (1, 0));
}

/// What is already compacted can be compacted again, and the oldest revision never goes back.
pub async fn compacting_again_or_less_changes_nothing(s: Subject) {
    let (old, new) = history(&s).await;
    for before in [new, new, old, Revision(1)] {
        s.compact(before).await;
        assert_eq!(s.shown_at(new).await, "robin=5 wren=1");
        let refused = s.store.list(ListRequest { at: Some(old), ..s.all() }).await;
        assert!(matches!(refused, Err(ReadError::Compacted { .. })), "{refused:?}");
    }
}

/// The future cannot be forgotten.
pub async fn a_compaction_of_the_future_is_refused(s: Subject) {
    let (_, new) = history(&s).await;
    let refused = s.store.compact(Revision(new.0 + 1_000_000)).await;
    assert!(matches!(refused, Err(ReadError::Future { .. })), "{refused:?}");
    assert_eq!(s.shown_at(new).await, "robin=5 wren=1");
}

/// A store that has forgotten everything still knows where it was.
pub async fn revisions_grow_on_after_a_compaction(s: Subject) {
    let (_, mut last) = history(&s).await;
    for n in 0..5 {
        let created = s.create("a", &n.to_string()).await;
        let gone = s.delete("a", created).await;
        s.compact(s.revision().await).await;
        assert!(last < created && created < gone && gone <= s.revision().await);
        last = gone;
    }
}

/// Writes enough for a compaction to forget something: a revision that has been superseded, and the newest.
async fn history(s: &Subject) -> (Revision, Revision) {
    let old = s.create("robin", "1").await;
    s.create("wren", "1").await;
    let mut new = old;
    for n in 2..=5 {
        new = s.update("robin", &n.to_string(), new).await;
    }
    (old, new)
}
