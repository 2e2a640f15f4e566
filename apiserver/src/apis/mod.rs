//! What a project serves: its kinds with their strategies, put together into [`Endpoints`].

mod added;
mod assembly;
mod definition;
mod error;
mod handler;

use std::marker::PhantomData;
use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use self::definition::{Definition, Form, Keeper};
use crate::admission::webhook::{self, WebhookMetrics};
use crate::admission::{Admission, Chain};
use crate::builtin::{self, Builtin};
use crate::endpoints::Endpoints;
use crate::kind::{Kind, Typed, drop_titles};
use crate::registry::backend::{self, Backend};
use crate::registry::hooks;
use crate::registry::strategy::Strategy;
use crate::storage::Store;
use crate::versions::Conversion;

pub use self::added::{Added, StoredAs};
pub use self::assembly::Assembly;
pub use self::error::BuildError;

/// The kinds that a server serves. A clone has the same strategies, backends and plugins, not others like them.
#[derive(Clone, Default)]
pub struct Apis {
    definitions: Vec<Definition>,
    admission: Chain,
    webhooks: Vec<Arc<dyn webhook::Source>>,
    webhook_metrics: WebhookMetrics,
}

/// A kind, and what turns its objects from one version into another.
pub type Converted = (Arc<Kind>, Arc<dyn Conversion>);

impl Apis {
    /// Serves a kind, with all that its derive says of it.
    pub fn add<S: Strategy<Object: CustomResourceExt>>(&mut self, strategy: S) -> Added<'_, S::Object> {
        let native = strategy.is_native();
        let versions = strategy.versions();
        let mut added = self.define(derived::<S::Object>(), Keeper::Store(hooks::erase(strategy)));
        added.definition().native = native;
        versions.into_iter().fold(added, Added::version)
    }

    /// Serves a kind whose objects the project keeps itself. It is no CRD: [`crds`](Self::crds) leaves it out.
    pub fn add_backend<B: Backend<Object: CustomResourceExt>>(&mut self, backend: B) -> Added<'_, B::Object> {
        self.define(derived::<B::Object>(), Keeper::Backend(backend::erase(backend)))
    }

    /// Serves a kind that is known only by its CRD: it behaves as it would in a cluster, and no hook is called.
    pub fn crd(&mut self, crd: CustomResourceDefinition) -> &mut Self {
        self.define::<()>(Form::Crd(Box::new(crd)), Keeper::Store(hooks::none())).apis
    }

    /// Serves a kind of Kubernetes itself, for example `apps/v1` StatefulSet, as objects that are stored and nothing more:
    /// there is no controller behind it. For tests of those who make such objects.
    pub fn native<K: builtin::Native>(&mut self) -> Added<'_, K> {
        self.builtin(Builtin::new(builtin::native::<K>))
    }

    /// Serves a kind that the library describes. It is no CRD: [`crds`](Self::crds) leaves it out.
    pub fn builtin<K: Typed>(&mut self, builtin: Builtin) -> Added<'_, K> {
        let Builtin { kind, hooks, conversion, settles } = builtin;
        let mut added = self.define(Form::Builtin(kind, conversion), Keeper::Store(hooks));
        added.definition().settles = settles;
        added
    }

    /// Asks a plugin before each write, after those that were added earlier.
    pub fn admission(&mut self, plugin: impl Admission) -> &mut Self {
        self.admission.push(Box::new(plugin));
        self
    }

    /// Asks the webhooks of a source before each write, after all plugins. A server that stands alone has such a source
    /// of its own: the configurations that it keeps.
    pub fn webhook_source(&mut self, source: Arc<dyn webhook::Source>) -> &mut Self {
        self.webhooks.push(source);
        self
    }

    /// What webhooks do, counted.
    pub fn webhook_metrics(&self) -> WebhookMetrics {
        self.webhook_metrics.clone()
    }

    /// The CRDs of all kinds that are stored, in the order in which they were added.
    pub fn crds(&self) -> Vec<CustomResourceDefinition> {
        self.definitions.iter().filter_map(Definition::crd).cloned().collect()
    }

    /// The kinds, read from their CRDs.
    ///
    /// # Errors
    /// Kinds and subresources that cannot be served.
    pub fn kinds(&self) -> Result<Vec<Arc<Kind>>, BuildError> {
        self.definitions.iter().map(Definition::kind).collect()
    }

    /// The kinds that are stored, each with what turns its objects from one version into another.
    ///
    /// # Errors
    /// Kinds that cannot be served.
    pub fn conversions(&self) -> Result<Vec<Converted>, BuildError> {
        let stored = self.definitions.iter().filter(|definition| definition.crd().is_some());
        stored
            .map(|definition| {
                let kind = definition.kind()?;
                let conversion = definition.conversion(&kind);
                Ok((kind, conversion))
            })
            .collect()
    }

    /// Puts everything together over a store, so far that it can be read; nothing is served yet.
    ///
    /// # Errors
    /// Kinds and subresources that cannot be served, a kind that was added twice.
    pub fn assemble(self, store: Arc<dyn Store>) -> Result<Assembly, BuildError> {
        Assembly::new(self, store)
    }

    /// Puts everything together over a store and starts to fill the caches. Must be called in a tokio runtime. What a
    /// server without a cluster needs beside its own kinds comes with `standalone::Standalone`.
    ///
    /// # Errors
    /// As [`assemble`](Self::assemble).
    pub fn build(self, store: Arc<dyn Store>) -> Result<Arc<Endpoints>, BuildError> {
        Ok(self.assemble(store)?.serve())
    }

    fn define<K>(&mut self, form: Form, keeper: Keeper) -> Added<'_, K> {
        self.definitions.push(Definition::new(form, keeper));
        Added { apis: self, kind: PhantomData }
    }
}

fn derived<K: CustomResourceExt>() -> Form {
    let mut crd = K::crd();
    drop_titles(&mut crd);
    Form::Crd(Box::new(crd))
}
