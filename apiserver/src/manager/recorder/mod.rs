//! Events: what a controller tells those who look at an object with `kubectl describe` or `kubectl events`.

mod series;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event as ApiEvent;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::runtime::events::{Event, EventType};
use kube::{Api, Client, Resource};
use serde_json::json;
use tokio::sync::mpsc;

use self::series::{AllSeries, Write};
use super::controller::chain::Chain;

use super::{Shutdown, host};

/// Events that may wait to be written. As in client-go, more are dropped: events inform, they must not hold up work.
const QUEUE_LEN: usize = 1000;

/// What `action` is where the caller names none.
const ACTION_DEFAULT: &str = "Reconcile";

/// Longest texts that the API takes, in bytes. Source:
/// <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/events.go>
const REASON_BYTES_MAX: usize = 128;
const NOTE_BYTES_MAX: usize = 1024;

/// How often series are looked through for counts that are to be written.
const TICK: Duration = Duration::from_secs(10);

/// How long to wait before an event is written again that met a server in trouble; then it is dropped.
const RETRIES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// Records events (`events.k8s.io/v1`) about objects.
///
/// Recording never waits and never fails: events are written behind the caller's back, in order. One that is repeated
/// within six minutes becomes a series, with a count, instead of a new event; its note is that of the first, and its count
/// is written once a minute when it goes on for long. What cannot be written is logged.
#[derive(Clone)]
pub struct Recorder {
    controller: Arc<str>,
    queue: EventQueue,
}

impl Recorder {
    pub(super) fn new(controller: &str, queue: &EventQueue) -> Self {
        Self { controller: controller.into(), queue: queue.clone() }
    }

    /// The same queue under another name: for a controller that speaks for several.
    pub(crate) fn named(&self, controller: &str) -> Self {
        Self::new(controller, &self.queue)
    }

    /// Records that something went as it should. `reason` is one word in CamelCase, for machines; `note` a sentence,
    /// for people.
    pub fn normal<K: Resource<DynamicType = ()>>(&self, object: &K, reason: &str, note: impl Into<String>) {
        self.simple(object, EventType::Normal, reason, note.into());
    }

    /// Records that something needs attention.
    pub fn warning<K: Resource<DynamicType = ()>>(&self, object: &K, reason: &str, note: impl Into<String>) {
        self.simple(object, EventType::Warning, reason, note.into());
    }

    /// Records an event in full: with an action and a related object.
    pub fn record(&self, regarding: ObjectReference, mut event: Event) {
        truncate(&mut event.reason, REASON_BYTES_MAX);
        truncate(&mut event.action, REASON_BYTES_MAX);
        event.note.iter_mut().for_each(|note| truncate(note, NOTE_BYTES_MAX));
        let entry = Entry { controller: self.controller.clone(), regarding, event };
        if let Err(refused) = self.queue.0.try_send(entry) {
            let (mpsc::error::TrySendError::Full(entry) | mpsc::error::TrySendError::Closed(entry)) = refused;
            tracing::warn!(controller = &*entry.controller, reason = entry.event.reason, "an event was dropped");
        }
    }

    fn simple<K: Resource<DynamicType = ()>>(&self, object: &K, type_: EventType, reason: &str, note: String) {
        let event =
            Event { type_, reason: reason.into(), note: Some(note), action: ACTION_DEFAULT.into(), secondary: None };
        self.record(object.object_ref(&()), event);
    }
}

/// Where recorders leave their events.
#[derive(Clone)]
pub(super) struct EventQueue(mpsc::Sender<Entry>);

/// Writes what is in the queue.
pub(super) struct Publisher {
    queue: mpsc::Receiver<Entry>,
    client: Client,
    host: String,
    series: AllSeries,
}

struct Entry {
    controller: Arc<str>,
    regarding: ObjectReference,
    event: Event,
}

pub(super) fn queue(client: Client) -> (EventQueue, Publisher) {
    let (sender, queue) = mpsc::channel(QUEUE_LEN);
    (EventQueue(sender), Publisher { queue, client, host: host(), series: AllSeries::default() })
}

