//! Watchers who follow what the writers do, each in their own manner, and what each must have seen.

use std::collections::BTreeMap;
use std::time::Duration;

use apiserver::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use crate::common::Server;
use crate::{NAMESPACES, path};

/// The name of the birds that are created last, one in each namespace; every selector here takes them.
pub const LAST: &str = "last";

/// Longer than any event is awaited.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a watcher asks for, and how.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    number: usize,
    manner: Manner,
    namespace: Option<&'static str>,
    selector: Selector,
    seconds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// One watch from the start.
    Steady,
    /// Many short watches, each from where the one before ended.
    ComesAndGoes,
    /// A list in the middle of it all, and a watch from there.
    ListAndWatch,
    /// A watch that begins with the objects there are, in the middle of it all.
    StreamingList,
}

#[derive(Clone, Copy, Debug)]
enum Selector {
    All,
    Label,
    LabelSet,
    Field,
}

/// What a watcher was told, as much of it as tells two events apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// That of the event; `LIST` for the state that a list or the initial events showed, and `ITEM` for its objects.
    pub kind: String,
    /// The object's, that of the state for `LIST`.
    pub version: u64,
    namespace: String,
    name: String,
    group: String,
    species: String,
}

impl Plan {
    /// Fifty of them make every manner meet every scope and every selector.
    pub fn of(number: usize, seconds: u64) -> Self {
        use {Manner::*, Selector::*};
        Self {
            number,
            manner: [Steady, ComesAndGoes, ListAndWatch, StreamingList][number % 4],
            namespace: [None, Some(NAMESPACES[0]), Some(NAMESPACES[1])][number / 4 % 3],
            selector: [All, Label, LabelSet, Field][number / 12 % 4],
            seconds,
        }
    }

    /// Whether it sees every change there is.
    pub fn is_whole(&self) -> bool {
        self.manner == Manner::Steady && self.namespace.is_none() && matches!(self.selector, Selector::All)
    }

    /// What must have been seen, where `reference` is everything that happened.
    pub fn expected(&self, reference: &[Event], seen: &[Event]) -> Vec<Event> {
        let begin = seen.first().filter(|event| event.kind == "LIST").map(|event| event.version);
        let mut objects: BTreeMap<(&str, &str), &Event> = BTreeMap::new();
        let mut events = Vec::new();
        let mut state = None;
        for event in reference {
            if state.is_none() && begin.is_some_and(|begin| event.version > begin) {
                state = Some(self.listed(&objects, begin.unwrap_or_default()));
                events.clear();
            }
            let key = (event.namespace.as_str(), event.name.as_str());
            let now = (event.kind != "DELETED").then_some(event);
            let before = match now {
                Some(now) => objects.insert(key, now),
                None => objects.remove(&key),
            };
            let (before, now) = (before.filter(|o| self.selects(o)), now.filter(|o| self.selects(o)));
            let (kind, object) = match (before, now) {
                (None, Some(now)) => ("ADDED", now),
                (Some(_), Some(now)) => ("MODIFIED", now),
                // What leaves is shown as it was.
                (Some(before), None) => ("DELETED", before),
                (None, None) => continue,
            };
            events.push(Event { kind: kind.into(), version: event.version, ..object.clone() });
        }
        if begin.is_some() && state.is_none() {
            events = self.listed(&objects, begin.unwrap_or_default());
        }
        state.unwrap_or_default().into_iter().chain(events).collect()
    }

    fn listed(&self, objects: &BTreeMap<(&str, &str), &Event>, at: u64) -> Vec<Event> {
        let list = Event { kind: "LIST".into(), version: at, ..Event::default() };
        let items = objects.values().filter(|object| self.selects(object));
        std::iter::once(list).chain(items.map(|object| Event { kind: "ITEM".into(), ..(*object).clone() })).collect()
    }

    fn selects(&self, object: &Event) -> bool {
        self.namespace.is_none_or(|namespace| object.namespace == namespace)
            && match self.selector {
                Selector::All => true,
                Selector::Label => object.group == "a",
                Selector::LabelSet => object.group != "b",
                Selector::Field => object.species == "robin",
            }
    }

