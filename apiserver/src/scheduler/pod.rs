//! A pod as scheduling sees it: what is asked of it for every node is worked out once.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, PodStatus};
use kube::ResourceExt;

use super::resources::Resources;

/// What a container without requests is taken to need when nodes are scored, so that a node full of such pods does not
/// count as empty. Source: <https://github.com/kubernetes/kubernetes/blob/master/pkg/scheduler/util/pod_resources.go>
const MILLI_CPU_DEFAULT: i64 = 100;
const MEMORY_DEFAULT: i64 = 200 << 20;

/// A pod, and what follows from it.
#[derive(Clone, Debug)]
pub struct PodInfo {
    pod: Pod,
    key: Arc<str>,
    requests: Resources,
    scored: (i64, i64),
    host_ports: Vec<HostPort>,
}

/// A port of its node that a pod takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The address; empty for all of them.
    pub ip: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// The port.
    pub port: i32,
}

impl PodInfo {
    /// Works out what scheduling needs to know of a pod.
    pub fn new(mut pod: Pod) -> Self {
        // Who wrote which field is of no use here, and often is half of the object.
        pod.metadata.managed_fields = None;
        let key = format!("{}/{}", pod.metadata.namespace.as_deref().unwrap_or_default(), pod.name_any()).into();
        let empty = PodSpec::default();
        let spec = pod.spec.as_ref().unwrap_or(&empty);
        let requests = requests(spec, pod.status.as_ref());
        let count = |requested: fn(&Resources) -> i64, default: i64| {
            let of = |container: &Container| {
                let amount = requested(&container_requests(container, None));
                if amount == 0 { default } else { amount }
            };
            spec.containers.iter().map(of).fold(0, i64::saturating_add)
        };
        let milli_cpu = requests.milli_cpu.max(count(|resources| resources.milli_cpu, MILLI_CPU_DEFAULT));
        let memory = requests.memory.max(count(|resources| resources.memory, MEMORY_DEFAULT));
        let host_ports = host_ports(spec);
        Self { key, requests, scored: (milli_cpu, memory), host_ports, pod }
    }

    /// The pod, without its managed fields.
    pub fn pod(&self) -> &Pod {
        &self.pod
    }

    /// `namespace/name`.
    pub fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// The uid; empty where there is none.
    pub fn uid(&self) -> &str {
        self.pod.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The pod's spec.
    pub fn spec(&self) -> Option<&PodSpec> {
        self.pod.spec.as_ref()
    }

    /// Its label of this name.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.pod.labels().get(name).map(String::as_str)
    }

    /// The node that it is bound to.
    pub fn node_name(&self) -> Option<&str> {
        self.spec()?.node_name.as_deref().filter(|name| !name.is_empty())
    }

    /// The scheduler that it waits for.
    pub fn scheduler_name(&self) -> &str {
        self.spec().and_then(|spec| spec.scheduler_name.as_deref()).unwrap_or("default-scheduler")
    }

    /// Its priority: those of higher ones are scheduled first.
    pub fn priority(&self) -> i32 {
        self.spec().and_then(|spec| spec.priority).unwrap_or_default()
    }

    /// What it requests of a node: the sum of its containers, or its largest init container where that is more, and its
    /// overhead.
    pub fn requests(&self) -> &Resources {
        &self.requests
    }

    /// Processor (in thousandths) and memory (in bytes) that it counts for in scores: containers which request nothing
    /// count as 100m and 200Mi.
    pub fn scored_requests(&self) -> (i64, i64) {
        self.scored
    }

    /// The ports of its node that it takes.
    pub fn host_ports(&self) -> &[HostPort] {
        &self.host_ports
    }

    /// Whether it is not to be scheduled yet.
    pub fn is_gated(&self) -> bool {
        self.spec().and_then(|spec| spec.scheduling_gates.as_ref()).is_some_and(|gates| !gates.is_empty())
    }

    /// Whether it takes up nothing of its node any more.
    pub fn is_over(&self) -> bool {
        let phase = self.pod.status.as_ref().and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    }

    /// Whether it is being deleted.
    pub fn is_terminating(&self) -> bool {
        self.pod.metadata.deletion_timestamp.is_some()
    }

    /// Whether something differs that scheduling may depend on: all but its status and the revision.
    pub(super) fn differs(&self, other: &Self) -> bool {
        self.uid() != other.uid()
            || self.is_terminating() != other.is_terminating()
            || self.requests != other.requests
            || self.pod.spec != other.pod.spec
            || self.pod.metadata.labels != other.pod.metadata.labels
            || self.pod.metadata.annotations != other.pod.metadata.annotations
    }
}