impl Publisher {
    /// Writes events until `shutdown`, and then those that are still queued or only counted.
    pub(super) async fn run(mut self, shutdown: Shutdown) {
        let mut stopping = shutdown.clone().fuse();
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                () = &mut stopping => self.queue.close(),
                _ = tick.tick() => self.count(false, &shutdown).await,
                entry = self.queue.recv() => match entry {
                    Some(entry) => self.publish(entry, &shutdown).await,
                    None => return self.count(true, &shutdown).await,
                },
            }
        }
    }

    async fn publish(&mut self, entry: Entry, shutdown: &Shutdown) {
        let event = self.event(entry);
        let write = self.series.note(event.clone(), Instant::now());
        if let Write::Count(series) = &write
            && self.write(&write, shutdown).await == Written::Gone
        {
            // It has expired on the server: a new series begins.
            self.series.forget(series);
            let write = self.series.note(event, Instant::now());
            self.write(&write, shutdown).await;
        } else if let Write::Create(event) = &write
            && self.write(&write, shutdown).await != Written::Done
        {
            // There is nothing that could be counted.
            self.series.forget(event);
        }
    }

    /// Writes the counts of series that are due, or of all.
    async fn count(&mut self, all: bool, shutdown: &Shutdown) {
        for event in self.series.due(all, Instant::now()) {
            let write = Write::Count(event);
            if let Written::Gone = self.write(&write, shutdown).await
                && let Write::Count(event) = &write
            {
                self.series.forget(event);
            }
        }
    }

    async fn write(&self, write: &Write, shutdown: &Shutdown) -> Written {
        let (Write::Create(event) | Write::Count(event)) = write else { return Written::Done };
        let api =
            Api::<ApiEvent>::namespaced(self.client.clone(), event.metadata.namespace.as_deref().unwrap_or_default());
        let mut retries = RETRIES.iter();
        loop {
            let result = match write {
                Write::Count(event) => {
                    let name = event.metadata.name.as_deref().unwrap_or_default();
                    let patch = json!({"series": event.series});
                    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
                }
                _ => api.create(&PostParams::default(), event).await,
            };
            let error = match result {
                Ok(_) => return Written::Done,
                Err(kube::Error::Api(status)) if status.code == 404 && matches!(write, Write::Count(_)) => {
                    return Written::Gone;
                }
                Err(error) => error,
            };
            match retries.next().filter(|_| in_trouble(&error) && !shutdown.is_requested()) {
                Some(wait) => tokio::time::sleep(*wait).await,
                None => {
                    let object = event.regarding.as_ref().and_then(|object| object.name.as_deref()).unwrap_or_default();
                    let (controller, reason) = (event.reporting_controller.as_deref(), event.reason.as_deref());
                    let error = Chain(&error);
                    tracing::warn!(controller, object, reason, "an event could not be written: {error}");
                    return Written::Failed;
                }
            }
        }
    }

    fn event(&self, Entry { controller, regarding, event }: Entry) -> ApiEvent {
        let now = jiff::Timestamp::now();
        // As client-go names them: the object, and a time that no other event of it has.
        let name = regarding.name.as_deref().unwrap_or_default();
        let type_ = match event.type_ {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        };
        ApiEvent {
            metadata: ObjectMeta {
                name: Some(format!("{name}.{:x}", now.as_nanosecond())),
                namespace: Some(regarding.namespace.clone().unwrap_or_else(|| "default".to_owned())),
                ..ObjectMeta::default()
            },
            action: Some(event.action),
            event_time: Some(MicroTime(now)),
            note: event.note,
            reason: Some(event.reason),
            regarding: Some(regarding),
            related: event.secondary,
            reporting_controller: Some(controller.to_string()),
            reporting_instance: Some(self.host.clone()),
            type_: Some(type_.to_owned()),
            ..ApiEvent::default()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Done,
    /// There is no event whose count could be written.
    Gone,
    Failed,
}

/// Whether another try may do better.
fn in_trouble(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 429 || status.code >= 500,
        _ => true,
    }
}

