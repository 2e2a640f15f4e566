//! Who owns whom, as far as it matters: a pure function from what happened to what is to be looked at.
//!
//! Only objects that own something, are owned, or wait for the collector are in the graph; of all others it knows
//! nothing, so that they cost nothing. A node is an object at a place with a uid. That of an owner is made when the
//! first dependent names it: whether there is such an owner is then found out by whoever works off the task. Kinds are
//! followed independently of each other, so a dependent may be seen before its owner, and after its owner is gone;
//! hence nothing is concluded from the graph alone but that something is worth a look.
//!
//! One thing must be known whole: the dependents of an object that waits for them. What led to a task may have been
//! preceded by changes of a kind that had been looked at before. So a task is given out after a whole look at all kinds
//! that has begun since, and an object that has begun to wait is not judged before that either.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// An object: where it is, and which of those that were ever there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Its key in the store.
    pub place: Arc<str>,
    /// Its uid.
    pub uid: Arc<str>,
}

/// The owners of an object, and whether they wait for it when they are deleted in the foreground.
pub type Owners = BTreeMap<Id, bool>;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// It may have to be deleted, or may go on being deleted.
    Examine(Id),
    /// It is being deleted, and its dependents are to forget it before.
    Orphan(Id),
}

/// An object as it was seen.
pub struct Seen<'a> {
    /// Its uid.
    pub uid: &'a str,
    /// Those of its owners whose kinds are known.
    pub owners: Owners,
    /// Whether it waits for its dependents to be deleted.
    pub foreground: bool,
    /// Whether it waits for its dependents to be let go.
    pub orphaning: bool,
}

/// What the graph says of an object that is to be examined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// It is only known from those who name it as their owner.
    pub claimed: bool,
    /// It waits for its dependents to be deleted.
    pub foreground: bool,
    /// It owns something.
    pub has_dependents: bool,
    /// One of its dependents waits for dependents of its own.
    pub dependent_waits: bool,
    /// One of its dependents keeps it from being deleted in the foreground.
    pub blocked: bool,
    /// It waits, and not all of its dependents may be known yet: it is to be examined once they are.
    pub settling: bool,
    /// It is blocked by itself, by way of others that are deleted in the foreground as well.
    pub in_ring: bool,
}

/// All that is known of who owns whom.
#[derive(Default)]
pub struct Graph {
    places: HashMap<Arc<str>, BTreeMap<Arc<str>, Node>>,
    /// Each with the look that it came up in, or after.
    tasks: Vec<(u64, Task)>,
    /// The number of the latest look.
    look: u64,
    /// The number of the latest whole look that has ended.
    whole: u64,
}

#[derive(Default)]
struct Node {
    known: Known,
    owners: Owners,
    dependents: BTreeSet<Id>,
    foreground: bool,
    orphaning: bool,
    /// The look in which it was seen to begin to wait.
    since: u64,
}

/// Where the knowledge of an object comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Known {
    /// From a dependent that names it.
    #[default]
    Claimed,
    /// It was seen, or found when it was looked for.
    Present,
    /// It was seen to go, or another in its place.
    Lost,
}

impl Graph {
    /// All kinds are about to be looked at, one after the other.
    pub fn begin_look(&mut self) {
        self.look += 1;
    }

    /// All kinds have been looked at; `whole` where nothing was left to see at that moment.
    pub fn end_look(&mut self, whole: bool) {
        if whole {
            self.whole = self.look;
        }
    }

    /// Whether anything is known of a place.
    pub fn knows(&self, place: &str) -> bool {
        self.places.contains_key(place)
    }

    /// Whether a change of the object there means nothing, as long as it has no owners and is not being deleted: it needs
    /// not even be read then. For changes only: a new object is another one than was there before.
    pub fn is_indifferent_to(&self, place: &str) -> bool {
        let Some(nodes) = self.places.get(place) else { return true };
        nodes.len() == 1
            && nodes.values().all(|node| node.known == Known::Present && node.owners.is_empty() && !node.is_waiting())
    }

    /// The places under a prefix of which something is known.
    pub fn places_under(&self, prefix: &str) -> Vec<Arc<str>> {
        self.places.keys().filter(|place| place.starts_with(prefix)).cloned().collect()
    }

