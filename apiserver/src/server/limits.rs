//! How many requests may be in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Limits for short requests; those that last, such as watches, are not counted. Source:
/// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/> (`--max-requests-inflight`)
#[derive(Debug)]
pub struct Limits {
    reading: Limit,
    mutating: Limit,
}

/// What a request does, as far as limits are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// get and list.
    ReadOnly,
    /// All other verbs.
    Mutating,
}

#[derive(Debug)]
struct Limit {
    in_flight: Arc<AtomicUsize>,
    max: usize,
}

/// A request in flight, until dropped.
pub struct InFlight(Arc<AtomicUsize>);

impl Limits {
    /// At most so many reading and so many mutating requests; 0 means any number.
    pub fn new(reading_max: usize, mutating_max: usize) -> Self {
        let limit = |max| Limit { in_flight: Arc::default(), max };
        Self { reading: limit(reading_max), mutating: limit(mutating_max) }
    }

    /// Counts a request in; `None` when there are as many as may be, unless the request is exempt.
    pub fn enter(&self, kind: RequestKind, exempt: bool) -> Option<InFlight> {
        let limit = self.of(kind);
        let guard = InFlight(limit.in_flight.clone());
        let before = limit.in_flight.fetch_add(1, Ordering::Relaxed);
        (exempt || limit.max == 0 || before < limit.max).then_some(guard)
    }

    /// How many requests of a kind are in flight.
    pub fn in_flight(&self, kind: RequestKind) -> usize {
        self.of(kind).in_flight.load(Ordering::Relaxed)
    }

    fn of(&self, kind: RequestKind) -> &Limit {
        match kind {
            RequestKind::ReadOnly => &self.reading,
            RequestKind::Mutating => &self.mutating,
        }
    }
}

impl RequestKind {
    /// The kind of a verb.
    pub fn of(verb: &str) -> Self {
        if matches!(verb, "get" | "list" | "watch" | "head" | "options") { Self::ReadOnly } else { Self::Mutating }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_have_limits_of_their_own_and_some_pass_always() {
        let limits = Limits::new(2, 1);
        let first = limits.enter(RequestKind::ReadOnly, false);
        let second = limits.enter(RequestKind::ReadOnly, false);
        assert!(first.is_some() && second.is_some());
        assert!(limits.enter(RequestKind::ReadOnly, false).is_none(), "as many as may be");
        assert!(limits.enter(RequestKind::ReadOnly, true).is_some(), "exempt");
        assert!(limits.enter(RequestKind::Mutating, false).is_some(), "another kind");
        drop(first);
        assert!(limits.enter(RequestKind::ReadOnly, false).is_some(), "one has left");
        drop(second);
        assert_eq!(limits.in_flight(RequestKind::ReadOnly), 0);
    }

    #[test]
    fn no_limit_is_no_limit() {
        let limits = Limits::new(0, 0);
        let all: Vec<_> = (0..1000).map(|_| limits.enter(RequestKind::Mutating, false)).collect();
        assert!(all.iter().all(Option::is_some));
    }
}
