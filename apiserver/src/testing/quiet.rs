//! Waiting: for something to come about, for nothing to happen any more, and for time to pass.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use kube::runtime::wait::{Condition, await_condition};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::TestServer;

/// How long [`TestServer::eventually`] waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long nothing may be written for [`TestServer::quiet`].
const QUIET: Duration = Duration::from_millis(500);
/// The same where waiting costs nothing.
const QUIET_PAUSED: Duration = Duration::from_secs(60);
/// In how many pieces it is waited: a machine that is busy elsewhere for a while makes one of them quiet, not all.
const SLICES: u32 = 10;
/// How many such times [`TestServer::quiet_for`] waits in all.
const QUIET_TRIES: u32 = 60;

impl TestServer {
    /// How many writes have changed something since the server was started, of whomever: Events and Leases are not
    /// counted, since they tell of work and are none. An update or a patch that changes nothing is no write.
    pub fn writes(&self) -> u64 {
        self.wire.writes.total()
    }

    /// The same of one kind, which may be Events or Leases.
    pub fn writes_of<K: Resource<DynamicType: Default>>(&self) -> u64 {
        let kind = K::DynamicType::default();
        let group = K::group(&kind);
        self.wire.writes.of(if group.is_empty() { "core" } else { &group }, &K::plural(&kind))
    }

    /// Waits until controllers have come to rest: nobody has written anything or tried to for half a second, or, where
    /// tokio's clock is paused, for a minute. What is read does not count, nor do Events and Leases.
    ///
    /// # Panics
    /// If there is no end to it; the message tells what was written how often.
    pub async fn quiet(&self) {
        self.quiet_for(if is_paused() { QUIET_PAUSED } else { QUIET }).await;
    }

    /// The same for another time, on tokio's clock. It should be longer than a controller waits after a failure.
    ///
    /// # Panics
    /// As [`quiet`](Self::quiet).
    pub async fn quiet_for(&self, time: Duration) {
        let writes = &self.wire.writes;
        let mut stirred = writes.stirred();
        let calm = async {
            let mut quiet = 0;
            while quiet < SLICES {
                stirred.borrow_and_update();
                let stirs = timeout(time / SLICES, stirred.changed()).await.is_ok() || !writes.is_idle();
                quiet = if stirs { 0 } else { quiet + 1 };
            }
        };
        if timeout(time * QUIET_TRIES, calm).await.is_err() {
            panic!("there is no end of writing; so far: {}", writes.report());
        }
    }

    /// Waits until an object is as it should be, and gives it; `None` where it should be gone. Goes on waiting when the
    /// server is restarted meanwhile, unlike kube's [`await_condition`].
    ///
    /// # Panics
    /// If a minute (on tokio's clock) was not enough; the message shows the object.
    pub async fn eventually<K>(&self, api: &Api<K>, name: &str, condition: impl Condition<K>) -> Option<K>
    where
        K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let met = async {
            loop {
                let condition = |object: Option<&K>| condition.matches_object(object);
                match await_condition(api.clone(), name, condition).await {
                    Ok(object) => return object,
                    // A watch that was cut off, mostly. Others fail each time, and patience ends.
                    Err(error) => tracing::debug!(%error, name, "waiting goes on"),
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        match timeout(PATIENCE, met).await {
            Ok(object) => object,
            Err(_) => panic!("{name} is not as it should be, after {PATIENCE:?}: {:#?}", api.get_opt(name).await),
        }
    }

    /// Lets time pass for everything in the test: leases, tokens and Events expire, controllers look again, as they would
    /// have by then. Needs a test whose clock is tokio's and paused: `#[tokio::test(start_paused = true)]`, with tokio's
    /// feature `test-util`. Time then passes whenever everybody waits, so a test may as well wait for what it expects.
    ///
    /// # Panics
    /// If the clock is not paused: the test would have to wait all that time.
    #[track_caller]
    pub fn advance(&self, time: Duration) -> impl Future<Output = ()> + use<> {
        assert!(
            is_paused(),
            "time passes by itself here: say #[tokio::test(start_paused = true)], or tokio::time::pause()"
        );
        // Not in one step: what is due on the way is done on the way, at its time.
        tokio::time::sleep(time)
    }
}

/// Whether tokio's clock stands still while that of the machine does not.
fn is_paused() -> bool {
    let (before, started) = (tokio::time::Instant::now(), Instant::now());
    while started.elapsed().is_zero() {
        std::hint::spin_loop();
    }
    tokio::time::Instant::now() == before
}
