//! What makes namespaces more than names.

mod conditions;
mod deletion;

pub use self::deletion::ContentDeletion;
