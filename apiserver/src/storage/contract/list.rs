//! Lists: order, borders, pages, and the state at one revision.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Subject;
use crate::storage::{Entry, ListRequest, ReadError, Revision};

/// Keys come in the order of their bytes, whatever the order of their writes.
pub async fn a_list_is_in_byte_order(s: Subject) {
    for name in ["b", "a/c", "a", "ab", "a-b", "B", "10", "9", "a/b"] {
        s.create(name, "").await;
    }
    assert_eq!(s.shown().await, "10= 9= B= a= a-b= a/b= a/c= ab= b=");
}

/// An empty list tells where to watch from.
pub async fn a_list_of_nothing_is_empty_and_has_a_revision(s: Subject) {
    let before = s.revision().await;
    let page = s.list(s.all()).await;
    assert_eq!((page.entries, page.remaining), (vec![], 0));
    assert!(page.revision >= before);
}

/// Entries carry key, value and revision of their last write; the page carries a revision that covers them all.
pub async fn a_list_sees_every_acknowledged_write(s: Subject) {
    let robin = s.create("robin", "1").await;
    let wren = s.create("wren", "1").await;
    let robin = s.update("robin", "2", robin).await;
    let page = s.list(s.all()).await;
    let expected = vec![
        Entry { key: s.key("robin").into(), value: "2".into(), revision: robin },
        Entry { key: s.key("wren").into(), value: "1".into(), revision: wren },
    ];
    assert_eq!(page.entries, expected);
    assert!(robin <= page.revision);
}

/// Neither entries nor counts show what was deleted.
pub async fn a_list_leaves_out_deleted_keys(s: Subject) {
    let mut revisions = Vec::new();
    for name in ["a", "b", "c", "d"] {
        revisions.push(s.create(name, "").await);
    }
    s.delete("b", revisions[1]).await;
    s.delete("d", revisions[3]).await;
    assert_eq!(s.shown().await, "a= c=");
    let page = s.list(ListRequest { limit: 1, ..s.all() }).await;
    assert_eq!((s.show(&page).as_str(), page.remaining), ("a=", 1));
}

/// A folder ends at its slash.
pub async fn a_prefix_with_a_slash_leaves_out_its_neighbours(s: Subject) {
    for name in ["birds", "birds-of-prey/kite", "birds/robin", "birds/wren", "birds0", "birds2/owl", "bird/x"] {
        s.create(name, "").await;
    }
    assert_eq!(below(&s, "birds/").await, "birds/robin= birds/wren=");
    assert_eq!(below(&s, "birds2/").await, "birds2/owl=");
    assert_eq!(below(&s, "bats/").await, "");
}

/// Without the slash, a prefix is a prefix; a whole key is one too.
pub async fn a_prefix_need_not_end_in_a_slash(s: Subject) {
    for name in ["bird", "birds", "birds/robin", "bison"] {
        s.create(name, "").await;
    }
    assert_eq!(below(&s, "bird").await, "bird= birds= birds/robin=");
    assert_eq!(below(&s, "birds/robin").await, "birds/robin=");
    assert_eq!(below(&s, "b").await, "bird= birds= birds/robin= bison=");
}

/// `remaining` is exact.
pub async fn a_limit_cuts_the_page_and_counts_the_rest(s: Subject) {
    for name in ["a", "b", "c", "d", "e"] {
        s.create(name, "").await;
    }
    for (limit, shown, remaining) in [(1, "a=", 4), (2, "a= b=", 3), (4, "a= b= c= d=", 1)] {
        let page = s.list(ListRequest { limit, ..s.all() }).await;
        assert_eq!((s.show(&page).as_str(), page.remaining), (shown, remaining), "limit {limit}");
    }
}

/// 0 means no limit, and a limit that is not reached is none.
pub async fn a_limit_that_everything_fits_leaves_nothing(s: Subject) {
    for name in ["a", "b", "c"] {
        s.create(name, "").await;
    }
    for limit in [0, 3, 4, 1_000_000] {
        let page = s.list(ListRequest { limit, ..s.all() }).await;
        assert_eq!((s.show(&page).as_str(), page.remaining), ("a= b= c=", 0), "limit {limit}");
    }
}

