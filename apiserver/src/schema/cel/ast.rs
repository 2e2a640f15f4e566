//! Expressions as they are written, macros expanded.

use std::sync::Arc;

/// An expression and where it is.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    /// The offset of what is characteristic of it, an operator say, in bytes.
    pub(super) at: usize,
    /// How deep it is nested within itself.
    pub(super) depth: usize,
    pub(super) kind: Box<Kind>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Literal(Literal),
    Ident(String),
    /// `a.b`, or `a.?b`.
    Select {
        operand: Expr,
        field: String,
        optional: bool,
    },
    /// `has(a.b)`.
    Has {
        operand: Expr,
        field: String,
    },
    /// `a[b]`, or `a[?b]`.
    Index {
        operand: Expr,
        index: Expr,
        optional: bool,
    },
    /// Functions, methods and the operators that are functions of their values.
    Call {
        function: String,
        target: Option<Expr>,
        args: Vec<Expr>,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    If([Expr; 3]),
    List(Vec<Item>),
    Map(Vec<Entry>),
    /// A macro that walks over a list or a map.
    Fold(Fold),
    /// `a.optMap(b, c)`, or `a.optFlatMap(b, c)`.
    OptMap {
        target: Expr,
        variable: String,
        body: Expr,
        flat: bool,
    },
    /// `a.sortBy(b, c)`.
    SortBy {
        target: Expr,
        variable: String,
        key: Expr,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
}

/// An item of a list, or an optional that may be one.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) value: Expr,
    pub(super) optional: bool,
}

/// An entry of a map.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Expr,
    pub(super) value: Expr,
    pub(super) optional: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Fold {
    pub(super) kind: FoldKind,
    pub(super) range: Expr,
    /// The first of two is the index or key; one alone is the item or key.
    pub(super) variables: Vec<String>,
    pub(super) filter: Option<Expr>,
    /// What is asked of each item, or made of it.
    pub(super) body: Expr,
}

/// What a fold yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoldKind {
    All,
    Exists,
    ExistsOne,
    /// A list: `map`, `filter` and `transformList`.
    List,
    /// A map with the keys of what is walked over: `transformMap`.
    Map,
    /// A map of all entries of the maps that are made: `transformMapEntry`.
    Entries,
}

impl Expr {
    /// The dotted name that this is, perhaps.
    pub(super) fn qualified_name(&self) -> Option<String> {
        match &*self.kind {
            Kind::Ident(name) => Some(name.clone()),
            Kind::Select { operand, field, optional: false } => {
                let mut name = operand.qualified_name()?;
                name.push('.');
                name.push_str(field);
                Some(name)
            }
            _ => None,
        }
    }
}