    /// An object is there, in this state.
    pub fn seen(&mut self, place: &str, seen: Seen<'_>) {
        let others = self.ids_at(place).filter(|id| *id.uid != *seen.uid).collect::<Vec<_>>();
        for other in others {
            self.lose(&other);
        }
        let id = self.id(place, seen.uid);
        let waiting = seen.foreground || seen.orphaning;
        if self.node(&id).is_none() && seen.owners.is_empty() && !waiting {
            return;
        }
        let node = self.node_or_new(&id);
        node.known = Known::Present;
        let before = std::mem::replace(&mut node.owners, seen.owners.clone());
        let starts_orphaning = seen.orphaning && !std::mem::replace(&mut node.orphaning, seen.orphaning);
        let starts_foreground = seen.foreground && !std::mem::replace(&mut node.foreground, seen.foreground);
        self.change_owners(&id, &before, &seen.owners);
        if starts_orphaning {
            self.push(Task::Orphan(id.clone()));
        } else if starts_foreground {
            let look = self.look;
            self.node_or_new(&id).since = look;
            self.examine_dependents(&id);
            self.push(Task::Examine(id.clone()));
        }
        self.drop_if_idle(&id);
    }

    /// Nothing is there any more.
    pub fn gone(&mut self, place: &str) {
        for id in self.ids_at(place).collect::<Vec<_>>() {
            self.lose(&id);
        }
    }

    /// It was looked for, and found.
    pub fn found(&mut self, id: &Id) {
        if let Some(node) = self.node_mut(id) {
            node.known = Known::Present;
        }
    }

    /// It was looked for, and is not there. It will never be again, for no two objects have the same uid.
    pub fn absent(&mut self, id: &Id) {
        self.leave_owners(id);
        self.examine_dependents(id);
        self.remove(id);
    }

    /// What is known of an object; `None` where that is nothing, so that nothing is to be done.
    pub fn view(&self, id: &Id) -> Option<View> {
        let node = self.node(id)?;
        let mut view = View {
            claimed: node.known == Known::Claimed,
            foreground: node.foreground,
            has_dependents: !node.dependents.is_empty(),
            ..View::default()
        };
        if node.foreground {
            view.settling = node.since >= self.whole;
            view.blocked = self.blocking(id).next().is_some();
            view.in_ring = view.blocked && self.is_in_ring(id);
        } else {
            let waits = |dependent: &Id| self.node(dependent).is_some_and(|node| node.foreground);
            view.dependent_waits = node.dependents.iter().any(waits);
        }
        Some(view)
    }

    /// The objects that name this one as their owner.
    pub fn dependents(&self, id: &Id) -> Vec<Id> {
        self.node(id).map(|node| node.dependents.iter().cloned().collect()).unwrap_or_default()
    }

    /// What is to be worked on by now.
    pub fn take_tasks(&mut self) -> Vec<Task> {
        let whole = self.whole;
        self.tasks.extract_if(.., |(look, _)| *look < whole).map(|(_, task)| task).collect()
    }

    /// Whether something is to be worked on after another look.
    pub fn has_tasks(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// How many objects are in it.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.places.values().map(BTreeMap::len).sum()
    }

    /// It may not be there any more. Those who name it may know of a newer object than whoever said so: hence it stays
    /// until it was looked for.
    fn lose(&mut self, id: &Id) {
        self.leave_owners(id);
        let Some(node) = self.node_mut(id) else { return };
        (node.foreground, node.orphaning) = (false, false);
        if node.known == Known::Present {
            node.known = Known::Lost;
        }
        if node.dependents.is_empty() {
            self.remove(id);
        } else {
            self.push(Task::Examine(id.clone()));
        }
    }

    fn push(&mut self, task: Task) {
        self.tasks.push((self.look, task));
    }

    fn leave_owners(&mut self, id: &Id) {
        let Some(node) = self.node_mut(id) else { return };
        for owner in std::mem::take(&mut node.owners).into_keys() {
            if self.node(&owner).is_some_and(|owner| owner.foreground) {
                self.push(Task::Examine(owner.clone()));
            }
            self.remove_dependent(&owner, id);
        }
    }

