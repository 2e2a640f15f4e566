//! How much of a node is taken. Source:
//! <https://github.com/kubernetes/kubernetes/tree/master/pkg/scheduler/framework/plugins/noderesources>

use crate::scheduler::cycle::Cycle;
use crate::scheduler::node::NodeInfo;
use crate::scheduler::plugin::{SCORE_MAX, Score};

/// Prefers nodes with much left: spreads pods.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastAllocated;

/// Prefers nodes with little left: packs pods, so that others stay empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct MostAllocated;

/// Prefers nodes whose processor and memory are taken alike, so that neither is left without the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct BalancedAllocation;

impl Score for LeastAllocated {
    fn score(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> i64 {
        average(shares(cycle, node).map(|share| share.map(|taken| SCORE_MAX - taken)))
    }
}

impl Score for MostAllocated {
    fn score(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> i64 {
        average(shares(cycle, node))
    }
}

impl Score for BalancedAllocation {
    fn score(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> i64 {
        match shares(cycle, node) {
            // The standard deviation of two numbers is half of their distance.
            [Some(cpu), Some(memory)] => SCORE_MAX - (cpu - memory).abs() / 2,
            _ => 0,
        }
    }
}

/// How much of a hundred of processor and memory would be taken, with the pod there. None of what the node does not have.
fn shares(cycle: &Cycle<'_>, node: &NodeInfo) -> [Option<i64>; 2] {
    let (cpu, memory) = cycle.pod().scored_requests();
    let (cpu_there, memory_there) = node.scored_requested();
    let has = node.allocatable();
    let share = |taken: i64, has: i64| {
        // Saturating, because a hundred times some bytes may be too much for 64 bits; 128 would be divided slowly.
        (has > 0).then(|| (taken.max(0).saturating_mul(SCORE_MAX) / has).min(SCORE_MAX))
    };
    [share(cpu_there.saturating_add(cpu), has.milli_cpu), share(memory_there.saturating_add(memory), has.memory)]
}

fn average(shares: [Option<i64>; 2]) -> i64 {
    let there = shares.iter().flatten();
    let count = there.clone().count();
    there.sum::<i64>() / i64::try_from(count.max(1)).unwrap_or(1)
}
