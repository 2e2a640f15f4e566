//! What is being written, so that the cache need not read it again: it sees each write come back from the store with the
//! bytes that were just made here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::summary::Summary;

/// More than are under way at a time. Writes that were given up leave theirs here; then all are forgotten.
const KEPT_MAX: usize = 4096;

/// Summaries of objects that are being written, by key. At most one for each: it counts only for the same bytes.
#[derive(Default)]
pub(super) struct Written(Mutex<Kept>);

type Kept = HashMap<Box<str>, (Bytes, Arc<Summary>)>;

impl Written {
    /// Keeps a summary until the write comes back.
    pub(super) fn keep(&self, key: &str, bytes: Bytes, summary: Arc<Summary>) {
        let mut kept = self.lock();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key.into(), (bytes, summary));
    }

    /// The summary of these bytes, if they were written here.
    pub(super) fn take(&self, key: &str, bytes: &Bytes) -> Option<Arc<Summary>> {
        let (kept, summary) = self.lock().remove(key)?;
        // A store in this process hands back the very same bytes.
        let same = kept.as_ptr() == bytes.as_ptr() && kept.len() == bytes.len();
        (same || kept == *bytes).then_some(summary)
    }

    /// Forgets a write that failed.
    pub(super) fn forget(&self, key: &str) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_taken_once_and_for_the_same_bytes_only() {
        let written = Written::default();
        let (ours, others) = (Bytes::from_static(b"ours"), Bytes::from_static(b"others'"));
        let keep = |key: &str| written.keep(key, ours.clone(), Arc::default());
        keep("/a");
        assert!(written.take("/b", &ours).is_none());
        assert!(written.take("/a", &Bytes::copy_from_slice(&ours)).is_some());
        assert!(written.take("/a", &ours).is_none());
        keep("/a");
        assert!(written.take("/a", &others).is_none());
        keep("/a");
        written.forget("/a");
        assert!(written.take("/a", &ours).is_none());
        (0..2 * KEPT_MAX).for_each(|number| keep(&number.to_string()));
        assert!(written.lock().len() <= KEPT_MAX);
    }
}
