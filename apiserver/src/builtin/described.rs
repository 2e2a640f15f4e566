//! A kind that the library describes, with what it needs to be served.

use std::sync::Arc;

use crate::kind::Kind;
use crate::registry::hooks::{self, Hooks};
use crate::versions::{Conversion, SameShape};

/// A kind that the library describes, and how it behaves.
pub struct Builtin {
    /// Makes the description.
    pub kind: fn() -> Kind,
    /// How it behaves.
    pub hooks: Arc<dyn Hooks>,
    /// How its versions become each other.
    pub conversion: Arc<dyn Conversion>,
    /// Whether a write is answered only when the cache has it: for kinds that this server itself acts on.
    pub settles: bool,
}

impl Builtin {
    /// A kind that clients may overwrite as they could in a cluster, and that behaves as the generic registry does.
    pub fn new(kind: fn() -> Kind) -> Self {
        Self { kind, hooks: hooks::permissive(), conversion: Arc::new(SameShape), settles: false }
    }

    /// Behaves otherwise.
    pub fn hooks(mut self, hooks: Arc<dyn Hooks>) -> Self {
        self.hooks = hooks;
        self
    }

    /// Has versions that differ.
    pub fn conversion(mut self, conversion: impl Conversion + 'static) -> Self {
        self.conversion = Arc::new(conversion);
        self
    }

    /// Is one that this server itself acts on.
    pub fn settles(mut self) -> Self {
        self.settles = true;
        self
    }
}
