//! Kinds whose objects the server does not store: a project's own code lists, reads and writes them, over a database, a
//! device, another API, or nothing at all.
//!
//! The code answers in objects of its type. Everything that clients expect around it (selectors, pages, Tables, patches,
//! defaults, validation, admission, watch streams) is done here, as for kinds that are stored.

mod backed;
mod events;
mod methods;
mod page;
mod watching;

use std::future::{Future, ready};

use super::error::Error;
use super::typed::Typed;
use crate::field;
use crate::kind::Verb;
use crate::request::context::RequestContext;

pub use backed::Backed;
pub use events::{Event, Events, History};
pub use methods::{ErasedBackend, erase};

/// How the objects of one kind are read and written.
///
/// Implement what [`VERBS`](Self::VERBS) lists. `Get` and `Update` together make PATCH, `List` and `Delete` together make
/// DELETE of collections. `Update` and `Delete` need `Get`, `Watch` needs `List`. With `Create` alone the kind is a
/// question and its answer, as Kubernetes' TokenReview: its objects need no name.
///
/// **Versions.** An object's `metadata.resourceVersion` is a number that grows whenever the object changes, and the
/// version of a list is no smaller than those of its objects. Sources that have no such number leave it out: then
/// updates overwrite each other, and pages of a list may show different states.
///
/// In every method `cx.namespace` and `cx.name` say which object is meant, and `cx.user` who asks. Where `cx.dry_run` is
/// set, nothing may be changed: give what would have come of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be served: it is no backend",
    note = "implement `apiserver::Backend`; a kind that the server shall store has a `Strategy` and is given to `add`"
)]
pub trait Backend: Send + Sync + 'static {
    /// The type that derives `kube::CustomResource`.
    type Object: Typed;
    /// What is implemented below: any but `Patch` and `DeleteCollection`, which follow. All else is answered 405, and
    /// discovery and OpenAPI do not list it.
    const VERBS: &'static [Verb];

    /// Reads the object called `name`; [`Error::not_found`] if there is none.
    fn get(&self, cx: &RequestContext, name: &str) -> impl Future<Output = Result<Self::Object, Error>> + Send {
        let _ = (cx, name);
        ready(Err(missing(Verb::Get)))
    }

    /// Reads all objects. `filter` says which are wanted; giving more does no harm.
    fn list(
        &self,
        cx: &RequestContext,
        filter: &Filter,
    ) -> impl Future<Output = Result<List<Self::Object>, Error>> + Send {
        let _ = (cx, filter);
        ready(Err(missing(Verb::List)))
    }

    /// Tells what changes after the version `after`, which a list had; [`Error::expired`] if that is not known any more.
    /// Giving events that `filter` does not want does no harm. [`History`] keeps the events of a source in this process.
    fn watch(
        &self,
        cx: &RequestContext,
        filter: &Filter,
        after: u64,
    ) -> impl Future<Output = Result<Events<Self::Object>, Error>> + Send {
        let _ = (cx, filter, after);
        ready(Err(missing(Verb::Watch)))
    }

    /// Makes a new object, which has a name and a uid by now, and gives it as it is then.
    fn create(
        &self,
        cx: &RequestContext,
        object: Self::Object,
    ) -> impl Future<Output = Result<Self::Object, Error>> + Send {
        let _ = (cx, object);
        ready(Err(missing(Verb::Create)))
    }

    /// Puts `new` in the place of `old`, and gives it as it is then. [`Error::conflict`] if the object is not `old` any
    /// more; `new` has the resourceVersion of `old`.
    fn update(
        &self,
        cx: &RequestContext,
        new: Self::Object,
        old: &Self::Object,
    ) -> impl Future<Output = Result<Self::Object, Error>> + Send {
        let _ = (cx, new, old);
        ready(Err(missing(Verb::Update)))
    }

    /// Removes an object. [`Error::conflict`] if it is not `object` any more.
    fn delete(&self, cx: &RequestContext, object: &Self::Object) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (cx, object);
        ready(Err(missing(Verb::Delete)))
    }

    /// Reports every invalid field of a new object that the schema lets pass.
    fn validate(&self, cx: &RequestContext, object: &Self::Object, errors: &mut field::Errors) {
        let _ = (cx, object, errors);
    }

    /// Reports every invalid field of a changed object.
    fn validate_update(&self, cx: &RequestContext, new: &Self::Object, old: &Self::Object, errors: &mut field::Errors) {
        let _ = old;
        self.validate(cx, new, errors);
    }

    /// Whether PUT of an object that does not exist creates it.
    fn allow_create_on_update(&self) -> bool {
        false
    }

    /// Whether PUT without a resourceVersion overwrites whatever is there. It does so in any case where objects have no
    /// version.
    fn allow_unconditional_update(&self) -> bool {
        false
    }
}

/// Which objects are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those in this namespace; empty for all, and for kinds without namespaces.
    pub namespace: String,
    /// A label selector as kubectl writes it, such as `app=web,tier!=db`; empty for everything.
    pub label_selector: String,
    /// A field selector, such as `metadata.name=robin`; empty for everything.
    pub field_selector: String,
}

/// Objects, in any order.
#[derive(Clone, Debug)]
pub struct List<K> {
    /// The objects.
    pub items: Vec<K>,
    /// The state that they show; 0 where the source has no versions.
    pub version: u64,
}

impl<K> List<K> {
    /// Objects as they were at a version.
    pub fn at(version: u64, items: impl IntoIterator<Item = K>) -> Self {
        Self { items: items.into_iter().collect(), version }
    }
}

impl<K> From<Vec<K>> for List<K> {
    fn from(items: Vec<K>) -> Self {
        Self { items, version: 0 }
    }
}

fn missing(verb: Verb) -> Error {
    Error::NotSupported { verb: verb.name().into() }
}
