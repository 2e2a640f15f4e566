//! Objects for those who decide by them: read from the caches, and from nowhere else.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::object::Object;
use crate::admission::{ReadError, Reader, Wanted, unknown};
use crate::kind::{Kind, KindVersion};
use crate::storage::Store;
use crate::storage::cache::WatchCache;
use crate::storage::cache::feed::Feed;
use crate::versions::Conversion;

/// How long a read waits for the caches.
const WAIT: Duration = Duration::from_secs(3);

/// Reads what caches hold. It knows caches and no registries, so that those who ask it may be part of one.
pub struct CacheReader {
    kept: Vec<Kept>,
    store: Arc<dyn Store>,
    feed: Arc<Feed>,
}

/// A kind that is stored.
pub struct Kept {
    /// The kind.
    pub kind: Arc<Kind>,
    /// How its versions become each other.
    pub conversion: Arc<dyn Conversion>,
    /// Its objects.
    pub cache: Arc<WatchCache<Object>>,
}

impl CacheReader {
    /// A reader of these kinds, which `feed` fills.
    pub fn new(kept: Vec<Kept>, store: Arc<dyn Store>, feed: Arc<Feed>) -> Self {
        Self { kept, store, feed }
    }

    /// The kind with the version that is asked for, its cache filled and as new as this server's own writes.
    async fn find(&self, wanted: Wanted<'_>) -> Result<(&Kept, &KindVersion), ReadError> {
        let found = self.kept.iter().filter(|kept| kept.kind.kind == wanted.kind).find_map(|kept| {
            let is_wanted = |version: &&KindVersion| version.group == wanted.group && version.version == wanted.version;
            Some((kept, kept.kind.versions.iter().find(is_wanted)?))
        });
        let found = found.ok_or_else(|| unknown(wanted))?;
        if let Some(newest) = self.store.revision_now() {
            self.feed.reached(newest, WAIT).await;
        }
        if !self.feed.is_filled() && tokio::time::timeout(WAIT, self.feed.filled()).await.is_err() {
            return Err(ReadError::Unreadable("the caches are not filled yet".into()));
        }
        Ok(found)
    }
}

impl Kept {
    fn show(&self, object: &Object, version: &KindVersion) -> Result<Value, ReadError> {
        let (kind, name) = (&self.kind.kind, &object.summary.name);
        let unreadable = |why: String| ReadError::Unreadable(format!("{kind} {name:?} cannot be read: {why}"));
        if let Some(why) = object.corrupt() {
            return Err(unreadable(why.to_owned()));
        }
        let value = object.value().map_err(|error| unreadable(error.to_string()))?;
        self.conversion
            .convert(self.kind.storage_version(), version, value)
            .map_err(|error| unreadable(error.to_string()))
    }

    fn prefix(&self, namespace: &str) -> String {
        let root = self.cache.prefix();
        if namespace.is_empty() || !self.kind.namespaced { root.to_owned() } else { format!("{root}{namespace}/") }
    }
}

#[async_trait]
impl Reader for CacheReader {
    async fn get(&self, kind: Wanted<'_>, namespace: &str, name: &str) -> Result<Option<Value>, ReadError> {
        let (kept, version) = self.find(kind).await?;
        let found = kept.cache.get(&format!("{}{name}", kept.prefix(namespace)));
        found.map(|object| kept.show(&object, version)).transpose()
    }

    async fn list(&self, kind: Wanted<'_>, namespace: &str) -> Result<Vec<Value>, ReadError> {
        let (kept, version) = self.find(kind).await?;
        let all = kept.cache.snapshot(&kept.prefix(namespace), |_| true);
        all.objects.iter().map(|object| kept.show(object, version)).collect()
    }
}
