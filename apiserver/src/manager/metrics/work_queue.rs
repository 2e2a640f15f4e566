//! The queue of one controller, under the names that client-go's work queues have.
//! Source: <https://github.com/kubernetes-sigs/controller-runtime/blob/main/pkg/internal/metrics/workqueue.go>

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::time::Instant;

/// The queues of all controllers.
#[derive(Clone, Debug)]
pub(super) struct WorkQueues {
    queues: Arc<Mutex<Vec<Arc<WorkQueue>>>>,
    adds: Family<Labels, Counter>,
    retries: Family<Labels, Counter>,
    waited: Family<Labels, Histogram>,
    worked: Family<Labels, Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    name: String,
    controller: String,
}

/// What waits for one controller, and what it works on.
#[derive(Debug)]
pub(in crate::manager) struct WorkQueue {
    labels: Labels,
    adds: Counter,
    retries: Counter,
    waited: Histogram,
    worked: Histogram,
    state: Mutex<State>,
}

type Key = (String, String);

#[derive(Debug, Default)]
struct State {
    /// Since when objects wait.
    waiting: HashMap<Key, Instant>,
    /// When objects that failed begin to wait.
    due: HashMap<Key, Instant>,
    /// Since when objects are worked on.
    working: HashMap<Key, Instant>,
}

/// An object that is worked on, until this is dropped.
pub(in crate::manager) struct Working<'a> {
    queue: &'a WorkQueue,
    key: Key,
}

impl Default for WorkQueues {
    fn default() -> Self {
        let histogram = || Histogram::new(exponential_buckets(10e-9, 10.0, 12));
        Self {
            queues: Arc::default(),
            adds: Family::default(),
            retries: Family::default(),
            waited: Family::new_with_constructor(histogram),
            worked: Family::new_with_constructor(histogram),
        }
    }
}

impl WorkQueues {
    pub(super) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("workqueue");
        registry.register("adds", "Total number of adds handled by workqueue", self.adds.clone());
        registry.register(
            "retries",
            "Total number of items added to the workqueue with a non-zero delay",
            self.retries.clone(),
        );
        registry.register(
            "queue_duration_seconds",
            "How long in seconds an item stays in workqueue before being requested",
            self.waited.clone(),
        );
        registry.register(
            "work_duration_seconds",
            "How long in seconds processing an item from workqueue takes",
            self.worked.clone(),
        );
        registry.register_collector(Box::new(Now(self.queues.clone())));
    }

    pub(super) fn add(&self, controller: &str) -> Arc<WorkQueue> {
        let labels = Labels { name: controller.to_owned(), controller: controller.to_owned() };
        let queue = Arc::new(WorkQueue {
            adds: self.adds.get_or_create_owned(&labels),
            retries: self.retries.get_or_create_owned(&labels),
            waited: self.waited.get_or_create_owned(&labels),
            worked: self.worked.get_or_create_owned(&labels),
            labels,
            state: Mutex::default(),
        });
        self.queues.lock().unwrap_or_else(|broken| broken.into_inner()).push(queue.clone());
        queue
    }
}

impl WorkQueue {
    /// An object waits; one that waits already is not counted again.
    pub(in crate::manager) fn added(&self, namespace: Option<&str>, name: &str) {
        let mut state = self.lock();
        state.waiting.entry(key(namespace, name)).or_insert_with(|| {
            self.adds.inc();
            Instant::now()
        });
    }

    /// An object is worked on from now on.
    pub(in crate::manager) fn begun(&self, namespace: Option<&str>, name: &str) -> Working<'_> {
        let (key, now) = (key(namespace, name), Instant::now());
        let mut state = self.lock();
        let due = state.due.remove(&key);
        let waiting = state.waiting.remove(&key);
        if waiting.is_none() {
            // Its time came without a change: only now is it known to have been in the queue.
            self.adds.inc();
        }
        if let Some(since) = waiting.or(due) {
            self.waited.observe(now.saturating_duration_since(since).as_secs_f64());
        }
        state.working.insert(key.clone(), now);
        drop(state);
        Working { queue: self, key }
    }

    /// An object will be looked at again, after this time if it is known.
    pub(in crate::manager) fn retry(&self, namespace: Option<&str>, name: &str, after: Option<Duration>) {
        self.retries.inc();
        if let Some(at) = after.and_then(|after| Instant::now().checked_add(after)) {
            self.lock().due.insert(key(namespace, name), at);
        }
    }

    /// An object that waited is not there any more.
    pub(in crate::manager) fn gone(&self, namespace: Option<&str>, name: &str) {
        let (key, mut state) = (key(namespace, name), self.lock());
        state.waiting.remove(&key);
        state.due.remove(&key);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        if let Some(since) = self.queue.lock().working.remove(&self.key) {
            self.queue.worked.observe(since.elapsed().as_secs_f64());
        }
    }
}

