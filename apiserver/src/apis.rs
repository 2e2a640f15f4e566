//! What a project serves: its kinds with their strategies, put together into [`Endpoints`].

use std::sync::Arc;

use async_trait::async_trait;
use http::{Request, Response};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use crate::admission::{Admission, Chain};
use crate::body::{Body, RequestBody};
use crate::builtin;
use crate::endpoints::Endpoints;
use crate::kind::{Kind, KindError};
use crate::registry::hooks::{self, Hooks};
use crate::registry::object::Codec;
use crate::registry::strategy::Strategy;
use crate::registry::{Parts, Registry};
use crate::request::info::RequestInfo;
use crate::request::user::UserInfo;
use crate::server::handler::Handler;
use crate::server::metrics::{Counted, Known};
use crate::storage::Store;
use crate::storage::cache::WatchCache;
use crate::storage::cache::feed::{Feed, Sink};
use crate::versions::{Conversion, SameShape};

/// The kinds that a server serves.
#[derive(Default)]
pub struct Apis {
    definitions: Vec<(CustomResourceDefinition, Arc<dyn Hooks>)>,
    admission: Chain,
}

/// Why kinds cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A CRD contradicts itself, or its schema cannot be used.
    #[error("a kind cannot be served")]
    Kind(#[from] KindError),
    /// Two strategies for one resource.
    #[error("{resource} is added twice; each kind has one strategy")]
    Twice {
        /// The qualified resource, for example `birds.demo.example.com`.
        resource: String,
    },
}

impl Apis {
    /// Serves a kind, with all that its derive says of it.
    pub fn add<S: Strategy>(&mut self, strategy: S) -> &mut Self {
        let mut crd = S::Object::crd();
        drop_titles(&mut crd);
        strategy.versions().into_iter().for_each(|version| version.add_to(&mut crd));
        self.definitions.push((crd, hooks::erase(strategy)));
        self
    }

    /// Serves a kind that is known only by its CRD: it behaves as it would in a cluster, and no hook is called.
    pub fn crd(&mut self, crd: CustomResourceDefinition) -> &mut Self {
        self.definitions.push((crd, hooks::none()));
        self
    }

    /// Asks a plugin before each write, after those that were added earlier.
    pub fn admission(&mut self, plugin: impl Admission) -> &mut Self {
        self.admission.0.push(Box::new(plugin));
        self
    }

    /// The CRDs of all kinds, in the order in which they were added.
    pub fn crds(&self) -> Vec<CustomResourceDefinition> {
        self.definitions.iter().map(|(crd, _)| crd.clone()).collect()
    }

    /// The kinds, read from their CRDs, with what a server that stands alone serves beside them.
    ///
    /// # Errors
    /// A CRD that cannot be served.
    pub fn kinds(&self, standalone: bool) -> Result<Vec<Arc<Kind>>, BuildError> {
        let mut kinds = Vec::new();
        for (crd, _) in &self.definitions {
            kinds.push(Arc::new(Kind::from_crd(crd)?));
        }
        if standalone {
            kinds.push(Arc::new(builtin::events()));
        }
        Ok(kinds)
    }

    /// Puts everything together over a store and starts to fill the caches. Must be called in a tokio runtime.
    /// `standalone` adds what a server without a cluster needs: Events.
    ///
    /// # Errors
    /// CRDs that cannot be served, a kind that was added twice.
    pub fn build(self, store: Arc<dyn Store>, standalone: bool) -> Result<Arc<Endpoints>, BuildError> {
        let mut sources: Vec<Source> = Vec::new();
        for (crd, hooks) in self.definitions {
            let kind = Arc::new(Kind::from_crd(&crd)?);
            sources.push(Source { kind, hooks, conversion: Arc::new(SameShape) });
        }
        if standalone {
            let kind = Arc::new(builtin::events());
            sources.push(Source { kind, hooks: hooks::permissive(), conversion: Arc::new(builtin::EventShapes) });
        }
        let mut prefixes: Vec<String> = Vec::new();
        for source in &sources {
            let prefix = source.kind.storage_prefix();
            if prefixes.contains(&prefix) {
                return Err(BuildError::Twice { resource: source.kind.qualified_resource() });
            }
            prefixes.push(prefix);
        }
        let admission = Arc::new(self.admission);
        let caches: Vec<Arc<WatchCache<_>>> = sources
            .iter()
            .map(|source| {
                let codec = Codec::new(source.kind.clone(), source.conversion.clone());
                Arc::new(WatchCache::new(source.kind.storage_prefix(), codec))
            })
            .collect();
        let sinks = caches.iter().map(|cache| cache.clone() as Arc<dyn Sink>).collect();
        let feed = Arc::new(Feed::new(store.clone(), sinks));
        let registries = sources.into_iter().zip(caches).map(|(source, cache)| {
            Arc::new(Registry::new(Parts {
                kind: source.kind,
                hooks: source.hooks,
                conversion: source.conversion,
                admission: admission.clone(),
                store: store.clone(),
                cache,
                feed: feed.clone(),
            }))
        });
        Ok(Arc::new(Endpoints::new(registries.collect(), feed.clone(), standalone)))
    }
}

/// schemars calls the schema of each kind after its type. That says nothing, and clients would see it in OpenAPI.
fn drop_titles(crd: &mut CustomResourceDefinition) {
    let kind = &crd.spec.names.kind;
    for version in &mut crd.spec.versions {
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        if let Some(schema) = schema.filter(|schema| schema.title.as_ref() == Some(kind)) {
            schema.title = None;
        }
    }
}

struct Source {
    kind: Arc<Kind>,
    hooks: Arc<dyn Hooks>,
    conversion: Arc<dyn Conversion>,
}

#[async_trait]
impl Handler for Endpoints {
    async fn handle(&self, info: &RequestInfo, user: &UserInfo, request: Request<RequestBody>) -> Response<Body> {
        Self::handle(self, info, user, request).await
    }

    async fn ready(&self) -> Result<(), String> {
        Self::ready(self)
    }

    async fn shutdown(&self) {
        Self::shutdown(self);
    }

    fn knows(&self, info: &RequestInfo) -> Known {
        match Self::serves(self, info) {
            false => Known::Unknown,
            true if Self::is_deprecated(self, info) => Known::Deprecated,
            true => Known::Served,
        }
    }

    fn paths(&self) -> Vec<String> {
        Self::paths(self)
    }

    fn counted(&self) -> Counted {
        Counted { stored_objects: Self::stored_objects(self), watch_events: Self::watch_events(self) }
    }
}
