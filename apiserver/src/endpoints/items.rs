//! The items of a list, written while it is sent: a long list takes little memory, and lets others go first.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use jiff::Timestamp;

use super::call::Call;
use super::table::{self, IncludeObject, Rows};
use crate::kind::{Kind, KindVersion};
use crate::registry::error::Error;
use crate::registry::object::Object;
use crate::registry::rest::Rest;
use crate::request::clock;
use crate::request::media::{Transform, Wanted};

/// Bytes that are written at once.
pub const CHUNK: usize = 64 << 10;
/// The same where each object has to be parsed, which takes far longer.
const PARSED_CHUNK: usize = 16 << 10;

/// What is left of a list: its items, separated by commas, and its end.
pub struct Items {
    registry: Arc<dyn Rest>,
    kind: Arc<Kind>,
    version_index: usize,
    wanted: Wanted,
    include: IncludeObject,
    now: Timestamp,
    objects: std::vec::IntoIter<Arc<Object>>,
    is_first: bool,
    ended: bool,
    /// A chunk was just given, and others may want to do something.
    yields: bool,
}

impl Items {
    /// The items of a list of these objects.
    pub fn new(call: &Call, wanted: Wanted, include: IncludeObject, objects: Vec<Arc<Object>>) -> Self {
        Self {
            registry: call.registry.clone(),
            kind: call.registry.kind().clone(),
            version_index: call.version_index,
            wanted,
            include,
            now: clock::now(),
            objects: objects.into_iter(),
            is_first: true,
            ended: false,
            yields: false,
        }
    }

    /// Whether objects are written in the version in which they are stored, which always succeeds.
    pub fn is_stored_version(&self) -> bool {
        self.version_index == self.kind.storage
    }

    /// Writes items until `out` has this many bytes. Tells whether that was all.
    ///
    /// # Errors
    /// An object that cannot be shown in the version asked for.
    pub fn write(&mut self, bytes: usize, out: &mut Vec<u8>) -> Result<bool, Error> {
        let version = &self.kind.versions[self.version_index];
        let meta_version = self.wanted.meta_version();
        let rows = Rows::new(version, meta_version, self.include, self.now);
        let is_stored_form = self.is_stored_version() && self.wanted.transform == Transform::None;
        while out.len() < bytes {
            let Some(object) = self.objects.next() else {
                out.extend_from_slice(b"]}\n");
                self.ended = true;
                return Ok(true);
            };
            if !std::mem::take(&mut self.is_first) {
                out.push(b',');
            }
            if is_stored_form {
                object.write_json(out);
                continue;
            }
            let shown = self.registry.show(&object, version)?;
            match self.wanted.transform {
                // Writing JSON into memory has no way to fail.
                Transform::None => drop(serde_json::to_writer(&mut *out, &shown)),
                Transform::Table => rows.write(&shown, out),
                Transform::Partial | Transform::PartialList => {
                    table::write_partial_object_metadata(&shown, meta_version, out);
                }
            }
        }
        Ok(false)
    }

    fn chunk(&self) -> usize {
        if self.is_stored_version() && self.wanted.transform == Transform::None { CHUNK } else { PARSED_CHUNK }
    }

    fn version(&self) -> &KindVersion {
        &self.kind.versions[self.version_index]
    }
}

impl Stream for Items {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let items = self.get_mut();
        if items.ended {
            return Poll::Ready(None);
        }
        // However fast the client reads, other requests come in between.
        if std::mem::take(&mut items.yields) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        items.yields = true;
        let chunk = items.chunk();
        let mut out = Vec::with_capacity(chunk + chunk / 8);
        if let Err(error) = items.write(chunk, &mut out) {
            // The list has begun, so all that can be done is not to end it as if it were whole.
            tracing::error!(%error, version = items.version().version, "a list broke off: an object cannot be shown");
            items.ended = true;
        }
        Poll::Ready(Some(out.into()))
    }
}
