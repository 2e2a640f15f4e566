//! Every promise of [`Store`], one test each. An implementation is right when it keeps them all:
//! ```ignore
//! apiserver::storage::contract_tests!(memory, MemoryStore::default());
//! apiserver::storage::contract_tests!(remote, RemoteStore::connect("https://…").await.unwrap());
//! ```
//! Each test makes its own store with the expression, which may use `.await` and give a store, a pair of a store
//! and whatever must live as long as it does (a temporary folder, a process), or a [`Fixture`].
//!
//! The stores of different tests may share their data. A promise therefore writes only below a prefix of its own, and
//! assumes neither where revisions start nor that nobody else writes. Compaction is the exception, as it touches all
//! prefixes: within one process, [`compact`] runs while no other promise does.
//!
//! Available with the feature `contract`, so that a project can hold a store of its own to it.

pub mod compact;
pub mod list;
pub mod read;
pub mod watch;
pub mod write;

use std::any::Any;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::RwLock;

use super::{Entry, Event, ListRequest, Page, Revision, Store, WatchError, WatchItem, WatchStream, WriteError};

/// Makes a module `$name` with one `#[test]` per promise, each on a store that `$fixture` makes; see
/// [`storage::contract`](crate::storage::contract).
#[macro_export]
macro_rules! contract_tests {
    ($name:ident, $fixture:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::contract_tests!(@promises $fixture,
                write together [
                    create_stores_the_value_under_the_key
                    create_refuses_an_existing_key
                    create_takes_a_key_that_was_deleted
                    update_replaces_the_value
                    update_with_a_stale_revision_is_a_conflict
                    update_with_a_revision_to_come_is_a_conflict
                    update_of_a_missing_key_is_a_conflict_with_nothing
                    update_of_a_key_that_was_created_again_is_a_conflict
                    update_to_the_same_value_takes_a_revision
                    delete_removes_the_key
                    delete_takes_a_revision
                    delete_with_a_stale_revision_is_a_conflict
                    delete_of_a_missing_key_is_a_conflict_with_nothing
                    refused_writes_change_nothing
                    revision_zero_is_the_revision_of_no_key
                    revisions_grow_with_every_write
                    revisions_are_given_to_one_writer_only
                    of_concurrent_creates_of_one_key_exactly_one_wins
                    of_concurrent_updates_of_one_key_exactly_one_wins
                    of_concurrent_deletes_of_one_key_exactly_one_wins
                    sixteen_writers_on_different_keys_all_succeed
                    read_modify_write_loses_no_increment
                    values_are_any_bytes
                    an_empty_value_is_a_value
                    a_value_of_a_mebibyte_is_kept_whole
                    keys_may_be_any_unicode
                ]
                read together [
                    get_of_a_missing_key_is_nothing
                    get_sees_every_acknowledged_write
                    get_tells_the_last_write_to_that_key
                    get_takes_no_prefixes
                    the_revision_covers_every_acknowledged_write
                    the_revision_is_never_zero
                ]
                list together [
                    a_list_is_in_byte_order
                    a_list_of_nothing_is_empty_and_has_a_revision
                    a_list_sees_every_acknowledged_write
                    a_list_leaves_out_deleted_keys
                    a_prefix_with_a_slash_leaves_out_its_neighbours
                    a_prefix_need_not_end_in_a_slash
                    a_limit_cuts_the_page_and_counts_the_rest
                    a_limit_that_everything_fits_leaves_nothing
                    a_start_is_included_and_need_not_exist
                    a_start_outside_the_prefix_never_leaves_it
                    pages_join_to_the_whole
                    a_list_at_an_older_revision_shows_that_state
                    a_list_at_an_older_revision_counts_that_state
                    a_list_at_the_newest_revision_is_answered
                    a_list_at_a_future_revision_is_refused
                    a_list_continues_at_its_revision_while_others_write
                    a_list_is_never_torn
                ]
                watch together [
                    a_watch_delivers_creates_updates_and_deletes
                    an_event_is_the_entry_that_was_written
                    a_watch_resumes_after_any_revision
                    a_watch_from_now_leaves_out_what_was
                    a_watch_goes_from_history_to_live_without_a_gap
                    a_list_and_a_watch_from_it_miss_nothing
                    a_watch_sees_only_its_prefix
                    a_watch_after_a_future_revision_waits_for_it
                    refused_writes_raise_no_events
                    events_of_concurrent_writers_are_in_order
                    two_watches_see_the_same_order
                    a_hundred_watches_all_see_every_event
                    a_dropped_watch_ends_alone
                    watches_may_come_and_go_while_others_write
                    a_watcher_that_reads_nothing_delays_no_writer
                    a_quiet_watch_tells_progress_when_the_revision_is_asked_for
                ]
                compact alone [
                    a_list_at_a_compacted_revision_is_refused
                    a_list_at_the_revision_of_the_compaction_is_answered
                    a_watch_from_a_compacted_revision_is_refused
                    a_watch_after_the_compaction_resumes
                    a_compaction_keeps_every_current_value
                    a_compaction_leaves_deleted_keys_deleted
                    a_compaction_leaves_running_watches_alone
                    a_compaction_leaves_newer_pages_alone
                    compacting_again_or_less_changes_nothing
                    a_compaction_of_the_future_is_refused
                    revisions_grow_on_after_a_compaction
                ]
            );
        }
    };
    (@promises $fixture:expr, $($part:ident $sharing:ident [$($promise:ident)*])*) => {
        $($(
            #[test]
            fn $promise() {
                $crate::storage::contract::$sharing(async { $fixture }, $crate::storage::contract::$part::$promise);
            }
        )*)*
    };
}
pub use crate::contract_tests;

