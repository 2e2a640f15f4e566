//! Why controllers ended.

use std::time::Duration;

/// Why [`Manager::run`](super::Manager::run) ended, other than being told to.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ManagerError {
    /// Two controllers have one name, so that logs, events and metrics could not tell them apart.
    #[error("two controllers are named {name:?}: give one of them another name")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A controller returned although nobody asked it to.
    #[error("controller {name:?} ended, though it should run until shutdown")]
    Ended {
        /// Its name.
        name: String,
    },
    /// A controller panicked outside of a reconcile.
    #[error("controller {name:?} panicked: {message}")]
    Panicked {
        /// Its name.
        name: String,
        /// What the panic said.
        message: String,
    },
    /// The timings of the election make no sense.
    #[error("leader election: {problem}")]
    Election {
        /// What is wrong with them.
        problem: &'static str,
    },
    /// The lease could not be renewed in time, or somebody else took it. Everything was stopped at once.
    #[error("the lease {lease} is lost: another process may lead now")]
    LostLeadership {
        /// Its namespace and name.
        lease: String,
    },
    /// Controllers had to be cut off because they did not end in time.
    #[error("still busy {after:?} after shutdown, and cut off: {}", names.join(", "))]
    NotDrained {
        /// Their names.
        names: Vec<String>,
        /// How long they were given.
        after: Duration,
    },
}