/// A list may begin anywhere, also where nothing is.
pub async fn a_start_is_included_and_need_not_exist(s: Subject) {
    for name in ["a", "b", "b/1", "c"] {
        s.create(name, "").await;
    }
    for (start, shown) in [("a", "a= b= b/1= c="), ("b", "b= b/1= c="), ("b\0", "b/1= c="), ("bb", "c="), ("d", "")] {
        let page = s.list(ListRequest { start: s.key(start), ..s.all() }).await;
        assert_eq!((s.show(&page).as_str(), page.remaining), (shown, 0), "from {start:?}");
    }
    let page = s.list(ListRequest { start: s.key("b"), limit: 1, ..s.all() }).await;
    assert_eq!((s.show(&page).as_str(), page.remaining), ("b=", 2));
}

/// A start before the prefix is its beginning, one behind it is its end.
pub async fn a_start_outside_the_prefix_never_leaves_it(s: Subject) {
    for name in ["a", "birds/robin", "birds/wren", "c"] {
        s.create(name, "").await;
    }
    for (start, shown) in
        [("a", "birds/robin= birds/wren="), ("birds", "birds/robin= birds/wren="), ("birds0", ""), ("c", "")]
    {
        let page = s.list(ListRequest { prefix: s.key("birds/"), start: s.key(start), ..s.all() }).await;
        assert_eq!((s.show(&page).as_str(), page.remaining), (shown, 0), "from {start:?}");
    }
}

/// Page by page, each beginning right behind the last key, gives what one list gives.
pub async fn pages_join_to_the_whole(s: Subject) {
    for n in 0..23 {
        s.create(&format!("{n:02}"), &n.to_string()).await;
    }
    let whole = s.list(s.all()).await;
    for limit in [1, 2, 5, 22, 23, 24] {
        let (joined, _) = pages(&s, whole.revision, limit).await;
        assert_eq!(joined, whole.entries, "limit {limit}");
    }
}

/// Every state since the last compaction can still be read.
pub async fn a_list_at_an_older_revision_shows_that_state(s: Subject) {
    let before = s.revision().await;
    let a1 = s.create("a", "1").await;
    let b1 = s.create("b", "1").await;
    let a2 = s.update("a", "2", a1).await;
    let b_gone = s.delete("b", b1).await;
    let c1 = s.create("c", "1").await;
    let b2 = s.create("b", "2").await;
    let states = [
        (before, ""),
        (a1, "a=1"),
        (b1, "a=1 b=1"),
        (a2, "a=2 b=1"),
        (b_gone, "a=2"),
        (c1, "a=2 c=1"),
        (b2, "a=2 b=2 c=1"),
    ];
    for (at, shown) in states {
        let page = s.list(ListRequest { at: Some(at), ..s.all() }).await;
        assert_eq!(s.show(&page), shown, "at {at}");
        assert_eq!(page.revision, at);
        assert!(page.entries.iter().all(|entry| entry.revision <= at));
    }
}

/// `remaining` belongs to the state that is read, not to the newest.
pub async fn a_list_at_an_older_revision_counts_that_state(s: Subject) {
    let mut revisions = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        revisions.push(s.create(name, "").await);
    }
    let five = revisions[4];
    s.delete("d", revisions[3]).await;
    let four = s.delete("e", revisions[4]).await;
    s.create("f", "").await;
    for (at, remaining) in [(revisions[0], 0), (revisions[2], 2), (five, 4), (four, 2)] {
        let page = s.list(ListRequest { at: Some(at), limit: 1, ..s.all() }).await;
        assert_eq!((s.show(&page).as_str(), page.remaining), ("a=", remaining), "at {at}");
    }
}

/// The newest state can be asked for by its revision.
pub async fn a_list_at_the_newest_revision_is_answered(s: Subject) {
    s.create("a", "1").await;
    let at = s.revision().await;
    let page = s.list(ListRequest { at: Some(at), ..s.all() }).await;
    assert_eq!((s.show(&page).as_str(), page.revision), ("a=1", at));
}

