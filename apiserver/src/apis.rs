//! What a project serves: its kinds with their strategies, put together into [`Endpoints`].

use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Request, Response};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResourceExt, Resource as _};

use crate::admission::{Admission, Chain, Objects};
use crate::body::{Body, RequestBody};
use crate::builtin;
use crate::endpoints::connect::Connect;
use crate::endpoints::{self, Endpoints, Resource};
use crate::kind::{self, Kind, KindError, KindVersion, Verb, drop_titles, told};
use crate::registry::backend::{self, Backed, Backend, ErasedBackend};
use crate::registry::hooks::{self, Hooks};
use crate::registry::object::Codec;
use crate::registry::reader::{CacheReader, Kept};
use crate::registry::rest::Rest;
use crate::registry::strategy::Strategy;
use crate::registry::subresource::{ServedSubresource, Subresource};
use crate::registry::typed::Typed;
use crate::registry::{Parts, Registry};
use crate::request::info::RequestInfo;
use crate::request::user::UserInfo;
use crate::server::handler::Handler;
use crate::server::metrics::{Counted, Known};
use crate::storage::Store;
use crate::storage::cache::WatchCache;
use crate::storage::cache::feed::{Feed, Sink};
use crate::versions::{Conversion, Conversions, Further, SameShape, Version};

/// The kinds that a server serves.
#[derive(Default)]
pub struct Apis {
    definitions: Vec<Definition>,
    admission: Chain,
}

/// One kind and what belongs to it.
struct Definition {
    crd: CustomResourceDefinition,
    keeper: Keeper,
    /// See [`Strategy::is_native`].
    native: bool,
    subresources: Vec<Own>,
    /// The versions beside the stored one, which are in the CRD as well.
    further: Vec<Further>,
    /// What is wrong with one of them.
    problem: Option<String>,
}

/// Who keeps the objects of a kind.
enum Keeper {
    Store(Arc<dyn Hooks>),
    Backend(Box<dyn ErasedBackend>),
}

/// A subresource of a project's own.
struct Own {
    /// The `apiVersion` of its object; empty where it has none.
    api_version: String,
    verbs: &'static [Verb],
    /// What is wrong with it, where it cannot be served.
    handler: Result<endpoints::Handler, String>,
    name: &'static str,
}

/// A kind that was added, for what belongs to it: `apis.add(BirdStrategy).subresource(Feeding).connect(Song);`
pub struct Added<'a, K> {
    apis: &'a mut Apis,
    kind: PhantomData<fn() -> K>,
}

/// A type that is stored as itself: what [`Added::stored_as`] asks of a strategy.
#[diagnostic::on_unimplemented(
    message = "the strategy is for `{Self}`, and the kind is stored as `{Stored}`",
    label = "this version is not the one that the strategy is for",
    note = "write the strategy for the stored version (`type Object = …`), and conversions between that version and all others"
)]
pub trait StoredAs<Stored> {}

#[diagnostic::do_not_recommend]
impl<K> StoredAs<K> for K {}

