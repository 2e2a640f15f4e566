//! Handing objects to the store, in the form in which they are kept.

use super::Registry;
use super::object::Encoded;
use crate::storage::{Revision, WriteError};

impl Registry {
    /// Stores an object where there is none.
    pub(super) async fn store_new(&self, key: &str, object: &Encoded) -> Result<Revision, WriteError> {
        self.codec().writes(key, object);
        let written = self.store.create(key, object.bytes.clone()).await;
        self.wrote(key, written)
    }

    /// Stores an object in place of the one that was written at a revision.
    pub(super) async fn store_next(&self, key: &str, object: &Encoded, old: Revision) -> Result<Revision, WriteError> {
        self.codec().writes(key, object);
        let written = self.store.update(key, object.bytes.clone(), old).await;
        self.wrote(key, written)
    }

    fn wrote(&self, key: &str, written: Result<Revision, WriteError>) -> Result<Revision, WriteError> {
        if written.is_err() {
            self.codec().wrote_nothing(key);
        }
        written
    }
}
