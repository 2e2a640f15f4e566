//! What makes a server a system of its own: the kinds of Kubernetes that clients and controllers lean on, and what works
//! behind them. A server that is part of a cluster has none of it, because the cluster has.

pub mod access;
mod caller;
mod controllers;
mod expirer;
mod garbage;
mod kinds;
mod namespaces;
mod queue;
mod reviews;
mod services;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use self::access::{Access, Bootstrap, Installed};
use self::controllers::Controllers;
use self::expirer::Expirer;
use self::namespaces::{Caches, NamespaceLifecycle, Namespaces};
use self::services::NoServices;
use crate::apis::{Apis, BuildError};
use crate::authentication::BearerTokens;
use crate::authorization::Authorization;
use crate::builtin::{self, StoredWebhooks};
use crate::endpoints::Endpoints;
use crate::server::health::Check;
use crate::storage::Store;

/// How a server that stands alone shall be.
#[derive(Clone)]
pub struct Standalone {
    event_ttl: Duration,
    access: Access,
    controllers: bool,
    namespace_lifecycle: bool,
}

/// A server that stands alone, as far as it can be without listening. What works in its background ends with it.
pub struct Alone {
    endpoints: Arc<Endpoints>,
    authorization: Authorization,
    tokens: BearerTokens,
    bootstrap: Option<Bootstrap>,
    controllers: Option<Controllers>,
    namespaces: Option<Namespaces>,
    _expirer: Option<Expirer>,
}

/// How long Events stay, unless told otherwise: as in Kubernetes.
const EVENT_TTL: Duration = Duration::from_secs(3600);

impl Default for Standalone {
    fn default() -> Self {
        Self { event_ttl: EVENT_TTL, controllers: true, namespace_lifecycle: true, access: Access::default() }
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

    /// Leaves what a deletion leaves: what a deleted object owned stays, and so does a namespace that is being deleted.
    /// Another system, or nobody, takes care of it.
    pub fn without_controllers(mut self) -> Self {
        self.controllers = false;
        self
    }

    /// Whether objects can be created only in namespaces that are there; true unless told.
    pub fn namespace_lifecycle(mut self, enabled: bool) -> Self {
        self.namespace_lifecycle = enabled;
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
            let namespaces = assembly.cache("namespaces").cloned();
            assembly.webhook_source(Arc::new(StoredWebhooks::new(mutating, validating, namespaces)));
        }
        // Whoever serves Services of their own, as tests of controllers do, has them.
        if assembly.cache("services").is_none() {
            assembly.backend(services::kind(), NoServices)?;
        }
        let caches = ["namespaces", "serviceaccounts"].map(|resource| assembly.cache(resource).cloned());
        if let ([Some(namespaces), _], true) = (&caches, self.namespace_lifecycle) {
            let (store, feed) = (assembly.store().clone(), assembly.feed().clone());
            assembly.guard(NamespaceLifecycle::new(namespaces.clone(), store, feed));
        }
        let Installed { authorization, tokens, roles } = access.install(&mut assembly)?;
        let expirer = Expirer::start(store, builtin::events().storage_prefix(), self.event_ttl);
        let endpoints = assembly.serve();
        let controllers = self.controllers.then(|| Controllers::start(&endpoints));
        let namespaces = match caches {
            [Some(namespaces), Some(accounts)] => Namespaces::start(&endpoints, Caches { namespaces, accounts }),
            _ => None,
        };
        let bootstrap = roles.and_then(|roles| Bootstrap::start(&endpoints, roles));
        Ok(Alone { endpoints, authorization, tokens, bootstrap, controllers, namespaces, _expirer: expirer })
    }
}

impl Alone {
    /// What is served.
    pub fn endpoints(&self) -> &Arc<Endpoints> {
        &self.endpoints
    }

    /// Waits until the caches are filled and what is always there has been made: the namespaces of the system, and its
    /// roles where these say who may do what.
    pub fn made(&self) -> impl Future<Output = ()> + Send + use<> {
        let endpoints = self.endpoints.clone();
        let made = [self.namespaces.as_ref().map(Namespaces::watch), self.bootstrap.as_ref().map(Bootstrap::watch)];
        async move {
            endpoints.filled().await;
            for mut made in made.into_iter().flatten() {
                // The sender is gone when the server is.
                let _ = made.wait_for(|made| *made).await;
            }
        }
    }

    /// The server is ready when what is always there has been made.
    pub fn checks(&self) -> [Check; 2] {
        let check = |name, made: Option<watch::Receiver<bool>>, missing: &'static str| {
            let check = Check::new(name, move || {
                let made = made.as_ref().is_none_or(|made| *made.borrow());
                async move { made.then_some(()).ok_or_else(|| missing.to_owned()) }
            });
            check.readiness_only()
        };
        // Called as in Kubernetes.
        [
            check(
                "poststarthook/start-system-namespaces-controller",
                self.namespaces.as_ref().map(Namespaces::watch),
                "the system's namespaces are not made yet",
            ),
            check(
                "poststarthook/rbac/bootstrap-roles",
                self.bootstrap.as_ref().map(Bootstrap::watch),
                "the system's roles are not made yet",
            ),
        ]
    }

    /// Who may do what.
    pub fn authorization(&self) -> &Authorization {
        &self.authorization
    }

    /// Whose tokens are whose.
    pub fn tokens(&self) -> &BearerTokens {
        &self.tokens
    }

    /// Lets what works in its background finish what it has begun. Whoever drops it instead cuts that short, which harms
    /// nothing: what is left undone is found at the next start.
    pub async fn stop(self) {
        if let Some(controllers) = self.controllers {
            controllers.stop().await;
        }
    }
}
