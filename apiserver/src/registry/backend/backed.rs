//! A kind over a backend: what the registry does for kinds that are stored.
//!
//! Finalizers work where the backend keeps them. Generations and status are the backend's own; a status that is a
//! subresource is written there alone, as everywhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::watching::BackedWatch;
use super::{ErasedBackend, Filter, page};
use crate::admission::{Chain, Operation};
use crate::apply::{self, FieldManager};
use crate::field::{self, labels};
use crate::kind::{Kind, KindVersion, Verb};
use crate::registry::admit::{Asked, target};
use crate::registry::delete::{self, DeleteOptions, Deletion};
use crate::registry::error::Error;
use crate::registry::list::{ListQuery, Listing};
use crate::registry::metadata::{self, owners, validation};
use crate::registry::object::{Codec, Object};
use crate::registry::read::Freshness;
use crate::registry::rest::{Rest, Watching};
use crate::registry::selector::Selector;
use crate::registry::update::{Change, View};
use crate::registry::watch::{Start, WatchQuery};
use crate::registry::{Outcome, Registry, managers, names};
use crate::request::context::RequestContext;
use crate::versions::SameShape;

/// How often a write is made again when others were first.
const WRITES_MAX: usize = 10;

/// A kind that a project's own code keeps.
pub struct Backed {
    kind: Arc<Kind>,
    codec: Arc<Codec>,
    admission: Arc<Chain>,
    fields: FieldManager,
    backend: Arc<dyn ErasedBackend>,
}

/// The objects that a request means.
pub(super) struct Scope {
    codec: Arc<Codec>,
    namespace: String,
    selector: Selector,
}

impl Scope {
    /// Where an object stands in a list.
    pub fn key(&self, object: &Object) -> String {
        key(&self.namespace, object)
    }

    pub fn object(&self, value: &Value) -> Arc<Object> {
        Arc::new(Object::foreign(&self.codec, value))
    }

    pub fn selects(&self) -> bool {
        !self.selector.is_everything()
    }

    /// Whether an object is in the namespace, if one is asked for.
    pub fn is_within(&self, object: &Object) -> bool {
        self.namespace.is_empty() || *object.summary.namespace == *self.namespace
    }

    pub fn means(&self, object: &Object) -> bool {
        self.is_within(object) && self.selector.matches(object, |_| None)
    }
}

impl Backed {
    /// A kind over a backend.
    pub fn new(kind: Arc<Kind>, backend: Arc<dyn ErasedBackend>, admission: Arc<Chain>) -> Self {
        let codec = Arc::new(Codec::new(kind.clone(), Arc::new(SameShape)));
        let fields = FieldManager::new(kind.clone(), Arc::new(SameShape));
        Self { kind, codec, admission, fields, backend }
    }

    fn offers(&self, verb: Verb) -> bool {
        self.kind.verbs.contains(&verb)
    }

    fn object(&self, value: &Value) -> Arc<Object> {
        Arc::new(Object::foreign(&self.codec, value))
    }

