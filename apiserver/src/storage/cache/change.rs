//! What happened to one object, kept once for all who watch.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;

use super::Cached;
use crate::storage::Revision;

/// One change, as every watcher sees it.
pub struct Change<T> {
    /// The key that changed.
    pub key: Arc<str>,
    /// The write that changed it.
    pub revision: Revision,
    /// The object after the change; `None` when it was deleted.
    pub object: Option<Arc<T>>,
    /// The object before the change; `None` when it was created.
    pub previous: Option<Arc<T>>,
    left: OnceLock<Arc<T>>,
    frames: Mutex<Frames>,
}

/// The forms in which a change was sent, a number each, which those who encode choose. There are few at a time.
#[derive(Default)]
struct Frames {
    kept: Vec<(u64, Bytes)>,
    /// The change is no longer among the latest: who comes now encodes for himself.
    closed: bool,
}

impl<T: Cached> Change<T> {
    pub(super) fn new(key: Arc<str>, revision: Revision, object: Option<Arc<T>>, previous: Option<Arc<T>>) -> Self {
        Self { key, revision, object, previous, left: OnceLock::new(), frames: Mutex::default() }
    }

    /// The previous object with this change's revision: what a watcher sees leave.
    pub fn left(&self) -> Option<&Arc<T>> {
        let previous = self.previous.as_ref()?;
        Some(self.left.get_or_init(|| Arc::new(previous.left_at(self.revision))))
    }

    /// How the change is sent in a form: encoded by the first who asks, for all who do so soon enough.
    ///
    /// # Errors
    /// Those of `encode`.
    pub fn frame<E>(&self, form: u64, encode: impl FnOnce() -> Result<Bytes, E>) -> Result<Bytes, E> {
        // The others wait for the one who encodes: that takes them less than doing the same.
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, frame)) = frames.kept.iter().find(|(kept, _)| *kept == form) {
            return Ok(frame.clone());
        }
        if frames.closed {
            drop(frames);
            return encode();
        }
        let frame = encode()?;
        frames.kept.push((form, frame.clone()));
        Ok(frame)
    }

    /// Forgets how it was sent.
    pub(super) fn close(&self) {
        *self.frames.lock().unwrap_or_else(PoisonError::into_inner) = Frames { kept: Vec::new(), closed: true };
    }

    /// What the change keeps in memory that nothing else does, in bytes: itself, and the object that it replaced.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.previous.as_ref().map_or(0, |object| object.bytes())
    }
}