    fn query(&self) -> &'static str {
        match self.selector {
            Selector::All => "",
            Selector::Label => "&labelSelector=group%3Da",
            Selector::LabelSet => "&labelSelector=group%20in%20(a,c)",
            Selector::Field => "&fieldSelector=spec.species%3Drobin",
        }
    }

    fn path(&self) -> String {
        self.namespace.map_or_else(|| "/apis/demo.example.com/v1/birds".into(), |namespace| path(namespace, ""))
    }

    /// Whether nothing follows this event.
    fn ends_with(&self, event: &Event) -> bool {
        event.name == LAST && event.namespace == self.namespace.unwrap_or(NAMESPACES[NAMESPACES.len() - 1])
    }
}

/// Watches as planned, from the version `start` on, until the last event has come.
pub async fn follow(server: Server, plan: Plan, start: u64) -> Vec<Event> {
    let mut random = StdRng::seed_from_u64(plan.number as u64);
    let mut seen: Vec<Event> = Vec::new();
    let mut position = start;
    if matches!(plan.manner, Manner::ListAndWatch | Manner::StreamingList) {
        sleep(Duration::from_millis(random.random_range(0..plan.seconds * 800))).await;
    }
    if plan.manner == Manner::ListAndWatch {
        let list = server.ask(&format!("GET {}?{}", plan.path(), plan.query()), "").await;
        let list: List = serde_json::from_slice(&list.bytes).expect("a list");
        position = list.metadata.version();
        seen.push(Event { kind: "LIST".into(), version: position, ..Event::default() });
        seen.extend(list.items.into_iter().map(|object| object.event("ITEM")));
    }
    loop {
        let mut query = format!("watch=true&allowWatchBookmarks=true{}", plan.query());
        let initial = plan.manner == Manner::StreamingList && seen.is_empty();
        if initial {
            query += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
        } else {
            query += &format!("&resourceVersion={position}");
        }
        // A watch of the second manner ends by itself after a second, unless its client leaves before.
        let mut patience = usize::MAX;
        if plan.manner == Manner::ComesAndGoes {
            query += "&timeoutSeconds=1";
            patience = random.random_range(0..40);
        }
        let response = server.open(&format!("GET {}?{query}", plan.path()), &[], "").await;
        assert_eq!(response.status(), 200, "{plan:?}");
        let mut lines = Lines::of(response.into_body());
        let mut listed = Vec::new();
        let mut in_state = initial;
        while patience > 0 {
            patience -= 1;
            let next = timeout(PATIENCE, lines.next()).await.unwrap_or_else(|_| panic!("{plan:?} waits in vain"));
            let Some(line) = next else { break };
            position = line.object.metadata.version();
            if line.kind == "BOOKMARK" {
                if std::mem::take(&mut in_state) {
                    seen.push(Event { kind: "LIST".into(), version: position, ..Event::default() });
                    seen.append(&mut listed);
                }
                continue;
            }
            assert_ne!(line.kind, "ERROR", "{plan:?} at {position}");
            let event = line.object.event(if in_state { "ITEM" } else { &line.kind });
            if in_state {
                listed.push(event);
                continue;
            }
            let ends = plan.ends_with(&event);
            seen.push(event);
            if ends {
                return seen;
            }
        }
        assert!(plan.manner == Manner::ComesAndGoes, "{plan:?} was left");
        if random.random_ratio(1, 3) {
            sleep(Duration::from_millis(random.random_range(0..500))).await;
        }
    }
}

#[derive(Deserialize)]
struct List {
    metadata: Metadata,
    items: Vec<Object>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    namespace: String,
    name: String,
    resource_version: String,
    labels: Labels,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Labels {
    group: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    species: String,
}

impl Metadata {
    fn version(&self) -> u64 {
        self.resource_version.parse().unwrap_or_default()
    }
}

impl Object {
    fn event(self, kind: &str) -> Event {
        let version = self.metadata.version();
        Event {
            kind: kind.into(),
            version,
            namespace: self.metadata.namespace,
            name: self.metadata.name,
            group: self.metadata.labels.group,
            species: self.spec.species,
        }
    }
}

/// The lines of a watch.
struct Lines {
    chunks: futures::stream::BoxStream<'static, Bytes>,
    rest: Vec<u8>,
}

impl Lines {
    fn of(body: Body) -> Self {
        let chunks = http_body_util::BodyExt::into_data_stream(body).filter_map(async |chunk| chunk.ok());
        Self { chunks: chunks.boxed(), rest: Vec::new() }
    }

    async fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("a line is an event"));
            }
            self.rest.extend_from_slice(&self.chunks.next().await?);
        }
    }
}