/// Why kinds cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A CRD contradicts itself, or its schema cannot be used.
    #[error("a kind cannot be served")]
    Kind(#[from] KindError),
    /// Two strategies for one resource, or two subresources of one name.
    #[error("{resource} is added twice; each kind has one strategy, and each subresource a name of its own")]
    Twice {
        /// The qualified resource, for example `birds.demo.example.com` or `birds.demo.example.com/feeding`.
        resource: String,
    },
    /// A version of a kind does not fit the others.
    #[error("{resource} cannot be served in {problem}")]
    Version {
        /// The qualified resource.
        resource: String,
        /// Which version, and what is wrong with it.
        problem: String,
    },
    /// The list of what is implemented contradicts itself.
    #[error("{resource} cannot be served: {problem}")]
    Verbs {
        /// The qualified resource.
        resource: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Apis {
    /// Serves a kind, with all that its derive says of it.
    pub fn add<S: Strategy>(&mut self, strategy: S) -> Added<'_, S::Object> {
        let mut crd = S::Object::crd();
        drop_titles(&mut crd);
        let native = strategy.is_native();
        let versions = strategy.versions();
        self.define(crd, Keeper::Store(hooks::erase(strategy)));
        let mut added = Added { apis: self, kind: PhantomData };
        added.definition().native = native;
        versions.into_iter().fold(added, Added::version)
    }

    /// Serves a kind whose objects the project keeps itself. It is no CRD: [`crds`](Self::crds) leaves it out.
    pub fn add_backend<B: Backend>(&mut self, backend: B) -> Added<'_, B::Object> {
        let mut crd = B::Object::crd();
        drop_titles(&mut crd);
        self.define(crd, Keeper::Backend(backend::erase(backend)));
        Added { apis: self, kind: PhantomData }
    }

    /// Serves a kind that is known only by its CRD: it behaves as it would in a cluster, and no hook is called.
    pub fn crd(&mut self, crd: CustomResourceDefinition) -> &mut Self {
        self.define(crd, Keeper::Store(hooks::none()));
        self
    }

    /// Asks a plugin before each write, after those that were added earlier.
    pub fn admission(&mut self, plugin: impl Admission) -> &mut Self {
        self.admission.push(Box::new(plugin));
        self
    }

    /// The CRDs of all kinds that are stored, in the order in which they were added.
    pub fn crds(&self) -> Vec<CustomResourceDefinition> {
        let stored = self.definitions.iter().filter(|definition| matches!(definition.keeper, Keeper::Store(_)));
        stored.map(|definition| definition.crd.clone()).collect()
    }

    /// The kinds, read from their CRDs, with what a server that stands alone serves beside them.
    ///
    /// # Errors
    /// Kinds and subresources that cannot be served.
    pub fn kinds(&self, standalone: bool) -> Result<Vec<Arc<Kind>>, BuildError> {
        let mut kinds = Vec::new();
        for definition in &self.definitions {
            kinds.push(Arc::new(definition.kind()?));
        }
        if standalone {
            kinds.push(Arc::new(builtin::events()));
        }
        Ok(kinds)
    }

    /// The kinds that are stored, each with what turns its objects from one version into another.
    ///
    /// # Errors
    /// Kinds that cannot be served.
    pub fn conversions(&self) -> Result<Vec<(Arc<Kind>, Arc<dyn Conversion>)>, BuildError> {
        let stored = self.definitions.iter().filter(|definition| matches!(definition.keeper, Keeper::Store(_)));
        stored
            .map(|definition| {
                let kind = Arc::new(definition.kind()?);
                let conversion = definition.conversion(&kind);
                Ok((kind, conversion))
            })
            .collect()
    }

    /// Puts everything together over a store and starts to fill the caches. Must be called in a tokio runtime.
    /// `standalone` adds what a server without a cluster needs: Events.
    ///
    /// # Errors
    /// Kinds and subresources that cannot be served, a kind that was added twice.
    pub fn build(self, store: Arc<dyn Store>, standalone: bool) -> Result<Arc<Endpoints>, BuildError> {
        let mut sources: Vec<Source> = Vec::new();
        for definition in self.definitions {
            let kind = Arc::new(definition.kind()?);
            let subresources = definition.handlers(&kind);
            let conversion = definition.conversion(&kind);
            sources.push(Source { kind, keeper: definition.keeper, conversion, subresources });
        }
        if standalone {
            sources.push(Source {
                kind: Arc::new(builtin::events()),
                keeper: Keeper::Store(hooks::permissive()),
                conversion: Arc::new(builtin::EventShapes),
                subresources: Vec::new(),
            });
        }
        let mut prefixes: Vec<String> = Vec::new();
        for source in &sources {
            let prefix = source.kind.storage_prefix();
            if prefixes.contains(&prefix) {
                return Err(BuildError::Twice { resource: source.kind.qualified_resource() });
            }
            prefixes.push(prefix);
        }
        let stored = sources.iter().filter(|source| matches!(source.keeper, Keeper::Store(_)));
        let mut caches: VecDeque<Arc<WatchCache<_>>> = stored
            .map(|source| {
                let codec = Codec::new(source.kind.clone(), source.conversion.clone());
                Arc::new(WatchCache::new(source.kind.storage_prefix(), codec))
            })
            .collect();
        let sinks = caches.iter().map(|cache| cache.clone() as Arc<dyn Sink>).collect();
        let feed = Arc::new(Feed::new(store.clone(), sinks));
        let stored = sources.iter().filter(|source| matches!(source.keeper, Keeper::Store(_)));
        let kept = stored.zip(&caches).map(|(source, cache)| {
            let (kind, conversion) = (source.kind.clone(), source.conversion.clone());
            Kept { kind, conversion, cache: cache.clone() }
        });
        let reader = CacheReader::new(kept.collect(), store.clone(), feed.clone());
        let admission = Arc::new(self.admission.reading(Objects::new(Arc::new(reader))));
        let mut resources = Vec::new();
        for Source { kind, keeper, conversion, subresources } in sources {
            let rest: Arc<dyn Rest> = match keeper {
                Keeper::Backend(backend) => Arc::new(Backed::new(kind, backend, admission.clone())),
                Keeper::Store(hooks) => Arc::new(Registry::new(Parts {
                    kind,
                    hooks,
                    conversion,
                    admission: admission.clone(),
                    store: store.clone(),
                    cache: caches.pop_front().expect("a cache was made for each kind that is stored"),
                    feed: feed.clone(),
                })),
            };
            resources.push(Resource { rest, subresources });
        }
        Ok(Arc::new(Endpoints::new(resources, feed, standalone)))
    }

    fn define(&mut self, crd: CustomResourceDefinition, keeper: Keeper) {
        self.definitions.push(Definition {
            crd,
            keeper,
            native: false,
            subresources: Vec::new(),
            further: Vec::new(),
            problem: None,
        });
    }
}

