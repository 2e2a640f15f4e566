//! Forgets old versions, so that nothing grows for ever.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::storage::{Revision, Store};

/// Compacts until dropped.
pub struct Compactor(JoinHandle<()>);

impl Compactor {
    /// Every `interval` forgets what is older than that; `None` for an interval of 0. Replicas that share a store may
    /// all do this: the later of two compactions finds nothing to do.
    pub fn start(store: Arc<dyn Store>, interval: Duration) -> Option<Self> {
        (!interval.is_zero()).then(|| Self(tokio::spawn(run(store, interval))))
    }
}

impl Drop for Compactor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(store: Arc<dyn Store>, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut one_interval_ago = None;
    loop {
        ticks.tick().await;
        step(&*store, &mut one_interval_ago).await;
    }
}

/// Compacts at the revision of one interval ago, and notes the present one for the next time.
async fn step(store: &dyn Store, one_interval_ago: &mut Option<Revision>) {
    if let Some(before) = *one_interval_ago {
        match store.compact(before).await {
            Ok(()) => tracing::debug!(%before, "compacted"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, %before, "the store was not compacted");
            }
        }
    }
    match store.revision().await {
        Ok(now) => *one_interval_ago = Some(now),
        // The one from before stays good: it only compacts less.
        Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "no revision to compact at"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::MemoryStore;
    use crate::storage::{ListRequest, Page, ReadError};

    #[tokio::test]
    async fn what_is_older_than_the_interval_is_forgotten() {
        let (store, mut noted) = (MemoryStore::default(), None);
        let first = store.create("/registry/a", "1".into()).await.expect("a write");
        step(&store, &mut noted).await;
        let second = store.update("/registry/a", "2".into(), first).await.expect("a write");
        assert!(list(&store, first).await.is_ok(), "one interval has not passed");
        step(&store, &mut noted).await;
        assert!(list(&store, first).await.is_ok(), "it is the newest of one interval ago");
        let third = store.update("/registry/a", "3".into(), second).await.expect("a write");
        step(&store, &mut noted).await;
        assert!(matches!(list(&store, first).await, Err(ReadError::Compacted { .. })));
        assert!(list(&store, third).await.is_ok());
    }

    #[tokio::test]
    async fn an_interval_of_nothing_keeps_everything() {
        assert!(Compactor::start(Arc::new(MemoryStore::default()), Duration::ZERO).is_none());
    }

    async fn list(store: &MemoryStore, at: Revision) -> Result<Page, ReadError> {
        store.list(ListRequest { prefix: "/registry/".into(), at: Some(at), ..ListRequest::default() }).await
    }
}
