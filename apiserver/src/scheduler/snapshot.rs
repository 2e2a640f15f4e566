//! The cluster as it is known here: nodes, with what is requested on them by pods that are bound or about to be.
//!
//! It is kept up to date by every change that the watches tell and every decision that is made, so that a decision finds
//! all sums ready. **Invariant:** a pod counts on at most one node, under its key.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::ResourceExt;

use super::node::NodeInfo;
use super::pod::PodInfo;

/// Nodes and the pods on them.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    nodes: Vec<NodeInfo>,
    by_name: HashMap<Arc<str>, usize>,
    /// Where each pod counts.
    places: HashMap<Arc<str>, Place>,
    /// Pods on nodes that are not known: not yet, or not any more.
    homeless: HashMap<Arc<str>, Vec<Arc<PodInfo>>>,
    assumed: usize,
}

#[derive(Clone, Debug)]
struct Place {
    node: Arc<str>,
    /// Whether this is our own decision, which the API server has not told of yet.
    assumed: bool,
}

/// What came of a pod that is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It was not known to be on its node.
    New,
    /// It was assumed there, and now is.
    Confirmed,
    /// It was there already and differs.
    Changed,
    /// Nothing that counts has changed.
    Same,
}

impl Snapshot {
    /// A cluster of these nodes and of those pods that are bound to one: for tests of plugins.
    pub fn of(nodes: impl IntoIterator<Item = Node>, pods: impl IntoIterator<Item = Pod>) -> Self {
        let mut snapshot = Self::default();
        for node in nodes {
            snapshot.set_node(node);
        }
        for pod in pods {
            snapshot.set_pod(Arc::new(PodInfo::new(pod)));
        }
        snapshot
    }

    /// Counts a pod on a node, as it counts once it was decided that it shall run there.
    pub fn put_pod(&mut self, pod: PodInfo, node: &str) {
        self.assume(Arc::new(pod), &node.into());
    }

    /// All nodes, in no special order.
    pub fn nodes(&self) -> &[NodeInfo] {
        &self.nodes
    }

    /// A node by its name.
    pub fn node(&self, name: &str) -> Option<&NodeInfo> {
        self.by_name.get(name).and_then(|index| self.nodes.get(*index))
    }

    /// A pod that counts, by its key `namespace/name`.
    pub fn pod(&self, key: &str) -> Option<&Arc<PodInfo>> {
        let place = self.places.get(key)?;
        let pods = match self.by_name.get(&place.node) {
            Some(index) => self.nodes[*index].pods(),
            None => self.homeless.get(&place.node)?,
        };
        pods.iter().find(|pod| &**pod.key() == key)
    }

    /// The pods that count, on any node that is known.
    pub fn pods(&self) -> impl Iterator<Item = &Arc<PodInfo>> {
        self.nodes.iter().flat_map(NodeInfo::pods)
    }

