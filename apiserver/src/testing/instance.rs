//! One life of a test's server, from its start to its end; what it has stored outlives it.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::endpoints::Endpoints;
use crate::kind::Kind;
use crate::server::Core;
use crate::server::lifecycle::Phase;
use crate::standalone::Alone;

/// A server that serves.
pub(super) struct Instance {
    core: Arc<Core>,
    endpoints: Arc<Endpoints>,
    /// What works in the background, until its end.
    alone: Mutex<Option<Alone>>,
    killed: watch::Sender<bool>,
}

impl Instance {
    pub(super) fn new(core: Arc<Core>, endpoints: Arc<Endpoints>, alone: Option<Alone>) -> Self {
        Self { core, endpoints, alone: Mutex::new(alone), killed: watch::Sender::new(false) }
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(super) fn kinds(&self) -> &[Arc<Kind>] {
        self.endpoints.kinds()
    }

    /// Waits until its caches are, and what is always there has been made.
    pub(super) async fn filled(&self) {
        self.endpoints.filled().await;
        let made = self.alone.lock().unwrap_or_else(|broken| broken.into_inner()).as_ref().map(Alone::made);
        if let Some(made) = made {
            made.await;
        }
    }

    /// Ends as a process that is told to: watches end, and whoever asks is told that it stops.
    pub(super) fn stop(&self) {
        self.core.lifecycle().advance(Phase::Stopped);
        self.endpoints.shutdown();
        self.alone.lock().unwrap_or_else(|broken| broken.into_inner()).take();
    }

    /// Ends as a process that is killed: connections break, in the middle of whatever they are at.
    pub(super) fn kill(&self) {
        self.killed.send_replace(true);
        self.stop();
    }

    /// Waits until it is killed.
    pub(super) async fn killed(&self) {
        self.killed_later().await;
    }

    /// The same, for those who do not keep it. Lasts for ever where it ends in order.
    pub(super) fn killed_later(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut killed = self.killed.subscribe();
        Box::pin(async move {
            if killed.wait_for(|killed| *killed).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
