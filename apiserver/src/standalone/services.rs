//! Services, of which there are none: what would answer for one runs on nodes. They can be looked for, as kubectl does before
//! it says where a cluster is, and when it is asked for all that there is.

use std::sync::LazyLock;

use futures::stream;
use k8s_openapi::api::core::v1::Service;

use crate::builtin;
use crate::kind::{Kind, Verb};
use crate::registry::backend::{Backend, Events, Filter, List};
use crate::registry::error::Error;
use crate::request::context::RequestContext;

/// Has no Services, and takes none.
pub(super) struct NoServices;

/// The kind, without a status, as there is nothing that could have one. Read once, which takes a while.
pub(super) fn kind() -> Kind {
    static KIND: LazyLock<Kind> = LazyLock::new(|| {
        let mut kind = builtin::native::<Service>();
        kind.versions[0].status = false;
        kind
    });
    KIND.clone()
}

impl Backend for NoServices {
    type Object = Service;
    const VERBS: &'static [Verb] = &[Verb::Get, Verb::List, Verb::Watch];

    async fn get(&self, _: &RequestContext, name: &str) -> Result<Service, Error> {
        Err(Error::not_found(name))
    }

    async fn list(&self, _: &RequestContext, _: &Filter) -> Result<List<Service>, Error> {
        Ok(Vec::new().into())
    }

    async fn watch(&self, _: &RequestContext, _: &Filter, _: u64) -> Result<Events<Service>, Error> {
        Ok(Events::new(stream::pending()))
    }
}
