//! What webhooks have done, under Kubernetes' names. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/metrics/metrics.go>

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::call::{Failure, Sort};
use super::hooks::Hook;
use crate::admission::Attributes;

/// The buckets of durations, in seconds.
const SECONDS: [f64; 6] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5];

type Labels = Vec<(&'static str, String)>;

/// Counters of webhooks; copies count together.
#[derive(Clone, Debug)]
pub struct WebhookMetrics {
    durations: Family<Labels, Histogram, fn() -> Histogram>,
    /// A gauge, because Kubernetes' name for this counter does not end as those of counters do.
    rejections: Family<Labels, Gauge>,
    requests: Family<Labels, Counter>,
    failed_open: Family<Labels, Gauge>,
}

impl Default for WebhookMetrics {
    fn default() -> Self {
        let durations = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        Self { durations, rejections: Family::default(), requests: Family::default(), failed_open: Family::default() }
    }
}

impl WebhookMetrics {
    /// Shows them among the server's metrics.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Seconds that webhooks took";
        registry.register("apiserver_admission_webhook_admission_duration_seconds", help, self.durations.clone());
        let help = "Requests that webhooks refused, or that failed because of them";
        registry.register("apiserver_admission_webhook_rejection_count", help, self.rejections.clone());
        registry.register("apiserver_admission_webhook_request", "Calls of webhooks", self.requests.clone());
        let help = "Calls of webhooks that failed, and were let pass";
        registry.register("apiserver_admission_webhook_fail_open_count", help, self.failed_open.clone());
    }

    pub(super) fn observe(
        &self,
        hook: &Hook,
        sort: Sort,
        request: &Attributes<'_>,
        took: Duration,
        failure: Option<&Failure>,
    ) {
        let of = |name: &'static str, value: &str| (name, value.to_owned());
        let name = of("name", &hook.name);
        let kind = of("type", if sort == Sort::Mutating { "admit" } else { "validating" });
        let operation = of("operation", request.operation.name());
        let (code, error_type) = match failure {
            None => (200, None),
            Some(Failure::Calling { code, .. }) => (*code, Some("calling_webhook_error")),
            Some(Failure::Rejected(denied)) => (denied.code(), Some("no_error")),
            Some(Failure::Failed(_)) => (0, Some("apiserver_internal_error")),
        };
        let open = hook.ignores_failures && matches!(failure, Some(Failure::Calling { .. }));
        let rejected = of("rejected", if failure.is_some() && !open { "true" } else { "false" });
        let labels = vec![name.clone(), kind.clone(), operation.clone(), rejected.clone()];
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
        let labels = vec![name.clone(), kind.clone(), operation.clone(), of("code", &code.to_string()), rejected];
        self.requests.get_or_create(&labels).inc();
        if open {
            self.failed_open.get_or_create(&vec![name, kind]).inc();
        } else if let Some(error_type) = error_type {
            let code = of("rejection_code", &code.to_string());
            self.rejections.get_or_create(&vec![name, kind, operation, of("error_type", error_type), code]).inc();
        }
    }
}
