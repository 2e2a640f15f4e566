//! What the server has done, at `/metrics`, under kube-apiserver's names. Source:
//! <https://kubernetes.io/docs/reference/instrumentation/metrics/>
//!
//! A request finds its counters by a hash of its borrowed labels: nothing is allocated for labels seen before. Labels
//! come from what is served, never from what clients make up.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::limits::{Limits, RequestKind};
use super::process::Process;
use crate::request::info::RequestInfo;

/// The content type of the text form that every Prometheus reads.
pub const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The content type of its successor, for those that ask for it.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How many objects are stored in each version of their kind.
pub const STORED_VERSIONS: &str = "apiserver_storage_objects_by_version";

/// The buckets of durations, in seconds.
pub const SECONDS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
];
const BYTES: [f64; 7] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

type Labels = Vec<(&'static str, String)>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// All metrics of a server.
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    terminations: Family<Labels, Counter>,
    durations: Histograms,
    response_sizes: Histograms,
    long_running: Family<Labels, Gauge>,
    in_flight: Family<Labels, Gauge>,
    stored_objects: Family<Labels, Gauge>,
    stored_versions: Family<Labels, Gauge>,
    watch_events: Family<Labels, Counter>,
    deprecated: Family<Labels, Gauge>,
    series: RwLock<HashMap<u64, Vec<Arc<Series>>>>,
    hasher: RandomState,
}

/// What labels are made of, borrowed.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
pub struct RequestLabels<'a> {
    /// As kube-apiserver reports it: `GET`, `LIST`, `WATCH`, `APPLY`, `POST`, …
    pub verb: &'static str,
    /// `All` or nothing.
    pub dry_run: &'static str,
    /// `resource`, `namespace`, `cluster` or nothing.
    pub scope: &'static str,
    /// The group.
    pub group: &'a str,
    /// The version.
    pub version: &'a str,
    /// The plural.
    pub resource: &'a str,
    /// The subresource; the path itself for the few paths that are no resources and are always there.
    pub subresource: &'a str,
}

/// The counters of one set of labels.
pub struct Series {
    verb: &'static str,
    dry_run: &'static str,
    scope: &'static str,
    group: String,
    version: String,
    resource: String,
    subresource: String,
    duration: OnceLock<Histogram>,
    response_size: OnceLock<Histogram>,
    by_code: RwLock<Vec<(StatusCode, Counter)>>,
}

/// What is known of the resource that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It does not exist.
    Unknown,
    /// It exists.
    Served,
    /// It exists, in a version that clients should leave.
    Deprecated,
}

/// What the handler counts by itself.
#[derive(Debug, Default)]
pub struct Counted {
    /// How many objects are stored, by qualified resource, for example `birds.demo.example.com`.
    pub stored_objects: Vec<(String, u64)>,
    /// How many objects are stored in each version, by group, version and plural.
    pub stored_versions: Vec<([String; 3], u64)>,
    /// How many events watches have sent, by group, version and plural.
    pub watch_events: Vec<([String; 3], u64)>,
}

/// A long-running request, until dropped.
pub struct LongRunning(Gauge);

