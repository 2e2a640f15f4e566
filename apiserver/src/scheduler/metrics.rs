//! What a scheduler counts, under kube-scheduler's names, so that its dashboards and alerts fit. Source:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/scheduler/metrics/metrics.go>

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::queue::Lengths;

/// The counters of a scheduler. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    attempts: Family<ResultLabels, Counter>,
    attempt_duration: Family<ResultLabels, Histogram>,
    algorithm_duration: Histogram,
    attempts_until_scheduled: Histogram,
    waited: Family<AttemptsLabels, Histogram>,
    pending: Family<QueueLabels, Gauge>,
    cached: Family<TypeLabels, Gauge>,
    gauges: Gauges,
}

/// Members of `pending` and `cached`, which are set after every step.
#[derive(Clone, Debug)]
struct Gauges {
    active: Gauge,
    backoff: Gauge,
    unschedulable: Gauge,
    gated: Gauge,
    nodes: Gauge,
    pods: Gauge,
    assumed: Gauge,
}

/// How an attempt came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Scheduled,
    Unschedulable,
    Error,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
    profile: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    queue: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypeLabels {
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptsLabels {
    attempts: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let (pending, cached) = (Family::<QueueLabels, Gauge>::default(), Family::<TypeLabels, Gauge>::default());
        let queue = |queue| pending.get_or_create_owned(&QueueLabels { queue });
        let cache = |r#type| cached.get_or_create_owned(&TypeLabels { r#type });
        let gauges = Gauges {
            active: queue("active"),
            backoff: queue("backoff"),
            unschedulable: queue("unschedulable"),
            gated: queue("gated"),
            nodes: cache("nodes"),
            pods: cache("pods"),
            assumed: cache("assumed_pods"),
        };
        Self {
            attempts: Family::default(),
            attempt_duration: Family::new_with_constructor(seconds as fn() -> Histogram),
            algorithm_duration: seconds(),
            attempts_until_scheduled: Histogram::new(exponential_buckets(1.0, 2.0, 5)),
            waited: Family::new_with_constructor((|| Histogram::new(exponential_buckets(0.01, 2.0, 20))) as fn() -> _),
            pending,
            cached,
            gauges,
        }
    }
}

impl Metrics {
    /// Adds the counters to a registry, which then shows them as they are when it is asked.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("scheduler");
        registry.register(
            "schedule_attempts",
            "Number of attempts to schedule pods, by the result",
            self.attempts.clone(),
        );
        registry.register(
            "scheduling_attempt_duration_seconds",
            "Scheduling attempt latency in seconds (scheduling algorithm + binding)",
            self.attempt_duration.clone(),
        );
        registry.register(
            "scheduling_algorithm_duration_seconds",
            "Scheduling algorithm latency in seconds",
            self.algorithm_duration.clone(),
        );
        registry.register(
            "pod_scheduling_attempts",
            "Number of attempts to successfully schedule a pod",
            self.attempts_until_scheduled.clone(),
        );
        registry.register(
            "pod_scheduling_sli_duration_seconds",
            "Latency for a pod being scheduled, from the time the pod enters the scheduling queue",
            self.waited.clone(),
        );
        registry.register("pending_pods", "Number of pending pods, by the queue type", self.pending.clone());
        registry.register(
            "cache_size",
            "Number of nodes, pods, and assumed (bound) pods in the scheduler cache",
            self.cached.clone(),
        );
    }

    /// A profile begins: its counters are shown from the start, as 0.
    pub(super) fn add(&self, profile: &str) {
        for result in ["scheduled", "unschedulable", "error"] {
            drop(self.attempts.get_or_create(&ResultLabels { result, profile: profile.to_owned() }));
        }
    }

    /// An attempt is over.
    pub(super) fn attempt(&self, profile: &str, outcome: Outcome, took: Duration) {
        let result = match outcome {
            Outcome::Scheduled => "scheduled",
            Outcome::Unschedulable => "unschedulable",
            Outcome::Error => "error",
        };
        let labels = ResultLabels { result, profile: profile.to_owned() };
        self.attempts.get_or_create(&labels).inc();
        self.attempt_duration.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// An algorithm has decided.
    pub(super) fn decided(&self, took: Duration) {
        self.algorithm_duration.observe(took.as_secs_f64());
    }

    /// A pod is bound, so many attempts and so long after it came.
    pub(super) fn scheduled(&self, attempts: u32, waited: Duration) {
        self.attempts_until_scheduled.observe(attempts.into());
        let attempts = if attempts >= 15 { "15+".into() } else { attempts.to_string() };
        self.waited.get_or_create(&AttemptsLabels { attempts }).observe(waited.as_secs_f64());
    }

    /// How many pods are where, and how many nodes, pods and assumed pods are known.
    pub(super) fn sizes(&self, queue: Lengths, nodes: usize, pods: usize, assumed: usize) {
        let set = |gauge: &Gauge, number: usize| {
            gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
        };
        set(&self.gauges.active, queue.active);
        set(&self.gauges.backoff, queue.backoff);
        set(&self.gauges.unschedulable, queue.unschedulable);
        set(&self.gauges.gated, queue.gated);
        set(&self.gauges.nodes, nodes);
        set(&self.gauges.pods, pods);
        set(&self.gauges.assumed, assumed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_under_the_names_of_kube_scheduler() {
        let metrics = Metrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        metrics.add("packer");
        metrics.attempt("packer", Outcome::Scheduled, Duration::from_millis(3));
        metrics.attempt("packer", Outcome::Unschedulable, Duration::from_micros(30));
        metrics.decided(Duration::from_micros(30));
        metrics.scheduled(20, Duration::from_secs(1));
        metrics.sizes(Lengths { active: 1, backoff: 2, unschedulable: 3, gated: 4 }, 5, 6, 7);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"scheduler_schedule_attempts_total{result="scheduled",profile="packer"} 1"#,
            r#"scheduler_schedule_attempts_total{result="unschedulable",profile="packer"} 1"#,
            r#"scheduler_schedule_attempts_total{result="error",profile="packer"} 0"#,
            r#"scheduler_scheduling_attempt_duration_seconds_count{result="scheduled",profile="packer"} 1"#,
            "scheduler_scheduling_algorithm_duration_seconds_count 1",
            r#"scheduler_pod_scheduling_attempts_bucket{le="16.0"} 0"#,
            r#"scheduler_pod_scheduling_sli_duration_seconds_count{attempts="15+"} 1"#,
            r#"scheduler_pending_pods{queue="backoff"} 2"#,
            r#"scheduler_pending_pods{queue="gated"} 4"#,
            r#"scheduler_cache_size{type="assumed_pods"} 7"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
