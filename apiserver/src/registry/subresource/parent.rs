//! The object that a subresource belongs to.

use std::ops::Deref;
use std::sync::Arc;

use crate::registry::error::Error;
use crate::registry::object::Object;
use crate::registry::read::Freshness;
use crate::registry::rest::Rest;
use crate::registry::typed::{self, Typed};
use crate::registry::update::Change;
use crate::request::context::RequestContext;

/// The object that a subresource belongs to, as it was when the request came; its fields are those of the object.
/// Changes go through its registry like those of any client: hooks, validation, admission, resourceVersion, events.
pub struct Parent<K> {
    object: K,
    any: AnyParent,
}

/// A parent before its type is looked at.
pub struct AnyParent {
    rest: Arc<dyn Rest>,
    object: Arc<Object>,
    /// The request, as a change of the parent.
    cx: RequestContext,
}

impl AnyParent {
    /// Reads the parent of a request to a subresource.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub async fn read(rest: Arc<dyn Rest>, cx: &RequestContext, freshness: Freshness) -> Result<Self, Error> {
        let mut cx = cx.again();
        cx.subresource.clear();
        cx.verb = "get".into();
        let object = rest.get(&cx, freshness).await?;
        cx.verb = "update".into();
        Ok(Self { rest, object, cx })
    }

    /// The same, as it was read.
    pub(super) fn again(&self) -> Self {
        Self { rest: self.rest.clone(), object: self.object.clone(), cx: self.cx.again() }
    }

    pub(super) fn take_warnings(&self) -> Vec<String> {
        self.cx.take_warnings()
    }
}

impl<K: Typed> Parent<K> {
    /// A parent as its type.
    ///
    /// # Errors
    /// It is not of the type.
    pub fn new(any: AnyParent) -> Result<Self, Error> {
        let value = any.rest.show(&any.object, any.rest.kind().storage_version())?;
        Ok(Self { object: typed::read(&value)?, any })
    }

    /// Changes the object, and gives it as it is stored then; its status stays where that is a subresource. `change` runs
    /// again on the newest object when another writer was first. To insist on a certain state instead, let it set
    /// `metadata.resource_version` to what the client has read: the answer is 409 if there is a newer one.
    ///
    /// # Errors
    /// What `change` refuses, and whatever an update of the object can fail with.
    pub async fn update(&self, change: impl FnMut(&mut K) -> Result<(), Error> + Send) -> Result<K, Error> {
        self.write("", change).await
    }

    /// Changes the object's status, and nothing else of it.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub async fn update_status(&self, change: impl FnMut(&mut K) -> Result<(), Error> + Send) -> Result<K, Error> {
        self.write("status", change).await
    }

    /// Reads the object again.
    ///
    /// # Errors
    /// It is gone, or cannot be read.
    pub async fn read(&self) -> Result<K, Error> {
        let mut cx = self.any.cx.again();
        cx.verb = "get".into();
        let object = self.any.rest.get(&cx, Freshness::Consistent).await?;
        typed::read(&self.any.rest.show(&object, self.any.rest.kind().storage_version())?)
    }

    /// The object.
    pub fn into_object(self) -> K {
        self.object
    }

    pub(super) fn take_warnings(&self) -> Vec<String> {
        self.any.take_warnings()
    }

    async fn write(
        &self,
        subresource: &str,
        mut change: impl FnMut(&mut K) -> Result<(), Error> + Send,
    ) -> Result<K, Error> {
        let rest = &self.any.rest;
        let mut cx = self.any.cx.again();
        subresource.clone_into(&mut cx.subresource);
        let version = rest.kind().storage_version();
        let outcome = rest
            .update(
                &cx,
                version,
                Change::Edit(&mut |current| match current {
                    Some(current) => typed::change(current, &mut change),
                    None => Err(Error::NotFound { name: self.any.cx.name.clone() }),
                }),
            )
            .await;
        cx.take_warnings().into_iter().for_each(|warning| self.any.cx.warn(warning));
        typed::read(&rest.show(&outcome?.object, version)?)
    }
}

impl<K> Deref for Parent<K> {
    type Target = K;

    fn deref(&self) -> &K {
        &self.object
    }
}
