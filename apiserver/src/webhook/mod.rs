//! The program as a webhook: the same kinds, kept by a cluster as CRDs, with the hooks that a project wrote.
//!
//! - [`Webhooks`] who is asked about which kinds · [`Webhook`] the hooks of a kind that others serve · [`Request`] what
//!   they may know
//! - [`Service`] paths and documents, without a socket · `review` and `conversion` the documents · `own` and `others` the
//!   hooks behind them
//! - [`configuration`] what a cluster must know to ask · [`certificate`] what it must trust · [`register`] telling it both
//!
//! What differs from a server that calls the hooks itself is told in `docs/webhooks.md`.

pub mod certificate;
pub mod configuration;
mod conversion;
mod metrics;
mod others;
mod own;
pub mod register;
mod request;
mod review;
mod service;

use std::sync::Arc;

use async_trait::async_trait;
use kube::Resource;
use serde_json::Value;

pub use self::others::Webhook;
pub use self::request::Request;
pub use self::service::{CONVERT, Service};
pub use crate::admission::Operation;
use crate::apis::BuildError;
use crate::endpoints::status::Status;
use crate::registry::hooks::{self, Hooks};
use crate::registry::strategy::Strategy;

/// The webhooks of a project.
#[derive(Default)]
pub struct Webhooks {
    hooked: Vec<Hooked>,
}

/// A kind, and who is asked about it.
struct Hooked {
    source: Source,
    group: String,
    version: String,
    kind: String,
    plural: String,
    asked: Asked,
}

enum Source {
    Own(Arc<dyn Hooks>),
    Others(Arc<dyn Reviewer>),
}

/// What somebody is asked about a kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    pub defaulting: bool,
    pub validation: bool,
    pub conversion: bool,
    /// Writes to `/status` as well.
    pub status: bool,
}

/// A kind of the project that was added, for what it is to be asked.
pub struct OwnKind<'a> {
    asked: &'a mut Asked,
}

/// A kind of others that was added, for what it is to be asked.
pub struct OthersKind<'a> {
    asked: &'a mut Asked,
}

/// Why webhooks cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The kinds that they are for cannot be.
    #[error(transparent)]
    Kinds(BuildError),
    /// A strategy for a kind that the program does not have.
    #[error("{kind} has a webhook and is no kind that this program stores; add it to its kinds as well")]
    NotInstalled {
        /// For example `birds.demo.example.com`.
        kind: String,
    },
    /// Two webhooks for one kind.
    #[error("{kind} has two webhooks; each kind has one")]
    Twice {
        /// For example `birds.demo.example.com`.
        kind: String,
    },
}

/// A body that is no review: answered 400 with this text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Webhooks {
    /// Does for a kind of the project what its API server would do: with this strategy, and with the versions and the
    /// schema that [`Apis`](crate::Apis) knows of it.
    pub fn kind<S: Strategy>(&mut self, strategy: S) -> OwnKind<'_> {
        OwnKind { asked: self.hook::<S::Object>(Source::Own(hooks::erase(strategy))) }
    }

    /// Adds a webhook for a kind that others serve.
    pub fn add<W: Webhook>(&mut self, webhook: W) -> OthersKind<'_> {
        OthersKind { asked: self.hook::<W::Object>(Source::Others(Arc::new(others::Erased(webhook)))) }
    }

    fn hook<K: Resource<DynamicType = ()>>(&mut self, source: Source) -> &mut Asked {
        self.hooked.push(Hooked {
            source,
            group: K::group(&()).into_owned(),
            version: K::version(&()).into_owned(),
            kind: K::kind(&()).into_owned(),
            plural: K::plural(&()).into_owned(),
            asked: Asked::default(),
        });
        &mut self.hooked.last_mut().expect("just pushed").asked
    }
}

impl OwnKind<'_> {
    /// Changes objects before they are stored: defaults, `prepare_for_create` and `prepare_for_update`, the canonical
    /// form.
    pub fn defaulting(self) -> Self {
        self.asked.defaulting = true;
        self
    }

    /// Refuses objects that are not valid, and deletions; warns.
    pub fn validation(self) -> Self {
        self.asked.validation = true;
        self
    }

    /// Converts objects between the versions of the kind.
    pub fn conversion(self) -> Self {
        self.asked.conversion = true;
        self
    }

    /// The configuration asks about writes to `/status` too. Each of them then waits for the webhook, those of
    /// controllers included.
    pub fn status(self) -> Self {
        self.asked.status = true;
        self
    }
}

impl OthersKind<'_> {
    /// Changes objects before they are stored.
    pub fn defaulting(self) -> Self {
        self.asked.defaulting = true;
        self
    }

    /// Refuses objects that are not valid, and deletions.
    pub fn validation(self) -> Self {
        self.asked.validation = true;
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

/// Refuses a document that is not what it should be.
fn expect_type(document: &Value, api_version: &str, kind: &str) -> Result<(), Malformed> {
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
    let found = (text("apiVersion"), text("kind"));
    if found == (api_version, kind) {
        return Ok(());
    }
    let hint = match found {
        (older, same) if same == kind && older.starts_with(api_version) => {
            "; let the configuration name v1 and nothing else as the version of reviews"
        }
        _ => "",
    };
    Err(Malformed(format!("expected a {kind} of {api_version}, and found kind {:?} of {:?}{hint}", found.1, found.0)))
}
