//! What is left on a node.

use crate::scheduler::cycle::Cycle;
use crate::scheduler::node::NodeInfo;
use crate::scheduler::plugin::{Changes, Filter, Refusal};

/// Refuses nodes that have less left than the pod requests, or as many pods as they take. Source:
/// <https://github.com/kubernetes/kubernetes/blob/master/pkg/scheduler/framework/plugins/noderesources/fit.go>
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeResourcesFit;

impl Filter for NodeResourcesFit {
    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Refusal> {
        let wanted = cycle.pod().requests();
        let (has, used) = (node.allocatable(), node.requested());
        let mut refusal = (node.pods().len() >= node.pods_max()).then(|| Refusal::new("Too many pods"));
        let mut refuse = |reason: Refusal| {
            refusal = Some(match refusal.take() {
                Some(refusal) => reason.reasons().cloned().fold(refusal, Refusal::and),
                None => reason,
            });
        };
        // A pod that requests nothing fits even where more is taken than there is.
        let short = |wanted: i64, has: i64, used: i64| wanted > 0 && wanted > has.saturating_sub(used);
        if short(wanted.milli_cpu, has.milli_cpu, used.milli_cpu) {
            refuse("Insufficient cpu".into());
        }
        if short(wanted.memory, has.memory, used.memory) {
            refuse("Insufficient memory".into());
        }
        if short(wanted.ephemeral_storage, has.ephemeral_storage, used.ephemeral_storage) {
            refuse("Insufficient ephemeral-storage".into());
        }
        for (name, amount) in &wanted.others {
            if short(*amount, has.get(name), used.get(name)) {
                refuse(format!("Insufficient {name}").into());
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    fn retry_on(&self) -> Changes {
        Changes::NODES | Changes::PODS_GONE
    }
}