impl Default for Metrics {
    fn default() -> Self {
        let histogram = |buckets: fn() -> Histogram| Family::new_with_constructor(buckets);
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            terminations: Family::default(),
            durations: histogram(|| Histogram::new(SECONDS)),
            response_sizes: histogram(|| Histogram::new(BYTES)),
            long_running: Family::default(),
            in_flight: Family::default(),
            stored_objects: Family::default(),
            stored_versions: Family::default(),
            watch_events: Family::default(),
            deprecated: Family::default(),
            series: RwLock::default(),
            hasher: RandomState::new(),
        };
        let registry = &mut metrics.registry;
        registry.register("apiserver_request", "Requests answered", metrics.requests.clone());
        let help = "Requests that the server cut short in self-defence";
        registry.register("apiserver_request_terminations", help, metrics.terminations.clone());
        let help = "Seconds until the answer began, watches left out";
        registry.register("apiserver_request_duration_seconds", help, metrics.durations.clone());
        registry.register("apiserver_response_sizes", "Bytes of bodies answered", metrics.response_sizes.clone());
        let help = "Requests that last, such as watches, now";
        registry.register("apiserver_longrunning_requests", help, metrics.long_running.clone());
        let help = "Requests being answered now";
        registry.register("apiserver_current_inflight_requests", help, metrics.in_flight.clone());
        registry.register("apiserver_storage_objects", "Objects stored", metrics.stored_objects.clone());
        let help = "Objects by the version in which they are stored";
        registry.register(STORED_VERSIONS, help, metrics.stored_versions.clone());
        registry.register("apiserver_watch_events", "Events sent to those who watch", metrics.watch_events.clone());
        let help = "1 for each deprecated version that somebody has asked for";
        registry.register("apiserver_requested_deprecated_apis", help, metrics.deprecated.clone());
        registry.register_collector(Box::new(Process::new()));
        metrics
    }
}

impl Metrics {
    /// Where other parts of the server register metrics of their own, before it starts.
    pub fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// The counters of these labels. `known` is asked once for each set of labels; if they name nothing that is
    /// served, the request is counted by its verb alone.
    pub fn series(&self, labels: RequestLabels<'_>, known: impl FnOnce() -> Known) -> Arc<Series> {
        let hash = self.hash(&labels);
        if let Some(series) = self.find(hash, &labels) {
            return series;
        }
        if labels.resource.is_empty() {
            return self.insert(hash, &labels);
        }
        match known() {
            Known::Served => return self.insert(hash, &labels),
            Known::Deprecated => {
                self.deprecated.get_or_create(&deprecated_labels(&labels)).set(1);
                return self.insert(hash, &labels);
            }
            Known::Unknown => {}
        }
        let labels = RequestLabels { group: "", version: "", resource: "", subresource: "", scope: "", ..labels };
        let hash = self.hash(&labels);
        self.find(hash, &labels).unwrap_or_else(|| self.insert(hash, &labels))
    }

    /// Counts an answer.
    pub fn answered(&self, series: &Series, code: StatusCode, duration: Duration, body_bytes: Option<u64>) {
        series.counter(code, || self.requests.get_or_create_owned(&series.labels(Some(code)))).inc();
        if series.verb == "WATCH" {
            return;
        }
        let of = || self.durations.get_or_create_owned(&series.labels(None));
        series.duration.get_or_init(of).observe(duration.as_secs_f64());
        if let (Some(bytes), "GET" | "LIST") = (body_bytes, series.verb) {
            let of = || self.response_sizes.get_or_create_owned(&series.labels_of_any_run());
            series.response_size.get_or_init(of).observe(bytes as f64);
        }
    }

    /// Counts a request that was cut short.
    pub fn terminated(&self, series: &Series, code: StatusCode) {
        self.terminations.get_or_create(&without(series.labels(Some(code)), "dry_run")).inc();
    }

    /// Counts a request that lasts, for as long as what is returned does.
    pub fn long_running(&self, series: &Series) -> LongRunning {
        let gauge = self.long_running.get_or_create_owned(&series.labels_of_any_run());
        gauge.inc();
        LongRunning(gauge)
    }

