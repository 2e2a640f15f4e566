//! What becomes of pods.

use std::time::Duration;

use apiserver::TestServer;
use apiserver::scheduler::{Algorithm, Cycle, Filter, NodeInfo, Refusal, Schedulers, filters, scores};
use k8s_openapi::api::core::v1::{Node, Pod, PodCondition};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(60);

fn install(schedulers: &mut Schedulers) {
    schedulers
        .algorithm("pack", Algorithm::new().filters(filters::standard()).score(scores::MostAllocated, 1))
        .algorithm("clumsy", Algorithm::new().filter(Clumsy));
}

/// Trips over some pods.
struct Clumsy;

impl Filter for Clumsy {
    fn filter(&self, cycle: &Cycle<'_>, _: &NodeInfo) -> Result<(), Refusal> {
        assert!(cycle.pod().label("stone").is_none(), "a stone");
        Ok(())
    }
}

async fn start(nodes: &[(&str, &str)]) -> TestServer {
    let server = TestServer::builder().nodes_and_pods().start(|_| {}).await;
    for (name, cpu) in nodes {
        add_node(&server, name, cpu).await;
    }
    server.start_schedulers(install, "podInitialBackoffSeconds: 1");
    server
}

async fn add_node(server: &TestServer, name: &str, cpu: &str) {
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}},
    });
    let nodes: Api<Node> = server.api();
    let node: Node = serde_json::from_value(node).expect("a node");
    nodes.create(&PostParams::default(), &node).await.expect("created");
    let status = json!({"status": node.status});
    nodes.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await.expect("its status");
}

async fn add_pod(server: &TestServer, name: &str, cpu: &str, changes: Value) {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {
            "schedulerName": "pack",
            "containers": [{"name": "main", "image": "x", "resources": {"requests": {"cpu": cpu}}}],
        },
    });
    json_merge(&mut pod, &changes);
    let pod: Pod = serde_json::from_value(pod).expect("a pod");
    pods(server).create(&PostParams::default(), &pod).await.expect("created");
}

fn json_merge(into: &mut Value, changes: &Value) {
    match (into.as_object_mut(), changes) {
        (Some(fields), Value::Object(changes)) => {
            changes.iter().for_each(|(name, change)| json_merge(fields.entry(name).or_insert(Value::Null), change));
        }
        (_, changes) => *into = changes.clone(),
    }
}

fn pods(server: &TestServer) -> Api<Pod> {
    server.api_in("default")
}

fn condition(pod: &Pod) -> Option<&PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == "PodScheduled")
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

/// Waits for a pod to be bound and told so; gives its node.
async fn bound(server: &TestServer, name: &str) -> String {
    let is_bound = |pod: Option<&Pod>| {
        pod.is_some_and(|pod| node_of(pod).is_some() && condition(pod).is_some_and(|it| it.status == "True"))
    };
    let pod = timeout(SOON, await_condition(pods(server), name, is_bound)).await.expect("in time").expect("a watch");
    node_of(&pod.expect("a pod")).expect("a node").to_owned()
}

/// Waits for a pod to be refused; gives the reason and the message.
async fn refused(server: &TestServer, name: &str) -> (String, String) {
    let is_refused = |pod: Option<&Pod>| pod.and_then(condition).is_some_and(|it| it.status == "False");
    let pod = timeout(SOON, await_condition(pods(server), name, is_refused)).await.expect("in time").expect("a watch");
    let pod = pod.expect("a pod");
    let condition = condition(&pod).expect("a condition");
    (condition.reason.clone().unwrap_or_default(), condition.message.clone().unwrap_or_default())
}

