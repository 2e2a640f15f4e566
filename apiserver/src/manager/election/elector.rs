//! Taking, keeping and giving back the lease.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use rand::Rng;

use super::LeaderElection;
use super::fence::{Fence, Moment};
use super::record::{Seen, Turn, held, released};
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
            if self.attempt(self.election.renew_deadline).await == Outcome::Held {
                break;
            }
            let jitter = rand::rng().random_range(1.0..1.0 + JITTER);
            tokio::time::sleep(self.election.retry_period.mul_f64(jitter)).await;
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
                let lease =
                    Lease { metadata: ObjectMeta { name, namespace, ..ObjectMeta::default() }, spec: Some(spec) };
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

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::{Value, json};

    use super::*;
    use crate::manager::fake::{FakeServer, status};

    fn elector(server: &FakeServer, fence: &Fence) -> Elector {
        let election = LeaderElection::new("birds", server.client())
            .namespace("wood")
            .identity("us")
            .lease_duration(Duration::from_secs(2))
            .renew_deadline(Duration::from_millis(300))
            .retry_period(Duration::from_millis(20));
        Elector::new(election, fence.clone(), Metrics::default()).unwrap()
    }

    fn lease(holder: &str) -> Value {
        let metadata = json!({"name": "birds", "namespace": "wood", "resourceVersion": "1"});
        json!({"metadata": metadata, "spec": {"holderIdentity": holder, "leaseDurationSeconds": 2}})
    }

    #[tokio::test]
    async fn a_lease_that_nobody_has_is_taken_and_given_back() {
        let (server, fence) = (FakeServer::default(), Fence::default());
        let mut elector = elector(&server, &fence);
        assert!(fence.check().is_err());
        server.answer(Method::POST, 201, lease("us"));
        elector.acquire().await;
        assert!(fence.check().is_ok());
        server.answer(Method::GET, 200, lease("us"));
        server.answer(Method::PUT, 200, lease(""));
        elector.release().await;
        assert!(fence.check().is_err());
        let path = "/apis/coordination.k8s.io/v1/namespaces/wood/leases";
        let expect = ["GET", "POST", "GET", "PUT"]
            .map(|method| if method == "POST" { format!("POST {path}") } else { format!("{method} {path}/birds") });
        assert_eq!(server.seen(), expect);
        let given_back = server.requests.lock().unwrap()[3].1.clone();
        assert_eq!(given_back["spec"]["holderIdentity"], "");
        assert_eq!(given_back["metadata"]["resourceVersion"], "1");
    }

    #[tokio::test]
    async fn a_leader_whose_renewals_fail_stops_in_time() {
        let (server, fence) = (FakeServer::default(), Fence::default());
        let mut elector = elector(&server, &fence);
        server.answer(Method::POST, 201, lease("us"));
        elector.acquire().await;
        server.answer(Method::PUT, 500, status(500, "InternalError"));
        let begin = Instant::now();
        let lost = elector.keep().await;
        assert_eq!(lost, ManagerError::LostLeadership { lease: "wood/birds".into() });
        assert!(fence.check().is_err() && begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    }

    #[tokio::test]
    async fn a_leader_stops_at_once_when_somebody_else_leads() {
        let (server, fence) = (FakeServer::default(), Fence::default());
        let mut elector = elector(&server, &fence);
        server.answer(Method::POST, 201, lease("us"));
        elector.acquire().await;
        server.answer(Method::PUT, 409, status(409, "Conflict"));
        server.answer(Method::GET, 200, lease("them"));
        elector.keep().await;
        assert!(fence.check().is_err());
    }

    #[tokio::test]
    async fn a_lease_that_another_renews_is_waited_for() {
        let (server, fence) = (FakeServer::default(), Fence::default());
        let mut elector = elector(&server, &fence);
        server.answer(Method::GET, 200, lease("them"));
        let waits = tokio::time::timeout(Duration::from_millis(100), elector.acquire()).await;
        assert!(waits.is_err() && fence.check().is_err());
        assert!(server.seen().iter().all(|line| line.starts_with("GET ")));
        server.answer(Method::GET, 200, lease(""));
        server.answer(Method::PUT, 200, lease("us"));
        elector.acquire().await;
        assert!(fence.check().is_ok());
    }
}
