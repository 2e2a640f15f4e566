//! Ports of nodes, which one pod may have at a time.

use crate::scheduler::cycle::Cycle;
use crate::scheduler::node::NodeInfo;
use crate::scheduler::plugin::{Changes, Filter, Refusal};

/// Refuses nodes on which another pod has a port that this one asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodePorts;

impl Filter for NodePorts {
    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Refusal> {
        let wanted = cycle.pod().host_ports();
        // Nearly all pods: the others of the node need not be looked at.
        if wanted.is_empty() {
            return Ok(());
        }
        let mut taken = node.pods().iter().flat_map(|pod| pod.host_ports());
        if taken.any(|taken| wanted.iter().any(|port| port.conflicts(taken))) {
            return Err("node(s) didn't have free ports for the requested pod ports".into());
        }
        Ok(())
    }

    fn retry_on(&self) -> Changes {
        Changes::NODES | Changes::PODS_GONE
    }
}
