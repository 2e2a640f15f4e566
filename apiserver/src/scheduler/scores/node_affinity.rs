//! Nodes that a pod prefers by their labels.

use crate::scheduler::cycle::Cycle;
use crate::scheduler::filters::matches_term;
use crate::scheduler::node::NodeInfo;
use crate::scheduler::plugin::{Score, normalize_by_largest};

/// Prefers nodes that meet more of the pod's preferred node affinity, by the weights it gives.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeAffinity;

impl Score for NodeAffinity {
    fn score(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> i64 {
        let affinity = cycle.pod().spec().and_then(|spec| spec.affinity.as_ref()?.node_affinity.as_ref());
        let preferred = affinity.and_then(|it| it.preferred_during_scheduling_ignored_during_execution.as_deref());
        let met = preferred.unwrap_or_default().iter().filter(|term| matches_term(&term.preference, node));
        met.map(|term| i64::from(term.weight.max(0))).sum()
    }

    fn normalize(&self, _: &Cycle<'_>, scores: &mut [i64]) {
        normalize_by_largest(scores, false);
    }
}