/// Cuts a text to at most so many bytes, between characters.
fn truncate(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::ObjectMeta;
    use serde_json::json;

    use super::*;
    use crate::manager::fake::{FakeServer, status};
    use crate::manager::shutdown;

    fn object(name: &str) -> ConfigMap {
        let metadata = ObjectMeta {
            name: Some(name.into()),
            namespace: Some("trees".into()),
            uid: Some("1".into()),
            ..Default::default()
        };
        ConfigMap { metadata, ..Default::default() }
    }

    /// Runs a publisher over what `record` does, until all is written.
    async fn publish(server: &FakeServer, record: impl FnOnce(&Recorder)) {
        let (queue, publisher) = queue(server.client());
        record(&Recorder::new("bird", &queue));
        let (stop, stopping) = shutdown::channel();
        stop.send();
        publisher.run(stopping).await;
    }

    const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/trees/events";

    #[tokio::test]
    async fn an_event_tells_who_saw_what_about_which_object() {
        let server = FakeServer::default();
        server.answer(Method::POST, 201, json!({"metadata": {}}));
        publish(&server, |recorder| recorder.normal(&object("oak"), "Grown", "It is tall enough")).await;
        assert_eq!(server.seen(), [format!("POST {EVENTS}")]);
        let event = server.requests.lock().unwrap()[0].1.clone();
        assert_eq!(event["reportingController"], "bird");
        assert_eq!(event["type"], "Normal");
        assert_eq!(event["reason"], "Grown");
        assert_eq!(event["action"], "Reconcile");
        assert_eq!(event["note"], "It is tall enough");
        assert!(event["eventTime"].is_string());
        let regarding =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "oak", "namespace": "trees", "uid": "1"});
        assert_eq!(event["regarding"], regarding);
    }

    #[tokio::test]
    async fn repeated_events_become_a_series() {
        let server = FakeServer::default();
        server.answer(Method::POST, 201, json!({"metadata": {}}));
        server.answer(Method::PATCH, 200, json!({"metadata": {}}));
        publish(&server, |recorder| {
            for _ in 0..3 {
                recorder.warning(&object("oak"), "Dry", "It needs water");
            }
            recorder.warning(&object("elm"), "Dry", "It needs water");
        })
        .await;
        let requests = server.requests.lock().unwrap().clone();
        let name = requests[0].1["metadata"]["name"].as_str().unwrap().to_owned();
        let series = requests.iter().map(|(line, event)| (line.as_str(), event["series"]["count"].as_i64()));
        let (post, patch) = (format!("POST {EVENTS}"), format!("PATCH {EVENTS}/{name}"));
        let expect = [(&*post, None), (&*patch, Some(2)), (&*patch, Some(3)), (&*post, None)];
        assert_eq!(series.collect::<Vec<_>>(), expect);
    }

    #[tokio::test]
    async fn a_series_whose_event_has_expired_starts_anew() {
        let server = FakeServer::default();
        server.answer(Method::POST, 201, json!({"metadata": {}}));
        publish(&server, |recorder| {
            recorder.normal(&object("oak"), "Grown", "");
            recorder.normal(&object("oak"), "Grown", "");
        })
        .await;
        let methods: Vec<String> =
            server.seen().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(methods, ["POST", "PATCH", "POST"]);
    }

    #[tokio::test]
    async fn what_cannot_be_written_or_queued_stops_nobody() {
        let server = FakeServer::default();
        server.answer(Method::POST, 403, status(403, "Forbidden"));
        publish(&server, |recorder| {
            for _ in 0..QUEUE_LEN + 10 {
                recorder.normal(&object("oak"), "Grown", "");
            }
        })
        .await;
        assert_eq!(server.seen().len(), QUEUE_LEN);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        #[track_caller]
        fn check(text: &str, bytes_max: usize, expect: &str) {
            let mut text = text.to_owned();
            truncate(&mut text, bytes_max);
            assert_eq!(text, expect);
        }
        check("wing", 4, "wing");
        check("wings", 4, "wing");
        check("flügel", 3, "fl");
        check("flügel", 4, "flü");
        check("ü", 1, "");
    }
}
