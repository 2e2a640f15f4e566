//! `pods/binding`: how a scheduler puts a pod on a node.

use k8s_openapi::api::core::v1::{Binding, Pod, PodCondition, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::field;
use crate::kind::Verb;
use crate::registry::error::Error;
use crate::registry::subresource::{Parent, Subresource};
use crate::request::context::RequestContext;

/// `pods/binding` for pods that are stored objects and nothing more: sets `spec.nodeName`, once, and tells by the condition
/// `PodScheduled`. Source: <https://github.com/kubernetes/kubernetes/blob/master/pkg/registry/core/pod/storage/storage.go>
#[derive(Clone, Copy, Debug, Default)]
pub struct PodBinding;

impl Subresource for PodBinding {
    type Parent = Pod;
    type Object = Binding;
    const NAME: &'static str = "binding";
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(&self, cx: &RequestContext, pod: &Parent<Pod>, binding: Binding) -> Result<Binding, Error> {
        let mut errors = field::Errors::default();
        let kind = binding.target.kind.as_deref().unwrap_or_default();
        if !matches!(kind, "" | "Node") {
            errors.not_supported("target.kind", kind, &["Node", "<empty>"]);
        }
        let node = binding.target.name.as_deref().unwrap_or_default();
        if node.is_empty() {
            errors.required("target.name", "");
        }
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        let annotations = binding.metadata.annotations.clone().unwrap_or_default();
        pod.update(|pod| {
            bindable(pod, &cx.name, binding.metadata.uid.as_deref())?;
            pod.spec.get_or_insert_with(PodSpec::default).node_name = Some(node.to_owned());
            pod.metadata.annotations.get_or_insert_default().extend(annotations.clone());
            Ok(())
        })
        .await?;
        pod.update_status(|pod| {
            let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
            if conditions.iter().any(|there| there.type_ == "PodScheduled" && there.status == "True") {
                return Ok(());
            }
            conditions.retain(|there| there.type_ != "PodScheduled");
            conditions.push(PodCondition {
                type_: "PodScheduled".into(),
                status: "True".into(),
                last_transition_time: Some(Time(Timestamp::now())),
                ..PodCondition::default()
            });
            Ok(())
        })
        .await?;
        Ok(binding)
    }
}

/// Whether a pod can be bound.
fn bindable(pod: &Pod, name: &str, uid: Option<&str>) -> Result<(), Error> {
    let own = pod.metadata.uid.as_deref().unwrap_or_default();
    if let Some(uid) = uid.filter(|uid| !uid.is_empty() && *uid != own) {
        return Err(Error::conflict(format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {own}"
        )));
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return Err(Error::conflict(format!("pod {name} is being deleted, cannot be assigned to a host")));
    }
    let Some(spec) = &pod.spec else { return Ok(()) };
    if let Some(node) = spec.node_name.as_ref().filter(|node| !node.is_empty()) {
        return Err(Error::conflict(format!("pod {name} is already assigned to node {node:?}")));
    }
    if spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()) {
        return Err(Error::conflict(format!("pod {name} has non-empty .spec.schedulingGates")));
    }
    Ok(())
}
