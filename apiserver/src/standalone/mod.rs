//! What makes a server a system of its own: the kinds of Kubernetes that clients and controllers lean on, and what works
//! behind them. A server that is part of a cluster has none of it, because the cluster has.

pub mod access;
mod expirer;
mod kinds;
mod reviews;

use std::sync::Arc;
use std::time::Duration;

use self::access::{Access, Bootstrap, Installed};
use self::expirer::Expirer;
use crate::apis::{Apis, BuildError};
use crate::authentication::BearerTokens;
use crate::authorization::Authorization;
use crate::builtin::{self, StoredWebhooks};
use crate::endpoints::Endpoints;
use crate::storage::Store;

/// How a server that stands alone shall be.
#[derive(Clone)]
pub struct Standalone {
    event_ttl: Duration,
    access: Access,
}

/// A server that stands alone, as far as it can be without listening. What works in its background ends with it.
pub struct Alone {
    endpoints: Arc<Endpoints>,
    authorization: Authorization,
    tokens: BearerTokens,
    bootstrap: Option<Bootstrap>,
    _expirer: Option<Expirer>,
}

/// How long Events stay, unless told otherwise: as in Kubernetes.
const EVENT_TTL: Duration = Duration::from_secs(3600);

impl Default for Standalone {
    fn default() -> Self {
        Self { event_ttl: EVENT_TTL, access: Access::default() }
    }
}

impl Standalone {
    /// Deletes Events that nobody has written to for this time; 0 keeps them for ever.
    pub fn event_ttl(mut self, ttl: Duration) -> Self {
        self.event_ttl = ttl;
        self
    }

    /// Knows users so, and lets them do what this says. Unless told, everyone who says who they are may do everything.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Serves the kinds and what belongs to a system over a store. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// Kinds that cannot be served, or that are there already.
    pub fn start(self, mut apis: Apis, store: Arc<dyn Store>) -> Result<Alone, BuildError> {
        let access = self.access.prepare()?;
        kinds::install(&mut apis, &access);
        let mut assembly = apis.assemble(store.clone())?;
        if let [Some(mutating), Some(validating)] = builtin::WEBHOOKS.map(|resource| assembly.cache(resource).cloned())
        {
            assembly.webhook_source(Arc::new(StoredWebhooks::new(mutating, validating)));
        }
        assembly.answer_for_namespaces();
        let Installed { authorization, tokens, roles } = access.install(&mut assembly)?;
        let expirer = Expirer::start(store, builtin::events().storage_prefix(), self.event_ttl);
        let endpoints = assembly.serve();
        let bootstrap = roles.and_then(|roles| Bootstrap::start(&endpoints, roles));
        Ok(Alone { endpoints, authorization, tokens, bootstrap, _expirer: expirer })
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

    /// Whose tokens are whose.
    pub fn tokens(&self) -> &BearerTokens {
        &self.tokens
    }

    /// Waits until everything is there that is there from the start.
    pub fn started(&self) -> impl Future<Output = ()> + Send + use<> {
        let done = self.bootstrap.as_ref().map(Bootstrap::done);
        async move {
            if let Some(mut done) = done {
                // An error is a server that has stopped, for which nobody needs to wait.
                let _ = done.wait_for(|done| *done).await;
            }
        }
    }
}
