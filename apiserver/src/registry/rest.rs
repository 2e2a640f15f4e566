//! What can be done with the objects of a resource, whoever keeps them. Endpoints know nothing else.
//!
//! [`Registry`] keeps its objects in the store; [`Backed`](super::backend::Backed) asks a project's own code. Both give
//! [`Object`]s, so that everything after them (Tables, selectors, watch streams) is one piece of code.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use serde_json::Value;

use super::delete::{DeleteOptions, Deletion};
use super::error::Error;
use super::list::{ListQuery, Listing};
use super::object::Object;
use super::read::Freshness;
use super::selector::Selector;
use super::update::Change;
use super::watch::{Step, Watch, WatchQuery};
use super::{Outcome, Registry};
use crate::admission::Chain;
use crate::kind::{Kind, KindVersion};
use crate::request::context::RequestContext;
use crate::storage::Revision;

/// The objects of one kind. What the kind does not offer is not asked for.
#[async_trait]
pub trait Rest: Send + Sync + 'static {
    /// The kind.
    fn kind(&self) -> &Arc<Kind>;

    /// Who is asked before a write.
    fn admission(&self) -> &Chain;

    /// How many objects are stored; `None` where that is not known.
    fn stored_objects(&self) -> Option<u64>;

    /// How many objects are stored in each version, by `apiVersion`; nothing where that is not known.
    fn stored_versions(&self) -> BTreeMap<String, u64>;

    /// Reads selectors as this version of the kind understands them; empty texts select everything.
    ///
    /// # Errors
    /// A text that is no selector, a field that the version does not offer.
    fn selector(&self, version: &KindVersion, labels: &str, fields: &str) -> Result<Selector, Error>;

    /// An object as a value of the given version.
    ///
    /// # Errors
    /// An object that cannot be read, or not in this version.
    fn show(&self, object: &Object, version: &KindVersion) -> Result<Value, Error>;

    /// Reads the object called `cx.name`.
    ///
    /// # Errors
    /// See [`Registry::get`].
    async fn get(&self, cx: &RequestContext, freshness: Freshness) -> Result<Arc<Object>, Error>;

    /// See [`Registry::list`].
    ///
    /// # Errors
    /// See there.
    async fn list(&self, cx: &RequestContext, query: &ListQuery) -> Result<Listing, Error>;

    /// See [`Registry::watch`].
    ///
    /// # Errors
    /// See there.
    async fn watch(self: Arc<Self>, cx: &RequestContext, query: WatchQuery) -> Result<Box<dyn Watching>, Error>;

    /// See [`Registry::create`].
    ///
    /// # Errors
    /// See there.
    async fn create(&self, cx: &RequestContext, version: &KindVersion, object: Value) -> Result<Outcome, Error>;

    /// See [`Registry::update`].
    ///
    /// # Errors
    /// See there.
    async fn update(&self, cx: &RequestContext, version: &KindVersion, change: Change<'_>) -> Result<Outcome, Error>;

    /// See [`Registry::delete`].
    ///
    /// # Errors
    /// See there.
    async fn delete(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        options: &DeleteOptions,
    ) -> Result<Deletion, Error>;
}

/// A watch under way.
pub trait Watching: Send {
    /// The next events, without waiting.
    ///
    /// # Errors
    /// What ends the watch, to be told as its last event.
    fn step(&mut self) -> Result<Step, Error>;

    /// Ready when there may be something to send.
    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Nothing at or before this revision is still to come, once [`step`](Self::step) was idle.
    fn position(&self) -> Revision;

    /// Whether the initial state has been sent and its end must be announced now; says so once.
    fn take_initial_end(&mut self) -> bool;
}

#[async_trait]
impl Rest for Registry {
    fn kind(&self) -> &Arc<Kind> {
        Self::kind(self)
    }

    fn admission(&self) -> &Chain {
        &self.admission
    }

    fn stored_objects(&self) -> Option<u64> {
        Some(self.len() as u64)
    }

    fn stored_versions(&self) -> BTreeMap<String, u64> {
        self.cache.stored_as()
    }

    fn selector(&self, version: &KindVersion, labels: &str, fields: &str) -> Result<Selector, Error> {
        Self::selector(self, version, labels, fields)
    }

    fn show(&self, object: &Object, version: &KindVersion) -> Result<Value, Error> {
        Self::show(self, object, version)
    }

    async fn get(&self, cx: &RequestContext, freshness: Freshness) -> Result<Arc<Object>, Error> {
        Self::get(self, &cx.namespace, &cx.name, freshness).await
    }

    async fn list(&self, _: &RequestContext, query: &ListQuery) -> Result<Listing, Error> {
        Self::list(self, query).await
    }

    async fn watch(self: Arc<Self>, _: &RequestContext, query: WatchQuery) -> Result<Box<dyn Watching>, Error> {
        Ok(Box::new(Self::watch(&self, query).await?))
    }

    async fn create(&self, cx: &RequestContext, version: &KindVersion, object: Value) -> Result<Outcome, Error> {
        Self::create(self, cx, version, object).await
    }

    async fn update(&self, cx: &RequestContext, version: &KindVersion, change: Change<'_>) -> Result<Outcome, Error> {
        Self::update(self, cx, version, change).await
    }

    async fn delete(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        options: &DeleteOptions,
    ) -> Result<Deletion, Error> {
        Self::delete(self, cx, version, options).await
    }
}

impl dyn Watching {
    /// Wakes when there may be something to send. Nothing is lost when it is dropped while it waits.
    pub async fn changed(&mut self) {
        poll_fn(|cx| self.poll_changed(cx)).await;
    }
}

impl Watching for Watch {
    fn step(&mut self) -> Result<Step, Error> {
        Self::step(self)
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Self::poll_changed(self, cx)
    }

    fn position(&self) -> Revision {
        Self::position(self)
    }

    fn take_initial_end(&mut self) -> bool {
        Self::take_initial_end(self)
    }
}
