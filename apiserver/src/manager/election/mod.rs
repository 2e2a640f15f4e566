//! One of several processes leads, and only that one acts.
//!
//! By a Lease, as client-go does it: the leader renews it every two seconds; others take it when they have not seen it change
//! for its whole duration, by their own clocks, so that no clocks are compared. **Invariant:** the leader's work is over
//! before anyone can take the lease. Its time counts from when the last successful renewal was *sent*, that of the others from
//! when they *saw* it, and it is shorter; at its end the [`Fence`] refuses every request of the controllers, whether
//! anything noticed or not. So a process that was frozen for a while can do no harm when it goes on.

mod connect;
mod elector;
mod fence;
mod record;

use std::time::Duration;

use kube::Client;

pub(super) use self::connect::connect;
pub(super) use self::elector::Elector;
pub(super) use self::fence::Fence;
use super::{ManagerError, host};

/// How long others wait for a sign of the leader, how long the leader goes without renewing, and how often both try: as in
/// client-go.
const TIMINGS: (Duration, Duration, Duration) =
    (Duration::from_secs(15), Duration::from_secs(10), Duration::from_secs(2));

/// Makes the manager wait until it leads: see [`Manager::leader_election`](super::Manager::leader_election).
#[derive(Clone)]
pub struct LeaderElection {
    client: Client,
    name: String,
    namespace: Option<String>,
    identity: String,
    lease_duration: Duration,
    renew_deadline: Duration,
    retry_period: Duration,
}

impl LeaderElection {
    /// An election among all who name this Lease. `client` is for the Lease alone, since that of the controllers is cut off
    /// when it is lost.
    pub fn new(name: &str, client: Client) -> Self {
        let (lease_duration, renew_deadline, retry_period) = TIMINGS;
        let namespace = None;
        Self {
            client,
            name: name.to_owned(),
            namespace,
            identity: identity(),
            lease_duration,
            renew_deadline,
            retry_period,
        }
    }

    /// Where the Lease is; the client's default namespace unless set.
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// What the Lease calls this process; its host's name and something random unless set. No two may share one.
    pub fn identity(mut self, identity: &str) -> Self {
        self.identity = identity.to_owned();
        self
    }

    /// How long others wait after the last renewal that they have seen; 15 seconds unless set. A Lease holds whole seconds,
    /// so it is rounded up.
    pub fn lease_duration(mut self, duration: Duration) -> Self {
        self.lease_duration = duration;
        self
    }

    /// How long the leader acts after the last renewal that succeeded; 10 seconds unless set. What is missing to
    /// the lease's duration is what clocks may differ in speed and requests may take on their way.
    pub fn renew_deadline(mut self, deadline: Duration) -> Self {
        self.renew_deadline = deadline;
        self
    }

    /// How long to wait between tries; 2 seconds unless set. Those who do not lead wait up to 2.2 times as long.
    pub fn retry_period(mut self, period: Duration) -> Self {
        self.retry_period = period;
        self
    }

    /// What the Lease is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the timings make sense, which [`Manager::run`](super::Manager::run) looks at too.
    ///
    /// # Errors
    /// Timings by which two could act at once, or nobody for long: [`ManagerError::Election`].
    pub fn check(&self) -> Result<(), ManagerError> {
        self.problem().map_or(Ok(()), |problem| Err(ManagerError::Election { problem }))
    }

    /// What is wrong with the timings.
    fn problem(&self) -> Option<&'static str> {
        if self.retry_period.is_zero() {
            Some("the retry period must be longer than nothing")
        } else if self.renew_deadline <= self.retry_period.mul_f64(1.2) {
            Some("the renew deadline must be longer than 1.2 retry periods")
        } else if self.lease_duration <= self.renew_deadline {
            Some("the lease's duration must be longer than the renew deadline")
        } else {
            None
        }
    }
}

/// The host's name, by which people find the process, and something that no other process on it has.
fn identity() -> String {
    format!("{}_{}", host(), uuid::Uuid::new_v4())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::fake::refusing_client;

    #[tokio::test]
    async fn timings_that_fence_nobody_are_refused() {
        #[track_caller]
        fn check(client: &Client, millis: (u64, u64, u64), expect: Option<&str>) {
            let (lease, renew, retry) = millis;
            let election = LeaderElection::new("birds", client.clone())
                .lease_duration(Duration::from_millis(lease))
                .renew_deadline(Duration::from_millis(renew))
                .retry_period(Duration::from_millis(retry));
            assert_eq!(election.problem(), expect, "{millis:?}");
        }
        let client = refusing_client();
        assert_eq!(LeaderElection::new("birds", client.clone()).problem(), None);
        check(&client, (2000, 1000, 200), None);
        check(&client, (1000, 1000, 200), Some("the lease's duration must be longer than the renew deadline"));
        check(&client, (2000, 240, 200), Some("the renew deadline must be longer than 1.2 retry periods"));
        check(&client, (2000, 1000, 0), Some("the retry period must be longer than nothing"));
    }

    #[test]
    fn no_two_processes_share_an_identity() {
        assert_ne!(identity(), identity());
    }
}
