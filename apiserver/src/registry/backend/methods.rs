//! A backend with its type erased.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::Value;

use super::{Backend, Event, Filter};
use crate::field;
use crate::kind::Verb;
use crate::registry::error::Error;
use crate::registry::typed;
use crate::request::context::RequestContext;

/// [`Backend`] on values. See there.
#[async_trait]
#[expect(missing_docs, reason = "the methods are those of Backend")]
pub trait ErasedBackend: Send + Sync + 'static {
    fn verbs(&self) -> &'static [Verb];
    async fn get(&self, cx: &RequestContext, name: &str) -> Result<Value, Error>;
    async fn list(&self, cx: &RequestContext, filter: &Filter) -> Result<(Vec<Value>, u64), Error>;
    async fn watch(
        &self,
        cx: &RequestContext,
        filter: &Filter,
        after: u64,
    ) -> Result<BoxStream<'static, Result<Event<Value>, Error>>, Error>;
    async fn create(&self, cx: &RequestContext, object: &Value) -> Result<Value, Error>;
    async fn update(&self, cx: &RequestContext, new: &Value, old: &Value) -> Result<Value, Error>;
    async fn delete(&self, cx: &RequestContext, object: &Value) -> Result<(), Error>;
    fn validate(
        &self,
        cx: &RequestContext,
        new: &Value,
        old: Option<&Value>,
        errors: &mut field::Errors,
    ) -> Result<(), Error>;
    fn allow_create_on_update(&self) -> bool;
    fn allow_unconditional_update(&self) -> bool;
}

/// A backend without its type.
pub fn erase(backend: impl Backend) -> Arc<dyn ErasedBackend> {
    Arc::new(Erased(backend))
}

struct Erased<B>(B);

#[async_trait]
impl<B: Backend> ErasedBackend for Erased<B> {
    fn verbs(&self) -> &'static [Verb] {
        B::VERBS
    }

    async fn get(&self, cx: &RequestContext, name: &str) -> Result<Value, Error> {
        typed::write(&self.0.get(cx, name).await?)
    }

    async fn list(&self, cx: &RequestContext, filter: &Filter) -> Result<(Vec<Value>, u64), Error> {
        let list = self.0.list(cx, filter).await?;
        Ok((list.items.iter().map(typed::write).collect::<Result<_, _>>()?, list.version))
    }

    async fn watch(
        &self,
        cx: &RequestContext,
        filter: &Filter,
        after: u64,
    ) -> Result<BoxStream<'static, Result<Event<Value>, Error>>, Error> {
        let events = self.0.watch(cx, filter, after).await?;
        Ok(events.0.map(|event| event.and_then(|event| write(&event))).boxed())
    }

    async fn create(&self, cx: &RequestContext, object: &Value) -> Result<Value, Error> {
        typed::write(&self.0.create(cx, typed::read(object)?).await?)
    }

    async fn update(&self, cx: &RequestContext, new: &Value, old: &Value) -> Result<Value, Error> {
        let old = typed::read(old)?;
        typed::write(&self.0.update(cx, typed::read(new)?, &old).await?)
    }

    async fn delete(&self, cx: &RequestContext, object: &Value) -> Result<(), Error> {
        let object = typed::read(object)?;
        self.0.delete(cx, &object).await
    }

    fn validate(
        &self,
        cx: &RequestContext,
        new: &Value,
        old: Option<&Value>,
        errors: &mut field::Errors,
    ) -> Result<(), Error> {
        let new = typed::read(new)?;
        match old {
            None => self.0.validate(cx, &new, errors),
            Some(old) => self.0.validate_update(cx, &new, &typed::read(old)?, errors),
        }
        Ok(())
    }

    fn allow_create_on_update(&self) -> bool {
        self.0.allow_create_on_update()
    }

    fn allow_unconditional_update(&self) -> bool {
        self.0.allow_unconditional_update()
    }
}

fn write<K: typed::Typed>(event: &Event<K>) -> Result<Event<Value>, Error> {
    Ok(match event {
        Event::Added(object) => Event::Added(typed::write(object)?),
        Event::Modified(object) => Event::Modified(typed::write(object)?),
        Event::Deleted(object) => Event::Deleted(typed::write(object)?),
        Event::Progress(version) => Event::Progress(*version),
    })
}
