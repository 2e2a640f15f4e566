//! What differs between two objects of one type. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/typed/compare.go>

use serde_json::Value;

use super::element::Element;
use super::items;
use super::set::Set;
use super::types::{List, Map, Relation, Shape, Type};
use super::value;

/// The fields in which a new object differs from an old one.
#[derive(Clone, Debug, Default)]
pub(super) struct Comparison {
    /// Those that only the old one has.
    pub(super) removed: Set,
    /// Those that hold something else.
    pub(super) modified: Set,
    /// Those that only the new one has.
    pub(super) added: Set,
}

/// Compares two values that were found valid; `None` is one that is not there.
pub(super) fn compare(type_: &Type, old: Option<&Value>, new: Option<&Value>) -> Comparison {
    value(type_, old, new).0
}

impl Comparison {
    /// Leaves out these fields of the object, with all below them.
    pub(super) fn drop_fields(&mut self, names: &[&str]) {
        self.removed.drop_fields(names);
        self.modified.drop_fields(names);
        self.added.drop_fields(names);
    }

    fn insert(&mut self, element: &Element, differs: Differs, below: Self) {
        let put = |set: &mut Set, member: bool, children: Set| {
            if member || !children.is_empty() {
                set.insert(element.clone(), member, children);
            }
        };
        put(&mut self.removed, differs == Differs::Removed, below.removed);
        put(&mut self.modified, differs == Differs::Modified, below.modified);
        put(&mut self.added, differs == Differs::Added, below.added);
    }

    fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    fn unite(&mut self, other: Self) {
        self.removed.unite(other.removed);
        self.modified.unite(other.modified);
        self.added.unite(other.added);
    }
}

/// How a value itself differs, apart from what is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Differs {
    Not,
    Removed,
    Modified,
    Added,
}

fn value(type_: &Type, old: Option<&Value>, new: Option<&Value>) -> (Comparison, Differs) {
    let (a, b) = match (old, new) {
        (None, None) => return (Comparison::default(), Differs::Not),
        (None, Some(value)) => return (shaped(type_, type_.shape(value), None, Some(value)).0, Differs::Added),
        (Some(value), None) => return (shaped(type_, type_.shape(value), Some(value), None).0, Differs::Removed),
        (Some(a), Some(b)) => (a, b),
    };
    match (a, b) {
        (Value::Object(_), Value::Object(_)) | (Value::Array(_), Value::Array(_)) => {}
        (a, b) if value::equal(a, b) => return (Comparison::default(), Differs::Not),
        _ => {}
    }
    let mut found = shaped(type_, type_.shape(b), old, new);
    // A value that changes its shape goes away in the one and comes in the other.
    if type_.only_shape(a) != type_.only_shape(b) {
        let (below, differs) = shaped(type_, type_.shape(a), old, new);
        found.0.unite(below);
        if found.1 == Differs::Not {
            found.1 = differs;
        }
    }
    found
}

fn shaped(type_: &Type, shape: Shape, old: Option<&Value>, new: Option<&Value>) -> (Comparison, Differs) {
    match shape {
        Shape::Scalar => (Comparison::default(), leaf(old, new)),
        Shape::Map => {
            let (a, b) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
            let empty = |fields: Option<&serde_json::Map<String, Value>>| fields.is_none_or(|fields| fields.is_empty());
            match &type_.map {
                Some(map) if !map.atomic && (!empty(a) || !empty(b)) => (maps(map, a, b), Differs::Not),
                _ => (Comparison::default(), leaf(old, new)),
            }
        }
        Shape::List => {
            let (a, b) = (old.and_then(Value::as_array), new.and_then(Value::as_array));
            let empty = |items: Option<&Vec<Value>>| items.is_none_or(Vec::is_empty);
            match &type_.list {
                Some(list) if list.relation != Relation::Atomic && (!empty(a) || !empty(b)) => {
                    let found = if a == b { Comparison::default() } else { lists(list, a, b) };
                    (found, Differs::Not)
                }
                _ => (Comparison::default(), leaf(old, new)),
            }
        }
    }
}

