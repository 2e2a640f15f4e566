//! Lists that are merged item by item.

use serde_json::Value;

use super::strategy::Node;
use super::{PATCH, StrategicError, merge, plain, unknown_directive};

/// How the items of a list are told apart.
pub(super) struct List<'a> {
    node: Node<'a>,
    keys: Vec<&'a str>,
}

impl<'a> List<'a> {
    pub(super) fn of(node: Node<'a>) -> Self {
        Self { keys: node.keys(), node }
    }

    /// The items of both, those of the patch in its order, the others where they were among them.
    pub(super) fn merge(&self, mut original: Vec<Value>, change: &[Value]) -> Result<Vec<Value>, StrategicError> {
        let mut items: Vec<&Value> = Vec::new();
        let mut replace = false;
        for item in change {
            let directive = match self.keys.is_empty() {
                true => None,
                false => item.get(PATCH),
            };
            match directive {
                None => items.push(item),
                Some(Value::String(directive)) if directive == "replace" => replace = true,
                Some(Value::String(directive)) if directive == "delete" => {
                    let identity = self.identity(item)?;
                    original.retain(|old| self.identity(old).ok().as_ref() != Some(&identity));
                }
                Some(directive) => return Err(unknown_directive(directive)),
            }
        }
        if replace {
            return Ok(items.into_iter().filter_map(plain).collect());
        }
        let before = original.clone();
        for item in &items {
            if item.is_array() {
                return Err(StrategicError::Contradiction("lists of lists are not supported"));
            }
            let identity = self.identity(item)?;
            let place = original.iter().position(|old| self.identity(old).ok().as_ref() == Some(&identity));
            match (place, item) {
                (Some(place), Value::Object(change)) if !self.keys.is_empty() => {
                    let old = original[place].as_object_mut().map(std::mem::take).unwrap_or_default();
                    original[place] = Value::Object(merge(old, change, self.node.items())?);
                }
                (Some(_), _) => {}
                (None, item) => original.extend(plain(item)),
            }
        }
        let order: Vec<Value> = items.into_iter().cloned().collect();
        self.arrange(original, &order, &before)
    }

    /// Brings items into the order that `order` has them in; those that it does not have keep their place in `before`
    /// among them.
    pub(super) fn arrange(
        &self,
        items: Vec<Value>,
        order: &[Value],
        before: &[Value],
    ) -> Result<Vec<Value>, StrategicError> {
        let order = order.iter().map(|item| self.identity(item)).collect::<Result<Vec<_>, _>>()?;
        let before = before.iter().map(|item| self.identity(item)).collect::<Result<Vec<_>, _>>()?;
        let (mut named, mut others) = (Vec::new(), Vec::new());
        for item in items {
            let identity = self.identity(&item)?;
            let was = before.iter().position(|other| *other == identity);
            match order.iter().position(|other| *other == identity) {
                Some(place) => named.push((place, was, item)),
                None => others.push((was, item)),
            }
        }
        named.sort_by_key(|(place, _, _)| *place);
        let mut named = named.into_iter().peekable();
        let mut arranged = Vec::new();
        for (was, item) in others {
            // An item goes before the first that it went before until now.
            let earlier = |next: &(usize, Option<usize>, Value)| match (was, next.1) {
                (Some(was), Some(next)) => next < was,
                _ => true,
            };
            while let Some((_, _, next)) = named.next_if(earlier) {
                arranged.push(next);
            }
            arranged.push(item);
        }
        arranged.extend(named.map(|(_, _, item)| item));
        Ok(arranged)
    }

    /// Items that the patch has must be in the order, and in that order.
    pub(super) fn check_order(&self, change: &[Value], order: &[Value]) -> Result<(), StrategicError> {
        if order.is_empty() || change.is_empty() {
            return Ok(());
        }
        let mut rest = order.iter();
        for item in change.iter().filter(|item| item.get(PATCH).is_none()) {
            let identity = self.identity(item)?;
            if !rest.any(|next| self.identity(next).ok().as_ref() == Some(&identity)) {
                let list = |items: &[Value]| Value::from(items.to_vec()).to_string();
                return Err(StrategicError::Malformed(format!(
                    "the order in patch list {} doesn't match $setElementOrder list {}",
                    list(change),
                    list(order)
                )));
            }
        }
        Ok(())
    }

    /// What tells an item from the others: the values of its keys, or the item itself.
    fn identity(&self, item: &Value) -> Result<Vec<Value>, StrategicError> {
        if self.keys.is_empty() {
            return Ok(vec![item.clone()]);
        }
        let value = |key: &&str| {
            let default = || self.node.items().field(key).default();
            item.get(key).or_else(default).cloned().ok_or_else(|| {
                StrategicError::Malformed(format!("map: {item} does not contain declared merge key: {key}"))
            })
        };
        self.keys.iter().map(value).collect()
    }
}
