//! What makes a server a system of its own: the kinds of Kubernetes that clients and controllers lean on, and what works
//! behind them. A server that is part of a cluster has none of it, because the cluster has.

mod caller;
mod controllers;
mod expirer;
mod garbage;
mod kinds;
mod namespaces;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use self::controllers::Controllers;
use self::expirer::Expirer;
use self::namespaces::{Caches, NamespaceLifecycle, Namespaces};
use crate::apis::{Apis, BuildError};
use crate::authorization::{AllowAuthenticated, AllowGroups, AllowPaths, Authorization, Authorizer};
use crate::builtin::{self, StoredWebhooks};
use crate::endpoints::Endpoints;
use crate::server::health::Check;
use crate::storage::Store;

/// How a server that stands alone shall be.
#[derive(Clone)]
pub struct Standalone {
    event_ttl: Duration,
    controllers: bool,
    namespace_lifecycle: bool,
}

/// A server that stands alone, as far as it can be without listening. What works in its background ends with it.
pub struct Alone {
    endpoints: Arc<Endpoints>,
    authorization: Authorization,
    controllers: Option<Controllers>,
    namespaces: Option<Namespaces>,
    _expirer: Option<Expirer>,
}

/// How long Events stay, unless told otherwise: as in Kubernetes.
const EVENT_TTL: Duration = Duration::from_secs(3600);

impl Default for Standalone {
    fn default() -> Self {
        Self { event_ttl: EVENT_TTL, controllers: true, namespace_lifecycle: true }
    }
}

impl Standalone {
    /// Deletes Events that nobody has written to for this time; 0 keeps them for ever.
    pub fn event_ttl(mut self, ttl: Duration) -> Self {
        self.event_ttl = ttl;
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
        kinds::install(&mut apis);
        let mut assembly = apis.assemble(store.clone())?;
        if let [Some(mutating), Some(validating)] = builtin::WEBHOOKS.map(|resource| assembly.cache(resource).cloned())
        {
            let namespaces = assembly.cache("namespaces").cloned();
            assembly.webhook_source(Arc::new(StoredWebhooks::new(mutating, validating, namespaces)));
        }
        let caches = ["namespaces", "serviceaccounts"].map(|resource| assembly.cache(resource).cloned());
        if let ([Some(namespaces), _], true) = (&caches, self.namespace_lifecycle) {
            let (store, feed) = (assembly.store().clone(), assembly.feed().clone());
            assembly.guard(NamespaceLifecycle::new(namespaces.clone(), store, feed));
        }
        let authorizers: Vec<Arc<dyn Authorizer>> = vec![
            Arc::new(AllowGroups::masters()),
            Arc::new(AllowPaths::health_and_version()),
            Arc::new(AllowAuthenticated),
        ];
        let expirer = Expirer::start(store, builtin::events().storage_prefix(), self.event_ttl);
        let endpoints = assembly.serve();
        let controllers = self.controllers.then(|| Controllers::start(&endpoints));
        let namespaces = match caches {
            [Some(namespaces), Some(accounts)] => Namespaces::start(&endpoints, Caches { namespaces, accounts }),
            _ => None,
        };
        let authorization = Authorization::new(authorizers);
        Ok(Alone { endpoints, authorization, controllers, namespaces, _expirer: expirer })
    }
}

impl Alone {
    /// What is served.
    pub fn endpoints(&self) -> &Arc<Endpoints> {
        &self.endpoints
    }

    /// Waits until the caches are filled and what is always there has been made: the namespaces of the system.
    pub fn made(&self) -> impl Future<Output = ()> + Send + use<> {
        let (endpoints, made) = (self.endpoints.clone(), self.namespaces.as_ref().map(Namespaces::watch));
        async move {
            endpoints.filled().await;
            if let Some(mut made) = made {
                // The sender is gone when the server is.
                let _ = made.wait_for(|made| *made).await;
            }
        }
    }

    /// The server is ready when what is always there has been made.
    pub fn check(&self) -> Check {
        let made = self.namespaces.as_ref().map(Namespaces::watch);
        // Called as in Kubernetes.
        let check = Check::new("poststarthook/start-system-namespaces-controller", move || {
            let made = made.as_ref().is_none_or(|made| *made.borrow());
            async move { made.then_some(()).ok_or_else(|| "the system's namespaces are not made yet".to_owned()) }
        });
        check.readiness_only()
    }

    /// Who may do what.
    pub fn authorization(&self) -> &Authorization {
        &self.authorization
    }

    /// Lets what works in its background finish what it has begun. Whoever drops it instead cuts that short, which harms
    /// nothing: what is left undone is found at the next start.
    pub async fn stop(self) {
        if let Some(controllers) = self.controllers {
            controllers.stop().await;
        }
    }
}
