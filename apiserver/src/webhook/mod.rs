//! The program as a webhook: the same kinds, served by a cluster as CRDs, with the hooks that a project wrote.
//!
//! - [`Webhooks`] what is asked about which kinds · [`Webhook`] the hooks of a kind that others serve · [`Request`] what
//!   they may know
//! - [`Service`] paths and documents, without a socket

mod others;
mod request;

use async_trait::async_trait;
use serde_json::Value;

pub use self::others::Webhook;
pub use self::request::Request;
pub use crate::admission::Operation;
use crate::endpoints::status::Status;
use crate::registry::strategy::Strategy;

/// The webhooks of a project.
#[derive(Default)]
pub struct Webhooks {}

/// A kind of the project that was added, for what it is to be asked.
pub struct OwnKind<'a> {
    webhooks: &'a mut Webhooks,
}

/// A kind of others that was added, for what it is to be asked.
pub struct OthersKind<'a> {
    webhooks: &'a mut Webhooks,
}

impl Webhooks {
    /// Does for a kind of the project what its API server would do: with this strategy, and with the versions and the
    /// schema that [`Apis`](crate::Apis) knows of it.
    pub fn kind<S: Strategy>(&mut self, strategy: S) -> OwnKind<'_> {
        let _ = strategy;
        OwnKind { webhooks: self }
    }

    /// Adds a webhook for a kind that others serve.
    pub fn add<W: Webhook>(&mut self, webhook: W) -> OthersKind<'_> {
        let _ = webhook;
        OthersKind { webhooks: self }
    }
}

impl OwnKind<'_> {
    /// Changes objects before they are stored: defaults, `prepare_for_create` and `prepare_for_update`, the canonical
    /// form.
    pub fn defaulting(self) -> Self {
        self
    }

    /// Refuses objects that are not valid, and deletions; warns.
    pub fn validation(self) -> Self {
        self
    }

    /// Converts objects between the versions of the kind.
    pub fn conversion(self) -> Self {
        self
    }
}

impl OthersKind<'_> {
    /// Changes objects before they are stored.
    pub fn defaulting(self) -> Self {
        self
    }

    /// Refuses objects that are not valid, and deletions.
    pub fn validation(self) -> Self {
        self
    }
}

/// Answers admission reviews of one kind.
#[async_trait]
trait Reviewer: Send + Sync + 'static {
    /// The object as it shall be.
    async fn mutate(&self, request: &Request, object: &Value, old: Option<&Value>) -> Result<Value, Status>;

    /// Refuses by an error. `object` is absent on delete, `old` on create.
    async fn validate(&self, request: &Request, object: Option<&Value>, old: Option<&Value>) -> Result<(), Status>;
}
