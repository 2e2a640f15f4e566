//! Creates, updates and deletes: who may write, and what the losers are told.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::future::join_all;

use super::Subject;
use crate::storage::{Entry, Revision, WriteError};

/// A created key is there, with the bytes and the revision of its creation.
pub async fn create_stores_the_value_under_the_key(s: Subject) {
    let revision = s.create("robin", "red").await;
    let entry = Entry { key: s.key("robin").into(), value: Bytes::from("red"), revision };
    assert_eq!(s.get("robin").await, Some(entry));
}

/// The second creator is told what the first one stored.
pub async fn create_refuses_an_existing_key(s: Subject) {
    let revision = s.create("robin", "red").await;
    let entry = exists(s.try_create("robin", "blue").await);
    assert_eq!(entry, Entry { key: s.key("robin").into(), value: Bytes::from("red"), revision });

    let revision = s.update("robin", "green", revision).await;
    let entry = exists(s.try_create("robin", "blue").await);
    assert_eq!(entry, Entry { key: s.key("robin").into(), value: Bytes::from("green"), revision });
}

/// A key that was deleted is free.
pub async fn create_takes_a_key_that_was_deleted(s: Subject) {
    let first = s.create("robin", "1").await;
    let gone = s.delete("robin", first).await;
    let second = s.create("robin", "2").await;
    assert!(gone < second);
    assert_eq!(s.shown().await, "robin=2");
}

/// An update with the revision of the last write replaces the value.
pub async fn update_replaces_the_value(s: Subject) {
    let first = s.create("robin", "1").await;
    let second = s.update("robin", "2", first).await;
    let third = s.update("robin", "3", second).await;
    let entry = Entry { key: s.key("robin").into(), value: Bytes::from("3"), revision: third };
    assert_eq!(s.get("robin").await, Some(entry));
}

/// Whoever read before the last write is told what that write left.
pub async fn update_with_a_stale_revision_is_a_conflict(s: Subject) {
    let first = s.create("robin", "1").await;
    let second = s.update("robin", "2", first).await;
    let current = conflict(s.try_update("robin", "3", first).await);
    assert_eq!(current, Some(Entry { key: s.key("robin").into(), value: Bytes::from("2"), revision: second }));
}

/// Guards compare for equality: a revision above the key's is as wrong as one below.
pub async fn update_with_a_revision_to_come_is_a_conflict(s: Subject) {
    let first = s.create("robin", "1").await;
    let elsewhere = s.create("wren", "1").await;
    for expected in [elsewhere, Revision(elsewhere.0 + 1_000_000)] {
        let current = conflict(s.try_update("robin", "2", expected).await);
        assert_eq!(current.expect("robin").revision, first);
    }
    assert_eq!(s.shown().await, "robin=1 wren=1");
}

/// An update never creates.
pub async fn update_of_a_missing_key_is_a_conflict_with_nothing(s: Subject) {
    let elsewhere = s.create("wren", "1").await;
    assert_eq!(conflict(s.try_update("robin", "1", elsewhere).await), None);
    let first = s.create("robin", "1").await;
    s.delete("robin", first).await;
    assert_eq!(conflict(s.try_update("robin", "2", first).await), None);
    assert_eq!(s.shown().await, "wren=1");
}

/// The revision of an earlier life of the key is not that of its present one.
pub async fn update_of_a_key_that_was_created_again_is_a_conflict(s: Subject) {
    let first = s.create("robin", "1").await;
    let gone = s.delete("robin", first).await;
    let again = s.create("robin", "2").await;
    for expected in [first, gone] {
        let current = conflict(s.try_update("robin", "3", expected).await);
        assert_eq!(current.expect("robin").revision, again);
    }
}

/// The store does not compare values; every accepted update is a write.
pub async fn update_to_the_same_value_takes_a_revision(s: Subject) {
    let first = s.create("robin", "1").await;
    let second = s.update("robin", "1", first).await;
    assert!(first < second);
    assert_eq!(s.get("robin").await.expect("robin").revision, second);
}

/// A deleted key is gone, for gets and for lists.
pub async fn delete_removes_the_key(s: Subject) {
    let first = s.create("robin", "1").await;
    s.create("wren", "1").await;
    s.delete("robin", first).await;
    assert_eq!(s.get("robin").await, None);
    assert_eq!(s.shown().await, "wren=1");
}

/// A delete is a write: it comes after the write before it, and before the one after.
pub async fn delete_takes_a_revision(s: Subject) {
    let first = s.create("robin", "1").await;
    let gone = s.delete("robin", first).await;
    assert!(first < gone);
    assert!(gone <= s.revision().await);
    assert!(gone < s.create("wren", "1").await);
}