    /// All metrics as text, with their content type. `accept` is what the client asked for; what the handler counts
    /// is asked for now.
    pub fn render(&self, accept: Option<&str>, limits: &Limits, counted: Counted) -> (&'static str, String) {
        for (name, kind) in [("readOnly", RequestKind::ReadOnly), ("mutating", RequestKind::Mutating)] {
            let labels = vec![("request_kind", name.to_owned())];
            self.in_flight.get_or_create(&labels).set(limits.in_flight(kind) as i64);
        }
        for (resource, objects) in counted.stored_objects {
            self.stored_objects.get_or_create(&vec![("resource", resource)]).set(objects as i64);
        }
        for ([group, version, resource], objects) in counted.stored_versions {
            let labels = vec![("group", group), ("version", version), ("resource", resource)];
            self.stored_versions.get_or_create(&labels).set(objects as i64);
        }
        for ([group, version, resource], events) in counted.watch_events {
            let labels = vec![("group", group), ("version", version), ("resource", resource)];
            self.watch_events.get_or_create(&labels).inner().store(events, Ordering::Relaxed);
        }
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            tracing::error!("metrics could not be written");
        }
        if accept.is_some_and(|accept| accept.contains("application/openmetrics-text")) {
            return (OPEN_METRICS, text);
        }
        (PROMETHEUS_TEXT, prometheus_text(&text))
    }

    fn hash(&self, labels: &RequestLabels<'_>) -> u64 {
        self.hasher.hash_one(labels)
    }

    fn find(&self, hash: u64, labels: &RequestLabels<'_>) -> Option<Arc<Series>> {
        let series = self.series.read().unwrap_or_else(|broken| broken.into_inner());
        series.get(&hash)?.iter().find(|series| series.borrow() == *labels).cloned()
    }

    fn insert(&self, hash: u64, labels: &RequestLabels<'_>) -> Arc<Series> {
        let made = Arc::new(Series {
            verb: labels.verb,
            dry_run: labels.dry_run,
            scope: labels.scope,
            group: labels.group.into(),
            version: labels.version.into(),
            resource: labels.resource.into(),
            subresource: labels.subresource.into(),
            duration: OnceLock::new(),
            response_size: OnceLock::new(),
            by_code: RwLock::default(),
        });
        // Two requests may get here at once; both series then share their counters, and one of them is found later.
        self.series.write().unwrap_or_else(|broken| broken.into_inner()).entry(hash).or_default().push(made.clone());
        made
    }
}

impl<'a> RequestLabels<'a> {
    /// The labels of a request. `content_type` tells an apply from other patches.
    pub fn new(info: &'a RequestInfo, query: &str, content_type: Option<&str>) -> Self {
        let applies = || content_type.is_some_and(|content_type| content_type.starts_with("application/apply-patch"));
        let verb = match &*info.verb {
            "get" => "GET",
            "list" => "LIST",
            "watch" => "WATCH",
            "create" | "post" => "POST",
            "update" | "put" => "PUT",
            "patch" if applies() => "APPLY",
            "patch" => "PATCH",
            "delete" => "DELETE",
            "deletecollection" => "DELETECOLLECTION",
            "connect" => "CONNECT",
            "head" => "HEAD",
            "options" => "OPTIONS",
            _ => "other",
        };
        if !info.is_resource {
            let fixed = matches!(&*info.path, "/healthz" | "/livez" | "/readyz" | "/metrics" | "/version");
            return Self { verb, subresource: if fixed { &info.path } else { "" }, ..Self::default() };
        }
        let scope = match (&*info.name, &*info.namespace) {
            ("", _) if info.verb == "create" => "resource",
            ("", "") => "cluster",
            ("", _) => "namespace",
            _ => "resource",
        };
        let dry_run = if query.contains("dryRun=All") { "All" } else { "" };
        let (group, version) = (&*info.group, &*info.version);
        Self { verb, dry_run, scope, group, version, resource: &info.resource, subresource: &info.subresource }
    }
}

impl Series {
    fn borrow(&self) -> RequestLabels<'_> {
        RequestLabels {
            verb: self.verb,
            dry_run: self.dry_run,
            scope: self.scope,
            group: &self.group,
            version: &self.version,
            resource: &self.resource,
            subresource: &self.subresource,
        }
    }

    fn labels(&self, code: Option<StatusCode>) -> Labels {
        series_labels(&self.borrow(), code)
    }

    fn labels_of_any_run(&self) -> Labels {
        without(self.labels(None), "dry_run")
    }

    fn counter(&self, code: StatusCode, make: impl FnOnce() -> Counter) -> Counter {
        let known = |all: &[(StatusCode, Counter)]| all.iter().find(|(of, _)| *of == code).map(|(_, one)| one.clone());
        if let Some(counter) = known(&self.by_code.read().unwrap_or_else(|broken| broken.into_inner())) {
            return counter;
        }
        let counter = make();
        self.by_code.write().unwrap_or_else(|broken| broken.into_inner()).push((code, counter.clone()));
        counter
    }
}

