//! A watch of a backend's events, as its selectors let them through.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::Value;

use super::Event;
use super::backed::Scope;
use crate::registry::error::Error;
use crate::registry::object::Object;
use crate::registry::rest::Watching;
use crate::registry::watch::{EventType, Step, WatchEvent};
use crate::storage::Revision;
use crate::storage::cache::Cached;

/// Events that are handed out at once.
const BATCH: usize = 500;

/// A watch under way.
pub(super) struct BackedWatch {
    scope: Scope,
    /// What is left of the initial state, last first.
    initial: Vec<Arc<Object>>,
    announces_end: bool,
    source: BoxStream<'static, Result<Event<Value>, Error>>,
    ready: VecDeque<WatchEvent>,
    /// The source has given its last event, or failed.
    ended: Option<Option<Error>>,
    /// What happened at or before this version is not meant.
    after: Revision,
    position: Revision,
    /// With a selector: what the client has of each object that was seen, `None` where the selector left it out.
    seen: HashMap<String, Option<Arc<Object>>>,
}

impl BackedWatch {
    /// A watch that starts at a version. `state` is all there was then, and is sent first where `initial` says so.
    pub fn new(
        scope: Scope,
        source: BoxStream<'static, Result<Event<Value>, Error>>,
        version: u64,
        state: Vec<Arc<Object>>,
        initial: bool,
    ) -> Self {
        let mut seen = HashMap::new();
        if scope.selects() {
            for object in &state {
                seen.insert(scope.key(object), scope.means(object).then(|| object.clone()));
            }
        }
        let mut state: Vec<Arc<Object>> =
            if initial { state.into_iter().filter(|object| scope.means(object)).collect() } else { Vec::new() };
        state.sort_by_cached_key(|object| std::cmp::Reverse(scope.key(object)));
        Self {
            scope,
            initial: state,
            announces_end: initial,
            source,
            ready: VecDeque::new(),
            ended: None,
            after: Revision(version),
            position: Revision(version),
            seen,
        }
    }

    fn take(&mut self, event: Event<Value>) {
        let (event_type, value) = match event {
            Event::Added(value) => (EventType::Added, value),
            Event::Modified(value) => (EventType::Modified, value),
            Event::Deleted(value) => (EventType::Deleted, value),
            Event::Progress(version) => {
                self.position = self.position.max(Revision(version));
                return;
            }
        };
        let object = self.scope.object(&value);
        // Those without a version are told as they come.
        if object.revision > Revision(0) && object.revision <= self.after {
            return;
        }
        self.position = self.position.max(object.revision);
        if let Some((event_type, object)) = self.seen_as(event_type, object) {
            self.ready.push_back(WatchEvent { event_type, object, change: None });
        }
    }

    /// What an event is to a client that sees only some objects. An object of which nothing is known yet may have been
    /// among them: that it is not any more is told then, which does no harm to who never had it.
    fn seen_as(&mut self, event_type: EventType, object: Arc<Object>) -> Option<(EventType, Arc<Object>)> {
        if !self.scope.is_within(&object) {
            return None;
        }
        if !self.scope.selects() {
            return Some((event_type, object));
        }
        let means = self.scope.means(&object);
        let key = self.scope.key(&object);
        if event_type == EventType::Deleted {
            let told = match self.seen.remove(&key) {
                Some(known) => known.is_some(),
                None => means,
            };
            return told.then_some((EventType::Deleted, object));
        }
        let before = self.seen.insert(key, means.then(|| object.clone()));
        match (before, means) {
            (Some(Some(_)), true) => Some((EventType::Modified, object)),
            (Some(None), true) => Some((EventType::Added, object)),
            (Some(Some(last)), false) => Some((EventType::Deleted, Arc::new(last.left_at(object.revision)))),
            (None, true) => Some((event_type, object)),
            (None, false) if event_type == EventType::Modified => Some((EventType::Deleted, object)),
            (_, false) => None,
        }
    }
}

impl Watching for BackedWatch {
    fn step(&mut self) -> Result<Step, Error> {
        if !self.initial.is_empty() {
            let from = self.initial.len().saturating_sub(BATCH);
            let event = |object| WatchEvent { event_type: EventType::Added, object, change: None };
            return Ok(Step::Events(self.initial.drain(from..).rev().map(event).collect()));
        }
        if !self.ready.is_empty() {
            return Ok(Step::Events(self.ready.drain(..).collect()));
        }
        match self.ended.take() {
            None => Ok(Step::Idle),
            Some(None) => {
                self.ended = Some(None);
                Ok(Step::Ended)
            }
            Some(Some(error)) => {
                self.ended = Some(None);
                Err(error)
            }
        }
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut changed = Poll::Pending;
        // What is there already goes out with it.
        while self.ended.is_none() && self.ready.len() < BATCH {
            match self.source.poll_next_unpin(cx) {
                Poll::Pending => return changed,
                Poll::Ready(Some(Ok(event))) => self.take(event),
                Poll::Ready(Some(Err(error))) => self.ended = Some(Some(error)),
                Poll::Ready(None) => self.ended = Some(None),
            }
            changed = Poll::Ready(());
        }
        Poll::Ready(())
    }

    fn position(&self) -> Revision {
        self.position
    }

    fn take_initial_end(&mut self) -> bool {
        self.initial.is_empty() && std::mem::take(&mut self.announces_end)
    }
}
