use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};

use bytes::Bytes;

use super::feed::Sink;
use super::index::{By, Lookup};
use super::{Cached, Range, WatchCache};
use crate::storage::{Entry, Event, Revision};

/// A text with labels: `a=1,b=2`.
struct Text(String, Revision);

impl Cached for Text {
    type Codec = ();

    fn decode((): &(), entry: &Entry) -> Self {
        Self(String::from_utf8_lossy(&entry.value).into_owned(), entry.revision)
    }

    fn left_at(&self, revision: Revision) -> Self {
        Self(self.0.clone(), revision)
    }

    fn revision(&self) -> Revision {
        self.1
    }

    fn bytes(&self) -> usize {
        self.0.len()
    }

    fn value_of(&self, by: &By) -> Option<&str> {
        let By::Label(wanted) = by else { return None };
        self.0.split(',').filter_map(|pair| pair.split_once('=')).find(|(key, _)| key == wanted).map(|(_, value)| value)
    }

    fn stored_as(&self) -> &str {
        ""
    }
}

fn filled(entries: impl IntoIterator<Item = (String, String)>) -> WatchCache<Text> {
    let cache = WatchCache::new("/r/".to_owned(), ());
    let entry =
        |(key, value): (String, String)| Entry { key: key.into(), value: Bytes::from(value), revision: Revision(1) };
    cache.fill(entries.into_iter().map(entry).collect(), Revision(1));
    cache
}

fn write(cache: &WatchCache<Text>, key: &str, value: Option<&str>, revision: u64) {
    let value = value.map(|text| Bytes::from(text.to_owned()));
    cache.apply(Event { key: key.into(), value, revision: Revision(revision) });
    cache.tell();
}

fn texts(cache: &WatchCache<Text>, range: &Range<'_>) -> String {
    let snapshot = cache.select(range, |_| true);
    let texts: Vec<&str> = snapshot.objects.iter().map(|text| text.0.as_str()).collect();
    let next = snapshot.next.map(|key| format!(" next {key} +{}", snapshot.remaining)).unwrap_or_default();
    format!("{}{next}", texts.join(" "))
}

#[test]
fn a_range_is_cut_at_its_limit_and_ends_with_its_folder() {
    let keys = ["/r/a/1", "/r/a/2", "/r/a/3", "/r/a0", "/r/b/1"];
    let cache = filled(keys.map(|key| (key.to_owned(), key[3..].to_owned())));
    let check = |prefix: &str, start: &str, limit: usize, expect: &str| {
        let range = Range { prefix, start, limit, lookups: &[] };
        assert_eq!(texts(&cache, &range), expect, "{prefix} {start} {limit}");
    };
    check("/r/", "", 0, "a/1 a/2 a/3 a0 b/1");
    check("/r/a/", "", 0, "a/1 a/2 a/3");
    check("/r/a/", "", 2, "a/1 a/2 next /r/a/3 +1");
    check("/r/a/", "", 3, "a/1 a/2 a/3");
    check("/r/", "/r/a/2", 1, "a/2 next /r/a/3 +3");
    check("/r/a/", "/r/b/", 0, "");
    check("/r/b/", "/r/a/", 0, "b/1");
}

#[test]
fn an_older_state_is_shown_until_something_changes() {
    let cache = filled([("/r/a".to_owned(), "a".to_owned())]);
    let shown = |at: u64| {
        let snapshot = cache.select_at(Revision(at), &Range { prefix: "/r/", ..Range::default() }, |_| true);
        snapshot.map(|snapshot| (snapshot.objects.len(), snapshot.revision.0))
    };
    assert_eq!((shown(0), shown(1), shown(2)), (None, Some((1, 1)), None));
    cache.progress(Revision(4));
    assert_eq!((shown(1), shown(3), shown(4), shown(5)), (Some((1, 1)), Some((1, 3)), Some((1, 4)), None));
    write(&cache, "/r/b", Some("b"), 6);
    assert_eq!((shown(4), shown(5), shown(6), cache.revision()), (None, None, Some((2, 6)), Revision(6)));
}

fn has(text: &Text, lookup: &Lookup) -> bool {
    lookup.values.iter().any(|value| text.value_of(&lookup.by) == Some(value))
}

