// Copyright YEAR the authors of odd
//
// Licensed to nobody in particular.

//! A filter: part of each node stays free.

use apiserver::scheduler::{Changes, Cycle, Filter, NodeInfo, Refusal};

/// Keeps some of each node's processor for what pods need beyond their requests.
pub struct Headroom {
    /// How much of a hundred stays free.
    pub percent: i64,
}

impl Filter for Headroom {
    /// Asked for every pod and every node, so it must be quick. The reason is part of the pod's event.
    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Refusal> {
        let wanted = cycle.pod().requests().milli_cpu;
        let taken = node.requested().milli_cpu + wanted;
        if wanted > 0 && taken * 100 > node.allocatable().milli_cpu * (100 - self.percent) {
            return Err("node(s) had no headroom left".into());
        }
        Ok(())
    }

    /// What has to change before a pod that it refused is tried again.
    fn retry_on(&self) -> Changes {
        Changes::NODES | Changes::PODS_GONE
    }
}
