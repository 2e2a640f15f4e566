//! Nodes that a pod selects by their labels or their name.

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm};

use crate::scheduler::cycle::Cycle;
use crate::scheduler::node::NodeInfo;
use crate::scheduler::plugin::{Changes, Filter, Refusal};
use crate::scheduler::pod::PodInfo;

/// Refuses nodes that the pod's `nodeSelector` or its required node affinity does not select.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeAffinity;

impl Filter for NodeAffinity {
    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Refusal> {
        if selects(cycle.pod(), node) {
            Ok(())
        } else {
            Err("node(s) didn't match Pod's node affinity/selector".into())
        }
    }

    fn retry_on(&self) -> Changes {
        Changes::NODES
    }
}

fn selects(pod: &PodInfo, node: &NodeInfo) -> bool {
    let Some(spec) = pod.spec() else { return true };
    let mut labels = spec.node_selector.iter().flatten();
    if !labels.all(|(name, value)| node.label(name) == Some(value)) {
        return false;
    }
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    match affinity.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref()) {
        None => true,
        Some(required) => required.node_selector_terms.iter().any(|term| matches_term(term, node)),
    }
}

/// Whether a node has everything that a term asks for. A term that asks for nothing matches nothing.
pub(in crate::scheduler) fn matches_term(term: &NodeSelectorTerm, node: &NodeInfo) -> bool {
    let labels = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    let name = Some(&**node.name());
    !(labels.is_empty() && fields.is_empty())
        && labels.iter().all(|one| matches(one, node.label(&one.key)))
        && fields.iter().all(|one| matches(one, name.filter(|_| one.key == "metadata.name")))
}

fn matches(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let among = || value.is_some_and(|value| values.iter().any(|one| one == value));
    let numbers = || Some((value?.parse::<i64>().ok()?, values.first()?.parse::<i64>().ok()?));
    match requirement.operator.as_str() {
        "In" => among(),
        "NotIn" => !among(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => numbers().is_some_and(|(own, other)| own > other),
        "Lt" => numbers().is_some_and(|(own, other)| own < other),
        // An API server lets none in.
        _ => false,
    }
}
