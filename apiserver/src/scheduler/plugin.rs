//! What a scheduler's author writes: which nodes a pod may run on, and which of them is best.

use std::any::type_name;
use std::borrow::Cow;
use std::ops::BitOr;

use super::cycle::Cycle;
use super::node::NodeInfo;

/// The best score that a plugin gives.
pub const SCORE_MAX: i64 = 100;

/// Whether a pod may run on a node.
///
/// Filters are asked in the order in which the algorithm lists them, and the first that refuses a node decides; cheap ones
/// belong first. They are asked for every node and every pod, so they compare and do not wait: what they need of elsewhere
/// belongs in memory beforehand.
pub trait Filter: Send + Sync + 'static {
    /// What logs and metrics call it: the name of its type, unless it says otherwise.
    fn name(&self) -> &'static str {
        short_name::<Self>()
    }

    /// Asked once for each pod, before the nodes: for what makes the pod fit nowhere.
    ///
    /// # Errors
    /// Why no node will do, for example `pod has no team`.
    fn pre_filter(&self, cycle: &Cycle<'_>) -> Result<(), Refusal> {
        let _ = cycle;
        Ok(())
    }

    /// Whether the cycle's pod may run on this node, beside those that are there.
    ///
    /// # Errors
    /// Why not, as the pod's event tells it behind the number of nodes: `node(s) were in another zone`, `Insufficient cpu`.
    /// The same words for the same reason, so that they are counted together.
    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Refusal>;

    /// What has to change before a pod that it refused is worth another attempt. One that looks at its node alone, and at
    /// what is free there, says `Changes::NODES | Changes::PODS_GONE`, and saves an attempt for each pod that is bound.
    fn retry_on(&self) -> Changes {
        Changes::ALL
    }
}

/// How good a node is for a pod, among those that may run it.
pub trait Score: Send + Sync + 'static {
    /// What logs, metrics and `weights` in the configuration call it: the name of its type, unless it says otherwise.
    fn name(&self) -> &'static str {
        short_name::<Self>()
    }

    /// How good the node is for the cycle's pod: from 0 to [`SCORE_MAX`], or any number that
    /// [`normalize`](Self::normalize) brings there.
    fn score(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> i64;

    /// Brings the scores of all nodes between 0 and [`SCORE_MAX`], where they are not there already; see
    /// [`normalize_by_largest`].
    fn normalize(&self, cycle: &Cycle<'_>, scores: &mut [i64]) {
        let _ = (cycle, scores);
    }
}

/// Why a node was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    first: Cow<'static, str>,
    more: Vec<Cow<'static, str>>,
}

impl Refusal {
    /// For this reason.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { first: reason.into(), more: Vec::new() }
    }

    /// For this reason as well.
    #[must_use]
    pub fn and(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.more.push(reason.into());
        self
    }

    /// The reasons.
    pub fn reasons(&self) -> impl Iterator<Item = &Cow<'static, str>> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

impl From<&'static str> for Refusal {
    fn from(reason: &'static str) -> Self {
        Self::new(reason)
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::new(reason)
    }
}

/// Kinds of changes in a cluster, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Changes(u8);

impl Changes {
    /// None of them: only a change of the pod itself helps.
    pub const NONE: Self = Self(0);
    /// A node came, went, or has other labels, taints, conditions or resources.
    pub const NODES: Self = Self(1);
    /// A pod left its node, or requests less of it.
    pub const PODS_GONE: Self = Self(2);
    /// A pod was bound, or one that is bound has changed.
    pub const PODS_BOUND: Self = Self(4);
    /// All of them.
    pub const ALL: Self = Self(7);

    /// Whether they have one in common.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Changes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Stretches scores, none of which is negative, so that the largest becomes [`SCORE_MAX`]; with `reverse` the largest
/// becomes 0 and 0 becomes [`SCORE_MAX`]. As in Kubernetes' own plugins. Source:
/// <https://github.com/kubernetes/kubernetes/blob/master/pkg/scheduler/framework/plugins/helper/normalize_score.go>
pub fn normalize_by_largest(scores: &mut [i64], reverse: bool) {
    let largest = scores.iter().copied().max().unwrap_or_default().max(0);
    for score in scores {
        let part = match (largest, score.checked_mul(SCORE_MAX)) {
            (0, _) => 0,
            (_, Some(product)) => product / largest,
            // So large that a hundredth of the largest is exact enough.
            (_, None) => *score / (largest / SCORE_MAX),
        };
        *score = if reverse { SCORE_MAX - part } else { part };
    }
}

fn short_name<T: ?Sized>() -> &'static str {
    let path = type_name::<T>();
    let path = path.split('<').next().unwrap_or(path);
    path.rsplit("::").next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_stretched() {
        #[track_caller]
        fn check(scores: &[i64], reverse: bool, expected: &[i64]) {
            let mut scores = scores.to_vec();
            normalize_by_largest(&mut scores, reverse);
            assert_eq!(scores, expected);
        }
        check(&[0, 5, 10], false, &[0, 50, 100]);
        check(&[0, 5, 10], true, &[100, 50, 0]);
        check(&[0, 0], false, &[0, 0]);
        check(&[0, 0], true, &[100, 100]);
        check(&[i64::MAX, i64::MAX / 2], false, &[100, 50]);
        check(&[], false, &[]);
    }

    #[test]
    fn plugins_are_called_like_their_types() {
        struct SameZone;
        struct Pack<T>(T);
        assert_eq!((short_name::<SameZone>(), short_name::<Pack<Vec<u8>>>()), ("SameZone", "Pack"));
        assert!(Changes::ALL.meets(Changes::NODES) && !Changes::NONE.meets(Changes::ALL));
        assert!(!(Changes::NODES | Changes::PODS_GONE).meets(Changes::PODS_BOUND));
    }
}
