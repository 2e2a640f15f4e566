//! A set of fields, kept as a tree. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/fieldpath/set.go>

use std::cmp::Ordering;

use super::element::Element;
use super::types::Type;

/// A set of paths. A path may be a member without those below it, and those below it without itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Set {
    /// In the order of their elements; each is a member or has members below.
    nodes: Vec<Node>,
}

/// One step, and what the set has of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) element: Element,
    /// Whether the path that ends here is in the set.
    pub(super) member: bool,
    /// The paths that go on from here.
    pub(super) children: Set,
}

impl Set {
    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Its first steps.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What it has of a step.
    pub(super) fn get(&self, element: &Element) -> Option<&Node> {
        let place = self.nodes.binary_search_by(|node| node.element.cmp(element)).ok()?;
        Some(&self.nodes[place])
    }

    /// As [`get`](Self::get), for a field.
    pub(super) fn field(&self, name: &str) -> Option<&Node> {
        let order = |node: &Node| node.element.as_field().map_or(Ordering::Greater, |field| field.cmp(name));
        let place = self.nodes.binary_search_by(order).ok()?;
        Some(&self.nodes[place])
    }

    /// Whether the path of these fields is in the set.
    pub(super) fn has_fields(&self, path: &[&str]) -> bool {
        let Some((last, parents)) = path.split_last() else { return false };
        let parent = parents.iter().try_fold(self, |set, name| set.field(name).map(|node| &node.children));
        parent.and_then(|set| set.field(last)).is_some_and(|node| node.member)
    }

    /// The set of one path of fields.
    pub(super) fn of_fields(path: &[&str]) -> Self {
        let mut set = Self::default();
        for (depth, name) in path.iter().enumerate().rev() {
            let member = depth + 1 == path.len();
            set = Self { nodes: vec![Node { element: Element::Field((*name).to_owned()), member, children: set }] };
        }
        set
    }

    /// Adds a step with what is below it. Cheapest when steps come in order.
    pub(super) fn insert(&mut self, element: Element, member: bool, children: Self) {
        if !member && children.is_empty() {
            return;
        }
        let node = Node { element, member, children };
        if self.nodes.last().is_none_or(|last| last.element < node.element) {
            self.nodes.push(node);
            return;
        }
        match self.nodes.binary_search_by(|known| known.element.cmp(&node.element)) {
            Ok(place) => {
                let known = &mut self.nodes[place];
                known.member |= node.member;
                known.children.unite(node.children);
            }
            Err(place) => self.nodes.insert(place, node),
        }
    }

    /// Adds all of `other`.
    pub(super) fn unite(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        } else if !other.is_empty() {
            let mine = std::mem::take(&mut self.nodes);
            self.nodes = Vec::with_capacity(mine.len() + other.nodes.len());
            for (a, b) in Zip::new(mine.into_iter(), other.nodes.into_iter()) {
                self.nodes.extend(match (a, b) {
                    (Some(mut a), Some(b)) => {
                        a.member |= b.member;
                        a.children.unite(b.children);
                        Some(a)
                    }
                    (a, b) => a.or(b),
                });
            }
        }
    }

    /// Takes out the paths of `other`, not those below them. Returns whether any was there.
    pub(super) fn subtract(&mut self, other: &Self) -> bool {
        if self.is_empty() || other.is_empty() {
            return false;
        }
        let mut changed = false;
        let mut others = other.nodes.iter().peekable();
        self.nodes.retain_mut(|node| {
            while others.next_if(|other| other.element < node.element).is_some() {}
            if let Some(other) = others.next_if(|other| other.element == node.element) {
                if node.member && other.member {
                    node.member = false;
                    changed = true;
                }
                changed |= node.children.subtract(&other.children);
            }
            node.member || !node.children.is_empty()
        });
        changed
    }

    /// The paths that are in both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let mut nodes = Vec::new();
        for (a, b) in Zip::new(self.nodes.iter(), other.nodes.iter()) {
            let (Some(a), Some(b)) = (a, b) else { continue };
            let member = a.member && b.member;
            let children = a.children.intersection(&b.children);
            if member || !children.is_empty() {
                nodes.push(Node { element: a.element.clone(), member, children });
            }
        }
        Self { nodes }
    }

    /// Whether all its paths are in `other`.
    pub(super) fn is_subset(&self, other: &Self) -> bool {
        Zip::new(self.nodes.iter(), other.nodes.iter()).all(|pair| match pair {
            (Some(a), Some(b)) => (!a.member || b.member) && a.children.is_subset(&b.children),
            (Some(_), None) => false,
            (None, _) => true,
        })
    }

    /// Drops these fields, with all below them.
    pub(super) fn drop_fields(&mut self, names: &[&str]) {
        self.nodes.retain(|node| !node.element.as_field().is_some_and(|name| names.contains(&name)));
    }

    /// Its first steps, to be changed; none may be left without anything.
    pub(super) fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// Adds every declared field that has something below it: such fields do not stand in sets themselves.
    pub(super) fn with_named_fields(mut self, type_: Option<&Type>) -> Self {
        for node in &mut self.nodes {
            let below = match &node.element {
                Element::Field(name) => type_.and_then(|type_| type_.map.as_ref()).and_then(|map| {
                    node.member |= map.is_declared(name) && !node.children.is_empty();
                    map.field(name)
                }),
                Element::Key(_) => type_.and_then(|type_| type_.list.as_ref()).map(|list| list.items.resolve()),
                _ => None,
            };
            node.children = std::mem::take(&mut node.children).with_named_fields(below);
        }
        self
    }

    /// Every path as conflicts print it; those that end at a step before those that go on.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        paths
    }

    fn collect_paths(&self, prefix: &str, paths: &mut Vec<String>) {
        let members = self.nodes.iter().filter(|node| node.member);
        paths.extend(members.map(|node| format!("{prefix}{}", node.element)));
        for node in self.nodes.iter().filter(|node| !node.children.is_empty()) {
            node.children.collect_paths(&format!("{prefix}{}", node.element), paths);
        }
    }
}

