//! Nodes of 16 processors in five zones, and pods of a quarter to one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use apiserver::TestServer;
use apiserver::scheduler::{Algorithm, Cycle, PodInfo, Schedulers, Snapshot, feasible_enough, filters, scores};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::json;

/// How long the parts took.
pub struct Load {
    /// Making the pods, while the scheduler works.
    pub created: Duration,
    /// From then until the last one was bound.
    pub bound: Duration,
}

fn algorithm() -> Algorithm {
    Algorithm::new()
        .filters(filters::standard())
        .score(scores::LeastAllocated, 1)
        .score(scores::BalancedAllocation, 1)
        .score(scores::NodeAffinity, 2)
        .score(scores::TaintToleration, 3)
}

fn node(index: usize) -> Node {
    let zone = format!("zone-{}", index % 5);
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": format!("node-{index}"), "labels": {"topology.kubernetes.io/zone": zone}},
        "status": {"allocatable": {"cpu": "16", "memory": "64Gi", "pods": "110"}},
    });
    serde_json::from_value(node).expect("a node")
}

fn pod(index: usize) -> Pod {
    let requests = json!({"cpu": format!("{}m", 250 * (1 + index % 4)), "memory": "512Mi"});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("pod-{index}"), "namespace": "default", "labels": {"app": format!("app-{}", index % 50)}},
        "spec": {
            "schedulerName": "load",
            "containers": [{"name": "main", "image": "example.com/app:1", "resources": {"requests": requests}}],
        },
    });
    serde_json::from_value(pod).expect("a pod")
}

/// Decides for so many pods, one after the other, each on what those before it left, and tells how long that took.
pub fn decide(pods: usize, nodes: usize) -> Duration {
    let algorithm = algorithm();
    let mut snapshot = Snapshot::of((0..nodes).map(node), []);
    let pods: Vec<PodInfo> = (0..pods).map(|index| PodInfo::new(pod(index))).collect();
    let mut start = 0;
    let begin = Instant::now();
    for pod in pods {
        let enough = feasible_enough(nodes, 0);
        let decision = algorithm.decide(&Cycle::new(&pod, &snapshot), start, enough).expect("there is room");
        start = (start + decision.evaluated) % nodes;
        snapshot.put_pod(pod, &decision.node);
    }
    begin.elapsed()
}

/// Has so many pods scheduled by way of a server.
pub async fn run(pods: usize, nodes: usize) -> Load {
    let server = TestServer::builder().nodes_and_pods().start(|_| {}).await;
    let api: Api<Node> = server.api();
    for index in 0..nodes {
        let node = node(index);
        let name = node.metadata.name.clone().unwrap_or_default();
        api.create(&PostParams::default(), &node).await.expect("a node");
        let status = Patch::Merge(json!({"status": node.status}));
        api.patch_status(&name, &PatchParams::default(), &status).await.expect("its status");
    }
    server.start_schedulers(
        |schedulers: &mut Schedulers| {
            schedulers.algorithm("load", algorithm());
        },
        "",
    );

    let api: Api<Pod> = server.api_in("default");
    let begin = Instant::now();
    let watched = watcher(api.clone(), watcher::Config::default());
    let all_bound = tokio::spawn(async move {
        let mut bound = BTreeMap::new();
        let mut watched = std::pin::pin!(watched.applied_objects());
        while bound.len() < pods {
            let pod = watched.try_next().await.expect("a watch").expect("no end");
            if let Some(node) = pod.spec.and_then(|spec| spec.node_name) {
                bound.insert(pod.metadata.name.unwrap_or_default(), node);
            }
        }
        Instant::now()
    });
    futures::stream::iter(0..pods)
        .for_each_concurrent(32, |index| {
            let api = api.clone();
            async move { drop(api.create(&PostParams::default(), &pod(index)).await.expect("a pod")) }
        })
        .await;
    let created = begin.elapsed();
    let bound = all_bound.await.expect("all bound").duration_since(begin).saturating_sub(created);

    let list = api.list(&ListParams::default()).await.expect("a list");
    let mut taken: BTreeMap<String, i64> = BTreeMap::new();
    for pod in list {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).expect("bound");
        *taken.entry(node).or_default() += PodInfo::new(pod).requests().milli_cpu;
    }
    assert!(taken.values().all(|milli_cpu| *milli_cpu <= 16_000), "a node is overfull: {taken:?}");
    server.stop().await;
    Load { created, bound }
}