impl<'a, K> Added<'a, K> {
    /// Says which version is stored: that of the strategy's type. It changes nothing; while a project moves on to another
    /// version, it keeps the two from being mistaken for each other.
    pub fn stored_as<Stored>(self) -> Added<'a, Stored>
    where
        K: StoredAs<Stored>,
    {
        // Of the type that is named here, so that a strategy for another version is one error, and not one for each version.
        Added { apis: self.apis, kind: PhantomData }
    }

    /// Serves the kind in a further version, beside those that its strategy declares.
    pub fn version(mut self, version: Version<K>) -> Self {
        let definition = self.definition();
        let further = version.into_further();
        if let Err(problem) = further.add_to(&mut definition.crd) {
            definition.problem.get_or_insert_with(|| format!("{}: {problem}", further.name()));
        }
        definition.further.push(further);
        self
    }

    fn definition(&mut self) -> &mut Definition {
        self.apis.definitions.last_mut().expect("made by adding a kind")
    }
}

impl<'a, K: Typed> Added<'a, K> {
    /// Serves a subresource with an object of its own.
    pub fn subresource<S: Subresource<Parent = K>>(mut self, subresource: S) -> Self {
        let definition = self.definition();
        let handler = ServedSubresource::new(subresource, definition.crd.spec.scope == "Namespaced");
        definition.subresources.push(Own {
            api_version: S::Object::api_version(&()).into_owned(),
            verbs: S::VERBS,
            handler: handler
                .map(|served| endpoints::Handler::Object(S::NAME, Arc::new(served)))
                .map_err(|error| told(&error)),
            name: S::NAME,
        });
        self
    }