/// Two ordered lists of nodes side by side.
struct Zip<A: Iterator, B: Iterator> {
    a: std::iter::Peekable<A>,
    b: std::iter::Peekable<B>,
}

impl<A: Iterator, B: Iterator> Zip<A, B> {
    fn new(a: A, b: B) -> Self {
        Self { a: a.peekable(), b: b.peekable() }
    }
}

impl<N: std::borrow::Borrow<Node>, A: Iterator<Item = N>, B: Iterator<Item = N>> Iterator for Zip<A, B> {
    type Item = (Option<N>, Option<N>);

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.a.peek(), self.b.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.borrow().element.cmp(&b.borrow().element),
        };
        Some((if order.is_le() { self.a.next() } else { None }, if order.is_ge() { self.b.next() } else { None }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::fields_v1;
    use super::*;

    fn set(fields: Value) -> Set {
        fields_v1::decode(&fields).expect("a set")
    }

    #[track_caller]
    fn check(a: Value, b: Value, union: Value, difference: Value, intersection: Value) {
        let (a, b) = (set(a), set(b));
        let mut all = a.clone();
        all.unite(b.clone());
        assert_eq!(fields_v1::encode(&all), union);
        let mut rest = a.clone();
        let changed = rest.subtract(&b);
        assert_eq!(fields_v1::encode(&rest), difference);
        assert_eq!(changed, rest != a);
        assert_eq!(fields_v1::encode(&a.intersection(&b)), intersection);
        assert!(a.is_subset(&all) && b.is_subset(&all) && rest.is_subset(&a));
        assert_eq!(a.is_subset(&b), rest.is_empty());
    }

    #[test]
    fn sets_are_united_subtracted_and_intersected() {
        check(json!({}), json!({}), json!({}), json!({}), json!({}));
        check(json!({"f:a": {}}), json!({}), json!({"f:a": {}}), json!({"f:a": {}}), json!({}));
        check(
            json!({"f:a": {}, "f:c": {}}),
            json!({"f:b": {}, "f:c": {}}),
            json!({"f:a": {}, "f:b": {}, "f:c": {}}),
            json!({"f:a": {}}),
            json!({"f:c": {}}),
        );
        // A path is one thing, those below it are others.
        check(
            json!({"f:a": {".": {}, "f:b": {}}}),
            json!({"f:a": {}}),
            json!({"f:a": {".": {}, "f:b": {}}}),
            json!({"f:a": {"f:b": {}}}),
            json!({"f:a": {}}),
        );
        check(
            json!({"f:a": {"f:b": {"f:c": {}, "f:d": {}}}}),
            json!({"f:a": {"f:b": {"f:c": {}}, "f:x": {}}, "f:y": {}}),
            json!({"f:a": {"f:b": {"f:c": {}, "f:d": {}}, "f:x": {}}, "f:y": {}}),
            json!({"f:a": {"f:b": {"f:d": {}}}}),
            json!({"f:a": {"f:b": {"f:c": {}}}}),
        );
    }

    #[test]
    fn paths_are_found() {
        let set = set(json!({"f:a": {".": {}, "f:b": {}}, "f:c": {"f:d": {}}}));
        assert!(set.has_fields(&["a"]) && set.has_fields(&["a", "b"]) && set.has_fields(&["c", "d"]));
        assert!(!set.has_fields(&["c"]) && !set.has_fields(&["a", "x"]) && !set.has_fields(&[]));
        assert_eq!(fields_v1::encode(&Set::of_fields(&["a", "b"])), json!({"f:a": {"f:b": {}}}));
        let mut rest = set.clone();
        rest.drop_fields(&["a", "x"]);
        assert_eq!(fields_v1::encode(&rest), json!({"f:c": {"f:d": {}}}));
        assert_eq!(set.paths(), [".a", ".a.b", ".c.d"]);
    }
}
