//! Taking, keeping and giving back the lease.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use rand::Rng;

use super::fence::{Fence, Moment};
use super::record::{Seen, Turn, held, released};
use super::LeaderElection;
use crate::manager::controller::chain::Chain;
use crate::manager::{ManagerError, Metrics};

/// Those who wait do so up to this part of the retry period longer, as in client-go.
const JITTER: f64 = 1.2;

/// One who takes part in an election.
pub(in crate::manager) struct Elector {
    election: LeaderElection,
    leases: Api<Lease>,
    seen: Option<Seen>,
    /// The holder that was logged last.
    told: String,
    fence: Fence,
    metrics: Metrics,
}

impl Elector {
    /// Closes the fence until the lease is held.
    ///
    /// # Errors
    /// Timings that make no sense.
    pub(in crate::manager) fn new(
        election: LeaderElection,
        fence: Fence,
        metrics: Metrics,
    ) -> Result<Self, ManagerError> {
        election.check()?;
        fence.close();
        metrics.leads(&election.name, false);
        let namespace = election.namespace.clone();
        let namespace = namespace.unwrap_or_else(|| election.client.default_namespace().to_owned());
        let leases = Api::namespaced(election.client.clone(), &namespace);
        let election = LeaderElection { namespace: Some(namespace), ..election };
        Ok(Self { election, leases, seen: None, told: String::new(), fence, metrics })
    }

    /// Waits until this process leads.
    pub(in crate::manager) async fn acquire(&mut self) {
        tracing::info!(lease = self.lease(), identity = self.election.identity, "waiting to lead");
        loop {
            let period = self.election.retry_period;
            if self.attempt(self.election.renew_deadline).await == Outcome::Held {
                break;
            }
            tokio::time::sleep(period.mul_f64(1.0 + rand::rng().random_range(0.0..JITTER))).await;
        }
        self.metrics.leads(&self.election.name, true);
        tracing::info!(lease = self.lease(), identity = self.election.identity, "leading");
    }

    /// Keeps the lease. Comes back when it is lost; the fence is closed by then.
    pub(in crate::manager) async fn keep(&mut self) -> ManagerError {
        let mut wait = self.election.retry_period;
        while let Some(remaining) = self.fence.remaining() {
            tokio::time::sleep(wait.min(remaining)).await;
            // Looked at again: this may have taken much longer than it should.
            let Some(remaining) = self.fence.remaining() else { break };
            match self.attempt(remaining).await {
                Outcome::Held => wait = self.election.retry_period,
                Outcome::Failed => wait = self.election.retry_period.min(self.election.renew_deadline / 8),
                Outcome::Theirs => break,
            }
        }
        self.fence.close();
        self.metrics.leads(&self.election.name, false);
        ManagerError::LostLeadership { lease: self.lease() }
    }

    /// Closes the fence and lets others have the lease at once. What was under way must have ended.
    pub(in crate::manager) async fn release(mut self) {
        self.fence.close();
        self.metrics.leads(&self.election.name, false);
        let released = tokio::time::timeout(self.election.renew_deadline, self.give_back()).await;
        match released {
            Ok(Ok(())) => tracing::info!(lease = self.lease(), "released"),
            Ok(Err(error)) => {
                tracing::warn!(lease = self.lease(), "could not be released, and others wait: {}", Chain(&error));
            }
            Err(_) => tracing::warn!(lease = self.lease(), "could not be released in time, and others wait"),
        }
    }

    async fn give_back(&mut self) -> kube::Result<()> {
        loop {
            let lease = self.leases.get(&self.election.name).await?;
            let seen = Seen::new(lease, None, Instant::now());
            if seen.holder() != self.election.identity {
                return Ok(());
            }
            let spec = released(&seen, jiff::Timestamp::now());
            let lease = Lease { spec: Some(spec), ..seen.lease };
            match self.leases.replace(&self.election.name, &PostParams::default(), &lease).await {
                // A renewal that was given up arrived after all.
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                result => return result.map(drop),
            }
        }
    }

    /// Tries once to take or to renew the lease, for so long at most.
    async fn attempt(&mut self, limit: Duration) -> Outcome {
        // Half of it leaves time for another try when an answer is lost.
        let limit = limit.min(self.election.renew_deadline / 2).max(Duration::from_millis(1));
        let lease = self.lease();
        match tokio::time::timeout(limit, self.take()).await {
            Ok(Ok(outcome)) => {
                let holder = self.seen.as_ref().map(Seen::holder).unwrap_or_default();
                if holder != self.told {
                    self.told = holder.to_owned();
                    tracing::info!(lease, leader = holder, "a new leader");
                }
                outcome
            }
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => {
                tracing::debug!(lease, "somebody else was faster");
                Outcome::Failed
            }
            Ok(Err(error)) => {
                tracing::warn!(lease, "the lease could not be written: {}", Chain(&error));
                Outcome::Failed
            }
            Err(_) => {
                tracing::warn!(lease, after = ?limit, "no answer about the lease");
                Outcome::Failed
            }
        }
    }

    async fn take(&mut self) -> kube::Result<Outcome> {
        // Who holds it need not read it first: a write to a version that is not the newest is refused.
        let ours = self.seen.as_ref().is_some_and(|seen| seen.holder() == self.election.identity);
        if ours && self.fence.check().is_ok() {
            match self.write().await {
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
                    self.metrics.slow_path(&self.election.name);
                }
                result => return result,
            }
        }
        let Some(lease) = self.leases.get_opt(&self.election.name).await? else {
            self.seen = None;
            return self.write().await;
        };
        let seen = Seen::new(lease, self.seen.take(), Instant::now());
        let turn = seen.turn(&self.election.identity, self.election.lease_duration, Instant::now());
        self.seen = Some(seen);
        if turn == Turn::Theirs { Ok(Outcome::Theirs) } else { self.write().await }
    }

    /// Writes that we hold the lease, over the version that was seen.
    async fn write(&mut self) -> kube::Result<Outcome> {
        let LeaderElection { name, namespace, identity, lease_duration, renew_deadline, .. } = &self.election;
        // From before the request is sent: whoever sees it, sees it later.
        let sent = Moment::now();
        let spec = held(self.seen.as_ref(), identity, *lease_duration, jiff::Timestamp::now());
        let lease = match &self.seen {
            Some(seen) => {
                let lease = Lease { spec: Some(spec), ..seen.lease.clone() };
                self.leases.replace(name, &PostParams::default(), &lease).await?
            }
            None => {
                let (name, namespace) = (Some(name.clone()), namespace.clone());
                let lease = Lease { metadata: ObjectMeta { name, namespace, ..ObjectMeta::default() }, spec: Some(spec) };
                self.leases.create(&PostParams::default(), &lease).await?
            }
        };
        self.seen = Some(Seen::new(lease, None, Instant::now()));
        self.fence.hold(sent, *renew_deadline);
        // It may have taken too long: then it is ours, but not for acting yet.
        Ok(if self.fence.check().is_ok() { Outcome::Held } else { Outcome::Failed })
    }

    fn lease(&self) -> String {
        format!("{}/{}", self.election.namespace.as_deref().unwrap_or_default(), self.election.name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Held,
    Theirs,
    Failed,
}