/// Whoever deletes what has changed since is told what is there now.
pub async fn delete_with_a_stale_revision_is_a_conflict(s: Subject) {
    let first = s.create("robin", "1").await;
    let second = s.update("robin", "2", first).await;
    for expected in [first, Revision(second.0 + 1_000_000)] {
        let current = conflict(s.try_delete("robin", expected).await);
        assert_eq!(current, Some(Entry { key: s.key("robin").into(), value: Bytes::from("2"), revision: second }));
    }
    assert_eq!(s.shown().await, "robin=2");
}

/// Nothing cannot be deleted, whether it never was or is no more.
pub async fn delete_of_a_missing_key_is_a_conflict_with_nothing(s: Subject) {
    let first = s.create("wren", "1").await;
    assert_eq!(conflict(s.try_delete("robin", first).await), None);
    s.delete("wren", first).await;
    assert_eq!(conflict(s.try_delete("wren", first).await), None);
}

/// After any number of refused writes, value and revision are what the last accepted one left.
pub async fn refused_writes_change_nothing(s: Subject) {
    let first = s.create("robin", "1").await;
    let second = s.update("robin", "2", first).await;
    let before = s.get("robin").await;
    exists(s.try_create("robin", "3").await);
    conflict(s.try_update("robin", "3", first).await);
    conflict(s.try_delete("robin", first).await);
    conflict(s.try_update("wren", "3", second).await);
    conflict(s.try_delete("wren", second).await);
    assert_eq!(s.get("robin").await, before);
    assert_eq!(s.shown().await, "robin=2");
}

/// 0 is before all writes; as a guard it matches neither a key nor the absence of one.
pub async fn revision_zero_is_the_revision_of_no_key(s: Subject) {
    let first = s.create("robin", "1").await;
    let zero = Revision(0);
    assert_eq!(conflict(s.try_update("robin", "2", zero).await).expect("robin").revision, first);
    assert_eq!(conflict(s.try_delete("robin", zero).await).expect("robin").revision, first);
    assert_eq!(conflict(s.try_update("wren", "2", zero).await), None);
    assert_eq!(conflict(s.try_delete("wren", zero).await), None);
    assert_eq!(s.shown().await, "robin=1");
}

/// One counter orders all keys.
pub async fn revisions_grow_with_every_write(s: Subject) {
    let mut last = Revision(0);
    for n in 0..20 {
        let (a, b) = (format!("a{n}"), format!("b{n}"));
        let created = s.create(&a, "1").await;
        let elsewhere = s.create(&b, "1").await;
        let updated = s.update(&a, "2", created).await;
        let gone = s.delete(&b, elsewhere).await;
        for revision in [created, elsewhere, updated, gone] {
            assert!(last < revision, "{revision} after {last}");
            last = revision;
        }
    }
}

/// Concurrent writers never share a revision.
pub async fn revisions_are_given_to_one_writer_only(s: Subject) {
    let writers = (0..16).map(|writer| {
        let s = s.clone();
        tokio::spawn(async move {
            let mut revisions = Vec::new();
            for n in 0..10 {
                let name = format!("{writer}-{n}");
                let created = s.create(&name, "1").await;
                let updated = s.update(&name, "2", created).await;
                revisions.extend([created, updated, s.delete(&name, updated).await]);
            }
            assert!(revisions.is_sorted(), "{revisions:?}");
            revisions
        })
    });
    let mut all = BTreeSet::new();
    for revisions in join_all(writers).await {
        for revision in revisions.expect("a writer") {
            assert!(all.insert(revision), "{revision} was given twice");
        }
    }
    assert_eq!(all.len(), 16 * 10 * 3);
}

/// One creator gets the key, the others get what it stored.
pub async fn of_concurrent_creates_of_one_key_exactly_one_wins(s: Subject) {
    for round in 0..10 {
        let name = format!("robin{round}");
        let results = each_of_16(&s, |s, writer| {
            let name = name.clone();
            async move { (writer, s.try_create(&name, &writer.to_string()).await) }
        })
        .await;
        let stored = s.get(&name).await.expect("one writer won");
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, result)| result.is_ok());
        let [(winner, revision)] = &won[..] else { panic!("{} creators of {name}", won.len()) };
        assert_eq!(stored.value, winner.to_string());
        assert_eq!(stored.revision, *revision.as_ref().expect("the winner's revision"));
        for (_, result) in lost {
            assert_eq!(exists(result), stored);
        }
    }
}

/// Of those who read the same revision one writes, and the others are told what it wrote.
pub async fn of_concurrent_updates_of_one_key_exactly_one_wins(s: Subject) {
    let mut revision = s.create("robin", "start").await;
    for _ in 0..10 {
        let results =
            each_of_16(
                &s,
                |s, writer| async move { (writer, s.try_update("robin", &writer.to_string(), revision).await) },
            )
            .await;
        let stored = s.get("robin").await.expect("robin");
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, result)| result.is_ok());
        let [(winner, _)] = &won[..] else { panic!("{} winners", won.len()) };
        assert_eq!(stored.value, winner.to_string());
        for (_, result) in lost {
            assert_eq!(conflict(result), Some(stored.clone()));
        }
        revision = stored.revision;
    }
}

