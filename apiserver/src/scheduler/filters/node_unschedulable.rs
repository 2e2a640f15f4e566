//! Nodes that `kubectl cordon` closed.

use super::taints::tolerates;
use crate::scheduler::cycle::Cycle;
use crate::scheduler::node::NodeInfo;
use crate::scheduler::plugin::{Changes, Filter, Refusal};

/// Refuses nodes with `spec.unschedulable`, but for pods that tolerate its taint.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeUnschedulable;

impl Filter for NodeUnschedulable {
    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Refusal> {
        let taint = "node.kubernetes.io/unschedulable";
        if node.is_unschedulable() && !tolerates(cycle.pod(), taint, "", "NoSchedule") {
            return Err("node(s) were unschedulable".into());
        }
        Ok(())
    }

    fn retry_on(&self) -> Changes {
        Changes::NODES
    }
}
