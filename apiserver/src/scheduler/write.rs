//! What a scheduler writes: bindings, events, and the condition `PodScheduled`.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Binding, ObjectReference, Pod, PodCondition};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::{ObjectMeta, Request};
use kube::runtime::events::{Event as Note, EventType};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::IgnoredAny;
use serde_json::json;

use super::pod::PodInfo;
use crate::manager::Recorder;

/// Longest name of an object, in bytes.
const NAME_BYTES_MAX: usize = 253;

/// A binding that takes longer is given up: whether the pod is bound, the watch will tell.
const BIND_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a pod could not be bound.
#[derive(Debug, thiserror::Error)]
pub(super) enum BindError {
    /// The pod is gone: nobody needs to be told.
    #[error("the pod is gone")]
    Gone,
    #[error("binding rejected: {0}")]
    Rejected(String),
}

/// Binds a pod to a node.
pub(super) async fn bind(client: &Client, pod: &PodInfo, node: &str) -> Result<(), BindError> {
    let (namespace, name) = (pod.pod().namespace().unwrap_or_default(), pod.pod().name_any());
    let binding = Binding {
        metadata: ObjectMeta {
            namespace: Some(namespace.clone()),
            name: Some(name.clone()),
            // A pod of the same name that came in the meantime is another one.
            uid: pod.pod().metadata.uid.clone(),
            ..ObjectMeta::default()
        },
        target: ObjectReference { kind: Some("Node".into()), name: Some(node.into()), ..ObjectReference::default() },
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let params = PostParams::default();
    let bound = pods.create_subresource::<Binding, IgnoredAny>("binding", &name, &params, &binding);
    match tokio::time::timeout(BIND_TIMEOUT, bound).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 && status.message.contains("pods") => {
            Err(BindError::Gone)
        }
        Ok(Err(kube::Error::Api(status))) => Err(BindError::Rejected(status.message.clone())),
        Ok(Err(error)) => Err(BindError::Rejected(error.to_string())),
        Err(_) => Err(BindError::Rejected(format!("no answer within {BIND_TIMEOUT:?}"))),
    }
}

/// Tells that a pod was bound. Not by way of the recorder: it drops what is too much at a time, and every bound pod
/// has this event.
pub(super) async fn scheduled(client: &Client, scheduler: &str, pod: &PodInfo, node: &str) {
    let (namespace, name) = (pod.pod().namespace().unwrap_or_default(), pod.pod().name_any());
    let now = Timestamp::now();
    let suffix = format!(".{:x}", now.as_nanosecond());
    // Names are ASCII.
    let end = name.len().min(NAME_BYTES_MAX - suffix.len());
    let event = Event {
        metadata: ObjectMeta {
            namespace: Some(namespace.clone()),
            name: Some(format!("{}{suffix}", name.get(..end).unwrap_or(&name))),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        reporting_controller: Some(scheduler.to_owned()),
        reporting_instance: Some(instance(scheduler)),
        action: Some("Binding".into()),
        reason: Some("Scheduled".into()),
        regarding: Some(pod.pod().object_ref(&())),
        note: Some(format!("Successfully assigned {namespace}/{name} to {node}")),
        type_: Some("Normal".into()),
        ..Event::default()
    };
    let events: Api<Event> = Api::namespaced(client.clone(), &namespace);
    if let Err(error) = events.create(&PostParams::default(), &event).await {
        tracing::warn!(pod = &**pod.key(), reason = "Scheduled", %error, "an event could not be written");
    }
}

/// Who reports, on which machine: a Pod's host is called like the Pod.
fn instance(scheduler: &str) -> String {
    match std::env::var("HOSTNAME") {
        Ok(host) if !host.is_empty() => format!("{scheduler}-{host}"),
        _ => scheduler.to_owned(),
    }
}

/// Tells that a pod could not be scheduled: an event each time, the condition where it says something else.
/// `reason` is `Unschedulable` or `SchedulerError`, as in kube-scheduler.
pub(super) async fn failed(client: &Client, recorder: &Recorder, pod: &PodInfo, reason: &str, message: &str) {
    let note = Note {
        type_: EventType::Warning,
        reason: "FailedScheduling".into(),
        note: Some(message.to_owned()),
        action: "Scheduling".into(),
        secondary: None,
    };
    recorder.record(pod.pod().object_ref(&()), note);
    let Some(condition) = condition(pod, reason, message) else { return };
    // A strategic merge patch leaves the other conditions alone, and the uid other pods of the same name.
    let patch = json!({"metadata": {"uid": pod.uid()}, "status": {"conditions": [condition]}});
    let (namespace, name) = (pod.pod().namespace().unwrap_or_default(), pod.pod().name_any());
    // As `Api::patch_status` does, but for the answer, which is a whole pod and not needed.
    let pods = Request::new(Pod::url_path(&(), Some(&namespace)));
    let request = pods.patch_subresource("status", &name, &PatchParams::default(), &Patch::Strategic(patch));
    let patched = async { client.request::<IgnoredAny>(request.map_err(kube::Error::BuildRequest)?).await };
    match patched.await {
        Ok(_) => {}
        // It is gone, or another one.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
        Err(error) => tracing::warn!(pod = &**pod.key(), %error, "the condition PodScheduled could not be written"),
    }
}

/// The condition `PodScheduled`, where it is not there already.
fn condition(pod: &PodInfo, reason: &str, message: &str) -> Option<PodCondition> {
    let status = pod.pod().status.as_ref();
    let mut conditions = status.iter().flat_map(|status| status.conditions.iter().flatten());
    let there = conditions.find(|condition| condition.type_ == "PodScheduled");
    let same_status = there.filter(|there| there.status == "False");
    let unchanged = |there: &&PodCondition| {
        there.reason.as_deref() == Some(reason)
            && there.message.as_deref() == Some(message)
            && there.observed_generation == pod.pod().metadata.generation
    };
    if same_status.filter(unchanged).is_some() {
        return None;
    }
    let since = same_status.and_then(|there| there.last_transition_time.clone());
    Some(PodCondition {
        type_: "PodScheduled".into(),
        status: "False".into(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        observed_generation: pod.pod().metadata.generation,
        last_transition_time: since.or_else(|| Some(Time(now_in_seconds()))),
        last_probe_time: None,
    })
}

fn now_in_seconds() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_is_written_where_it_says_something_new() {
        #[track_caller]
        fn check(there: serde_json::Value, written: bool, transition: Option<&str>) {
            let pod = json!({"metadata": {"name": "robin", "generation": 1}, "status": {"conditions": there}});
            let pod = PodInfo::new(serde_json::from_value(pod).expect("a pod"));
            let condition = condition(&pod, "Unschedulable", "0/1 nodes are available: 1 Insufficient cpu.");
            assert_eq!(condition.is_some(), written, "{there}");
            let time = condition.and_then(|it| it.last_transition_time).map(|time| time.0.to_string());
            if let Some(transition) = transition {
                assert_eq!(time.as_deref(), Some(transition));
            }
        }
        let there = |status: &str, message: &str| {
            json!([{"type": "Ready", "status": "False"}, {
                "type": "PodScheduled", "status": status, "reason": "Unschedulable", "message": message,
                "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z",
            }])
        };
        check(json!([]), true, None);
        check(there("False", "0/1 nodes are available: 1 Insufficient cpu."), false, None);
        check(there("False", "no nodes available to schedule pods"), true, Some("2026-01-01T00:00:00Z"));
        check(there("True", "0/1 nodes are available: 1 Insufficient cpu."), true, None);
    }
}
