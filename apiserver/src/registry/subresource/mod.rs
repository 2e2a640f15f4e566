//! Subresources with an object of their own, such as `birds/feeding`: what a project writes, and what is done around it.
//!
//! A subresource belongs to an object, its parent, which is read before anything else: without it there is nothing to
//! answer for. What a subresource keeps, it keeps in the parent, or elsewhere.

mod parent;
mod served;

use std::future::{Future, ready};

use schemars::JsonSchema;

use super::error::Error;
use super::typed::Typed;
use crate::kind::Verb;
use crate::request::context::RequestContext;

pub use parent::{AnyParent, Parent};
pub use served::{Failure, ServedSubresource};

/// A subresource with an object of its own, for example `birds/feeding` with the kind `Feeding`.
///
/// Implement what [`VERBS`](Self::VERBS) lists. With `Get` and `Update` there is PATCH as well. The server does what it
/// does for every object: it reads JSON and YAML, checks type, name and namespace, prunes, fills in the schema's defaults,
/// asks admission and validates, so that methods see objects which are well-formed.
///
/// It is served in every version of the parent's kind. Where several subresources share a name, each version has the one
/// whose object is of that very version.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no subresource with an object of its own",
    note = "implement `apiserver::Subresource`, or pass what implements `apiserver::Connect` to `.connect(…)`"
)]
pub trait Subresource: Send + Sync + 'static {
    /// The type of the object it belongs to: that of the strategy, which is the storage version.
    type Parent: Typed;
    /// The type of what it gives and takes.
    type Object: Typed + JsonSchema;
    /// The last segment of its path, for example `feeding`.
    const NAME: &'static str;
    /// What is implemented below: any of `Get`, `Create` and `Update`. All else is answered 405, and discovery and OpenAPI
    /// do not list it.
    const VERBS: &'static [Verb];

    /// GET.
    fn get(
        &self,
        cx: &RequestContext,
        parent: &Parent<Self::Parent>,
    ) -> impl Future<Output = Result<Self::Object, Error>> + Send {
        let _ = (cx, parent);
        ready(Err(missing(Verb::Get)))
    }

    /// POST: does what the object says, and gives what came of it. Where `cx.dry_run` is set, nothing may be done; changes
    /// of the parent through [`Parent::update`] see to that by themselves.
    fn create(
        &self,
        cx: &RequestContext,
        parent: &Parent<Self::Parent>,
        object: Self::Object,
    ) -> impl Future<Output = Result<Self::Object, Error>> + Send {
        let _ = (cx, parent, object);
        ready(Err(missing(Verb::Create)))
    }

    /// PUT, and PATCH of what [`get`](Self::get) gives. A patch that fails with [`Error::conflict`] is made again, a few
    /// times, from the newest object. `cx.dry_run` is as for [`create`](Self::create).
    fn update(
        &self,
        cx: &RequestContext,
        parent: &Parent<Self::Parent>,
        object: Self::Object,
    ) -> impl Future<Output = Result<Self::Object, Error>> + Send {
        let _ = (cx, parent, object);
        ready(Err(missing(Verb::Update)))
    }
}

fn missing(verb: Verb) -> Error {
    Error::NotSupported { verb: verb.name().into() }
}