/// How long a promise waits for something that must happen before it is held to be broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store under test, and what must live as long as it does.
pub struct Fixture {
    // Fields are dropped in this order.
    store: Arc<dyn Store>,
    _guard: Box<dyn Any + Send>,
}

impl Fixture {
    /// A store, and something to drop after it.
    pub fn new(store: Arc<dyn Store>, guard: impl Any + Send) -> Self {
        Fixture { store, _guard: Box::new(guard) }
    }
}

impl<S: Store> From<S> for Fixture {
    fn from(store: S) -> Self {
        Fixture::new(Arc::new(store), ())
    }
}

impl<S: Store, G: Any + Send> From<(S, G)> for Fixture {
    fn from((store, guard): (S, G)) -> Self {
        Fixture::new(Arc::new(store), guard)
    }
}

/// What a promise is tested on: a store, and a prefix that nobody else writes below.
#[derive(Clone)]
pub struct Subject {
    store: Arc<dyn Store>,
    /// Ends in `/`.
    prefix: String,
}

/// Holds a store to one promise, beside others.
pub fn together<F, P>(fixture: impl Future<Output = impl Into<Fixture>>, promise: P)
where
    P: FnOnce(Subject) -> F,
    F: Future<Output = ()>,
{
    run(async {
        let _others_may_run = SHARED.read().await;
        hold(fixture.await.into(), promise).await;
    });
}

/// Holds a store to one promise while this process holds stores to no other.
pub fn alone<F, P>(fixture: impl Future<Output = impl Into<Fixture>>, promise: P)
where
    P: FnOnce(Subject) -> F,
    F: Future<Output = ()>,
{
    run(async {
        let _nobody_else_runs = SHARED.write().await;
        hold(fixture.await.into(), promise).await;
    });
}

static SHARED: RwLock<()> = RwLock::const_new(());

// Writers and watchers of one promise run on two threads, so that they do meet.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime for the test").block_on(test);
}

async fn hold<F: Future<Output = ()>>(fixture: Fixture, promise: impl FnOnce(Subject) -> F) {
    let prefix = format!("/registry/contract-{}/", uuid::Uuid::new_v4().simple());
    promise(Subject { store: fixture.store.clone(), prefix }).await;
}