impl Drop for LongRunning {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn series_labels(labels: &RequestLabels<'_>, code: Option<StatusCode>) -> Labels {
    let mut all = vec![
        ("verb", labels.verb.to_owned()),
        ("dry_run", labels.dry_run.to_owned()),
        ("group", labels.group.to_owned()),
        ("version", labels.version.to_owned()),
        ("resource", labels.resource.to_owned()),
        ("subresource", labels.subresource.to_owned()),
        ("scope", labels.scope.to_owned()),
        ("component", "apiserver".to_owned()),
    ];
    all.extend(code.map(|code| ("code", code.as_str().to_owned())));
    all
}

fn deprecated_labels(labels: &RequestLabels<'_>) -> Labels {
    vec![
        ("group", labels.group.to_owned()),
        ("version", labels.version.to_owned()),
        ("resource", labels.resource.to_owned()),
        ("subresource", labels.subresource.to_owned()),
        // Kinds do not say when a version of theirs will go.
        ("removed_release", String::new()),
    ]
}

fn without(mut labels: Labels, name: &str) -> Labels {
    labels.retain(|(label, _)| *label != name);
    labels
}

/// Turns OpenMetrics into the older form, which names a counter in its header as it does in its lines.
fn prometheus_text(open_metrics: &str) -> String {
    let counter = |line: &str| line.strip_prefix("# TYPE ")?.strip_suffix(" counter").map(str::to_owned);
    let counters: std::collections::HashSet<String> = open_metrics.lines().filter_map(counter).collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")) {
        let header =
            ["# HELP ", "# TYPE "].iter().find_map(|start| Some((start, line.strip_prefix(start)?.split_once(' ')?)));
        // Writing to a String cannot fail.
        let _ = match header {
            Some((start, (name, rest))) if counters.contains(name) => writeln!(text, "{start}{name}_total {rest}"),
            _ => writeln!(text, "{line}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_what_was_asked() {
        let metrics = Metrics::default();
        let birds = info("list", "birds", "");
        for _ in 0..2 {
            let series = metrics.series(RequestLabels::new(&birds, "", None), || Known::Served);
            metrics.answered(&series, StatusCode::OK, Duration::from_millis(30), Some(2_000));
        }
        check(
            &metrics,
            &[
                "# TYPE apiserver_request_total counter",
                r#"apiserver_request_total{verb="LIST",dry_run="",group="demo.example.com",version="v1",resource="birds",subresource="",scope="namespace",component="apiserver",code="200"} 2"#,
                r#"apiserver_request_duration_seconds_bucket{le="0.05",verb="LIST",dry_run="",group="demo.example.com",version="v1",resource="birds",subresource="",scope="namespace",component="apiserver"} 2"#,
                r#"apiserver_response_sizes_sum{verb="LIST",group="demo.example.com",version="v1",resource="birds",subresource="",scope="namespace",component="apiserver"} 4000.0"#,
                r#"apiserver_current_inflight_requests{request_kind="mutating"} 0"#,
                r#"apiserver_storage_objects{resource="birds.demo.example.com"} 7"#,
                r#"apiserver_storage_objects_by_version{group="demo.example.com",version="v1beta1",resource="birds"} 3"#,
                "# TYPE apiserver_watch_events_total counter",
                r#"apiserver_watch_events_total{group="demo.example.com",version="v1",resource="birds"} 5"#,
            ],
        );
    }

    #[test]
    fn what_clients_make_up_is_no_label() {
        let metrics = Metrics::default();
        for name in ["unicorns", "dragons"] {
            let made_up = info("get", name, "a");
            let series = metrics.series(RequestLabels::new(&made_up, "", None), || Known::Unknown);
            metrics.answered(&series, StatusCode::NOT_FOUND, Duration::ZERO, None);
        }
        let expected = r#"apiserver_request_total{verb="GET",dry_run="",group="",version="",resource="",subresource="",scope="",component="apiserver",code="404"} 2"#;
        check(&metrics, &[expected]);
        assert_eq!(metrics.series.read().expect("a lock").len(), 1);
    }

    #[test]
    fn a_deprecated_version_is_noted_once_somebody_asks_for_it() {
        let metrics = Metrics::default();
        for verb in ["get", "list"] {
            metrics.series(RequestLabels::new(&info(verb, "birds", "a"), "", None), || Known::Deprecated);
        }
        check(
            &metrics,
            &[
                r#"apiserver_requested_deprecated_apis{group="demo.example.com",version="v1",resource="birds",subresource="",removed_release=""} 1"#,
            ],
        );
    }

    #[test]
    fn the_verb_is_what_the_request_does() {
        let verb = |verb, content_type| RequestLabels::new(&info(verb, "birds", "a"), "", content_type).verb;
        assert_eq!(verb("patch", Some("application/apply-patch+yaml")), "APPLY");
        assert_eq!(verb("patch", Some("application/merge-patch+json")), "PATCH");
        assert_eq!(verb("create", None), "POST");
        assert_eq!(verb("deletecollection", None), "DELETECOLLECTION");
        let dry = info("delete", "birds", "a");
        assert_eq!(RequestLabels::new(&dry, "a=b&dryRun=All", None).dry_run, "All");
    }

    #[test]
    fn long_running_requests_are_counted_while_they_last() {
        let metrics = Metrics::default();
        let watch = info("watch", "birds", "");
        let series = metrics.series(RequestLabels::new(&watch, "", None), || Known::Served);
        let one = metrics.long_running(&series);
        let line = r#"apiserver_longrunning_requests{verb="WATCH",group="demo.example.com",version="v1",resource="birds",subresource="",scope="namespace",component="apiserver"}"#;
        check(&metrics, &[&format!("{line} 1")]);
        drop(one);
        check(&metrics, &[&format!("{line} 0")]);
    }

    #[test]
    fn the_older_form_is_the_default() {
        let metrics = Metrics::default();
        let limits = Limits::new(1, 1);
        let (content_type, text) = metrics.render(None, &limits, Counted::default());
        assert_eq!(content_type, PROMETHEUS_TEXT);
        assert!(!text.contains("# EOF") && text.contains("process_start_time_seconds"), "{text}");
        let (content_type, text) =
            metrics.render(Some("application/openmetrics-text;version=1.0.0"), &limits, Counted::default());
        assert_eq!(content_type, OPEN_METRICS);
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    fn info(verb: &'static str, resource: &str, name: &str) -> RequestInfo {
        RequestInfo {
            is_resource: true,
            verb: verb.into(),
            group: "demo.example.com".into(),
            version: "v1".into(),
            namespace: "default".into(),
            resource: resource.into(),
            name: name.into(),
            ..RequestInfo::default()
        }
    }

    fn check(metrics: &Metrics, expected: &[&str]) {
        let counted = Counted {
            stored_objects: vec![("birds.demo.example.com".to_owned(), 7)],
            stored_versions: vec![(["demo.example.com", "v1beta1", "birds"].map(str::to_owned), 3)],
            watch_events: vec![(["demo.example.com", "v1", "birds"].map(str::to_owned), 5)],
        };
        let (_, text) = metrics.render(None, &Limits::new(1, 1), counted);
        for line in expected {
            assert!(text.lines().any(|found| found == *line), "no line {line}\nin\n{text}");
        }
    }
}
