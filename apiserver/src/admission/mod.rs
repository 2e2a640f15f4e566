//! Those who may change or refuse an object before it is stored, whatever its kind.

use async_trait::async_trait;
use serde_json::Value;

use crate::request::context::RequestContext;

/// A write under way, as admission sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A changed object.
    Update,
    /// An object about to go.
    Delete,
    /// A connection to a subresource that has no object; there is none to change or to see.
    Connect,
}

/// Why a write is refused.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Denied {
    /// The HTTP code, 403 unless there is a better one.
    pub code: u16,
    /// What to tell the client.
    pub message: String,
}

/// A plugin of the admission chain.
#[async_trait]
pub trait Admission: Send + Sync + 'static {
    /// May change `object` (in the version of the request) or refuse the write. Runs again when the write is retried.
    async fn mutate(
        &self,
        cx: &RequestContext,
        operation: Operation,
        object: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), Denied> {
        let _ = (cx, operation, object, old);
        Ok(())
    }

    /// May refuse the write, seeing the object as it will be stored. `object` is absent on delete.
    async fn validate(
        &self,
        cx: &RequestContext,
        operation: Operation,
        object: Option<&Value>,
        old: Option<&Value>,
    ) -> Result<(), Denied> {
        let _ = (cx, operation, object, old);
        Ok(())
    }
}

/// The plugins in their order.
#[derive(Default)]
pub struct Chain(pub Vec<Box<dyn Admission>>);

impl Chain {
    /// Whether nobody is asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets every plugin change the object, one after the other.
    ///
    /// # Errors
    /// The first refusal.
    pub async fn mutate(
        &self,
        cx: &RequestContext,
        operation: Operation,
        object: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), Denied> {
        for plugin in &self.0 {
            plugin.mutate(cx, operation, object, old).await?;
        }
        Ok(())
    }

    /// Asks every plugin.
    ///
    /// # Errors
    /// The first refusal.
    pub async fn validate(
        &self,
        cx: &RequestContext,
        operation: Operation,
        object: Option<&Value>,
        old: Option<&Value>,
    ) -> Result<(), Denied> {
        for plugin in &self.0 {
            plugin.validate(cx, operation, object, old).await?;
        }
        Ok(())
    }
}
