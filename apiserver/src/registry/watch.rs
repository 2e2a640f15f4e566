//! Following the objects of a kind: an order of events, and a place in it.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::Registry;
use super::error::Error;
use super::object::Object;
use super::read::Freshness;
use super::selector::Selector;
use crate::storage::Revision;
use crate::storage::cache::{Change, Cursor, CursorError, Range, Waiter};

/// What a watch asks for.
#[derive(Debug, Default)]
pub struct WatchQuery {
    /// Empty for all namespaces, and for cluster-scoped kinds.
    pub namespace: String,
    /// Which objects are meant.
    pub selector: Selector,
    /// Where it starts.
    pub start: Start,
}

/// Where a watch starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With every object there is, in a state this fresh.
    Initial(Freshness),
    /// With what changes from now on.
    #[default]
    Now,
    /// With the first change after this revision.
    After(Revision),
}

/// What happened to an object, as this watch sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// It is new, or new to the selector.
    Added,
    /// It changed.
    Modified,
    /// It is gone, or gone from the selector; shown as it was before.
    Deleted,
}

/// One event.
pub struct WatchEvent {
    /// What happened.
    pub event_type: EventType,
    /// The object as the event shows it.
    pub object: Arc<Object>,
    /// The change behind it, which keeps encodings for all who watch; initial events have none.
    pub change: Option<Arc<Change<Object>>>,
}

/// What there is to send.
pub enum Step {
    /// Events in their order. Empty when there are none for this watch, yet the watch has moved on.
    Events(Vec<WatchEvent>),
    /// Nothing, until [`Watch::poll_changed`] is ready.
    Idle,
    /// Nothing any more: the source has ended.
    Ended,
}

/// Events that are collected before they are handed out, so that one slow reader holds little memory.
const BATCH: usize = 500;

/// A watch under way.
pub struct Watch {
    registry: Arc<Registry>,
    prefix: String,
    selector: Selector,
    /// What is left of the initial state, last first.
    initial: Vec<Arc<Object>>,
    /// Whether an initial state was asked for and its end is not announced yet.
    announces_end: bool,
    cursor: Cursor,
    /// Changes at or before this revision are not meant. The cache may have yet to see them: a client can know of a
    /// write before the cache does, and may name a version of the future.
    after: Revision,
    /// Nothing at or before this revision is still to come.
    position: Revision,
    waiter: Waiter,
}

impl Registry {
    /// Starts a watch.
    ///
    /// # Errors
    /// [`Error::Expired`] when the start is older than what is kept, and a start in the future that asks for the state.
    pub async fn watch(self: &Arc<Self>, query: WatchQuery) -> Result<Watch, Error> {
        let prefix = self.prefix(if self.kind.namespaced { &query.namespace } else { "" });
        // One name is one key, and what starts like it.
        let waiter = match query.selector.name() {
            Some(name) if !self.kind.namespaced || !query.namespace.is_empty() => {
                self.cache.waiter(&format!("{prefix}{name}"))
            }
            _ => self.cache.waiter(&prefix),
        };
        let mut initial = Vec::new();
        let mut announces_end = false;
        let (cursor, position) = match query.start {
            Start::Initial(freshness) => {
                // A store that the cache cannot follow would leave a gap between state and changes: better to wait on.
                while !self.cache_serves(freshness).await? {}
                let lookups = self.lookups(&query.selector);
                let range = Range { prefix: &prefix, lookups: &lookups, ..Range::default() };
                let snapshot = self.cache.select(&range, |object| self.matches(&query.selector, object));
                initial = snapshot.objects;
                initial.reverse();
                announces_end = true;
                (snapshot.cursor, snapshot.revision)
            }
            Start::Now => {
                while !self.cache_serves(Freshness::Consistent).await? {}
                let (revision, cursor) = self.cache.now();
                (cursor, revision)
            }
            Start::After(revision) => {
                let cursor = self.cache.cursor_after(revision).map_err(|error| too_old(revision, &error))?;
                (cursor, revision)
            }
        };
        let after = if let Start::After(revision) = query.start { revision } else { Revision(0) };
        let (registry, selector) = (self.clone(), query.selector);
        Ok(Watch { registry, prefix, selector, initial, announces_end, cursor, after, position, waiter })
    }
}

impl Watch {
    /// The next events, without waiting.
    ///
    /// # Errors
    /// [`Error::Expired`] when the reader was too slow: the events that come next are no longer kept.
    pub fn step(&mut self) -> Result<Step, Error> {
        if !self.initial.is_empty() {
            let from = self.initial.len().saturating_sub(BATCH);
            let event = |object| WatchEvent { event_type: EventType::Added, object, change: None };
            return Ok(Step::Events(self.initial.drain(from..).rev().map(event).collect()));
        }
        let mut changes = Vec::new();
        let state = self.registry.cache.read_on(&mut self.cursor, BATCH, &mut changes);
        let reached = state.map_err(|error| too_old(self.position, &error))?;
        if let Some(last) = changes.last() {
            self.position = self.position.max(last.revision);
        }
        if let Some(reached) = reached {
            self.position = self.position.max(reached);
        }
        if changes.is_empty() {
            return Ok(Step::Idle);
        }
        Ok(Step::Events(changes.into_iter().filter_map(|change| self.event(change)).collect()))
    }

    /// Ready when there may be something to send.
    pub fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.waiter.poll(&self.cursor, cx.waker())
    }

    /// Nothing at or before this revision is still to come, once [`step`](Self::step) was idle.
    pub fn position(&self) -> Revision {
        self.position
    }

    /// Whether the initial state has been sent and its end must be announced now; says so once.
    pub fn take_initial_end(&mut self) -> bool {
        self.initial.is_empty() && std::mem::take(&mut self.announces_end)
    }

    fn event(&self, change: Arc<Change<Object>>) -> Option<WatchEvent> {
        if change.revision <= self.after || !change.key.starts_with(&self.prefix) {
            return None;
        }
        let meant = |object: &Option<Arc<Object>>| {
            object.as_ref().is_some_and(|object| self.registry.matches(&self.selector, object))
        };
        let event_type = match (meant(&change.previous), meant(&change.object)) {
            (false, true) => EventType::Added,
            (true, true) => EventType::Modified,
            (true, false) => EventType::Deleted,
            (false, false) => return None,
        };
        let object = match event_type {
            EventType::Deleted => change.left()?.clone(),
            EventType::Added | EventType::Modified => change.object.clone()?,
        };
        Some(WatchEvent { event_type, object, change: Some(change) })
    }
}

fn too_old(asked: Revision, error: &CursorError) -> Error {
    let CursorError::TooOld(oldest) = error;
    Error::Expired { message: format!("too old resource version: {asked} ({oldest})"), continue_token: None }
}
