//! The second round of the chain, after plugins have changed what earlier ones have seen already.

use std::any::{Any, TypeId};
use std::collections::HashMap;

/// Whether the chain runs a second time, and what plugins remember of the first.
#[derive(Default)]
pub struct Reinvocation {
    second: bool,
    requested: bool,
    values: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

impl Reinvocation {
    /// Whether this is the second round.
    pub fn is_reinvoked(&self) -> bool {
        self.second
    }

    /// Asks for a second round. There is no third.
    pub fn request(&mut self) {
        self.requested = true;
    }

    /// What a plugin keeps from one round to the next, in a type of its own.
    pub fn value<T: Any + Default + Send + Sync>(&mut self) -> &mut T {
        let value = self.values.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        value.downcast_mut().expect("kept under its type")
    }

    /// Whether there is to be a second round, which begins.
    pub(super) fn begin_second_round(&mut self) -> bool {
        let begins = self.requested && !self.second;
        self.second = true;
        begins
    }
}
