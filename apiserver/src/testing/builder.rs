//! A test server with a store or rights of one's own.

use std::sync::Arc;

use super::TestServer;
use crate::apis::Apis;
use crate::storage::Store;
use crate::storage::memory::MemoryStore;

/// How a [`TestServer`] shall be; made by [`TestServer::builder`].
#[must_use = "nothing is started yet"]
pub struct TestServerBuilder {
    pub(super) store: Arc<dyn Store>,
    pub(super) standalone: bool,
    pub(super) controllers: bool,
}

impl Default for TestServerBuilder {
    fn default() -> Self {
        Self { store: Arc::new(MemoryStore::default()), standalone: true, controllers: true }
    }
}

impl TestServerBuilder {
    /// Keeps its objects there. In memory unless told.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// The same, for a store that outlives the server.
    pub fn shared_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = store;
        self
    }

    /// Serves only what is installed, and lets in only the group `system:masters`, as a server without `--standalone`
    /// does while no cluster tells it who may do what.
    pub fn behind_a_cluster(mut self) -> Self {
        self.standalone = false;
        self
    }

    /// Leaves what a deletion leaves, as an API server does whose controllers are elsewhere: what a deleted object owned,
    /// and what is in a namespace that is being deleted.
    pub fn without_controllers(mut self) -> Self {
        self.controllers = false;
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    /// If the kinds cannot be served; the message says why.
    pub async fn start(self, install: impl FnOnce(&mut Apis)) -> TestServer {
        TestServer::start_as(self, install).await
    }
}
