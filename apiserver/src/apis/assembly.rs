//! All kinds over a store, before they are served: whoever decides by stored objects can be given them by now.

use std::sync::Arc;

use super::Apis;
use super::definition::Keeper;
use super::error::BuildError;
use crate::admission::webhook::{Source as WebhookSource, WebhookMetrics, Webhooks};
use crate::admission::{Admission, Chain, Guard, Objects};
use crate::endpoints::{self, Endpoints, Resource};
use crate::kind::{Kind, Verb};
use crate::registry::backend::{self, Backed, Backend};
use crate::registry::object::{Codec, Object};
use crate::registry::reader::{CacheReader, Kept};
use crate::registry::rest::Rest;
use crate::registry::{Parts, Registry};
use crate::storage::Store;
use crate::storage::cache::WatchCache;
use crate::storage::cache::feed::{Feed, Sink};
use crate::versions::{Conversion, SameShape};

/// All kinds with their caches, which fill once they are [served](Self::serve).
pub struct Assembly {
    kinds: Vec<Assembled>,
    objects: Objects,
    admission: Chain,
    webhooks: Vec<Arc<dyn WebhookSource>>,
    webhook_metrics: WebhookMetrics,
    store: Arc<dyn Store>,
    feed: Arc<Feed>,
}

/// A kind, and what it needs to be served.
struct Assembled {
    kind: Arc<Kind>,
    keeper: Keeper,
    conversion: Arc<dyn Conversion>,
    settles: bool,
    subresources: Vec<(usize, endpoints::Handler)>,
    /// Its objects in memory; none where a backend keeps them.
    cache: Option<Arc<WatchCache<Object>>>,
}

impl Assembly {
    pub(super) fn new(apis: Apis, store: Arc<dyn Store>) -> Result<Self, BuildError> {
        let mut kinds: Vec<Assembled> = Vec::new();
        for definition in apis.definitions {
            let kind = definition.kind()?;
            let prefix = kind.storage_prefix();
            if kinds.iter().any(|other| other.kind.storage_prefix() == prefix) {
                return Err(BuildError::Twice { resource: kind.qualified_resource() });
            }
            let subresources = definition.handlers(&kind);
            let conversion = definition.conversion(&kind);
            let stored = matches!(definition.keeper, Keeper::Store(_));
            let codec = || Codec::new(kind.clone(), conversion.clone());
            let cache = stored.then(|| Arc::new(WatchCache::new(prefix, codec())));
            let (keeper, settles) = (definition.keeper, definition.settles);
            kinds.push(Assembled { kind, keeper, conversion, settles, subresources, cache });
        }
        let caches = kinds.iter().filter_map(|one| one.cache.clone());
        let feed = Arc::new(Feed::new(store.clone(), caches.map(|cache| cache as Arc<dyn Sink>).collect()));
        let kept = kinds.iter().filter_map(|one| {
            let (kind, conversion) = (one.kind.clone(), one.conversion.clone());
            Some(Kept { kind, conversion, cache: one.cache.clone()? })
        });
        let objects = Objects::new(Arc::new(CacheReader::new(kept.collect(), store.clone(), feed.clone())));
        Ok(Self {
            kinds,
            admission: apis.admission.reading(objects.clone()),
            objects,
            webhooks: apis.webhooks,
            webhook_metrics: apis.webhook_metrics,
            store,
            feed,
        })
    }

    /// The objects of this server, for those who decide by them.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The objects of a kind that is stored, by its qualified resource, for example `birds.demo.example.com`.
    pub fn cache(&self, resource: &str) -> Option<&Arc<WatchCache<Object>>> {
        self.kinds.iter().find(|one| one.kind.qualified_resource() == resource)?.cache.as_ref()
    }

    /// Where objects are stored.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What fills the caches.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Lets a guard refuse requests by where they go, before all plugins.
    pub fn guard(&mut self, guard: impl Guard) {
        self.admission.push_guard(Box::new(guard));
    }

    /// Asks a plugin before each write, before all others.
    pub fn admission_first(&mut self, plugin: impl Admission) {
        self.admission.insert_first(Box::new(plugin));
    }

    /// Asks a plugin before each write, after all others.
    pub fn admission_last(&mut self, plugin: impl Admission) {
        self.admission.push(Box::new(plugin));
    }

    /// Asks the webhooks of a source before each write, after all plugins and all sources before.
    pub fn webhook_source(&mut self, source: Arc<dyn WebhookSource>) {
        self.webhooks.push(source);
    }

    /// Serves a kind that the library describes and whose objects are not stored: a question and its answer, say.
    ///
    /// # Errors
    /// A kind that is there already.
    pub fn backend<B: Backend>(&mut self, mut kind: Kind, backend: B) -> Result<(), BuildError> {
        if self.kinds.iter().any(|other| other.kind.storage_prefix() == kind.storage_prefix()) {
            return Err(BuildError::Twice { resource: kind.qualified_resource() });
        }
        kind.verbs = Verb::complete(B::VERBS);
        kind.stored = false;
        self.kinds.push(Assembled {
            kind: Arc::new(kind),
            keeper: Keeper::Backend(backend::erase(backend)),
            conversion: Arc::new(SameShape),
            settles: false,
            subresources: Vec::new(),
            cache: None,
        });
        Ok(())
    }

    /// Serves everything, and starts to fill the caches. Must be called in a tokio runtime.
    pub fn serve(self) -> Arc<Endpoints> {
        let mut admission = self.admission;
        for source in self.webhooks {
            admission.push(Box::new(Webhooks::new(source, self.webhook_metrics.clone())));
        }
        let admission = Arc::new(admission);
        let mut resources = Vec::new();
        for Assembled { kind, keeper, conversion, settles, subresources, cache } in self.kinds {
            let rest: Arc<dyn Rest> = match keeper {
                Keeper::Backend(backend) => Arc::new(Backed::new(kind, backend, admission.clone())),
                Keeper::Store(hooks) => Arc::new(Registry::new(Parts {
                    kind,
                    hooks,
                    conversion,
                    admission: admission.clone(),
                    store: self.store.clone(),
                    cache: cache.expect("a cache was made for each kind that is stored"),
                    feed: self.feed.clone(),
                    settles,
                })),
            };
            resources.push(Resource { rest, subresources });
        }
        Arc::new(Endpoints::new(resources, self.feed))
    }
}
