//! Follows the objects of a kind into the graph. An object without owners that is not being deleted is not even read.

use std::collections::HashSet;
use std::sync::Arc;

use super::facts::Facts;
use super::graph::{Graph, Seen};
use super::places::{Places, write_key};
use crate::registry::error::Error;
use crate::registry::read::Freshness;
use crate::registry::rest::{Rest, Watching};
use crate::registry::watch::{EventType, Start, Step, WatchEvent, WatchQuery};
use crate::request::context::RequestContext;

/// How many batches of events are taken in at once.
const BATCHES_MAX: usize = 10;

/// A kind that is followed.
pub struct Followed {
    rest: Arc<dyn Rest>,
    prefix: String,
    watching: Option<Box<dyn Watching>>,
    /// While it is read from the beginning: the places in the graph of objects that are there.
    present: Option<HashSet<String>>,
    key: String,
}

/// How far a kind has been followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Up to now.
    Idle,
    /// There is more.
    More,
}

impl Followed {
    /// A kind that is followed once there is a [`watch`](Self::watch) of it.
    pub fn new(rest: Arc<dyn Rest>) -> Self {
        let prefix = rest.kind().storage_prefix();
        Self { rest, prefix, watching: None, present: None, key: String::new() }
    }

    /// Who keeps its objects.
    pub fn rest(&self) -> &Arc<dyn Rest> {
        &self.rest
    }

    /// Starts to follow it from the beginning, which may take until the caches are filled.
    ///
    /// # Errors
    /// As for any watch.
    pub async fn watch(rest: Arc<dyn Rest>, cx: RequestContext) -> Result<Box<dyn Watching>, Error> {
        let query = WatchQuery { start: Start::Initial(Freshness::Consistent), ..WatchQuery::default() };
        rest.watch(&cx, query).await
    }

    /// Follows this watch from now on.
    pub fn begin(&mut self, watching: Box<dyn Watching>) {
        self.watching = Some(watching);
        self.present = Some(HashSet::new());
    }

    /// Whether everything that was there in the beginning is in the graph.
    pub fn is_complete(&self) -> bool {
        self.watching.is_some() && self.present.is_none()
    }

    /// What it follows.
    pub fn watching(&mut self) -> Option<&mut Box<dyn Watching>> {
        self.watching.as_mut()
    }

    /// Tells the graph what happened since.
    ///
    /// # Errors
    /// What ended the watch; then it must be started anew.
    pub fn step(&mut self, graph: &mut Graph, places: &Places) -> Result<Progress, Error> {
        for _ in 0..BATCHES_MAX {
            let Some(watching) = &mut self.watching else { break };
            let step = watching.step();
            let ended = watching.take_initial_end();
            match step {
                Ok(Step::Events(events)) => events.iter().for_each(|event| self.tell(graph, places, event)),
                Ok(Step::Idle) => {
                    self.end_beginning(graph, ended);
                    return Ok(Progress::Idle);
                }
                Ok(Step::Ended) => {
                    self.watching = None;
                    return Err(Error::Unavailable("the watch ended".into()));
                }
                Err(error) => {
                    self.watching = None;
                    return Err(error);
                }
            }
            self.end_beginning(graph, ended);
        }
        Ok(if self.watching.is_some() { Progress::More } else { Progress::Idle })
    }

    fn tell(&mut self, graph: &mut Graph, places: &Places, event: &WatchEvent) {
        let summary = &event.object.summary;
        write_key(&mut self.key, &self.prefix, &summary.namespace, &summary.name);
        let is_plain = !summary.owned && !summary.terminating;
        match event.event_type {
            EventType::Deleted => return graph.gone(&self.key),
            EventType::Added if is_plain && !graph.knows(&self.key) => return,
            EventType::Modified if is_plain && graph.is_indifferent_to(&self.key) => return,
            EventType::Added | EventType::Modified => {}
        }
        // What cannot be read is for people to look at, and stays until they did.
        let Some(facts) = Facts::of(&event.object) else { return };
        let seen = Seen {
            uid: &facts.uid,
            owners: places.owners(&facts, &summary.namespace),
            foreground: facts.is_foreground(),
            orphaning: facts.is_orphaning(),
        };
        graph.seen(&self.key, seen);
        if let Some(present) = &mut self.present {
            present.insert(self.key.clone());
        }
    }

    /// What the graph knew, and was not there any more when the kind was read from the beginning, is gone.
    fn end_beginning(&mut self, graph: &mut Graph, ended: bool) {
        if !ended {
            return;
        }
        let Some(present) = self.present.take() else { return };
        for place in graph.places_under(&self.prefix) {
            if !present.contains(&*place) {
                graph.gone(&place);
            }
        }
    }
}