    fn namespace<'a>(&self, cx: &'a RequestContext) -> &'a str {
        if self.kind.namespaced { &cx.namespace } else { "" }
    }

    fn asking<'a>(
        &'a self,
        cx: &'a RequestContext,
        operation: Operation,
        version: &'a KindVersion,
        view: Option<&'a dyn View>,
    ) -> Option<Asked<'a>> {
        Asked::new(&self.admission, &self.kind, cx, operation, version, view)
    }

    async fn read(&self, cx: &RequestContext) -> Result<Value, Error> {
        self.backend.get(cx, &cx.name).await.map_err(|error| error.or_named(&cx.name))
    }

    fn scope(&self, namespace: &str, selector: Selector) -> (Scope, Filter) {
        let namespace = if self.kind.namespaced { namespace } else { "" };
        let filter = Filter {
            namespace: namespace.to_owned(),
            label_selector: selector.labels_text.clone(),
            field_selector: selector.fields_text.clone(),
        };
        (Scope { codec: self.codec.clone(), namespace: namespace.to_owned(), selector }, filter)
    }

    async fn all(&self, cx: &RequestContext, filter: &Filter) -> Result<(Vec<Arc<Object>>, u64), Error> {
        let (values, version) = self.backend.list(cx, filter).await?;
        Ok((values.iter().map(|value| self.object(value)).collect(), version))
    }

    /// The schema's errors and the backend's own.
    fn check(
        &self,
        cx: &RequestContext,
        object: &Value,
        old: Option<&Value>,
        mut errors: field::Errors,
    ) -> Result<(), Error> {
        let before = errors.len();
        let schema = &self.kind.storage_version().schema;
        match old {
            None => schema.validate(object, &mut errors),
            Some(old) if cx.subresource == "status" => schema.validate_status_update(object, old, &mut errors),
            Some(old) => schema.validate_update(object, old, &mut errors),
        }
        match self.backend.validate(cx, object, old, &mut errors) {
            // What the type does not take, the schema has mostly found already.
            Err(error) if errors.len() == before => return Err(error),
            _ => {}
        }
        if errors.is_empty() {
            return Ok(());
        }
        Err(Error::Invalid { name: metadata::text(object, "name").to_owned(), errors })
    }

    /// An update, made once.
    async fn try_update(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        old: &Value,
        change: &mut Change<'_>,
    ) -> Result<Outcome, Error> {
        let stored = self.object(old);
        let mut new = change.make(&self.fields, cx, version, Some(old))?;
        let tracked = change.is_tracked();
        let unversioned = metadata::text(old, "resourceVersion").is_empty();
        let unconditional = unversioned || self.backend.allow_unconditional_update();
        Registry::check_preconditions(cx, &new, old, stored.revision, unconditional)?;
        if cx.subresource == "status" {
            metadata::keep_old(&mut new, old, tracked);
        } else {
            metadata::begin_update(&mut new, old, self.namespace(cx));
        }
        Registry::restrict(version, cx, &mut new, old);
        version.schema.default(&mut new);
        // A backend that does not keep the managers of an object is not given any.
        if !tracked && old["metadata"].get("managedFields").is_some() {
            let now = metadata::now();
            self.fields.update(&managers::writer(cx, version, &now), Some(old), &mut new);
        }
        let asking = self.asking(cx, Operation::Update, version, change.view());
        let seen = asking.as_ref().and_then(Asked::view).map(|view| view.of(old));
        let seen = seen.as_ref().unwrap_or(old);
        if let Some(asking) = &asking {
            new = asking.mutate(version, new, Some(seen)).await?;
            version.schema.default(&mut new);
        }
        owners::deduplicate(&mut new);
        Registry::restrict(version, cx, &mut new, old);
        let fields = metadata::of_mut(&mut new);
        match metadata::text(old, "resourceVersion") {
            "" => drop(fields.remove("resourceVersion")),
            version => drop(fields.insert("resourceVersion".into(), version.into())),
        }
        apply::keep_times(&mut new, old);
        let mut errors = field::Errors::default();
        validation::update(&new, old, &mut errors);
        self.check(cx, &new, Some(old), errors)?;
        if let Some(asking) = asking {
            asking.validate(&new, Some(seen)).await?;
        }
        if new == *old {
            return Ok(Outcome { object: stored, created: false });
        }
        if metadata::is_terminating(&new) && metadata::finalizers(&new).is_empty() && self.offers(Verb::Delete) {
            self.backend.delete(cx, old).await?;
            return Ok(Outcome { object: self.object(&new), created: false });
        }
        let now = self.backend.update(cx, &new, old).await?;
        Ok(Outcome { object: self.object(&now), created: false })
    }

    /// A deletion, made once.
    async fn try_delete(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        options: &DeleteOptions,
    ) -> Result<Deletion, Error> {
        let old = self.read(cx).await?;
        delete::check_preconditions(&cx.name, &old, options)?;
        if let Some(asking) = self.asking(cx, Operation::Delete, version, None) {
            options.ask(asking.asking, &old).await?;
        }
        if metadata::finalizers(&old).is_empty() || !self.offers(Verb::Update) {
            self.backend.delete(cx, &old).await?;
            return Ok(Deletion::Gone(self.object(&old)));
        }
        if metadata::is_terminating(&old) {
            return Ok(Deletion::Marked(self.object(&old)));
        }
        let mut marked = old.clone();
        let fields = metadata::of_mut(&mut marked);
        fields.insert("deletionTimestamp".into(), metadata::now().into());
        fields.insert("deletionGracePeriodSeconds".into(), 0.into());
        version.schema.default(&mut marked);
        Ok(Deletion::Marked(self.object(&self.backend.update(cx, &marked, &old).await?)))
    }
}

