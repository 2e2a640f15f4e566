//! Deletes Events after a while, as Kubernetes does: nobody else ever would.
//!
//! Not by leases of the store: these differ from store to store and would cost every write something, while Events are
//! the only kind that expires, and a minute more or less is of no matter to anyone. A deletion here is one like any
//! other, guarded by the revision that was read: an Event that is written meanwhile stays, and replicas that share a
//! store may all do this.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::task::JoinHandle;

use crate::request::clock;
use crate::storage::{ListRequest, ReadError, Store, WriteError};

/// Deletes what has expired until dropped.
pub struct Expirer(JoinHandle<()>);

/// How many objects are read at once.
const PAGE: usize = 500;

/// The longest that one pass waits for the next.
const PASS_EVERY: Duration = Duration::from_secs(60);

impl Expirer {
    /// Deletes what is stored under `prefix` once `ttl` has passed since it was last written; `None` for a `ttl` of 0,
    /// which keeps everything.
    pub fn start(store: Arc<dyn Store>, prefix: String, ttl: Duration) -> Option<Self> {
        (!ttl.is_zero()).then(|| Self(tokio::spawn(run(store, prefix, ttl))))
    }
}

impl Drop for Expirer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(store: Arc<dyn Store>, prefix: String, ttl: Duration) {
    loop {
        match pass(&*store, &prefix, ttl, clock::now()).await {
            Ok(0) => {}
            Ok(expired) => tracing::debug!(expired, prefix, "deleted what has expired"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, prefix, "what has expired was not deleted");
            }
        }
        tokio::time::sleep((ttl / 10).min(PASS_EVERY)).await;
    }
}

/// Deletes what has expired by now, and tells how much that was.
async fn pass(store: &dyn Store, prefix: &str, ttl: Duration, now: Timestamp) -> Result<usize, ReadError> {
    let too_old = now - SignedDuration::try_from(ttl).unwrap_or(SignedDuration::MAX);
    let mut expired = 0;
    let mut start = String::new();
    loop {
        let request = ListRequest { prefix: prefix.to_owned(), start, limit: PAGE, at: None };
        let page = store.list(request).await?;
        for entry in &page.entries {
            // What cannot be read has no age; it is for people to look at.
            if last_written(&entry.value).is_none_or(|written| written > too_old) {
                continue;
            }
            match store.delete(&entry.key, entry.revision).await {
                Ok(_) => expired += 1,
                Err(WriteError::Unavailable(error)) => return Err(ReadError::Unavailable(error)),
                // Written or deleted by another: not expired, or no longer there.
                Err(_) => {}
            }
        }
        match page.entries.last() {
            Some(last) if page.remaining > 0 => start = format!("{}\0", last.key),
            _ => return Ok(expired),
        }
    }
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    creation_timestamp: String,
    #[serde(default)]
    managed_fields: Vec<Manager>,
}

#[derive(Deserialize)]
struct Manager {
    #[serde(default)]
    time: String,
}

/// When the server last wrote an object, to the second. The times that an Event itself tells are its client's.
fn last_written(json: &[u8]) -> Option<Timestamp> {
    let Metadata { creation_timestamp, managed_fields } = serde_json::from_slice::<Object>(json).ok()?.metadata;
    let times = managed_fields.into_iter().map(|manager| manager.time).chain([creation_timestamp]);
    times.filter_map(|time| time.parse().ok()).max()
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use serde_json::json;

    use super::*;
    use crate::storage::memory::MemoryStore;
    use crate::storage::{Revision, WatchItem};

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn what_was_not_written_for_a_while_is_deleted_with_an_event() {
        let store = MemoryStore::default();
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for (name, created, changed) in [
            ("old", "2026-03-01T10:59:59Z", None),
            ("changed", "2026-03-01T09:00:00Z", Some("2026-03-01T11:30:00Z")),
            ("new", "2026-03-01T11:00:01Z", None),
        ] {
            let managers: Vec<_> = changed.into_iter().map(|time| json!({"manager": "m", "time": time})).collect();
            let event = json!({"metadata": {"creationTimestamp": created, "managedFields": managers}});
            store.create(&format!("/registry/core/events/{name}"), event.to_string().into()).await.unwrap();
        }
        store.create("/registry/core/events/broken", "{".into()).await.unwrap();
        let elsewhere = json!({"metadata": {"creationTimestamp": "2001-01-01T00:00:00Z"}}).to_string();
        store.create("/registry/core/eventsource/other", elsewhere.into()).await.unwrap();
        let before = store.revision().await.unwrap();
        assert_eq!(pass(&store, "/registry/core/events/", HOUR, now).await.unwrap(), 1);
        let left = store.list(ListRequest { prefix: "/registry/core/events/".into(), ..ListRequest::default() }).await;
        let left: Vec<String> = left.unwrap().entries.into_iter().map(|entry| entry.key.to_string()).collect();
        assert_eq!(left, ["broken", "changed", "new"].map(|name| format!("/registry/core/events/{name}")));
        let mut watch = store.watch("/registry/", before).await.unwrap();
        match watch.next().await {
            Some(Ok(WatchItem::Events(events))) => {
                assert_eq!((&*events[0].key, &events[0].value), ("/registry/core/events/old", &None));
                assert!(events[0].revision > before);
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn many_are_deleted_page_by_page() {
        let store = MemoryStore::default();
        let now = Timestamp::now();
        let event = json!({"metadata": {"creationTimestamp": "2001-01-01T00:00:00Z"}}).to_string();
        for number in 0..PAGE * 2 + 1 {
            store.create(&format!("/e/{number}"), event.clone().into()).await.unwrap();
        }
        assert_eq!(pass(&store, "/e/", HOUR, now).await.unwrap(), PAGE * 2 + 1);
        assert_eq!(pass(&store, "/e/", HOUR, now).await.unwrap(), 0);
        assert!(store.revision().await.unwrap() > Revision(0));
    }

    #[tokio::test]
    async fn a_time_of_nothing_keeps_everything() {
        assert!(Expirer::start(Arc::new(MemoryStore::default()), "/e/".into(), Duration::ZERO).is_none());
    }
}
