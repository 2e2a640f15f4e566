//! Which node a pod gets: filters leave those that may run it, scores choose among them.

use std::sync::Arc;

use rand::Rng;

use super::cycle::Cycle;
use super::fit_error::FitError;
use super::node::NodeInfo;
use super::plugin::{Filter, SCORE_MAX, Score};

/// With fewer nodes than this all are looked at.
const NODES_MIN: usize = 100;

/// Filters, and scores with their weights.
///
/// ```
/// use apiserver::scheduler::{Algorithm, filters, scores};
///
/// let pack = Algorithm::new().filters(filters::standard()).score(scores::MostAllocated, 1);
/// # let _ = pack;
/// ```
#[derive(Clone, Default)]
#[must_use = "an algorithm does nothing until it is registered"]
pub struct Algorithm {
    filters: Vec<Arc<dyn Filter>>,
    scores: Vec<(Arc<dyn Score>, u32)>,
}

/// What an algorithm decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The node's name.
    pub node: Arc<str>,
    /// How many nodes were looked at.
    pub evaluated: usize,
    /// How many of them may run the pod.
    pub feasible: usize,
}

/// Why there is no decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlgorithmError {
    /// No node may run the pod.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A plugin is broken.
    #[error("plugin {plugin:?} gave node {node:?} the score {score}, which is not between 0 and {SCORE_MAX}")]
    Score {
        /// Its name.
        plugin: &'static str,
        /// The node's name.
        node: Arc<str>,
        /// What it gave.
        score: i64,
    },
}

impl Algorithm {
    /// Without filters and scores: every pod may run on every node.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a filter, behind those that are there.
    pub fn filter(mut self, filter: impl Filter) -> Self {
        self.filters.push(Arc::new(filter));
        self
    }

    /// Adds several filters, behind those that are there.
    pub fn filters(mut self, filters: impl IntoIterator<Item = Arc<dyn Filter>>) -> Self {
        self.filters.extend(filters);
        self
    }

    /// Adds a score, which counts so many times; with the weight 0 it is not asked, until a configuration gives it
    /// another.
    pub fn score(mut self, score: impl Score, weight: u32) -> Self {
        self.scores.push((Arc::new(score), weight));
        self
    }

    /// The names of its filters.
    pub fn filter_names(&self) -> impl Iterator<Item = &'static str> {
        self.filters.iter().map(|filter| filter.name())
    }

    /// The names of its scores.
    pub fn score_names(&self) -> impl Iterator<Item = &'static str> {
        self.scores.iter().map(|(score, _)| score.name())
    }

    /// Gives the scores of this name another weight. Tells whether there are any.
    pub(super) fn weigh(&mut self, name: &str, weight: u32) -> bool {
        let mut found = false;
        for (score, there) in &mut self.scores {
            if score.name() == name {
                (*there, found) = (weight, true);
            }
        }
        found
    }

    /// Seeks a node. The search begins with node number `start` and ends as soon as `enough` nodes may run the pod: see
    /// [`feasible_enough`]. Among the best, chance decides.
    ///
    /// # Errors
    /// Why there is none.
    pub fn decide(&self, cycle: &Cycle<'_>, start: usize, enough: usize) -> Result<Decision, AlgorithmError> {
        let nodes = cycle.snapshot().nodes();
        let mut refused = FitError::new(nodes.len());
        for filter in &self.filters {
            if let Err(refusal) = filter.pre_filter(cycle) {
                return Err(refused.refuse_pod(filter.name(), filter.retry_on(), refusal).into());
            }
        }
        let (before, behind) = nodes.split_at(start.min(nodes.len()));
        let mut feasible = Vec::new();
        let mut evaluated = 0;
        for node in behind.iter().chain(before) {
            evaluated += 1;
            let refusal = self.filters.iter().find_map(|filter| Some((filter, filter.filter(cycle, node).err()?)));
            match refusal {
                Some((filter, refusal)) => refused.refuse_node(filter.name(), filter.retry_on(), &refusal),
                None => feasible.push(node),
            }
            if feasible.len() >= enough {
                break;
            }
        }
        let decided = |node: &NodeInfo| Decision { node: node.name().clone(), evaluated, feasible: feasible.len() };
        match feasible[..] {
            [] => Err(refused.into()),
            [node] => Ok(decided(node)),
            _ => Ok(decided(best(&feasible, &self.totals(cycle, &feasible)?))),
        }
    }

    /// The weighted sum of each node's scores.
    fn totals(&self, cycle: &Cycle<'_>, nodes: &[&NodeInfo]) -> Result<Vec<i64>, AlgorithmError> {
        let mut totals = vec![0_i64; nodes.len()];
        let mut scores = Vec::with_capacity(nodes.len());
        for (plugin, weight) in self.scores.iter().filter(|(_, weight)| *weight > 0) {
            scores.clear();
            scores.extend(nodes.iter().map(|node| plugin.score(cycle, node)));
            plugin.normalize(cycle, &mut scores);
            for ((total, score), node) in totals.iter_mut().zip(&scores).zip(nodes) {
                if !(0..=SCORE_MAX).contains(score) {
                    return Err(AlgorithmError::Score {
                        plugin: plugin.name(),
                        node: node.name().clone(),
                        score: *score,
                    });
                }
                *total = total.saturating_add(score * i64::from(*weight));
            }
        }
        Ok(totals)
    }
}

