//! Sets that were written when the schema was another. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/typed/reconcile_schema.go>

use super::element::Element;
use super::set::{Node, Set};
use super::types::{Relation, Type};

/// Where something has become one value since, who owned parts of it owns the whole. Returns whether anything changed.
pub(super) fn reconcile(type_: &Type, set: &mut Set) -> bool {
    match (&type_.map, &type_.scalar, &type_.list) {
        (Some(map), _, _) if map.is_deduced() || map.atomic => false,
        (Some(map), _, _) => each(set, |element| match element {
            Element::Field(name) => map.field(name),
            _ => map.others(),
        }),
        (None, None, Some(list)) => each(set, |_| Some(list.items.resolve())),
        _ => false,
    }
}

fn each<'a>(set: &mut Set, type_of: impl Fn(&Element) -> Option<&'a Type>) -> bool {
    let mut changed = false;
    for node in set.nodes_mut() {
        if node.children.is_empty() {
            continue;
        }
        let Some(type_) = type_of(&node.element) else { continue };
        changed |= if is_atomic(type_) { make_leaf(node) } else { reconcile(type_, &mut node.children) };
    }
    changed
}

fn is_atomic(type_: &Type) -> bool {
    match (&type_.map, &type_.scalar, &type_.list) {
        (Some(map), _, _) => map.atomic && !map.is_deduced(),
        (None, None, Some(list)) => list.relation == Relation::Atomic,
        _ => false,
    }
}

fn make_leaf(node: &mut Node) -> bool {
    node.member = true;
    node.children = Set::default();
    true
}
