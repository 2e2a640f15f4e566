//! What is said of a kind after it was added.

use std::marker::PhantomData;
use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use kube::Resource as _;

use super::Apis;
use super::definition::{Definition, Form, Own};
use crate::admission::Admission;
use crate::endpoints;
use crate::endpoints::connect::Connect;
use crate::kind::{Verb, told};
use crate::registry::backend::Backend;
use crate::registry::strategy::Strategy;
use crate::registry::subresource::{ServedSubresource, Subresource};
use crate::registry::typed::Typed;
use crate::versions::Version;

/// A kind that was added, for what belongs to it: `apis.add(BirdStrategy).subresource(Feeding).connect(Song);`
pub struct Added<'a, K> {
    pub(super) apis: &'a mut Apis,
    pub(super) kind: PhantomData<fn() -> K>,
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
        let added = match &mut definition.form {
            Form::Crd(crd) => further.add_to(crd),
            Form::Builtin(..) => Err("a built-in kind has the versions that it has".to_owned()),
        };
        if let Err(problem) = added {
            definition.problem.get_or_insert_with(|| format!("{}: {problem}", further.name()));
        }
        definition.further.push(further);
        self
    }

    /// Serves PUT of the object under a further path, such as `namespaces/finalize`: hooks see of which by the context of
    /// the request.
    pub(crate) fn aspect(mut self, name: &'static str) -> Self {
        let definition = self.definition();
        let handler = definition.kind().map_err(|error| told(&error));
        let handler = handler.map(|kind| endpoints::Handler::Aspect(name, kind));
        definition.subresources.push(Own { api_version: String::new(), verbs: &[Verb::Update], handler, name });
        self
    }

    pub(super) fn definition(&mut self) -> &mut Definition {
        self.apis.definitions.last_mut().expect("made by adding a kind")
    }
}

impl<'a, K: Typed> Added<'a, K> {
    /// Serves a subresource with an object of its own.
    pub fn subresource<S: Subresource<Parent = K>>(mut self, subresource: S) -> Self {
        let definition = self.definition();
        let handler = ServedSubresource::new(subresource, definition.namespaced());
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
    pub fn add<S: Strategy<Object: CustomResourceExt>>(self, strategy: S) -> Added<'a, S::Object> {
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
    pub fn add_backend<B: Backend<Object: CustomResourceExt>>(self, backend: B) -> Added<'a, B::Object> {
        self.apis.add_backend(backend)
    }
}
