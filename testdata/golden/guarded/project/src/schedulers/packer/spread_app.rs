//! A score: pods of one app are spread over nodes.

use apiserver::scheduler::{Cycle, NodeInfo, Score, normalize_by_largest};

/// Prefers nodes with few pods that have the same label `app`.
pub struct SpreadApp;

impl Score for SpreadApp {
    /// How many such pods there are, bound or about to be.
    fn score(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> i64 {
        let Some(app) = cycle.pod().label("app") else {
            return 0;
        };
        let namespace = &cycle.pod().pod().metadata.namespace;
        let there = node.pods().iter();
        let neighbours = there.filter(|there| there.pod().metadata.namespace == *namespace);
        let same = neighbours.filter(|there| there.label("app") == Some(app));
        i64::try_from(same.count()).unwrap_or(i64::MAX)
    }

    /// Scores go from 0 to 100, and the node with the fewest is the best.
    fn normalize(&self, _: &Cycle<'_>, scores: &mut [i64]) {
        normalize_by_largest(scores, true);
    }
}
