//! A node as scheduling sees it: with the pods that are on it, or soon will be.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Taint};
use kube::ResourceExt;

use super::pod::PodInfo;
use super::resources::Resources;

/// A node, the pods on it, and the sum of what they request.
#[derive(Clone, Debug)]
pub struct NodeInfo {
    node: Node,
    name: Arc<str>,
    allocatable: Resources,
    pods_max: usize,
    pods: Vec<Arc<PodInfo>>,
    requested: Resources,
    scored: (i64, i64),
}

impl NodeInfo {
    /// A node without pods.
    pub fn new(node: Node) -> Self {
        let mut info = Self {
            name: node.name_any().into(),
            node: Node::default(),
            allocatable: Resources::default(),
            pods_max: 0,
            pods: Vec::new(),
            requested: Resources::default(),
            scored: (0, 0),
        };
        info.set(node);
        info
    }

    /// The node, without its managed fields.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its label of this name.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.node.metadata.labels.as_ref()?.get(name).map(String::as_str)
    }

    /// Its taints.
    pub fn taints(&self) -> &[Taint] {
        self.node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default()
    }

    /// Whether it is cordoned.
    pub fn is_unschedulable(&self) -> bool {
        self.node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or_default()
    }

    /// What it has for pods.
    pub fn allocatable(&self) -> &Resources {
        &self.allocatable
    }

    /// How many pods it takes.
    pub fn pods_max(&self) -> usize {
        self.pods_max
    }

    /// The pods on it, and those that are being bound to it.
    pub fn pods(&self) -> &[Arc<PodInfo>] {
        &self.pods
    }

    /// The sum of what they request.
    pub fn requested(&self) -> &Resources {
        &self.requested
    }

    /// The sum of their processor (in thousandths) and memory (in bytes) for scores: see [`PodInfo::scored_requests`].
    pub fn scored_requested(&self) -> (i64, i64) {
        self.scored
    }

    /// Another state of the same node. Tells whether something changed that scheduling may depend on.
    pub(super) fn set(&mut self, mut node: Node) -> bool {
        node.metadata.managed_fields = None;
        let changed = differs(&self.node, &node);
        let status = node.status.as_ref();
        let list = status.and_then(|status| status.allocatable.as_ref().or(status.capacity.as_ref()));
        self.allocatable = list.map(Resources::read).unwrap_or_default();
        let pods =
            list.and_then(|list| list.get("pods")).and_then(|text| text.0.parse::<crate::schema::Quantity>().ok());
        self.pods_max = pods.and_then(|quantity| usize::try_from(quantity.scaled(0)).ok()).unwrap_or_default();
        self.node = node;
        changed
    }

    pub(super) fn add(&mut self, pod: Arc<PodInfo>) {
        self.requested.add(pod.requests());
        let (milli_cpu, memory) = pod.scored_requests();
        self.scored = (self.scored.0.saturating_add(milli_cpu), self.scored.1.saturating_add(memory));
        self.pods.push(pod);
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Arc<PodInfo>> {
        let index = self.pods.iter().position(|pod| &**pod.key() == key)?;
        let pod = self.pods.swap_remove(index);
        self.requested.subtract(pod.requests());
        let (milli_cpu, memory) = pod.scored_requests();
        self.scored = (self.scored.0.saturating_sub(milli_cpu), self.scored.1.saturating_sub(memory));
        Some(pod)
    }

    pub(super) fn take_pods(&mut self) -> Vec<Arc<PodInfo>> {
        std::mem::take(&mut self.pods)
    }
}

/// Whether two states of a node differ in more than heartbeats and lists of images.
fn differs(a: &Node, b: &Node) -> bool {
    fn conditions(node: &Node) -> impl Iterator<Item = (&str, &str)> {
        let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.map(|condition| (condition.type_.as_str(), condition.status.as_str()))
    }
    let allocatable =
        |node: &Node| node.status.as_ref().map(|status| (status.allocatable.clone(), status.capacity.clone()));
    a.spec != b.spec
        || a.metadata.labels != b.metadata.labels
        || a.metadata.annotations != b.metadata.annotations
        || allocatable(a) != allocatable(b)
        || !conditions(a).eq(conditions(b))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(changes: Value) -> Node {
        let mut node = json!({
            "metadata": {"name": "n1", "labels": {"zone": "a"}},
            "status": {
                "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}],
            },
        });
        json_patch_merge(&mut node, changes);
        serde_json::from_value(node).expect("a node")
    }

    fn json_patch_merge(into: &mut Value, changes: Value) {
        match (into.as_object_mut(), changes) {
            (Some(fields), Value::Object(changes)) => {
                for (name, change) in changes {
                    json_patch_merge(fields.entry(name).or_insert(Value::Null), change);
                }
            }
            (_, changes) => *into = changes,
        }
    }

    #[test]
    fn heartbeats_change_nothing() {
        #[track_caller]
        fn check(changes: Value, expected: bool) {
            let mut info = NodeInfo::new(node(json!({})));
            assert_eq!(info.set(node(changes.clone())), expected, "{changes}");
        }
        let ready = |status: &str, at: &str| json!([{"type": "Ready", "status": status, "lastHeartbeatTime": at}]);
        check(json!({}), false);
        check(json!({"metadata": {"resourceVersion": "7"}}), false);
        check(json!({"status": {"conditions": ready("True", "2026-02-02T00:00:00Z")}}), false);
        check(json!({"status": {"conditions": ready("False", "2026-01-01T00:00:00Z")}}), true);
        check(json!({"status": {"allocatable": {"cpu": "5"}}}), true);
        check(json!({"metadata": {"labels": {"zone": "b"}}}), true);
        check(json!({"spec": {"unschedulable": true}}), true);
    }

    #[test]
    fn what_pods_request_is_summed_up() {
        let mut info = NodeInfo::new(node(json!({})));
        assert_eq!((info.allocatable().milli_cpu, info.pods_max()), (4000, 110));
        let pod = |name: &str| {
            let containers = json!([{"name": "a", "resources": {"requests": {"cpu": "1", "example.com/gpu": "2"}}}]);
            let pod = json!({"metadata": {"name": name, "namespace": "wood"}, "spec": {"containers": containers}});
            Arc::new(PodInfo::new(serde_json::from_value(pod).expect("a pod")))
        };
        info.add(pod("robin"));
        info.add(pod("wren"));
        assert_eq!((info.requested().milli_cpu, info.requested().get("example.com/gpu")), (2000, 4));
        assert_eq!(info.scored_requested(), (2000, 400 << 20));
        assert!(info.remove("wood/robin").is_some() && info.remove("wood/robin").is_none());
        assert_eq!((info.requested().milli_cpu, info.pods().len()), (1000, 1));
    }
}
