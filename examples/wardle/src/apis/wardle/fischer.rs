//! How the server treats every Fischer on its way into storage.

use apiserver::Strategy;

use super::v1alpha1::fischer::Fischer;

/// The hooks of Fischer: what every kind does, and nothing more.
pub struct FischerStrategy;

impl Strategy for FischerStrategy {
    type Object = Fischer;

    fn is_native(&self) -> bool {
        true
    }
}
