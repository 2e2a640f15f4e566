//! Nodes and pods for the tests of this module.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

use super::pod::PodInfo;

/// A node with so many processors, 8Gi of memory and room for 110 pods.
pub(super) fn node(name: &str, cpu: &str) -> Node {
    node_of(json!({"metadata": {"name": name}, "status": allocatable(cpu)}))
}

pub(super) fn node_of(node: Value) -> Node {
    serde_json::from_value(node).expect("a node")
}

pub(super) fn allocatable(cpu: &str) -> Value {
    json!({"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}})
}

/// A pod in `default` that requests so much processor.
pub(super) fn pod(name: &str, cpu: &str) -> Arc<PodInfo> {
    pod_of(name, json!({"containers": [container(cpu)]}))
}

/// A pod that is bound.
pub(super) fn pod_on(name: &str, cpu: &str, node: &str) -> Arc<PodInfo> {
    pod_of(name, json!({"containers": [container(cpu)], "nodeName": node}))
}

/// A pod with a spec of its own; a missing container is added.
pub(super) fn pod_of(name: &str, mut spec: Value) -> Arc<PodInfo> {
    if spec.get("containers").is_none() {
        spec["containers"] = json!([container("0")]);
    }
    let pod = json!({"metadata": {"name": name, "namespace": "default", "uid": name}, "spec": spec});
    Arc::new(PodInfo::new(serde_json::from_value::<Pod>(pod).expect("a pod")))
}

fn container(cpu: &str) -> Value {
    json!({"name": "main", "resources": {"requests": {"cpu": cpu}}})
}