    /// How many pods count, and how many of those are only assumed to be bound.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.places.len(), self.assumed)
    }

    /// Adds a node, or another state of it. Tells whether something changed that scheduling may depend on.
    pub(super) fn set_node(&mut self, node: Node) -> bool {
        let name: Arc<str> = node.name_any().into();
        if let Some(info) = self.by_name.get(&name).and_then(|index| self.nodes.get_mut(*index)) {
            return info.set(node);
        }
        let mut info = NodeInfo::new(node);
        for pod in self.homeless.remove(&name).unwrap_or_default() {
            info.add(pod);
        }
        self.by_name.insert(name, self.nodes.len());
        self.nodes.push(info);
        true
    }

    /// Takes a node away. Its pods go on counting for it, should it come back.
    pub(super) fn remove_node(&mut self, name: &str) -> bool {
        let Some(index) = self.by_name.remove(name) else { return false };
        let mut info = self.nodes.swap_remove(index);
        if let Some(moved) = self.nodes.get(index) {
            self.by_name.insert(moved.name().clone(), index);
        }
        let pods = info.take_pods();
        if !pods.is_empty() {
            self.homeless.insert(info.name().clone(), pods);
        }
        true
    }

    /// The names of all nodes.
    pub(super) fn node_names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.keys()
    }

    /// A pod that is bound, as the API server tells it.
    pub(super) fn set_pod(&mut self, pod: Arc<PodInfo>) -> Placed {
        let Some(node) = pod.node_name().map(Arc::from) else { return Placed::Same };
        let placed = match self.places.get(pod.key()) {
            None => Placed::New,
            Some(place) if place.node != node => Placed::New,
            Some(place) if place.assumed => Placed::Confirmed,
            Some(_) => match self.pod(pod.key()) {
                Some(there) if !there.differs(&pod) => Placed::Same,
                _ => Placed::Changed,
            },
        };
        self.remove_pod(&pod.key().clone());
        self.put(pod, node, false);
        placed
    }

    /// Counts a pod on the node that was chosen for it, before the API server knows.
    pub(super) fn assume(&mut self, pod: Arc<PodInfo>, node: &Arc<str>) {
        self.remove_pod(&pod.key().clone());
        self.put(pod, node.clone(), true);
    }

    /// Takes an assumption back: the pod could not be bound. One that has been bound in the meantime stays.
    pub(super) fn forget(&mut self, key: &str) -> bool {
        self.is_assumed(key) && self.remove_pod(key)
    }

    /// Whether a pod is being bound, or has been without the watch having told so yet.
    pub(super) fn is_assumed(&self, key: &str) -> bool {
        self.places.get(key).is_some_and(|place| place.assumed)
    }

    /// The keys of all pods that count.
    pub(super) fn pod_keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.places.keys()
    }

    /// Takes a pod away.
    pub(super) fn remove_pod(&mut self, key: &str) -> bool {
        let Some(place) = self.places.remove(key) else { return false };
        self.assumed -= usize::from(place.assumed);
        match self.by_name.get(&place.node) {
            Some(index) => drop(self.nodes[*index].remove(key)),
            None => {
                if let Some(pods) = self.homeless.get_mut(&place.node) {
                    pods.retain(|pod| &**pod.key() != key);
                    if pods.is_empty() {
                        self.homeless.remove(&place.node);
                    }
                }
            }
        }
        true
    }

    fn put(&mut self, pod: Arc<PodInfo>, node: Arc<str>, assumed: bool) {
        self.assumed += usize::from(assumed);
        self.places.insert(pod.key().clone(), Place { node: node.clone(), assumed });
        match self.by_name.get(&node) {
            Some(index) => self.nodes[*index].add(pod),
            None => self.homeless.entry(node).or_default().push(pod),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::fake::{node, pod, pod_on};

    #[track_caller]
    fn check(snapshot: &Snapshot, expected: &[(&str, i64)]) {
        let mut there: Vec<_> =
            snapshot.nodes().iter().map(|node| (&**node.name(), node.requested().milli_cpu)).collect();
        there.sort_unstable();
        assert_eq!(there, expected);
    }

    #[test]
    fn pods_count_from_the_decision_until_they_are_gone() {
        let mut snapshot = Snapshot::default();
        assert!(snapshot.set_node(node("a", "4")) && snapshot.set_node(node("b", "4")));
        assert!(!snapshot.set_node(node("b", "4")));
        let robin = pod("robin", "1");
        snapshot.assume(robin.clone(), &"a".into());
        check(&snapshot, &[("a", 1000), ("b", 0)]);
        assert_eq!(snapshot.counts(), (1, 1));
        assert_eq!(snapshot.set_pod(pod_on("robin", "1", "a")), Placed::Confirmed);
        assert_eq!(snapshot.set_pod(pod_on("robin", "1", "a")), Placed::Same);
        assert_eq!(snapshot.set_pod(pod_on("robin", "2", "a")), Placed::Changed);
        assert!(!snapshot.forget("default/robin"), "what is bound is no assumption");
        check(&snapshot, &[("a", 2000), ("b", 0)]);
        assert!(snapshot.remove_pod("default/robin") && !snapshot.remove_pod("default/robin"));
        snapshot.assume(robin, &"b".into());
        assert!(snapshot.forget("default/robin"));
        check(&snapshot, &[("a", 0), ("b", 0)]);
        assert_eq!(snapshot.counts(), (0, 0));
    }

    #[test]
    fn somebody_else_may_have_bound_it_elsewhere() {
        let mut snapshot = Snapshot::default();
        snapshot.set_node(node("a", "4"));
        snapshot.set_node(node("b", "4"));
        snapshot.assume(pod("robin", "1"), &"a".into());
        assert_eq!(snapshot.set_pod(pod_on("robin", "1", "b")), Placed::New);
        check(&snapshot, &[("a", 0), ("b", 1000)]);
    }

    #[test]
    fn pods_may_be_known_before_and_after_their_node() {
        let mut snapshot = Snapshot::default();
        snapshot.set_pod(pod_on("robin", "1", "a"));
        snapshot.set_pod(pod_on("wren", "2", "b"));
        snapshot.set_node(node("a", "4"));
        snapshot.set_node(node("b", "4"));
        snapshot.set_node(node("c", "4"));
        check(&snapshot, &[("a", 1000), ("b", 2000), ("c", 0)]);
        assert!(snapshot.remove_node("a") && !snapshot.remove_node("a"));
        check(&snapshot, &[("b", 2000), ("c", 0)]);
        assert_eq!(snapshot.node("c").map(|node| &**node.name()), Some("c"));
        snapshot.remove_pod("default/robin");
        snapshot.set_node(node("a", "4"));
        check(&snapshot, &[("a", 0), ("b", 2000), ("c", 0)]);
    }
}