// What promises are written with. Names are keys without the subject's prefix; values are text.
impl Subject {
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn name<'a>(&self, key: &'a str) -> &'a str {
        key.strip_prefix(&self.prefix).unwrap_or_else(|| panic!("{key} is not below {}", self.prefix))
    }

    async fn try_create(&self, name: &str, value: &str) -> Result<Revision, WriteError> {
        self.store.create(&self.key(name), text(value)).await
    }

    async fn try_update(&self, name: &str, value: &str, expected: Revision) -> Result<Revision, WriteError> {
        self.store.update(&self.key(name), text(value), expected).await
    }

    async fn try_delete(&self, name: &str, expected: Revision) -> Result<Revision, WriteError> {
        self.store.delete(&self.key(name), expected).await
    }

    async fn create(&self, name: &str, value: &str) -> Revision {
        self.try_create(name, value).await.unwrap_or_else(|error| panic!("create {name}: {error:?}"))
    }

    async fn update(&self, name: &str, value: &str, expected: Revision) -> Revision {
        self.try_update(name, value, expected).await.unwrap_or_else(|error| panic!("update {name}: {error:?}"))
    }

    async fn delete(&self, name: &str, expected: Revision) -> Revision {
        self.try_delete(name, expected).await.unwrap_or_else(|error| panic!("delete {name}: {error:?}"))
    }

    async fn get(&self, name: &str) -> Option<Entry> {
        self.store.get(&self.key(name)).await.unwrap_or_else(|error| panic!("get {name}: {error:?}"))
    }

    async fn revision(&self) -> Revision {
        self.store.revision().await.expect("the store's revision")
    }

    async fn compact(&self, before: Revision) {
        self.store.compact(before).await.unwrap_or_else(|error| panic!("compact before {before}: {error:?}"));
    }

    /// The list request for everything below the subject's prefix.
    fn all(&self) -> ListRequest {
        ListRequest { prefix: self.prefix.clone(), ..ListRequest::default() }
    }

    async fn list(&self, request: ListRequest) -> Page {
        self.store.list(request).await.expect("a list")
    }

    /// What is there now, as `name=value` in the order of the list.
    async fn shown(&self) -> String {
        self.show(&self.list(self.all()).await)
    }

    async fn shown_at(&self, at: Revision) -> String {
        self.show(&self.list(ListRequest { at: Some(at), ..self.all() }).await)
    }

    fn show(&self, page: &Page) -> String {
        let mut shown = String::new();
        for entry in &page.entries {
            let space = if shown.is_empty() { "" } else { " " };
            let _ = write!(shown, "{space}{}={}", self.name(&entry.key), String::from_utf8_lossy(&entry.value));
        }
        shown
    }

    async fn watch(&self, after: Revision) -> Watched {
        self.watch_below("", after).await
    }

    async fn watch_below(&self, name: &str, after: Revision) -> Watched {
        let stream = self.store.watch(&self.key(name), after).await;
        let stream = stream.unwrap_or_else(|error| panic!("watch after {after}: {error:?}"));
        Watched { subject: self.clone(), stream, waiting: VecDeque::new(), seen: after }
    }
}

fn text(value: &str) -> Bytes {
    Bytes::copy_from_slice(value.as_bytes())
}

/// A watch that checks, with all it reads, what is promised of every watch.
struct Watched {
    subject: Subject,
    stream: WatchStream,
    waiting: VecDeque<Event>,
    /// Nothing at or before this may come any more.
    seen: Revision,
}

impl Watched {
    /// The next change.
    async fn next(&mut self) -> Event {
        match self.next_or_end().await {
            Ok(event) => event,
            Err(error) => panic!("the watch ended: {error:?}"),
        }
    }

    async fn next_or_end(&mut self) -> Result<Event, WatchError> {
        while self.waiting.is_empty() {
            self.take_item().await?;
        }
        Ok(self.waiting.pop_front().expect("an event is waiting"))
    }

    /// Reads on until all changes up to `revision` have come, going by events and progress; gives the newest known.
    async fn progress(&mut self, revision: Revision) -> Revision {
        while self.seen < revision {
            self.take_item().await.expect("the watch goes on");
        }
        self.seen
    }

    /// The next changes are these, as `name=value`, or `name gone`.
    async fn expect(&mut self, changes: &[impl AsRef<str>]) {
        for change in changes {
            let event = self.next().await;
            assert_eq!(self.subject.show_event(&event), change.as_ref());
        }
    }

    async fn take_item(&mut self) -> Result<(), WatchError> {
        let item = tokio::time::timeout(PATIENCE, self.stream.next()).await;
        match item.expect("the watch delivers something").expect("the watch goes on")? {
            WatchItem::Progress(revision) => self.seen = self.seen.max(revision),
            WatchItem::Events(events) => {
                assert!(!events.is_empty(), "an empty batch of events");
                let first = events[0].revision;
                assert!(first > self.seen, "revision {first} comes after {} was done", self.seen);
                assert!(events.is_sorted_by_key(|event| event.revision), "a batch out of order: {events:?}");
                self.seen = events[events.len() - 1].revision;
                self.waiting.extend(events);
            }
        }
        Ok(())
    }
}

impl Subject {
    fn show_event(&self, event: &Event) -> String {
        match &event.value {
            Some(value) => format!("{}={}", self.name(&event.key), String::from_utf8_lossy(value)),
            None => format!("{} gone", self.name(&event.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_promise_is_in_the_list() {
        let list = include_str!("mod.rs");
        let parts = [
            include_str!("write.rs"),
            include_str!("read.rs"),
            include_str!("list.rs"),
            include_str!("watch.rs"),
            include_str!("compact.rs"),
        ];
        let mut promises = 0;
        for line in parts.iter().flat_map(|part| part.lines()) {
            let Some((name, _)) = line.strip_prefix("pub async fn ").and_then(|rest| rest.split_once('(')) else {
                continue;
            };
            assert!(list.lines().any(|line| line.trim() == name), "{name} is not in contract_tests!");
            promises += 1;
        }
        assert!(promises >= 45, "{promises}");
    }
}