/// What changes by itself is looked up when somebody asks.
#[derive(Debug)]
struct Now(Arc<Mutex<Vec<Arc<WorkQueue>>>>);

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let queues = self.0.lock().unwrap_or_else(|broken| broken.into_inner()).clone();
        let now = Instant::now();
        type Read = fn(&State, Instant) -> f64;
        let gauges: [(&str, &str, Read); 3] = [
            ("depth", "Current depth of workqueue", |state, now| {
                let due = state.due.iter().filter(|(key, at)| **at <= now && !state.waiting.contains_key(*key));
                (state.waiting.len() + due.count()) as f64
            }),
            (
                "unfinished_work_seconds",
                "How many seconds of work has been done that is in progress and is not in work_duration yet",
                |state, now| {
                    state.working.values().map(|since| (now - *since).as_secs_f64()).fold(0.0, |sum, age| sum + age)
                },
            ),
            (
                "longest_running_processor_seconds",
                "How many seconds has the longest running processor for workqueue been running",
                |state, now| state.working.values().map(|since| (now - *since).as_secs_f64()).fold(0.0, f64::max),
            ),
        ];
        for (name, help, read) in gauges {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for queue in &queues {
                let gauge = ConstGauge::new(read(&queue.lock(), now));
                gauge.encode(metric.encode_family(&queue.labels)?)?;
            }
        }
        Ok(())
    }
}

fn key(namespace: Option<&str>, name: &str) -> Key {
    (namespace.unwrap_or_default().to_owned(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(queues: &WorkQueues, name: &str) -> f64 {
        let (mut registry, mut text) = (Registry::default(), String::new());
        queues.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let start = format!("workqueue_{name}{{name=\"moss\",controller=\"moss\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{name} is not in\n{text}"))
    }

    #[track_caller]
    fn check(queues: &WorkQueues, expect: &[(&str, f64)]) {
        for (name, expect) in expect {
            assert_eq!(value(queues, name), *expect, "{name}");
        }
    }

    /// Long enough to be told from nothing.
    const MOMENT: Duration = Duration::from_millis(5);

    #[test]
    fn an_object_waits_is_worked_on_and_tried_again() {
        let queues = WorkQueues::default();
        let queue = queues.add("moss");
        check(&queues, &[("depth", 0.0), ("adds_total", 0.0), ("longest_running_processor_seconds", 0.0)]);
        queue.added(Some("wood"), "fern");
        queue.added(Some("wood"), "fern");
        queue.added(Some("wood"), "oak");
        check(&queues, &[("depth", 2.0), ("adds_total", 2.0)]);

        let (fern, oak) = (queue.begun(Some("wood"), "fern"), queue.begun(Some("wood"), "oak"));
        check(&queues, &[("depth", 0.0), ("queue_duration_seconds_count", 2.0), ("work_duration_seconds_count", 0.0)]);
        std::thread::sleep(MOMENT);
        let (moment, long) = (MOMENT.as_secs_f64(), value(&queues, "longest_running_processor_seconds"));
        assert!(long >= moment && value(&queues, "unfinished_work_seconds") >= long + moment);

        drop((fern, oak));
        queue.retry(Some("wood"), "oak", Some(MOMENT));
        check(&queues, &[("depth", 0.0), ("retries_total", 1.0), ("work_duration_seconds_count", 2.0)]);
        std::thread::sleep(MOMENT);
        check(&queues, &[("depth", 1.0), ("adds_total", 2.0), ("unfinished_work_seconds", 0.0)]);
        drop(queue.begun(Some("wood"), "oak"));
        check(&queues, &[("depth", 0.0), ("adds_total", 3.0), ("queue_duration_seconds_count", 3.0)]);

        queue.added(None, "elm");
        queue.gone(None, "elm");
        check(&queues, &[("depth", 0.0), ("adds_total", 4.0)]);
    }
}