    fn change_owners(&mut self, id: &Id, before: &Owners, now: &Owners) {
        for (owner, blocked) in before {
            let still = now.get(owner);
            // It may have waited for nothing else.
            if *blocked && still != Some(&true) && self.node(owner).is_some_and(|owner| owner.foreground) {
                self.push(Task::Examine(owner.clone()));
            }
            if still.is_none() {
                self.remove_dependent(owner, id);
            }
        }
        for owner in now.keys().filter(|owner| !before.contains_key(*owner)) {
            let is_new = self.node(owner).is_none();
            let node = self.node_or_new(owner);
            node.dependents.insert(id.clone());
            if is_new {
                self.push(Task::Examine(owner.clone()));
            } else if node.foreground {
                self.push(Task::Examine(id.clone()));
            }
        }
    }

    fn examine_dependents(&mut self, id: &Id) {
        let dependents = self.dependents(id);
        dependents
            .into_iter()
            .filter(|dependent| dependent != id)
            .for_each(|dependent| self.push(Task::Examine(dependent)));
    }

    /// The dependents that an object waits for. One that owns itself does not wait for itself.
    fn blocking<'a>(&'a self, id: &'a Id) -> impl Iterator<Item = &'a Id> {
        let blocks = move |dependent: &&Id| {
            *dependent != id && self.node(dependent).is_some_and(|node| node.owners.get(id) == Some(&true))
        };
        self.node(id).into_iter().flat_map(|node| &node.dependents).filter(blocks)
    }

    fn is_in_ring(&self, id: &Id) -> bool {
        let waits = |id: &Id| self.node(id).is_some_and(|node| node.foreground);
        // Most are not, and are told so by their owners.
        if !self.node(id).is_some_and(|node| node.owners.iter().any(|(owner, blocks)| *blocks && waits(owner))) {
            return false;
        }
        let mut visited: HashSet<&Id> = HashSet::new();
        let mut next: Vec<&Id> = self.blocking(id).collect();
        while let Some(dependent) = next.pop() {
            if waits(dependent) && visited.insert(dependent) {
                if self.blocking(dependent).any(|further| further == id) {
                    return true;
                }
                next.extend(self.blocking(dependent));
            }
        }
        false
    }

    fn remove_dependent(&mut self, owner: &Id, dependent: &Id) {
        if let Some(node) = self.node_mut(owner) {
            node.dependents.remove(dependent);
            self.drop_if_idle(owner);
        }
    }

    fn drop_if_idle(&mut self, id: &Id) {
        let idle = |node: &Node| node.owners.is_empty() && node.dependents.is_empty() && !node.is_waiting();
        if self.node(id).is_some_and(idle) {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: &Id) {
        if let Some(nodes) = self.places.get_mut(&*id.place) {
            nodes.remove(&*id.uid);
            if nodes.is_empty() {
                self.places.remove(&*id.place);
            }
        }
    }

    fn id(&self, place: &str, uid: &str) -> Id {
        match self.places.get_key_value(place) {
            Some((place, _)) => Id { place: place.clone(), uid: uid.into() },
            None => Id { place: place.into(), uid: uid.into() },
        }
    }

    fn ids_at<'a>(&'a self, place: &str) -> impl Iterator<Item = Id> + use<'a> {
        let at = |(place, nodes): (&'a Arc<str>, &'a BTreeMap<Arc<str>, Node>)| {
            nodes.keys().map(|uid| Id { place: place.clone(), uid: uid.clone() })
        };
        self.places.get_key_value(place).into_iter().flat_map(at)
    }

    fn node(&self, id: &Id) -> Option<&Node> {
        self.places.get(&*id.place)?.get(&*id.uid)
    }

    fn node_mut(&mut self, id: &Id) -> Option<&mut Node> {
        self.places.get_mut(&*id.place)?.get_mut(&*id.uid)
    }

    fn node_or_new(&mut self, id: &Id) -> &mut Node {
        self.places.entry(id.place.clone()).or_default().entry(id.uid.clone()).or_default()
    }
}