/// One deletes, the others find nothing.
pub async fn of_concurrent_deletes_of_one_key_exactly_one_wins(s: Subject) {
    for _ in 0..10 {
        let revision = s.create("robin", "1").await;
        let results = each_of_16(&s, |s, _| async move { s.try_delete("robin", revision).await }).await;
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(|result| result.is_ok());
        assert_eq!(won.len(), 1);
        for result in lost {
            assert_eq!(conflict(result), None);
        }
        assert_eq!(s.get("robin").await, None);
    }
}

/// Writers of different keys do not disturb each other.
pub async fn sixteen_writers_on_different_keys_all_succeed(s: Subject) {
    each_of_16(&s, |s, writer| async move {
        let name = format!("{writer:02}");
        let mut revision = s.create(&name, "0").await;
        for n in 1..=10 {
            revision = s.update(&name, &n.to_string(), revision).await;
        }
    })
    .await;
    let expected: Vec<String> = (0..16).map(|writer| format!("{writer:02}=10")).collect();
    assert_eq!(s.shown().await, expected.join(" "));
}

/// Read, add one, write, and again after a conflict: every increment counts.
pub async fn read_modify_write_loses_no_increment(s: Subject) {
    s.create("counter", "0").await;
    each_of_16(&s, |s, _| async move {
        for _ in 0..5 {
            let mut entry = s.get("counter").await.expect("the counter");
            loop {
                let count: u64 = String::from_utf8_lossy(&entry.value).parse().expect("a number");
                match s.try_update("counter", &(count + 1).to_string(), entry.revision).await {
                    Ok(_) => break,
                    result => entry = conflict(result).expect("the counter"),
                }
            }
        }
    })
    .await;
    assert_eq!(s.shown().await, "counter=80");
}

/// A value is returned bit by bit, be it text or not.
pub async fn values_are_any_bytes(s: Subject) {
    let every_byte: Vec<u8> = (0..=255).collect();
    for (n, value) in [&every_byte[..], &[0], &[0, 0, 0], &[0xff, 0xfe], b"\r\n", b"{\"a\":1}"].iter().enumerate() {
        let key = s.key(&n.to_string());
        let value = Bytes::copy_from_slice(value);
        s.store.create(&key, value.clone()).await.expect("create");
        assert_eq!(s.store.get(&key).await.expect("get").expect("the key").value, value);
    }
}

/// Empty is not absent.
pub async fn an_empty_value_is_a_value(s: Subject) {
    let first = s.create("robin", "").await;
    assert_eq!(s.get("robin").await.expect("robin").value, "");
    assert_eq!(s.shown().await, "robin=");
    exists(s.try_create("robin", "1").await);
    let mut watch = s.watch(Revision(first.0 - 1)).await;
    s.delete("robin", first).await;
    watch.expect(&["robin=", "robin gone"]).await;
}

/// An object of 1 MiB is stored, read, listed and watched like any other.
pub async fn a_value_of_a_mebibyte_is_kept_whole(s: Subject) {
    let value: Vec<u8> = (0..1 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let value = Bytes::from(value);
    let revision = s.store.create(&s.key("robin"), value.clone()).await.expect("create");
    assert_eq!(s.get("robin").await.expect("robin").value, value);
    assert_eq!(s.list(s.all()).await.entries[0].value, value);
    assert_eq!(s.watch(Revision(revision.0 - 1)).await.next().await.value, Some(value));
}

/// A key is any text; its order is that of its bytes.
pub async fn keys_may_be_any_unicode(s: Subject) {
    let names = ["\u{1}", " ", "%2F", "a\nb", "a b", "ß", "Ω", "日本", "\u{ffff}", "🐦"];
    assert!(names.is_sorted());
    for (n, name) in names.iter().enumerate().rev() {
        s.create(name, &n.to_string()).await;
    }
    for (n, name) in names.iter().enumerate() {
        assert_eq!(s.get(name).await.expect("the key").value, n.to_string());
    }
    let page = s.list(s.all()).await;
    let listed: Vec<&str> = page.entries.iter().map(|entry| s.name(&entry.key)).collect();
    assert_eq!(listed, names);
}

async fn each_of_16<T, F>(s: &Subject, write: impl Fn(Subject, usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let writers: Vec<_> = (0..16).map(|writer| tokio::spawn(write(s.clone(), writer))).collect();
    join_all(writers).await.into_iter().map(|result| result.expect("a writer")).collect()
}

fn exists(result: Result<Revision, WriteError>) -> Entry {
    match result {
        Err(WriteError::Exists(entry)) => entry,
        other => panic!("not refused as existing: {other:?}"),
    }
}

fn conflict(result: Result<Revision, WriteError>) -> Option<Entry> {
    match result {
        Err(WriteError::Conflict { current }) => current,
        other => panic!("not refused as a conflict: {other:?}"),
    }
}