#[async_trait]
impl Rest for Backed {
    fn kind(&self) -> &Arc<Kind> {
        &self.kind
    }

    fn admission(&self) -> &Chain {
        &self.admission
    }

    fn stored_objects(&self) -> Option<u64> {
        None
    }

    fn stored_versions(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    fn selector(&self, version: &KindVersion, labels: &str, fields: &str) -> Result<Selector, Error> {
        Selector::read(&self.kind, version, true, labels, fields)
    }

    fn show(&self, object: &Object, _: &KindVersion) -> Result<Value, Error> {
        object.value().map_err(Error::internal)
    }

    async fn get(&self, cx: &RequestContext, freshness: Freshness) -> Result<Arc<Object>, Error> {
        let object = self.object(&self.read(cx).await?);
        // An object may be older than what is asked for, and yet be as it was then; only lists know.
        if let Freshness::NotOlderThan(_) = freshness
            && self.offers(Verb::List)
        {
            let filter = Filter { namespace: self.namespace(cx).to_owned(), ..Filter::default() };
            page::check(freshness, self.backend.list(cx, &filter).await?.1)?;
        }
        Ok(object)
    }

    async fn list(&self, cx: &RequestContext, query: &ListQuery) -> Result<Listing, Error> {
        let (scope, filter) = self.scope(&query.namespace, query.selector.clone());
        let (mut objects, version) = self.all(cx, &filter).await?;
        objects.retain(|object| scope.means(object));
        page::page(objects, version, query, |object| scope.key(object))
    }

    async fn watch(self: Arc<Self>, cx: &RequestContext, query: WatchQuery) -> Result<Box<dyn Watching>, Error> {
        let (scope, filter) = self.scope(&query.namespace, query.selector);
        // The state is needed whole: what a selector leaves out now may be let in later.
        let all = Filter { namespace: filter.namespace.clone(), ..Filter::default() };
        let (state, version, initial) = match query.start {
            Start::After(revision) => (Vec::new(), revision.0, false),
            Start::Now => {
                let (state, version) = self.all(cx, &all).await?;
                (state, version, false)
            }
            Start::Initial(freshness) => {
                let (state, version) = self.all(cx, &all).await?;
                page::check(freshness, version)?;
                (state, version, true)
            }
        };
        let source = self.backend.watch(cx, &all, version).await?;
        Ok(Box::new(BackedWatch::new(scope, source, version, state, initial)))
    }

    async fn create(&self, cx: &RequestContext, version: &KindVersion, object: Value) -> Result<Outcome, Error> {
        self.create_new(cx, version, object, false).await
    }

    async fn update(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        mut change: Change<'_>,
    ) -> Result<Outcome, Error> {
        let applied = matches!(change, Change::Apply { .. });
        let mut tries = WRITES_MAX;
        loop {
            tries -= 1;
            let old = match self.read(cx).await {
                Err(Error::NotFound { .. })
                    if (applied || self.backend.allow_create_on_update())
                        && cx.subresource.is_empty()
                        && self.offers(Verb::Create) =>
                {
                    if !cx.may_create {
                        return Err(Error::WouldCreate { name: cx.name.clone() });
                    }
                    let object = Registry::for_creation(cx, change.make(&self.fields, cx, version, None)?)?;
                    match self.create_new(cx, version, object, applied).await {
                        // Somebody else has just created it: this is an update after all.
                        Err(Error::AlreadyExists { .. }) if tries > 0 => continue,
                        result => return result,
                    }
                }
                old => old?,
            };
            match self.try_update(cx, version, &old, &mut change).await {
                // Made again from what is there now; whoever insists on a version is told the next time.
                Err(Error::Conflict { .. }) if tries > 0 && self.has_changed(cx, &old).await => {}
                result => return result.map_err(|error| error.or_named(&cx.name)),
            }
        }
    }

    async fn delete(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        options: &DeleteOptions,
    ) -> Result<Deletion, Error> {
        let mut tries = WRITES_MAX;
        loop {
            tries -= 1;
            match self.try_delete(cx, version, options).await {
                Err(Error::Conflict { on_delete: false, .. }) if tries > 0 => {}
                result => return result.map_err(|error| error.or_named(&cx.name)),
            }
        }
    }
}

impl Backed {
    /// Makes a new object; `applied` when its managed fields are known already.
    async fn create_new(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        mut object: Value,
        applied: bool,
    ) -> Result<Outcome, Error> {
        self.admission.guard(cx, target(&self.kind, cx, Operation::Create, version), Some(&object)).await?;
        // What cannot be read by its name is no object that lives on, and needs no name.
        let is_kept = self.offers(Verb::Get);
        if is_kept {
            metadata::wipe(&mut object, self.namespace(cx));
        } else if !self.namespace(cx).is_empty() {
            metadata::of_mut(&mut object).insert("namespace".into(), cx.namespace.as_str().into());
        }
        version.schema.default(&mut object);
        if is_kept && !applied {
            let now = metadata::now();
            self.fields.update(&managers::writer(cx, version, &now), None, &mut object);
        }
        let asking = self.asking(cx, Operation::Create, version, None);
        if let Some(asking) = &asking {
            object = asking.mutate(version, object, None).await?;
            version.schema.default(&mut object);
            metadata::check_namespace(&mut object, self.namespace(cx))?;
        }
        if is_kept {
            metadata::begin_create(&mut object);
            if metadata::text(&object, "name").is_empty() && !metadata::text(&object, "generateName").is_empty() {
                let name = names::generate(metadata::text(&object, "generateName"));
                metadata::of_mut(&mut object).insert("name".into(), name.into());
            }
            if version.status
                && let Some(fields) = object.as_object_mut()
                && fields.remove("status").is_some()
            {
                version.schema.default(&mut object);
            }
        }
        owners::deduplicate(&mut object);
        let mut errors = field::Errors::default();
        if is_kept {
            validation::create(&object, labels::dns_subdomain, &mut errors);
        }
        self.check(cx, &object, None, errors)?;
        if let Some(asking) = asking {
            asking.validate(&object, None).await?;
        }
        let made = self.backend.create(cx, &object).await;
        let made = made.map_err(|error| error.or_named(metadata::text(&object, "name")))?;
        Ok(Outcome { object: self.object(&made), created: true })
    }

    /// Whether an object is not what it was: then an update that failed may succeed.
    async fn has_changed(&self, cx: &RequestContext, old: &Value) -> bool {
        self.read(cx).await.is_ok_and(|now| now != *old)
    }
}

fn key(namespace: &str, object: &Object) -> String {
    let (own, name) = (&object.summary.namespace, &object.summary.name);
    if own.is_empty() || !namespace.is_empty() { name.to_string() } else { format!("{own}/{name}") }
}