/// Values that have no parts, or whose parts have no owners of their own.
fn leaf(old: Option<&Value>, new: Option<&Value>) -> Differs {
    match (old, new) {
        (Some(a), Some(b)) if value::equal(a, b) => Differs::Not,
        (Some(_), Some(_)) => Differs::Modified,
        (None, _) => Differs::Added,
        (_, None) => Differs::Removed,
    }
}

type Fields = serde_json::Map<String, Value>;

fn maps(map: &Map, old: Option<&Fields>, new: Option<&Fields>) -> Comparison {
    let mut found = Comparison::default();
    let mut field = |name: &String, old: Option<&Value>, new: Option<&Value>| {
        let Some(type_) = map.field(name) else { return };
        let (below, differs) = value(type_, old, new);
        if differs != Differs::Not || !below.is_empty() {
            found.insert(&Element::Field(name.clone()), differs, below);
        }
    };
    for (name, value) in old.into_iter().flatten() {
        field(name, Some(value), new.and_then(|new| new.get(name)));
    }
    for (name, value) in new.into_iter().flatten() {
        if old.is_none_or(|old| !old.contains_key(name)) {
            field(name, None, Some(value));
        }
    }
    found
}

/// Items that are there twice are compared as if they were one value.
fn lists(list: &List, old: Option<&Vec<Value>>, new: Option<&Vec<Value>>) -> Comparison {
    let (old, new) = (sorted(list, old), sorted(list, new));
    let type_ = list.items.resolve();
    let mut found = Comparison::default();
    let mut groups = Groups { old: &old, new: &new };
    while let Some((element, a, b)) = groups.next() {
        let mut item = |a: Option<&(Element, &Value)>, b: Option<&(Element, &Value)>| {
            let (below, differs) = value(type_, a.map(|a| a.1), b.map(|b| b.1));
            if differs != Differs::Not || !below.is_empty() {
                found.insert(element, differs, below);
            }
        };
        match (a, b) {
            ([] | [_], [] | [_]) => item(a.first(), b.first()),
            ([_, _, ..], [_, _, ..]) => {
                if a.len() != b.len() || !a.iter().zip(b).all(|(a, b)| value::equal(a.1, b.1)) {
                    found.modified.insert(element.clone(), true, Set::default());
                }
            }
            ([_, _, ..], _) => {
                if let Some(b) = b.first() {
                    item(None, Some(b));
                }
                found.removed.insert(element.clone(), true, Set::default());
            }
            (_, _) => {
                if let Some(a) = a.first() {
                    item(Some(a), None);
                }
                found.added.insert(element.clone(), true, Set::default());
            }
        }
    }
    found
}

fn sorted<'a>(list: &List, values: Option<&'a Vec<Value>>) -> Vec<(Element, &'a Value)> {
    let mut elements = items::elements(list, values.map(Vec::as_slice).unwrap_or_default());
    elements.sort_by(|a, b| a.0.cmp(&b.0));
    elements
}

/// Two sorted lists of items, those of one step at a time.
struct Groups<'a> {
    old: &'a [(Element, &'a Value)],
    new: &'a [(Element, &'a Value)],
}

type Group<'a> = &'a [(Element, &'a Value)];

impl<'a> Groups<'a> {
    fn next(&mut self) -> Option<(&'a Element, Group<'a>, Group<'a>)> {
        let element = match (self.old.first(), self.new.first()) {
            (None, None) => return None,
            (Some(a), Some(b)) if a.0 <= b.0 => &a.0,
            (Some(a), None) => &a.0,
            (_, Some(b)) => &b.0,
        };
        Some((element, take(&mut self.old, element), take(&mut self.new, element)))
    }
}

fn take<'a>(rest: &mut Group<'a>, element: &Element) -> Group<'a> {
    let length = rest.iter().take_while(|(next, _)| next == element).count();
    let (group, after) = rest.split_at(length);
    *rest = after;
    group
}
