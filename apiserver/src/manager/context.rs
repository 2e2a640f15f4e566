//! What a controller is given.

use std::sync::Arc;

use kube::Client;

use super::recorder::EventQueue;
use super::{Health, Metrics, Recorder, Shutdown, Syncing};

/// What a controller works with. Cheap to clone; reconcile functions get a clone with every call.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    client: Client,
    shutdown: Shutdown,
    recorder: Recorder,
    health: Health,
    metrics: Metrics,
}

impl Context {
    pub(super) fn new(
        name: &str,
        client: &Client,
        shutdown: &Shutdown,
        events: &EventQueue,
        health: &Health,
        metrics: &Metrics,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                name: name.to_owned(),
                client: client.clone(),
                shutdown: shutdown.clone(),
                recorder: Recorder::new(name, events),
                health: health.clone(),
                metrics: metrics.clone(),
            }),
        }
    }

    /// The controller's name, as given to [`Manager::add`](super::Manager::add).
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// A client of the API server.
    pub fn client(&self) -> Client {
        self.inner.client.clone()
    }

    /// Resolves when the controller has to stop: for loops of one's own and `Controller::graceful_shutdown_on`.
    /// [`run`](Self::run) sees to it by itself.
    pub fn shutdown(&self) -> Shutdown {
        self.inner.shutdown.clone()
    }

    /// Records events under the controller's name.
    pub fn recorder(&self) -> Recorder {
        self.inner.recorder.clone()
    }

    /// A watch begins that [`run`](Self::run) does not know of: the controller is not ready before the guard is dropped.
    pub(crate) fn syncing(&self) -> Syncing {
        self.inner.health.syncing(&self.inner.name)
    }

    pub(super) fn health(&self) -> &Health {
        &self.inner.health
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }
}
