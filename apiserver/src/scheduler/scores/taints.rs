//! Taints that ask pods to stay away where they can.

use crate::scheduler::cycle::Cycle;
use crate::scheduler::filters::tolerates;
use crate::scheduler::node::NodeInfo;
use crate::scheduler::plugin::{Score, normalize_by_largest};

/// Prefers nodes with fewer taints `PreferNoSchedule` that the pod does not tolerate.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaintToleration;

impl Score for TaintToleration {
    fn score(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> i64 {
        let soft = node.taints().iter().filter(|taint| taint.effect == "PreferNoSchedule");
        let against = soft.filter(|taint| {
            let value = taint.value.as_deref().unwrap_or_default();
            !tolerates(cycle.pod(), &taint.key, value, &taint.effect)
        });
        i64::try_from(against.count()).unwrap_or(i64::MAX)
    }

    fn normalize(&self, _: &Cycle<'_>, scores: &mut [i64]) {
        normalize_by_largest(scores, true);
    }
}