/// Nobody may read what has not happened.
pub async fn a_list_at_a_future_revision_is_refused(s: Subject) {
    let written = s.create("a", "1").await;
    let future = Revision(written.0 + 1_000_000);
    match s.store.list(ListRequest { at: Some(future), ..s.all() }).await {
        Err(ReadError::Future { requested, current }) => {
            assert_eq!(requested, future);
            assert!(written <= current && current < future, "{current}");
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// Pages at one revision show one state, whatever happens between them.
pub async fn a_list_continues_at_its_revision_while_others_write(s: Subject) {
    let mut revisions = Vec::new();
    for n in 0..30 {
        revisions.push(s.create(&format!("{n:02}"), "old").await);
    }
    let first = s.list(ListRequest { limit: 7, ..s.all() }).await;
    let writer = s.clone();
    let writes = tokio::spawn(async move {
        for (n, revision) in revisions.into_iter().enumerate().rev() {
            let name = format!("{n:02}");
            match n % 3 {
                0 => writer.update(&name, "new", revision).await,
                1 => writer.delete(&name, revision).await,
                _ => writer.create(&format!("{name}-new"), "new").await,
            };
        }
    });
    let mut paged = Vec::new();
    while paged.len() < 3 || !writes.is_finished() {
        let (entries, remaining) = pages(&s, first.revision, 7).await;
        assert_eq!(remaining, [23, 16, 9, 2, 0]);
        paged.push(entries);
    }
    writes.await.expect("the writer");
    for entries in paged {
        let shown: Vec<String> = entries.iter().map(|entry| entry.key.to_string()).collect();
        let expected: Vec<String> = (0..30).map(|n| s.key(&format!("{n:02}"))).collect();
        assert_eq!(shown, expected);
        assert!(entries.iter().all(|entry| entry.value == "old"));
    }
}

/// A list is one state: of two keys written in turn, none is ever seen two steps ahead of the other.
pub async fn a_list_is_never_torn(s: Subject) {
    let mut a = s.create("a", "0").await;
    let mut b = s.create("b", "0").await;
    let done = Arc::new(AtomicBool::new(false));
    let (writer, finished) = (s.clone(), done.clone());
    let writes = tokio::spawn(async move {
        for n in 1..=50 {
            a = writer.update("a", &n.to_string(), a).await;
            b = writer.update("b", &n.to_string(), b).await;
        }
        finished.store(true, Ordering::SeqCst);
    });
    let mut last = 0;
    while !done.load(Ordering::SeqCst) {
        let page = s.list(s.all()).await;
        let value = |n: usize| -> u64 { String::from_utf8_lossy(&page.entries[n].value).parse().expect("a number") };
        let (a, b) = (value(0), value(1));
        assert!(a == b || a == b + 1, "a={a} b={b}");
        assert!(a + b >= last, "a list went back from {last} to {}", a + b);
        last = a + b;
        tokio::task::yield_now().await;
        assert!(!writes.is_finished() || done.load(Ordering::SeqCst), "the writer died");
    }
    writes.await.expect("the writer");
}

async fn below(s: &Subject, name: &str) -> String {
    s.show(&s.list(ListRequest { prefix: s.key(name), ..s.all() }).await)
}

/// All entries at a revision, read in pages, with what each page counted as remaining.
async fn pages(s: &Subject, at: Revision, limit: usize) -> (Vec<Entry>, Vec<u64>) {
    let (mut entries, mut remaining): (Vec<Entry>, Vec<u64>) = (Vec::new(), Vec::new());
    let mut start = String::new();
    loop {
        let page = s.list(ListRequest { at: Some(at), limit, start: start.clone(), ..s.all() }).await;
        assert_eq!(page.revision, at);
        assert!(page.entries.len() <= limit);
        entries.extend(page.entries);
        remaining.push(page.remaining);
        if page.remaining == 0 {
            return (entries, remaining);
        }
        start = format!("{}\0", entries[entries.len() - 1].key);
    }
}
