//! What makes a server a system of its own: the kinds of Kubernetes that clients and controllers lean on, and what works
//! behind them. A server that is part of a cluster has none of it, because the cluster has.

mod expirer;
mod kinds;

use std::sync::Arc;
use std::time::Duration;

use self::expirer::Expirer;
use crate::apis::{Apis, BuildError};
use crate::authorization::{AllowAuthenticated, AllowGroups, AllowPaths, Authorization, Authorizer};
use crate::builtin::{self, StoredWebhooks};
use crate::endpoints::Endpoints;
use crate::storage::Store;

/// How a server that stands alone shall be.
#[derive(Clone)]
pub struct Standalone {
    event_ttl: Duration,
}

/// A server that stands alone, as far as it can be without listening. What works in its background ends with it.
pub struct Alone {
    endpoints: Arc<Endpoints>,
    authorization: Authorization,
    _expirer: Option<Expirer>,
}

/// How long Events stay, unless told otherwise: as in Kubernetes.
const EVENT_TTL: Duration = Duration::from_secs(3600);

impl Default for Standalone {
    fn default() -> Self {
        Self { event_ttl: EVENT_TTL }
    }
}

impl Standalone {
    /// Deletes Events that nobody has written to for this time; 0 keeps them for ever.
    pub fn event_ttl(mut self, ttl: Duration) -> Self {
        self.event_ttl = ttl;
        self
    }

    /// Serves the kinds and what belongs to a system over a store. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// Kinds that cannot be served, or that are there already.
    pub fn start(self, mut apis: Apis, store: Arc<dyn Store>) -> Result<Alone, BuildError> {
        kinds::install(&mut apis);
        let mut assembly = apis.assemble(store.clone())?;
        if let [Some(mutating), Some(validating)] = builtin::WEBHOOKS.map(|resource| assembly.cache(resource).cloned())
        {
            assembly.webhook_source(Arc::new(StoredWebhooks::new(mutating, validating)));
        }
        assembly.answer_for_namespaces();
        let authorizers: Vec<Arc<dyn Authorizer>> = vec![
            Arc::new(AllowGroups::masters()),
            Arc::new(AllowPaths::health_and_version()),
            Arc::new(AllowAuthenticated),
        ];
        let expirer = Expirer::start(store, builtin::events().storage_prefix(), self.event_ttl);
        Ok(Alone { endpoints: assembly.serve(), authorization: Authorization::new(authorizers), _expirer: expirer })
    }
}

impl Alone {
    /// What is served.
    pub fn endpoints(&self) -> &Arc<Endpoints> {
        &self.endpoints
    }

    /// Who may do what.
    pub fn authorization(&self) -> &Authorization {
        &self.authorization
    }
}
