//! What a write starts from: the object as it is now, or as it probably is.
//!
//! A store that is asked over the network would cost every write a question before the write itself. What the cache has
//! does as well, since the store compares revisions: when it has something newer, nothing is written, and the write
//! starts again from that. Only what needs no write (a refusal, or nothing to change) has to be certain first.

use std::sync::Arc;

use super::Registry;
use super::error::Error;
use super::object::Object;
use crate::request::context::RequestContext;
use crate::storage::Entry;

/// What a write starts from.
pub(super) struct Base {
    /// The object; `None` where there is none, which is always certain.
    pub object: Option<Arc<Object>>,
    /// Whether the store has just said so.
    is_certain: bool,
}

impl Registry {
    /// What there is for the first attempt at a write.
    pub(super) async fn base(&self, cx: &RequestContext, key: &str) -> Result<Base, Error> {
        let is_far = self.store.revision_now().is_none();
        // A dry run writes nothing, so that the store would never contradict it.
        if is_far
            && !cx.dry_run
            && let Some(object) = self.cache.get(key)
        {
            return Ok(Base { object: Some(object), is_certain: false });
        }
        self.certain_base(key).await
    }

    /// What the store has.
    pub(super) async fn certain_base(&self, key: &str) -> Result<Base, Error> {
        Ok(Base { object: self.stored(key).await?, is_certain: true })
    }

    /// What the store has instead of what a write started from, when nothing is to be written; `None` where the write
    /// started from the right object.
    pub(super) async fn newer_base(&self, key: &str, base: &Base) -> Result<Option<Base>, Error> {
        if base.is_certain {
            return Ok(None);
        }
        let certain = self.certain_base(key).await?;
        let revision = |base: &Base| base.object.as_ref().map(|object| object.revision);
        Ok((revision(&certain) != revision(base)).then_some(certain))
    }

    /// What the store had when it refused a write.
    pub(super) fn base_of(&self, current: Option<Entry>) -> Base {
        Base { object: current.map(|entry| self.decode(&entry)), is_certain: true }
    }
}
