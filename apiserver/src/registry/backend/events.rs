//! What happens to the objects of a backend.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures::stream::{BoxStream, Stream, StreamExt, unfold};
use tokio::sync::watch;

use crate::registry::error::Error;

/// What happened to an object. An event's version is the resourceVersion of its object.
#[derive(Clone, Debug)]
pub enum Event<K> {
    /// It is new.
    Added(K),
    /// It changed.
    Modified(K),
    /// It is gone; shown as it was, at the version at which it went.
    Deleted(K),
    /// Nothing at or before this version is still to come.
    Progress(u64),
}

/// Events in their order, without an end or until the source cannot go on; clients then come back by themselves.
pub struct Events<K>(pub(super) BoxStream<'static, Result<Event<K>, Error>>);

impl<K: Send + 'static> Events<K> {
    /// The events of a stream. An error is the last that is sent.
    pub fn new(stream: impl Stream<Item = Result<Event<K>, Error>> + Send + 'static) -> Self {
        Self(stream.boxed())
    }
}

/// The latest events of a source in this process, for everybody who watches it.
pub struct History<K> {
    kept: Mutex<Kept<K>>,
    version: watch::Sender<u64>,
    events_max: usize,
}

struct Kept<K> {
    events: VecDeque<(u64, Event<K>)>,
    /// Everything after this version is in `events`.
    after: u64,
}

impl<K: Clone + Send + Sync + 'static> History<K> {
    /// Keeps the latest `events_max` events. `version` is that of the source as it is now.
    pub fn new(version: u64, events_max: usize) -> Self {
        let kept = Mutex::new(Kept { events: VecDeque::new(), after: version });
        Self { kept, version: watch::Sender::new(version), events_max }
    }

    /// The version of the latest event.
    pub fn version(&self) -> u64 {
        *self.version.borrow()
    }

    /// Notes the next event. `event` is given its version, for the object's `metadata.resource_version`. Whoever changes
    /// the source calls this under the source's own lock, so that lists and events agree.
    pub fn add(&self, event: impl FnOnce(u64) -> Event<K>) -> u64 {
        let mut kept = self.kept.lock().unwrap_or_else(|broken| broken.into_inner());
        let version = self.version() + 1;
        kept.events.push_back((version, event(version)));
        if kept.events.len() > self.events_max
            && let Some((oldest, _)) = kept.events.pop_front()
        {
            kept.after = oldest;
        }
        self.version.send_replace(version);
        version
    }

    /// What happens after a version.
    ///
    /// # Errors
    /// [`Error::expired`] if some of it is no longer kept.
    pub fn after(self: &Arc<Self>, version: u64) -> Result<Events<K>, Error> {
        self.next(version)?;
        let state = Some((self.clone(), self.version.subscribe(), version));
        let events = unfold(state, |state| async {
            let (history, mut changes, version) = state?;
            loop {
                changes.mark_unchanged();
                match history.next(version) {
                    Ok(Some((at, event))) => return Some((Ok(event), Some((history, changes, at)))),
                    // The sender is in the history, so that it cannot be gone.
                    Ok(None) => drop(changes.changed().await),
                    Err(error) => return Some((Err(error), None)),
                }
            }
        });
        Ok(Events::new(events))
    }

    fn next(&self, version: u64) -> Result<Option<(u64, Event<K>)>, Error> {
        let kept = self.kept.lock().unwrap_or_else(|broken| broken.into_inner());
        if version < kept.after {
            return Err(Error::expired(format!("too old resource version: {version} ({})", kept.after)));
        }
        let place = kept.events.partition_point(|(at, _)| *at <= version);
        Ok(kept.events.get(place).cloned())
    }
}