/// What a pod requests. Source:
/// <https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/component-helpers/resource/helpers.go>
fn requests(spec: &PodSpec, status: Option<&PodStatus>) -> Resources {
    let mut sum = Resources::default();
    let running = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    for container in &spec.containers {
        sum.add(&container_requests(container, running.iter().find(|status| status.name == container.name)));
    }
    // Init containers run one after the other, beside those sidecars that started before them.
    let mut sidecars = Resources::default();
    let mut most = Resources::default();
    for container in spec.init_containers.iter().flatten() {
        let mut own = container_requests(container, None);
        if container.restart_policy.as_deref() == Some("Always") {
            sum.add(&own);
            sidecars.add(&own);
            own = sidecars.clone();
        } else {
            own.add(&sidecars);
        }
        most.raise_to(&own);
    }
    sum.raise_to(&most);
    // What is requested for the pod as a whole stands for the sum of its containers.
    if let Some(whole) = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref()) {
        let amounts = Resources::read(whole);
        if whole.contains_key("cpu") {
            sum.milli_cpu = amounts.milli_cpu;
        }
        if whole.contains_key("memory") {
            sum.memory = amounts.memory;
        }
        let pages = amounts.others.into_iter().filter(|(name, _)| name.starts_with("hugepages-"));
        sum.others.extend(pages);
    }
    if let Some(overhead) = &spec.overhead {
        sum.add(&Resources::read(overhead));
    }
    sum
}

/// What a container requests: while it is being resized, the larger of what it has and what it is to have.
fn container_requests(container: &Container, status: Option<&ContainerStatus>) -> Resources {
    let wanted = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    let given = status.and_then(|status| status.allocated_resources.as_ref());
    let mut requests = wanted.map(Resources::read).unwrap_or_default();
    if let Some(given) = given {
        requests.raise_to(&Resources::read(given));
    }
    requests
}

fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|container| container.restart_policy.as_deref() == Some("Always"));
    let ports = spec.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten());
    let taken = ports.filter_map(|port| {
        let number = port.host_port.filter(|number| *number > 0)?;
        let ip = port.host_ip.clone().filter(|ip| ip != "0.0.0.0" && ip != "::").unwrap_or_default();
        Some(HostPort { ip, protocol: port.protocol.clone().unwrap_or_else(|| "TCP".into()), port: number })
    });
    taken.collect()
}

impl HostPort {
    /// Whether both cannot be taken on one node.
    pub fn conflicts(&self, other: &Self) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || self.ip.is_empty() || other.ip.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(spec: Value) -> PodInfo {
        let pod = json!({"metadata": {"name": "robin", "namespace": "wood"}, "spec": spec});
        PodInfo::new(serde_json::from_value(pod).expect("a pod"))
    }

    fn container(cpu: &str) -> Value {
        json!({"name": format!("c{cpu}"), "resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn requests_are_what_the_pod_may_need_at_once() {
        #[track_caller]
        fn check(spec: Value, milli_cpu: i64) {
            assert_eq!(pod(spec.clone()).requests().milli_cpu, milli_cpu, "{spec}");
        }
        check(json!({"containers": []}), 0);
        check(json!({"containers": [container("1"), container("500m")]}), 1500);
        check(json!({"containers": [container("1")], "initContainers": [container("3"), container("2")]}), 3000);
        check(json!({"containers": [container("1")], "overhead": {"cpu": "250m"}}), 1250);
        check(json!({"containers": [container("1")], "resources": {"requests": {"cpu": "5"}}}), 5000);
        let mut sidecar = container("2");
        sidecar["restartPolicy"] = "Always".into();
        check(json!({"containers": [container("1")], "initContainers": [sidecar.clone(), container("500m")]}), 3000);
        check(json!({"containers": [container("1")], "initContainers": [sidecar, container("4")]}), 6000);
    }

    #[test]
    fn containers_that_request_nothing_count_in_scores() {
        let two = pod(json!({"containers": [{"name": "a"}, container("1")]}));
        assert_eq!(two.scored_requests(), (1100, 400 << 20));
        assert_eq!(two.requests().milli_cpu, 1000);
    }

    #[test]
    fn host_ports_conflict_by_address_and_protocol() {
        let port = |ip: &str, protocol: &str, port| HostPort { ip: ip.into(), protocol: protocol.into(), port };
        assert!(port("", "TCP", 80).conflicts(&port("10.0.0.1", "TCP", 80)));
        assert!(!port("10.0.0.2", "TCP", 80).conflicts(&port("10.0.0.1", "TCP", 80)));
        assert!(!port("", "UDP", 80).conflicts(&port("", "TCP", 80)));
        let ports = json!([{"containerPort": 1, "hostPort": 80, "hostIP": "0.0.0.0"}, {"containerPort": 2}]);
        let taken = pod(json!({"containers": [{"name": "a", "ports": ports}]}));
        assert_eq!(taken.host_ports(), [port("", "TCP", 80)]);
    }
}
