//! How long the storage takes, under the name that Kubernetes gives it, whatever the storage is. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/storage/etcd3/metrics/metrics.go>

use std::sync::Arc;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::server::metrics::SECONDS;
use crate::storage::Store;
use crate::storage::cache::feed::ROOT;
use crate::storage::timed::Timed;

type Labels = Vec<(&'static str, String)>;

/// `etcd_request_duration_seconds`, by operation and kind.
#[derive(Clone)]
pub struct StoreMetrics(Family<Labels, Histogram, fn() -> Histogram>);

impl StoreMetrics {
    pub fn new() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(SECONDS)))
    }

    /// Shows the metrics at `/metrics`.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Seconds that an operation of the storage took";
        registry.register("etcd_request_duration_seconds", help, self.0.clone());
    }

    /// The store, with its operations counted here.
    pub fn time(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        let family = self.0.clone();
        Arc::new(Timed::new(
            store,
            Box::new(move |operation, key, took| {
                family.get_or_create(&labels(operation, key)).observe(took.as_secs_f64());
            }),
        ))
    }
}

/// Keys are `/registry/GROUP/RESOURCE/…`; what is none of a kind has neither.
fn labels(operation: &'static str, key: &str) -> Labels {
    let mut parts = key.strip_prefix(ROOT).unwrap_or_default().split('/');
    let (group, resource) = match (parts.next(), parts.next()) {
        (Some(group), Some(resource)) => (if group == "core" { "" } else { group }, resource),
        _ => ("", ""),
    };
    vec![("operation", operation.to_owned()), ("group", group.to_owned()), ("resource", resource.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_from_the_key() {
        let check = |key: &str, expect: [&str; 2]| {
            let labels = labels("get", key);
            assert_eq!([labels[1].1.as_str(), labels[2].1.as_str()], expect, "{key}");
        };
        check("/registry/demo.example.com/birds/default/robin", ["demo.example.com", "birds"]);
        check("/registry/core/events/", ["", "events"]);
        check("/registry/.marker", ["", ""]);
        check("", ["", ""]);
    }
}
