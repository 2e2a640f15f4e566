//! Events: what a controller tells those who look at an object with `kubectl describe` or `kubectl events`.

use std::collections::HashMap;
use std::sync::Arc;

use futures::FutureExt;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{self, Event, EventType, Reporter};
use kube::{Client, Resource};
use tokio::sync::mpsc;

use super::Shutdown;

/// Events that may wait to be written. As in client-go, more are dropped: events inform, they must not hold up work.
const QUEUE_LEN: usize = 1000;

/// What `action` is where the caller names none.
const ACTION_DEFAULT: &str = "Reconcile";

/// Longest texts that the API takes, in bytes. Source:
/// <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/events.go>
const REASON_BYTES_MAX: usize = 128;
const NOTE_BYTES_MAX: usize = 1024;

/// Records events (`events.k8s.io/v1`) about objects.
///
/// Recording never waits and never fails: events are written behind the caller's back, in order. One that is repeated
/// within six minutes becomes a series, with a count, instead of a new event. What cannot be written is logged.
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
    /// Each remembers its events, to make repeated ones a series.
    recorders: HashMap<Arc<str>, events::Recorder>,
}

struct Entry {
    controller: Arc<str>,
    regarding: ObjectReference,
    event: Event,
}

pub(super) fn queue(client: Client) -> (EventQueue, Publisher) {
    let (sender, queue) = mpsc::channel(QUEUE_LEN);
    (EventQueue(sender), Publisher { queue, client, recorders: HashMap::new() })
}

impl Publisher {
    /// Writes events until `shutdown`, and then those that are still queued.
    pub(super) async fn run(mut self, shutdown: Shutdown) {
        let mut shutdown = shutdown.fuse();
        loop {
            tokio::select! {
                () = &mut shutdown => self.queue.close(),
                entry = self.queue.recv() => match entry {
                    Some(entry) => self.publish(entry).await,
                    None => return,
                },
            }
        }
    }

    async fn publish(&mut self, Entry { controller, regarding, event }: Entry) {
        let fresh = || events::Recorder::new(self.client.clone(), Reporter::from(&*controller));
        let recorder = self.recorders.entry(controller.clone()).or_insert_with(fresh);
        let mut result = recorder.publish(&event, &regarding).await;
        if let Err(kube::Error::Api(status)) = &result
            && status.code == 404
        {
            // The first event of the series has expired on the server; kube goes on counting it. Start a new series.
            *recorder = fresh();
            result = recorder.publish(&event, &regarding).await;
        }
        if let Err(error) = result {
            let object = regarding.name.as_deref().unwrap_or_default();
            tracing::warn!(%controller, object, reason = event.reason, %error, "an event could not be written");
        }
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