    /// Serves a subresource that owns its answers.
    pub fn connect<C: Connect<Parent = K>>(mut self, connect: C) -> Self {
        let handler = Ok(endpoints::Handler::Connect(Arc::new(connect)));
        self.definition().subresources.push(Own { api_version: String::new(), verbs: &[], handler, name: C::NAME });
        self
    }

    /// See [`Apis::add`].
    #[expect(clippy::should_implement_trait, reason = "it adds to a server, and not two things to each other")]
    pub fn add<S: Strategy>(self, strategy: S) -> Added<'a, S::Object> {
        self.apis.add(strategy)
    }

    /// See [`Apis::crd`].
    pub fn crd(self, crd: CustomResourceDefinition) -> &'a mut Apis {
        self.apis.crd(crd)
    }

    /// See [`Apis::admission`].
    pub fn admission(self, plugin: impl Admission) -> &'a mut Apis {
        self.apis.admission(plugin)
    }

    /// See [`Apis::add_backend`].
    pub fn add_backend<B: Backend>(self, backend: B) -> Added<'a, B::Object> {
        self.apis.add_backend(backend)
    }
}

impl Definition {
    /// The kind, with all that belongs to it.
    fn kind(&self) -> Result<Kind, BuildError> {
        let mut kind = Kind::from_crd(&self.crd)?;
        if self.native {
            kind.make_native(&self.crd);
        }
        let shapes_differ =
            matches!(self.keeper, Keeper::Backend(_)) && self.further.iter().any(Further::has_own_shape);
        let stored_only = || "another version of another shape: only kinds that the server stores have such".to_owned();
        if let Some(problem) = self.problem.clone().or_else(|| shapes_differ.then(stored_only)) {
            return Err(BuildError::Version { resource: kind.qualified_resource(), problem });
        }
        if let Keeper::Backend(backend) = &self.keeper {
            let resource = kind.qualified_resource();
            let problem = |problem: &str| BuildError::Verbs {
                resource: resource.clone(),
                problem: format!("the list of its verbs is not complete: {problem}"),
            };
            let own = backend.verbs();
            let has = |verb| own.contains(&verb);
            if (has(Verb::Update) || has(Verb::Delete)) && !has(Verb::Get) {
                return Err(problem("Update and Delete need Get"));
            }
            if has(Verb::Watch) && !has(Verb::List) {
                return Err(problem("Watch needs List"));
            }
            if own.is_empty() || has(Verb::Patch) || has(Verb::DeleteCollection) {
                return Err(problem("name what is implemented; Patch and DeleteCollection follow from that"));
            }
            if !has(Verb::Get) {
                if !self.subresources.is_empty() {
                    return Err(problem("subresources need Get"));
                }
                // What cannot be read has no parts that could be.
                for version in &mut kind.versions {
                    version.status = false;
                    version.scale = None;
                }
            }
            kind.verbs = Verb::complete(own);
            kind.stored = false;
        }
        let resource = kind.qualified_resource();
        for (index, own) in self.subresources.iter().enumerate() {
            own.check(&resource)?;
            let same = |other: &Own| {
                other.name == own.name
                    && (other.api_version == own.api_version
                        || other.api_version.is_empty()
                        || own.api_version.is_empty())
            };
            let declared = kind.versions.iter().any(|version| match own.name {
                "status" => version.status,
                "scale" => version.scale.is_some(),
                _ => false,
            });
            if declared || self.subresources[..index].iter().any(same) {
                return Err(BuildError::Twice { resource: format!("{resource}/{}", own.name) });
            }
        }
        for version in &mut kind.versions {
            let api_version = version.api_version();
            let own = self.of_version(&api_version);
            version.subresources = own.iter().filter_map(|own| Some(describe(own.handler.as_ref().ok()?))).collect();
        }
        Ok(kind)
    }

