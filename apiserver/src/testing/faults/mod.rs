//! What goes wrong between a client and its server, on purpose and in an order that a seed decides.
//!
//! Everything happens where the network would be, so that neither the server nor a client can tell such a fault from a
//! real one: a conflict is a write that came first, a lost answer is one to a write that took place, a dropped watch is
//! a connection that breaks between two events. What a server under load or one that just came back would answer is
//! answered in its words.
//!
//! The n-th decision about one sort of request (`PATCH birds.demo.example.com/status`, say) depends on the seed and on n
//! alone, not on what other requests do meanwhile.

mod conflict;
mod dice;
mod inject;
mod stream;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) use self::dice::Dice;
pub(super) use self::inject::{Behind, Injector, pass};
pub(super) use self::stream::connection_reset;

/// How often which faults are met, each as a share from 0 to 1. Given to [`TestServer::faults`](super::TestServer::faults).
///
/// They are met by controllers that the test server runs, by the clients of
/// [`unreliable_client`](super::TestServer::unreliable_client) and by whoever comes over a port, and by nobody else: the
/// test's own clients see the server as it is.
///
/// ```
/// use apiserver::testing::Faults;
///
/// let faults = Faults::seeded(42).conflicts(0.1).dropped_watches(0.1).gone(0.05);
/// assert_eq!(faults.seed(), 42);
/// ```
#[derive(Clone)]
#[must_use = "faults are met once they are given to a server"]
pub struct Faults {
    seed: u64,
    shares: Shares,
    delay_max: Duration,
    injected: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

/// How often each fault is met, as a share of the requests or events that it can befall.
#[derive(Clone, Copy, Debug, Default)]
struct Shares {
    conflicts: f64,
    errors: f64,
    lost_answers: f64,
    dropped_watches: f64,
    delayed_watches: f64,
    gone: f64,
    restarts: f64,
}

impl Faults {
    /// No faults yet, and the seed of those that are asked for next.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, shares: Shares::default(), delay_max: Duration::from_millis(50), injected: Arc::default() }
    }

    /// All faults, as often as a bad day has them.
    pub fn all(seed: u64) -> Self {
        Self::seeded(seed)
            .conflicts(0.2)
            .errors(0.2)
            .lost_answers(0.1)
            .dropped_watches(0.1)
            .delayed_watches(0.3)
            .gone(0.1)
            .restarts(0.02)
    }

    /// Updates and patches of which another writer has been first. Where a request names the resourceVersion that it
    /// read, its object really is written once more before; a patch that names none is answered 409, as when the server
    /// has tried in vain for a while.
    pub fn conflicts(mut self, share: f64) -> Self {
        self.shares.conflicts = checked(share);
        self
    }

    /// Requests that are answered 500, 503 or 429 (the last two with `Retry-After`) and have done nothing.
    pub fn errors(mut self, share: f64) -> Self {
        self.shares.errors = checked(share);
        self
    }

    /// Requests that are carried out, and whose answers are lost with the connection.
    pub fn lost_answers(mut self, share: f64) -> Self {
        self.shares.lost_answers = checked(share);
        self
    }

    /// Events of watches before which the connection breaks.
    pub fn dropped_watches(mut self, share: f64) -> Self {
        self.shares.dropped_watches = checked(share);
        self
    }

    /// Events of watches that come late, and all behind them too: the order stays.
    pub fn delayed_watches(mut self, share: f64) -> Self {
        self.shares.delayed_watches = checked(share);
        self
    }

    /// How late an event may be, on tokio's clock. 50 ms unless told.
    pub fn delays_up_to(mut self, delay_max: Duration) -> Self {
        self.delay_max = delay_max;
        self
    }

    /// Watches that go on from a resourceVersion, events, and lists that continue, for which the server no longer has the
    /// history: 410.
    pub fn gone(mut self, share: f64) -> Self {
        self.shares.gone = checked(share);
        self
    }

    /// Requests at which the server goes down: all connections break, new ones are refused for a moment, and then it is
    /// back with what it has stored, and without what it had in memory.
    pub fn restarts(mut self, share: f64) -> Self {
        self.shares.restarts = checked(share);
        self
    }

    /// What decides.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How often each fault was met so far, by all servers that got these faults or a clone of them.
    pub fn injected(&self) -> BTreeMap<&'static str, u64> {
        self.injected.lock().unwrap_or_else(|broken| broken.into_inner()).clone()
    }

    fn count(&self, fault: &'static str) {
        *self.injected.lock().unwrap_or_else(|broken| broken.into_inner()).entry(fault).or_default() += 1;
    }

    fn dice(&self) -> Dice {
        Dice::new(self.seed)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("seed", &self.seed).field("shares", &self.shares).finish_non_exhaustive()
    }
}

#[track_caller]
fn checked(share: f64) -> f64 {
    assert!((0.0..=1.0).contains(&share), "{share} is no share: it must be from 0 to 1");
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "10 is no share")]
    fn percents_are_no_shares() {
        let _ = Faults::seeded(1).conflicts(10.0);
    }

    #[test]
    fn clones_count_together() {
        let faults = Faults::all(7);
        faults.clone().count("conflict");
        faults.count("conflict");
        assert_eq!(faults.injected(), BTreeMap::from([("conflict", 2)]));
    }
}