#[test]
fn an_index_finds_what_looking_at_all_would_find() {
    let object = |n: usize| (format!("/r/{}/{n:04}", n % 3), format!("n={n},kind=text,size={}", n % 5));
    let cache = filled((0..1000).map(object));
    let check = |values: &[&str]| {
        let by = By::Label("size".to_owned());
        let lookup = Lookup { by, values: values.iter().map(|value| (*value).to_owned()).collect() };
        let plain = Lookup { by: By::Label("kind".to_owned()), values: vec!["text".to_owned()] };
        let lookups = [plain, lookup];
        cache.index(&lookups);
        for prefix in ["/r/", "/r/1/"] {
            let meant = |text: &Text| lookups.iter().all(|lookup| has(text, lookup));
            let all = cache.select(&Range { prefix, ..Range::default() }, meant);
            let range = Range { prefix, lookups: &lookups, ..Range::default() };
            let looked_at = AtomicUsize::new(0);
            let found = cache.select(&range, |text| {
                looked_at.fetch_add(1, Ordering::Relaxed);
                meant(text)
            });
            let names = |texts: &[Arc<Text>]| texts.iter().map(|text| text.0.clone()).collect::<Vec<_>>();
            assert_eq!(names(&found.objects), names(&all.objects), "{values:?} under {prefix}");
            assert_eq!(looked_at.into_inner(), found.objects.len(), "others were looked at");
            let page = cache.select(&Range { limit: 1, ..range }, meant);
            let rest = page.next.map(|next| cache.select(&Range { start: &next, ..range }, meant).objects.len());
            assert_eq!(page.objects.len() + rest.unwrap_or_default(), all.objects.len(), "in pages");
        }
    };
    check(&["3"]);
    check(&["3", "1"]);
    check(&["4", "4"]);
    check(&["none"]);
    write(&cache, "/r/1/0013", Some("kind=text,size=9"), 2); // from 3
    write(&cache, "/r/1/new", Some("kind=text,size=3"), 3);
    write(&cache, "/r/0/0003", None, 4); // with 3
    write(&cache, "/r/0/0018", Some("plain"), 5); // with 3
    for values in [["3"], ["9"]] {
        check(&values);
    }
    for label in 0..20 {
        cache.index(&[Lookup { by: By::Label(format!("l{label}")), values: vec![] }]);
    }
    check(&["3"]);
}

#[test]
fn a_write_wakes_whom_it_concerns_and_all_now_and_then() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let cache = filled([]);
    let counts = [(); 2].map(|()| Arc::new(Count(AtomicUsize::new(0))));
    let waiters = ["/r/a/", "/r/b/"].map(|prefix| cache.waiter(prefix));
    let mut cursors = [cache.now().1; 2];
    for revision in 2..66 {
        for (index, cursor) in cursors.iter_mut().enumerate() {
            cache.read_on(cursor, 100, &mut Vec::new()).expect("kept");
            let waker = Waker::from(counts[index].clone());
            assert_eq!(waiters[index].poll(cursor, &waker), Poll::Pending);
        }
        write(&cache, &format!("/r/a/{revision}"), Some(""), revision);
        let waker = Waker::from(counts[1].clone());
        assert_eq!(waiters[1].poll(&cursors[1], &waker), Poll::Ready(()), "who asks is told of all");
    }
    assert_eq!(counts.map(|count| count.0.load(Ordering::Relaxed)), [64, 1]);
    cache.fill(Vec::new(), Revision(99));
    assert_eq!(waiters[0].poll(&cursors[0], Waker::noop()), Poll::Ready(()), "the cursor leads nowhere");
    drop(waiters);
    assert_eq!(cache.waiter("/r/").poll(&cache.now().1, Waker::noop()), Poll::Pending);
}

#[test]
fn a_change_is_encoded_once_in_each_form_until_it_is_old() {
    let cache = filled([]);
    let mut cursor = cache.now().1;
    write(&cache, "/r/a", Some("a"), 2);
    let mut changes = Vec::new();
    cache.read_on(&mut cursor, 1, &mut changes).expect("kept");
    let encoded = std::cell::RefCell::new(BTreeMap::new());
    let frame = |form: u64| {
        let encode = || {
            *encoded.borrow_mut().entry(form).or_insert(0) += 1;
            Ok::<_, ()>(Bytes::from(form.to_string()))
        };
        assert_eq!(changes[0].frame(form, encode), Ok(Bytes::from(form.to_string())));
    };
    [1, 2, 1, 2].into_iter().for_each(frame);
    assert_eq!(encoded.take(), BTreeMap::from([(1, 1), (2, 1)]));
    for revision in 3..3 + super::FRAMES_KEPT as u64 {
        write(&cache, "/r/b", Some("b"), revision);
    }
    [1, 1].into_iter().for_each(frame);
    assert_eq!(encoded.take(), BTreeMap::from([(1, 2)]));
}
