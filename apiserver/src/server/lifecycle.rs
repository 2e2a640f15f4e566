//! How far a shutdown has come.

use tokio::sync::watch;

/// The phases of a server, in their order; none is ever left for an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Requests are served.
    Serving,
    /// Requests are served, but readiness fails, so that load balancers send no more of them.
    Stopping,
    /// Requests in flight are finished, new ones refused, watches ended.
    Draining,
    /// What is still open is cut off.
    Stopped,
}

/// The phase of a server, shared by all its parts.
#[derive(Debug)]
pub struct Lifecycle(watch::Sender<Phase>);

impl Default for Lifecycle {
    fn default() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }
}

impl Lifecycle {
    /// The present phase.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Goes on to a phase; stays in a later one.
    pub fn advance(&self, to: Phase) {
        self.0.send_if_modified(|phase| {
            let later = to > *phase;
            if later {
                *phase = to;
            }
            later
        });
    }

    /// Waits until a phase, or a later one, is reached.
    pub async fn reached(&self, phase: Phase) {
        // The sender is `self`, so the wait cannot fail while we are here to see it.
        let _ = self.0.subscribe().wait_for(|now| *now >= phase).await;
    }
}
