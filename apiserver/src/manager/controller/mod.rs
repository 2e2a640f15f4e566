//! Controllers: from changes to calls of reconcile.

pub(super) mod attempts;
mod builder;
pub(super) mod chain;
mod owners;
mod queue;

pub use builder::ControllerBuilder;