    /// The subresources that a version has, sorted by name: of several that share a name the one whose object is of this
    /// version, or else the first.
    fn of_version(&self, api_version: &str) -> Vec<&Own> {
        let mut found: BTreeMap<&str, &Own> = BTreeMap::new();
        for own in &self.subresources {
            let fits = own.api_version == api_version;
            found
                .entry(own.name)
                .and_modify(|first| {
                    if fits {
                        *first = own
                    }
                })
                .or_insert(own);
        }
        found.into_values().collect()
    }

    fn conversion(&self, kind: &Arc<Kind>) -> Arc<dyn Conversion> {
        if self.further.iter().any(Further::has_own_shape) {
            Arc::new(Conversions::new(kind.clone(), &self.further))
        } else {
            Arc::new(SameShape)
        }
    }

    fn handlers(&self, kind: &Kind) -> Vec<(usize, endpoints::Handler)> {
        let versions = kind.versions.iter().enumerate();
        let of = |(index, version): (usize, &KindVersion)| {
            let own = self.of_version(&version.api_version()).into_iter();
            own.filter_map(|own| own.handler.as_ref().ok().cloned()).map(|handler| (index, handler)).collect::<Vec<_>>()
        };
        versions.flat_map(of).collect()
    }
}

impl Own {
    fn check(&self, resource: &str) -> Result<(), BuildError> {
        let refuse = |problem: &str| {
            Err(BuildError::Verbs { resource: format!("{resource}/{}", self.name), problem: problem.to_owned() })
        };
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || !self.name.bytes().all(letter) {
            return refuse("the name of a subresource is of lower-case letters, digits and dashes");
        }
        match &self.handler {
            Err(error) => refuse(error),
            Ok(endpoints::Handler::Connect(connect)) => {
                let known = |method: &&Method| Verb::of_method(method).is_some();
                if connect.methods().is_empty() || !connect.methods().iter().all(|method| known(&method)) {
                    return refuse("its methods are some of GET, POST, PUT, PATCH and DELETE");
                }
                Ok(())
            }
            Ok(endpoints::Handler::Object(..)) => {
                let known = |verb: &Verb| matches!(verb, Verb::Get | Verb::Create | Verb::Update);
                if self.verbs.is_empty() || !self.verbs.iter().all(known) {
                    return refuse("its verbs are some of Get, Create and Update; Patch follows from Get and Update");
                }
                Ok(())
            }
        }
    }
}

fn describe(handler: &endpoints::Handler) -> kind::Subresource {
    match handler {
        endpoints::Handler::Object(name, served) => kind::Subresource {
            name: (*name).to_owned(),
            verbs: served.verbs().to_vec(),
            object: Some(served.kind().clone()),
            methods: Vec::new(),
        },
        endpoints::Handler::Connect(connect) => {
            let mut verbs: Vec<Verb> = connect.methods().iter().filter_map(Verb::of_method).collect();
            verbs.sort();
            verbs.dedup();
            let methods = connect.methods().to_vec();
            kind::Subresource { name: connect.name().to_owned(), verbs, object: None, methods }
        }
    }
}

struct Source {
    kind: Arc<Kind>,
    keeper: Keeper,
    conversion: Arc<dyn Conversion>,
    subresources: Vec<(usize, endpoints::Handler)>,
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
        self.sessions_ended().await;
    }

    fn knows(&self, info: &RequestInfo) -> Known {
        match Self::serves(self, info) {
            false => Known::Unknown,
            true if Self::is_deprecated(self, info) => Known::Deprecated,
            true => Known::Served,
        }
    }

    fn is_long_running(&self, info: &RequestInfo) -> bool {
        Self::is_long_running(self, info)
    }

    fn paths(&self) -> Vec<String> {
        Self::paths(self)
    }

    fn counted(&self) -> Counted {
        Counted {
            stored_objects: Self::stored_objects(self),
            stored_versions: Self::stored_versions(self),
            watch_events: Self::watch_events(self),
        }
    }
}
