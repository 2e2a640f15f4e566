//! What controllers count, under the names that controller-runtime uses, so that its dashboards and alerts fit.
//! Source: <https://github.com/kubernetes-sigs/controller-runtime/blob/main/pkg/internal/controller/metrics/metrics.go>

mod work_queue;

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub(super) use self::work_queue::WorkQueue;
use self::work_queue::WorkQueues;

/// The counters of all controllers of a manager. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    total: Family<ResultLabels, Counter>,
    errors: Family<Labels, Counter>,
    panics: Family<Labels, Counter>,
    active: Family<Labels, Gauge>,
    time: Family<Labels, Histogram>,
    queues: WorkQueues,
    leads: Family<LeaseLabels, Gauge>,
    slow_path: Family<LeaseLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
}

/// How a reconcile came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    RequeueAfter,
    Error,
    Panic,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    controller: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    controller: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeaseLabels {
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    code: String,
    host: String,
    method: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            total: Family::default(),
            errors: Family::default(),
            panics: Family::default(),
            active: Family::default(),
            time: Family::new_with_constructor(time_histogram),
            queues: WorkQueues::default(),
            leads: Family::default(),
            slow_path: Family::default(),
            requests: Family::default(),
        }
    }
}

impl Metrics {
    /// Adds the counters to a registry, which then shows them as they are when it is asked.
    pub fn register(&self, registry_of_all: &mut Registry) {
        let registry = registry_of_all.sub_registry_with_prefix("controller_runtime");
        registry.register("reconcile", "Total number of reconciliations per controller", self.total.clone());
        registry.register(
            "reconcile_errors",
            "Total number of reconciliation errors per controller",
            self.errors.clone(),
        );
        registry.register(
            "reconcile_panics",
            "Total number of reconciliation panics per controller",
            self.panics.clone(),
        );
        registry.register("active_workers", "Number of reconciliations under way per controller", self.active.clone());
        registry.register(
            "reconcile_time_seconds",
            "Length of time per reconciliation per controller",
            self.time.clone(),
        );
        self.queues.register(registry_of_all);
        let registry = registry_of_all;
        registry.register(
            "leader_election_master_status",
            "Whether this process leads, by the name of the lease: 0 is no, 1 is yes",
            self.leads.clone(),
        );
        registry.register(
            "leader_election_slowpath",
            "Total number of times that a lease had to be read before it was renewed",
            self.slow_path.clone(),
        );
        registry.register(
            "rest_client_requests",
            "Number of HTTP requests, partitioned by status code, method, and host",
            self.requests.clone(),
        );
    }

    /// Whether this process leads.
    pub(super) fn leads(&self, lease: &str, leads: bool) {
        self.leads.get_or_create(&LeaseLabels { name: lease.to_owned() }).set(leads.into());
    }

    /// A lease was not as its holder had left it.
    pub(super) fn slow_path(&self, lease: &str) {
        self.slow_path.get_or_create(&LeaseLabels { name: lease.to_owned() }).inc();
    }

    /// A request was made; there is no code if nobody answered.
    pub(super) fn request(&self, host: &str, method: &Method, code: Option<StatusCode>) {
        let code = code.map_or_else(|| "<error>".to_owned(), |code| code.as_u16().to_string());
        let labels = RequestLabels { code, host: host.to_owned(), method: method.to_string() };
        self.requests.get_or_create(&labels).inc();
    }

    /// A controller is added: its counters are shown from the start, as 0.
    pub(super) fn add(&self, controller: &str) -> Arc<WorkQueue> {
        for result in ["success", "requeue_after", "error"] {
            drop(self.total.get_or_create(&ResultLabels { controller: controller.to_owned(), result }));
        }
        let labels = Labels { controller: controller.to_owned() };
        drop(self.errors.get_or_create(&labels));
        drop(self.panics.get_or_create(&labels));
        drop(self.active.get_or_create(&labels));
        drop(self.time.get_or_create(&labels));
        self.queues.add(controller)
    }

    pub(super) fn begin(&self, controller: &str) {
        self.active.get_or_create(&Labels { controller: controller.to_owned() }).inc();
    }

    pub(super) fn end(&self, controller: &str, outcome: Outcome, took: Duration) {
        let labels = Labels { controller: controller.to_owned() };
        self.active.get_or_create(&labels).dec();
        self.time.get_or_create(&labels).observe(took.as_secs_f64());
        let result = match outcome {
            Outcome::Success => "success",
            Outcome::RequeueAfter => "requeue_after",
            Outcome::Error | Outcome::Panic => "error",
        };
        self.total.get_or_create(&ResultLabels { controller: controller.to_owned(), result }).inc();
        if result == "error" {
            self.errors.get_or_create(&labels).inc();
        }
        if outcome == Outcome::Panic {
            self.panics.get_or_create(&labels).inc();
        }
    }
}

/// The buckets are those of controller-runtime.
fn time_histogram() -> Histogram {
    Histogram::new([
        0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5,
        1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconciles_are_counted_under_the_names_of_controller_runtime() {
        let metrics = Metrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        metrics.add("bird");
        for (outcome, millis) in [(Outcome::Success, 4), (Outcome::Error, 30), (Outcome::Panic, 30)] {
            metrics.begin("bird");
            metrics.end("bird", outcome, Duration::from_millis(millis));
        }
        metrics.begin("bird");
        metrics.leads("birds", true);
        metrics.request("127.0.0.1:6443", &Method::GET, Some(StatusCode::OK));
        metrics.request("127.0.0.1:6443", &Method::PATCH, None);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"controller_runtime_reconcile_total{controller="bird",result="success"} 1"#,
            r#"controller_runtime_reconcile_total{controller="bird",result="error"} 2"#,
            r#"controller_runtime_reconcile_total{controller="bird",result="requeue_after"} 0"#,
            r#"controller_runtime_reconcile_errors_total{controller="bird"} 2"#,
            r#"controller_runtime_reconcile_panics_total{controller="bird"} 1"#,
            r#"controller_runtime_active_workers{controller="bird"} 1"#,
            r#"leader_election_master_status{name="birds"} 1"#,
            r#"rest_client_requests_total{code="200",host="127.0.0.1:6443",method="GET"} 1"#,
            r#"rest_client_requests_total{code="<error>",host="127.0.0.1:6443",method="PATCH"} 1"#,
            r#"workqueue_depth{name="bird",controller="bird"} 0.0"#,
            r#"workqueue_unfinished_work_seconds{name="bird",controller="bird"} 0.0"#,
            r#"controller_runtime_reconcile_time_seconds_count{controller="bird"} 3"#,
            r#"controller_runtime_reconcile_time_seconds_bucket{le="0.005",controller="bird"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
