//! One pod's turn.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use super::pod::PodInfo;
use super::snapshot::Snapshot;

/// What plugins are given while a node is sought for one pod: the pod, the cluster, and a place for what they work out
/// once for all nodes.
pub struct Cycle<'a> {
    pod: &'a PodInfo,
    snapshot: &'a Snapshot,
    memo: RefCell<Vec<Rc<dyn Any>>>,
}

impl<'a> Cycle<'a> {
    /// The turn of this pod.
    pub fn new(pod: &'a PodInfo, snapshot: &'a Snapshot) -> Self {
        Self { pod, snapshot, memo: RefCell::default() }
    }

    /// The pod that a node is sought for.
    pub fn pod(&self) -> &'a PodInfo {
        self.pod
    }

    /// The cluster, which does not change during the turn.
    pub fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// Works something out once for all nodes: the first call makes it, later ones with the same type find it. Filters and
    /// scores share it by using one type.
    ///
    /// ```
    /// # use apiserver::scheduler::Cycle;
    /// struct PodsOfNamespace(usize);
    /// # fn example(cycle: &Cycle<'_>) {
    /// let pods = cycle.once(|cycle| {
    ///     let namespace = &cycle.pod().pod().metadata.namespace;
    ///     PodsOfNamespace(cycle.snapshot().pods().filter(|pod| pod.pod().metadata.namespace == *namespace).count())
    /// });
    /// # let _ = pods.0;
    /// # }
    /// ```
    pub fn once<T: 'static>(&self, make: impl FnOnce(&Self) -> T) -> Rc<T> {
        let there = self.memo.borrow().iter().find_map(|made| made.clone().downcast::<T>().ok());
        there.unwrap_or_else(|| {
            // Not while the list is borrowed: what is made may need something else that is made once.
            let made = Rc::new(make(self));
            self.memo.borrow_mut().push(made.clone());
            made
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::scheduler::fake::pod;

    #[test]
    fn what_is_made_once_is_found_again_by_its_type() {
        struct Nodes(usize);
        struct Twice(usize);
        let (pod, snapshot, made) = (pod("robin", "1"), Snapshot::default(), Cell::new(0));
        let cycle = Cycle::new(&pod, &snapshot);
        let nodes = |cycle: &Cycle<'_>| {
            made.set(made.get() + 1);
            Nodes(cycle.snapshot().nodes().len() + 1)
        };
        assert_eq!(cycle.once(|cycle| Twice(2 * cycle.once(nodes).0)).0, 2);
        assert_eq!((cycle.once(nodes).0, made.get()), (1, 1));
    }
}
