//! Why a pod fits on no node, in Kubernetes' words. Source:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/scheduler/framework/types.go>

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::plugin::{Changes, Refusal};

/// Which filters refused how many nodes, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FitError {
    nodes: usize,
    /// What holds for all nodes.
    pod: Option<Refusal>,
    /// How many nodes each reason was given for.
    reasons: BTreeMap<Cow<'static, str>, usize>,
    filters: BTreeSet<&'static str>,
    retry_on: Changes,
}

impl FitError {
    /// Nothing was refused yet, of so many nodes.
    pub(super) fn new(nodes: usize) -> Self {
        // The first node that comes is worth an attempt even where there is none that could have been refused.
        let retry_on = if nodes == 0 { Changes::NODES } else { Changes::NONE };
        Self { nodes, retry_on, ..Self::default() }
    }

    pub(super) fn refuse_pod(mut self, filter: &'static str, retry_on: Changes, refusal: Refusal) -> Self {
        self.note(filter, retry_on);
        self.pod = Some(refusal);
        self
    }

    pub(super) fn refuse_node(&mut self, filter: &'static str, retry_on: Changes, refusal: &Refusal) {
        self.note(filter, retry_on);
        for reason in refusal.reasons() {
            match self.reasons.get_mut(reason) {
                Some(count) => *count += 1,
                None => drop(self.reasons.insert(reason.clone(), 1)),
            }
        }
    }

    fn note(&mut self, filter: &'static str, retry_on: Changes) {
        self.filters.insert(filter);
        self.retry_on = self.retry_on | retry_on;
    }

    /// The filters that refused the pod or a node.
    pub fn filters(&self) -> impl Iterator<Item = &'static str> {
        self.filters.iter().copied()
    }

    /// What has to change before it is worth another attempt.
    pub fn retry_on(&self) -> Changes {
        self.retry_on
    }
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nodes == 0 && self.pod.is_none() {
            return f.write_str("no nodes available to schedule pods");
        }
        write!(f, "0/{} nodes are available:", self.nodes)?;
        let mut parts: Vec<String> = match &self.pod {
            Some(refusal) => refusal.reasons().map(ToString::to_string).collect(),
            None => self.reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect(),
        };
        if self.pod.is_none() {
            parts.sort_unstable();
        }
        if parts.is_empty() {
            return Ok(());
        }
        write!(f, " {}.", parts.join(", "))
    }
}

impl std::error::Error for FitError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_and_sorted() {
        let mut error = FitError::new(13);
        for _ in 0..11 {
            error.refuse_node("Fit", Changes::PODS_GONE, &Refusal::new("Insufficient cpu").and("Too many pods"));
        }
        error.refuse_node("Affinity", Changes::NODES, &"node(s) didn't match Pod's node affinity/selector".into());
        error.refuse_node("Fit", Changes::PODS_GONE, &"Insufficient memory".into());
        let expected = "0/13 nodes are available: 1 Insufficient memory, 1 node(s) didn't match Pod's node \
                        affinity/selector, 11 Insufficient cpu, 11 Too many pods.";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.filters().collect::<Vec<_>>(), ["Affinity", "Fit"]);
        assert_eq!(error.retry_on(), Changes::NODES | Changes::PODS_GONE);
    }

    #[test]
    fn what_holds_for_the_pod_is_not_counted() {
        let error = FitError::new(3).refuse_pod("Team", Changes::NONE, "pod has no team".into());
        assert_eq!(error.to_string(), "0/3 nodes are available: pod has no team.");
        let none = FitError::new(0);
        assert_eq!(
            (none.to_string().as_str(), none.retry_on()),
            ("no nodes available to schedule pods", Changes::NODES)
        );
    }
}
