//! What was asked and how long it took, under controller-runtime's names. Source:
//! <https://github.com/kubernetes-sigs/controller-runtime/blob/main/pkg/webhook/internal/metrics/metrics.go>

use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

type Labels = Vec<(&'static str, String)>;

/// In seconds: most reviews take far less than those of an API server do.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0];

/// The metrics of all paths.
#[derive(Clone)]
pub(super) struct Metrics {
    requests: Family<Labels, Counter>,
    latency: Family<Labels, Histogram, fn() -> Histogram>,
    in_flight: Family<Labels, Gauge>,
}

/// A request under way.
pub(super) struct Observed<'a> {
    metrics: &'a Metrics,
    path: &'a str,
    started: Instant,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            in_flight: Family::default(),
        }
    }
}

impl Metrics {
    /// Shows them at `/metrics`.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Requests to webhooks, by path and code";
        registry.register("controller_runtime_webhook_requests", help, self.requests.clone());
        let help = "Seconds that a request to a webhook took";
        registry.register("controller_runtime_webhook_latency_seconds", help, self.latency.clone());
        let help = "Requests to webhooks that are under way";
        registry.register("controller_runtime_webhook_requests_in_flight", help, self.in_flight.clone());
    }

    /// Counts a request to a path that exists; what clients make up must not fill the memory.
    pub fn observe<'a>(&'a self, path: &'a str) -> Observed<'a> {
        self.in_flight.get_or_create(&webhook(path)).inc();
        Observed { metrics: self, path, started: Instant::now() }
    }
}

impl Observed<'_> {
    /// The request was answered.
    pub fn answered(self, code: u16) {
        let mut labels = webhook(self.path);
        labels.push(("code", code.to_string()));
        self.metrics.requests.get_or_create(&labels).inc();
    }
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        let took: Duration = self.started.elapsed();
        self.metrics.latency.get_or_create(&webhook(self.path)).observe(took.as_secs_f64());
        self.metrics.in_flight.get_or_create(&webhook(self.path)).dec();
    }
}

fn webhook(path: &str) -> Labels {
    vec![("webhook", path.to_owned())]
}