impl Node {
    fn is_waiting(&self) -> bool {
        self.foreground || self.orphaning
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> Id {
        Id { place: name.into(), uid: format!("uid-{name}").into() }
    }

    fn see(graph: &mut Graph, name: &str, owners: &[&str], foreground: bool) {
        let owners = owners.iter().map(|owner| (id(owner), true)).collect();
        graph.seen(name, Seen { uid: &format!("uid-{name}"), owners, foreground, orphaning: false });
    }

    /// The names of what is to be examined, in alphabetical order.
    fn examined(graph: &mut Graph) -> String {
        graph.begin_look();
        graph.end_look(true);
        let mut tasks: Vec<String> = graph
            .take_tasks()
            .into_iter()
            .map(|task| match task {
                Task::Examine(id) => id.place.to_string(),
                Task::Orphan(id) => format!("{}!", id.place),
            })
            .collect();
        tasks.sort();
        tasks.join(" ")
    }

    #[test]
    fn what_owns_nothing_and_is_not_owned_is_not_in_it() {
        let mut graph = Graph::default();
        see(&mut graph, "a", &[], false);
        assert!(graph.is_indifferent_to("a"));
        assert_eq!((graph.len(), examined(&mut graph).as_str()), (0, ""));
    }

    #[test]
    fn an_owner_is_looked_for_once() {
        let mut graph = Graph::default();
        see(&mut graph, "b", &["a"], false);
        see(&mut graph, "c", &["a"], false);
        assert_eq!(examined(&mut graph), "a");
        assert!(!graph.is_indifferent_to("a"));
        graph.found(&id("a"));
        assert!(graph.is_indifferent_to("a"));
        // It leaves with the last that names it.
        see(&mut graph, "b", &[], false);
        graph.gone("c");
        assert_eq!((graph.len(), examined(&mut graph).as_str()), (0, ""));
    }

    #[test]
    fn dependents_are_examined_when_the_owner_was_looked_for_in_vain() {
        let mut graph = Graph::default();
        see(&mut graph, "b", &["a"], false);
        graph.found(&id("a"));
        examined(&mut graph);
        graph.gone("a");
        assert_eq!(examined(&mut graph), "a");
        graph.absent(&id("a"));
        assert_eq!(examined(&mut graph), "b");
        assert_eq!(graph.view(&id("a")), None);
    }

    #[test]
    fn another_object_in_the_owners_place_is_not_the_owner() {
        let mut graph = Graph::default();
        see(&mut graph, "b", &["a"], false);
        graph.found(&id("a"));
        examined(&mut graph);
        graph.seen("a", Seen { uid: "another", owners: Owners::new(), foreground: false, orphaning: false });
        assert_eq!(examined(&mut graph), "a");
    }

    #[test]
    fn an_owner_waits_for_dependents_that_block() {
        let mut graph = Graph::default();
        see(&mut graph, "b", &["a"], false);
        see(&mut graph, "a", &[], false);
        examined(&mut graph);
        see(&mut graph, "a", &[], true);
        assert_eq!(examined(&mut graph), "a b");
        let view = graph.view(&id("a")).unwrap();
        assert!(view.foreground && view.blocked && !view.in_ring);
        graph.gone("b");
        assert_eq!(examined(&mut graph), "a");
        assert!(!graph.view(&id("a")).unwrap().blocked);
    }

    #[test]
    fn those_who_wait_for_each_other_are_a_ring() {
        let mut graph = Graph::default();
        for (name, owner) in [("a", "c"), ("b", "a"), ("c", "b")] {
            see(&mut graph, name, &[owner], true);
        }
        assert!(graph.view(&id("a")).unwrap().settling);
        examined(&mut graph);
        assert!(!graph.view(&id("a")).unwrap().settling);
        assert!(graph.view(&id("a")).unwrap().in_ring);
        graph.seen("a", Seen { uid: "uid-a", owners: [(id("c"), false)].into(), foreground: true, orphaning: false });
        assert!(!graph.view(&id("a")).unwrap().in_ring);
        assert!(!graph.view(&id("c")).unwrap().blocked);
    }

    #[test]
    fn who_owns_itself_does_not_wait_for_itself() {
        let mut graph = Graph::default();
        see(&mut graph, "a", &["a"], true);
        assert!(!graph.view(&id("a")).unwrap().blocked);
        graph.gone("a");
        assert_eq!(graph.len(), 0);
    }
}