/// A node with the largest total: each of those with the same chance.
fn best<'a>(nodes: &[&'a NodeInfo], totals: &[i64]) -> &'a NodeInfo {
    let largest = totals.iter().copied().max().unwrap_or_default();
    let ties = totals.iter().filter(|total| **total == largest).count();
    let lot = if ties > 1 { rand::rng().random_range(0..ties) } else { 0 };
    let mut winners = nodes.iter().zip(totals).filter(|(_, total)| **total == largest);
    winners.nth(lot).map_or(nodes[0], |(node, _)| node)
}

/// How many nodes that may run a pod are enough, of so many. `percentage` 0 chooses one by the size of the cluster: half
/// of a small one, a twentieth of a huge one. Source:
/// <https://github.com/kubernetes/kubernetes/blob/master/pkg/scheduler/schedule_one.go>
pub fn feasible_enough(nodes: usize, percentage: u8) -> usize {
    if nodes < NODES_MIN {
        return NODES_MIN;
    }
    let percentage = match usize::from(percentage) {
        0 => 50_usize.saturating_sub(nodes / 125).max(5),
        percentage => percentage,
    };
    (nodes.saturating_mul(percentage.min(100)) / 100).max(NODES_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::fake::{node, pod};
    use crate::scheduler::plugin::{Changes, Refusal};
    use crate::scheduler::snapshot::Snapshot;

    /// Refuses nodes of these names.
    struct Without(&'static [&'static str]);

    impl Filter for Without {
        fn filter(&self, _: &Cycle<'_>, node: &NodeInfo) -> Result<(), Refusal> {
            if self.0.contains(&&**node.name()) { Err("node(s) were named".into()) } else { Ok(()) }
        }

        fn retry_on(&self) -> Changes {
            Changes::NODES
        }
    }

    /// Scores nodes by their processors.
    struct Cpu(fn(i64) -> i64);

    impl Score for Cpu {
        fn score(&self, _: &Cycle<'_>, node: &NodeInfo) -> i64 {
            self.0(node.allocatable().milli_cpu / 1000)
        }
    }

    fn decide(algorithm: &Algorithm, start: usize, enough: usize) -> Result<String, String> {
        let mut snapshot = Snapshot::default();
        for (name, cpu) in [("a", "1"), ("b", "2"), ("c", "3")] {
            snapshot.set_node(node(name, cpu));
        }
        let pod = pod("robin", "1");
        let decision = algorithm.decide(&Cycle::new(&pod, &snapshot), start, enough);
        decision.map(|decision| format!("{} {}", decision.node, decision.evaluated)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_best_of_those_that_are_left_is_chosen() {
        #[track_caller]
        fn check(algorithm: Algorithm, start: usize, enough: usize, expected: Result<&str, &str>) {
            assert_eq!(decide(&algorithm, start, enough), expected.map(Into::into).map_err(Into::into));
        }
        let big = || Algorithm::new().score(Cpu(|cpu| cpu), 1);
        check(big(), 0, 9, Ok("c 3"));
        check(big().filter(Without(&["c"])), 0, 9, Ok("b 3"));
        check(big().filter(Without(&["c"])), 2, 1, Ok("a 2"));
        check(big(), 7, 1, Ok("a 1"));
        check(big().score(Cpu(|cpu| 10 - cpu), 2), 0, 9, Ok("a 3"));
        check(big().score(Cpu(|cpu| 10 - cpu), 0), 0, 9, Ok("c 3"));
        let all = big().filter(Without(&["c"])).filter(Without(&["a", "b"]));
        check(all, 0, 9, Err("0/3 nodes are available: 3 node(s) were named."));
        let broken = "plugin \"Cpu\" gave node \"a\" the score 101, which is not between 0 and 100";
        check(big().score(Cpu(|cpu| cpu + 100), 1), 0, 9, Err(broken));
    }

    #[test]
    fn chance_decides_among_equals() {
        let algorithm = Algorithm::new();
        let chosen: std::collections::BTreeSet<_> = (0..200).filter_map(|_| decide(&algorithm, 0, 9).ok()).collect();
        assert_eq!(chosen.len(), 3, "{chosen:?}");
    }

    #[test]
    fn large_clusters_are_looked_at_in_part() {
        #[track_caller]
        fn check(nodes: usize, percentage: u8, expected: usize) {
            assert_eq!(feasible_enough(nodes, percentage), expected, "{percentage}% of {nodes}");
        }
        check(3, 0, 100);
        check(500, 0, 230);
        check(500, 10, 100);
        check(500, 100, 500);
        check(1000, 0, 420);
        check(10_000, 0, 500);
        check(6_000, 0, 300);
    }
}