/// Waits for an event; gives its reporter and its note.
async fn event(server: &TestServer, pod: &str, reason: &str) -> (String, String) {
    let events: Api<Event> = server.api_in("default");
    let found = async {
        loop {
            let list = events.list(&ListParams::default()).await.expect("events");
            let found = list.into_iter().find(|event| {
                let about = event.regarding.as_ref().and_then(|regarding| regarding.name.as_deref());
                about == Some(pod) && event.reason.as_deref() == Some(reason)
            });
            if let Some(event) = found {
                return (event.reporting_controller.unwrap_or_default(), event.note.unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, found).await.expect("in time")
}

#[tokio::test]
async fn pods_are_packed_and_told_of() {
    let server = start(&[("small", "2"), ("large", "8")]).await;
    add_pod(&server, "wren", "1", json!({})).await;
    assert_eq!(bound(&server, "wren").await, "small");
    let note = "Successfully assigned default/wren to small".to_owned();
    assert_eq!(event(&server, "wren", "Scheduled").await, ("pack".to_owned(), note));
    add_pod(&server, "robin", "1", json!({})).await;
    assert_eq!(bound(&server, "robin").await, "small");
    add_pod(&server, "owl", "1", json!({})).await;
    assert_eq!(bound(&server, "owl").await, "large");
    // Those of others stay as they are.
    add_pod(&server, "stranger", "1", json!({"spec": {"schedulerName": "default-scheduler"}})).await;
    add_pod(&server, "gated", "1", json!({"spec": {"schedulingGates": [{"name": "food"}]}})).await;
    add_pod(&server, "last", "1", json!({})).await;
    bound(&server, "last").await;
    for name in ["stranger", "gated"] {
        let pod = pods(&server).get(name).await.expect("a pod");
        assert_eq!((node_of(&pod), condition(&pod)), (None, None), "{name}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_pod_that_fits_nowhere_says_why_and_waits_for_room() {
    let server = start(&[]).await;
    add_pod(&server, "owl", "4", json!({})).await;
    let none = ("Unschedulable".to_owned(), "no nodes available to schedule pods".to_owned());
    assert_eq!(refused(&server, "owl").await, none);
    assert_eq!(event(&server, "owl", "FailedScheduling").await, ("pack".to_owned(), none.1));

    add_node(&server, "small", "4").await;
    assert_eq!(bound(&server, "owl").await, "small");
    add_pod(&server, "robin", "1", json!({})).await;
    let full = ("Unschedulable".to_owned(), "0/1 nodes are available: 1 Insufficient cpu.".to_owned());
    assert_eq!(refused(&server, "robin").await, full);
    pods(&server).delete("owl", &DeleteParams::default().grace_period(0)).await.expect("deleted");
    assert_eq!(bound(&server, "robin").await, "small");
    server.stop().await;
}

#[tokio::test]
async fn a_plugin_that_panics_stops_one_pod_only() {
    let server = start(&[("n1", "4")]).await;
    let clumsy = |labels: Value| json!({"metadata": {"labels": labels}, "spec": {"schedulerName": "clumsy"}});
    add_pod(&server, "wren", "1", clumsy(json!({"stone": "yes"}))).await;
    let (reason, message) = refused(&server, "wren").await;
    assert_eq!((reason.as_str(), message.as_str()), ("SchedulerError", "a plugin panicked: a stone"));
    add_pod(&server, "robin", "1", clumsy(json!({}))).await;
    assert_eq!(bound(&server, "robin").await, "n1");
    // Once it is out of the way the pod gets its node.
    let patch = Patch::Merge(json!({"metadata": {"labels": {"stone": null}}}));
    pods(&server).patch("wren", &PatchParams::default(), &patch).await.expect("patched");
    assert_eq!(bound(&server, "wren").await, "n1");
    server.stop().await;
}

#[tokio::test]
async fn what_others_bind_counts_too() {
    let server = start(&[("n1", "2")]).await;
    add_pod(&server, "static", "2", json!({"spec": {"schedulerName": "none", "nodeName": "n1"}})).await;
    add_pod(&server, "robin", "1", json!({})).await;
    assert_eq!(refused(&server, "robin").await.1, "0/1 nodes are available: 1 Insufficient cpu.");
    let over = Patch::Merge(json!({"status": {"phase": "Succeeded"}}));
    pods(&server).patch_status("static", &PatchParams::default(), &over).await.expect("patched");
    assert_eq!(bound(&server, "robin").await, "n1");
    server.stop().await;
}

#[tokio::test]
async fn a_pod_is_bound_once() {
    let server = TestServer::builder().nodes_and_pods().start(|_| {}).await;
    add_pod(&server, "robin", "1", json!({})).await;
    let bind = async |binding: Value| {
        let request = http::Request::post("/api/v1/namespaces/default/pods/robin/binding");
        let request = request.header("content-type", "application/json").body(binding.to_string()).expect("a request");
        let answer = server.request(request).await;
        let body: Value = serde_json::from_slice(answer.body()).expect("JSON");
        (answer.status().as_u16(), body["message"].as_str().unwrap_or_default().to_owned())
    };
    let to = |node: &str, uid: &str| {
        json!({
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": "robin", "uid": uid},
            "target": {"kind": "Node", "name": node},
        })
    };
    assert_eq!(bind(to("", "")).await.0, 422);
    let (code, message) = bind(to("n1", "another")).await;
    assert!(code == 409 && message.contains("UID in precondition: another"), "{code} {message}");
    assert_eq!(bind(to("n1", "")).await.0, 201);
    let (code, message) = bind(to("n2", "")).await;
    assert!(code == 409 && message.contains("pod robin is already assigned to node \"n1\""), "{code} {message}");
    let pod = pods(&server).get("robin").await.expect("a pod");
    assert_eq!((node_of(&pod), pod.name_any().as_str()), (Some("n1"), "robin"));
}
