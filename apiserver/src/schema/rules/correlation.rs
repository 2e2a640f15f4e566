//! Which old value belongs to which new one.
//! Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/cel/common/equality.go>

use std::cell::OnceCell;
use std::collections::HashMap;

use serde_json::Value as Json;

use super::super::list_types::Key;
use super::super::node::{ListType, Node};

/// A value and what it was, or those that are the nearest around it where it was nothing that can be told.
#[derive(Clone, Copy)]
pub(super) struct Correlation<'a> {
    here: Option<Pair<'a>>,
    around: Option<Pair<'a>>,
}

#[derive(Clone, Copy)]
struct Pair<'a> {
    node: &'a Node,
    new: &'a Json,
    old: &'a Json,
}

impl<'a> Correlation<'a> {
    pub(super) fn root(node: &'a Node, new: &'a Json, old: Option<&'a Json>) -> Self {
        Self { here: old.map(|old| Pair { node, new, old }), around: None }
    }

    /// Where nothing may pass for not having changed.
    pub(super) fn none() -> Self {
        Self { here: None, around: None }
    }

    /// Those of a field or of an entry of a map.
    pub(super) fn field(self, name: &str) -> Self {
        match self.here {
            None => self,
            // Objects are converted between versions, so that these two never tell anything.
            Some(_) if self.around.is_none() && matches!(name, "apiVersion" | "kind") => {
                Self { here: None, around: None }
            }
            Some(pair) => Self { here: pair.field(name), around: Some(pair) },
        }
    }

    /// Those of an item, given what it was.
    pub(super) fn item(self, new: &'a Json, old: Option<&'a Json>) -> Self {
        let Some(pair) = self.here else { return self };
        let here = pair.node.items().zip(old).map(|(node, old)| Pair { node, new, old });
        Self { here, around: Some(pair) }
    }

    /// Whether it is what it was.
    pub(super) fn is_unchanged(self) -> bool {
        self.here.or(self.around).is_some_and(|pair| pair.is_unchanged())
    }
}

impl<'a> Pair<'a> {
    fn field(self, name: &str) -> Option<Self> {
        Some(Self { node: self.node.field(name)?, new: self.new.get(name)?, old: self.old.get(name)? })
    }

    /// Items of map lists may be in another order. What the schema does not know counts as changed.
    fn is_unchanged(self) -> bool {
        match (self.new, self.old) {
            (Json::Object(new), Json::Object(old)) => {
                new.len() == old.len() && new.keys().all(|name| self.field(name).is_some_and(Self::is_unchanged))
            }
            (Json::Array(new), Json::Array(old)) if self.node.list_type == ListType::Map => {
                let items = OldItems::new(self.node, Some(self.old));
                let item = |new| {
                    let (node, old) = self.node.items().zip(items.like(new))?;
                    Some(Self { node, new, old })
                };
                new.len() == old.len() && new.iter().all(|new| item(new).is_some_and(Self::is_unchanged))
            }
            (new, old) => new == old,
        }
    }
}

/// The items that a list had before. Only those of map lists can be told from one another.
pub(super) struct OldItems<'a> {
    keys: &'a [String],
    items: &'a [Json],
    /// Made when the first item is looked for.
    by_key: OnceCell<HashMap<Vec<Key<'a>>, &'a Json>>,
}

impl<'a> OldItems<'a> {
    pub(super) fn new(node: &'a Node, old: Option<&'a Json>) -> Self {
        let items = old.and_then(Json::as_array).filter(|_| node.list_type == ListType::Map);
        Self { keys: &node.list_map_keys, items: items.map_or(&[], Vec::as_slice), by_key: OnceCell::new() }
    }

    /// The first of them that has the keys of an item, all of which must be there.
    pub(super) fn like(&self, item: &'a Json) -> Option<&'a Json> {
        if self.items.is_empty() || !has_keys(item, self.keys) {
            return None;
        }
        let by_key = self.by_key.get_or_init(|| {
            let items = self.items.iter().rev().filter(|item| has_keys(item, self.keys));
            items.map(|item| (Key::all(item, self.keys), item)).collect()
        });
        by_key.get(&Key::all(item, self.keys)).copied()
    }
}

fn has_keys(item: &Json, keys: &[String]) -> bool {
    let is_scalar = |value: &Json| !matches!(value, Json::Null | Json::Array(_) | Json::Object(_));
    keys.iter().all(|key| item.get(key).is_some_and(is_scalar))
}
