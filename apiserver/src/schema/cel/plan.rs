//! Expressions as they are evaluated: names resolved, types checked, patterns compiled.

use std::sync::Arc;

use regex::Regex;

use super::ast::FoldKind;
use super::functions::Definition;
use super::value::Value;

/// A step of an evaluation and the steps within it.
#[derive(Debug)]
pub(super) enum Step {
    Literal(Value<'static>),
    /// A variable of the program, by its place among the declared ones.
    Variable(usize),
    /// A variable of a fold, by how many are around it.
    Local(usize),
    Select(Box<Select>),
    /// Whether a field is there.
    Has(Box<Select>),
    Index(Box<Index>),
    Call(Box<Call>),
    /// A text against a pattern that is known.
    Matches(Box<(Step, Regex, Arc<str>)>),
    And(Box<[Step]>),
    Or(Box<[Step]>),
    If(Box<[Step; 3]>),
    /// Items, and whether each is an optional.
    List(Box<[(Step, bool)]>),
    Map(Box<[MapEntry]>),
    Fold(Box<Fold>),
    OptMap(Box<OptMap>),
    /// An optional, what there is in its place, and whether it is unwrapped.
    OrElse(Box<(Step, Step, bool)>),
    /// A list, and by what of an item it is sorted.
    SortBy(Box<(Step, Step)>),
}

#[derive(Debug)]
pub(super) struct Select {
    pub(super) operand: Step,
    pub(super) field: String,
    pub(super) optional: bool,
}

#[derive(Debug)]
pub(super) struct Index {
    pub(super) operand: Step,
    pub(super) index: Step,
    pub(super) optional: bool,
}

pub(super) struct Call {
    /// Several where types are not known: the first that takes the values is it.
    pub(super) candidates: Vec<&'static Definition>,
    pub(super) args: Box<[Step]>,
    /// Whether it costs nothing, because it is looked up in a list of constants.
    pub(super) free: bool,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let signatures = self.candidates.iter().filter_map(|candidate| candidate.signatures.first());
        f.debug_list().entries(signatures).entries(&self.args).finish()
    }
}

#[derive(Debug)]
pub(super) struct MapEntry {
    pub(super) key: Step,
    pub(super) value: Step,
    pub(super) optional: bool,
}

#[derive(Debug)]
pub(super) struct Fold {
    pub(super) kind: FoldKind,
    pub(super) range: Step,
    /// Whether there is a variable for the index or key beside that for the value.
    pub(super) two: bool,
    pub(super) filter: Option<Step>,
    pub(super) body: Step,
}

#[derive(Debug)]
pub(super) struct OptMap {
    pub(super) target: Step,
    pub(super) body: Step,
    pub(super) flat: bool,
}

impl Step {
    /// Whether it only walks from a variable to something within it.
    pub(super) fn is_path(&self) -> bool {
        matches!(self, Self::Variable(_) | Self::Local(_) | Self::Select(_) | Self::Index(_))
    }
}
