//! What the scheduler packer promises. The server runs in the test's own process: its nodes and pods are
//! objects, and nothing runs on them.

use std::time::Duration;

use apiserver::TestServer;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

const CONFIG: &str = include_str!("../config/scheduler-packer.yaml");

#[tokio::test]
async fn pods_of_one_app_are_spread() {
    let server = start(&["n1", "n2", "n3"]).await;
    let mut nodes = Vec::new();
    for name in ["a", "b", "c"] {
        create_pod(&server, name, "100m").await;
        nodes.push(node_of(&server, name).await);
    }
    nodes.sort();
    assert_eq!(nodes, ["n1", "n2", "n3"]);
    server.stop().await;
}

#[tokio::test]
async fn part_of_a_node_stays_free() {
    let server = start(&["n1"]).await;
    create_pod(&server, "small", "3").await;
    assert_eq!(node_of(&server, "small").await, "n1");

    // There is one processor left, and a tenth of four has to stay free.
    create_pod(&server, "large", "1").await;
    let refused = wait_for(&server, "large", |pod| condition(pod, "False")).await;
    let told = refused.as_str().unwrap_or_default();
    assert!(told.contains("1 node(s) had no headroom left"), "{told}");

    // It waits, and is tried again when another pod leaves.
    let params = DeleteParams::default().grace_period(0);
    pods(&server).delete("small", &params).await.unwrap();
    assert_eq!(node_of(&server, "large").await, "n1");
    server.stop().await;
}

/// A server with these nodes, of four processors each, and the scheduler.
async fn start(nodes: &[&str]) -> TestServer {
    let server = TestServer::builder().nodes_and_pods().start(|_| {}).await;
    let api: Api<Node> = server.api();
    let params = PostParams::default();
    for name in nodes {
        let node = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": { "name": name },
            "status": { "allocatable": { "cpu": "4", "memory": "8Gi", "pods": "110" } },
        });
        let mut node: Node = serde_json::from_value(node).unwrap();
        node.metadata = api.create(&params, &node).await.unwrap().metadata;
        api.replace_status(name, &params, &node).await.unwrap();
    }
    server.start_schedulers(guarded::schedulers::install, CONFIG);
    server
}

/// A pod that waits for this scheduler.
async fn create_pod(server: &TestServer, name: &str, cpu: &str) {
    let requests = json!({ "cpu": cpu });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "labels": { "app": "example" } },
        "spec": {
            "schedulerName": "packer",
            "containers": [
                { "name": "main", "image": "example", "resources": { "requests": requests } },
            ],
        },
    });
    let pod: Pod = serde_json::from_value(pod).unwrap();
    let params = PostParams::default();
    pods(server).create(&params, &pod).await.unwrap();
}

/// Waits for a pod to be bound, and gives its node.
async fn node_of(server: &TestServer, pod: &str) -> String {
    let node = wait_for(server, pod, |pod| {
        let name = pod.spec.as_ref()?.node_name.clone()?;
        Some(Value::from(name))
    });
    node.await.as_str().unwrap_or_default().to_owned()
}

/// Waits until something can be told of a pod, and gives it.
async fn wait_for(server: &TestServer, pod: &str, tell: fn(&Pod) -> Option<Value>) -> Value {
    let seen = move |pod: Option<&Pod>| pod.and_then(tell).is_some();
    let waiting = await_condition(pods(server), pod, seen);
    let found = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    let pod = found.expect("in time").unwrap();
    pod.as_ref().and_then(tell).unwrap()
}

/// The message of the condition `PodScheduled`, where it has this status.
fn condition(pod: &Pod, status: &str) -> Option<Value> {
    let mut conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let condition = conditions.find(|it| it.type_ == "PodScheduled" && it.status == status)?;
    condition.message.clone().map(Value::from)
}

fn pods(server: &TestServer) -> Api<Pod> {
    server.api_in("default")
}
