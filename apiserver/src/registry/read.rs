//! Reading one object.

use std::sync::Arc;
use std::time::Duration;

use super::Registry;
use super::error::Error;
use super::object::Object;
use crate::storage::Revision;

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing that was acknowledged before the read began may be missing.
    #[default]
    Consistent,
    /// Whatever is at hand.
    Any,
    /// At or after this revision.
    NotOlderThan(Revision),
    /// At this very revision; lists only.
    Exact(Revision),
}

/// How long a read waits for a revision that has not happened yet. Source: `blockTimeout` in Kubernetes' watch cache.
pub(super) const WAIT: Duration = Duration::from_secs(3);
/// How long a consistent read waits for the cache before it writes a marker. Longer than a round trip; the cache is that
/// late only on an etcd that others write to as well.
const CATCH_UP: Duration = Duration::from_millis(250);

impl Registry {
    /// Reads an object.
    ///
    /// # Errors
    /// Missing objects, a revision in the future, a store that fails.
    pub async fn get(&self, namespace: &str, name: &str, freshness: Freshness) -> Result<Arc<Object>, Error> {
        let key = self.key(if self.kind.namespaced { namespace } else { "" }, name);
        let object = if self.cache_serves(freshness).await? { self.cache.get(&key) } else { self.stored(&key).await? };
        let object = object.ok_or_else(|| Self::not_found(name))?;
        self.usable(&object)?;
        Ok(object)
    }

    /// Waits until the cache is fresh enough. False where the store must be asked instead.
    ///
    /// # Errors
    /// A revision that has not happened and does not within three seconds.
    pub(super) async fn cache_serves(&self, freshness: Freshness) -> Result<bool, Error> {
        match freshness {
            Freshness::Any => Ok(self.cache.is_filled()),
            Freshness::Consistent => {
                let newest = match self.store.revision_now() {
                    Some(newest) => newest,
                    None => self.store.revision().await?,
                };
                if self.feed.reached(newest, CATCH_UP).await {
                    return Ok(true);
                }
                self.feed.mark().await?;
                Ok(self.feed.reached(newest, WAIT).await)
            }
            Freshness::NotOlderThan(revision) => {
                if self.feed.reached(revision, WAIT).await {
                    return Ok(true);
                }
                let current = self.store.revision().await?;
                if revision > current {
                    return Err(Error::TooLargeResourceVersion { requested: revision, current });
                }
                Ok(false)
            }
            Freshness::Exact(_) => Ok(false),
        }
    }
}
