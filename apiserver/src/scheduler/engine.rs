//! What a scheduler knows and does, step by step. Every step is made by one task, so nothing is locked.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::{Client, ResourceExt};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::algorithm::{AlgorithmError, feasible_enough};
use super::config::Ready;
use super::cycle::Cycle;
use super::metrics::{Metrics, Outcome};
use super::plugin::Changes;
use super::pod::PodInfo;
use super::queue::{Queue, Turn};
use super::snapshot::{Placed, Snapshot};
use super::watch::{Change, News};
use super::write::{self, BindError};
use crate::manager::{Recorder, Syncing};

/// Failures that are being reported at a time.
const REPORTS_MAX: usize = 16;

type Key = Arc<str>;

/// The state of a scheduler.
pub(super) struct Engine {
    client: Client,
    profiles: BTreeMap<String, Arc<Ready>>,
    recorders: HashMap<String, Recorder>,
    metrics: Metrics,
    queue: Queue,
    snapshot: Snapshot,
    /// Which node the next search begins with.
    start: usize,
    listing_nodes: Option<HashSet<String>>,
    listing_pods: Option<HashSet<Key>>,
    /// Until the first lists are complete.
    syncing: [Option<Syncing>; 2],
    work: JoinSet<Done>,
    bindings: Arc<Semaphore>,
    reporting: Arc<Semaphore>,
    /// Reports that are under way: the pod's next write waits for them, so that an old failure does not overwrite it.
    reports: HashMap<Key, oneshot::Receiver<()>>,
}

/// A piece of work that is over.
pub(super) enum Done {
    Bound { turn: Turn, result: Result<(), BindError>, began: Instant },
    Reported,
}

impl Engine {
    pub fn new(
        client: Client,
        profiles: BTreeMap<String, Arc<Ready>>,
        recorders: HashMap<String, Recorder>,
        backoff: (Duration, Duration),
        bindings: usize,
        metrics: Metrics,
        syncing: [Syncing; 2],
    ) -> Self {
        Self {
            client,
            profiles,
            recorders,
            metrics,
            queue: Queue::new(backoff.0, backoff.1),
            snapshot: Snapshot::default(),
            start: 0,
            listing_nodes: None,
            listing_pods: None,
            syncing: syncing.map(Some),
            work: JoinSet::new(),
            bindings: Arc::new(Semaphore::new(bindings)),
            reporting: Arc::new(Semaphore::new(REPORTS_MAX)),
            reports: HashMap::new(),
        }
    }

    /// Whether a pod can be decided on now.
    pub fn is_ready(&self, now: Instant) -> bool {
        self.syncing.iter().all(Option::is_none) && self.queue.is_ready(now)
    }

    /// When the next pod will have backed off.
    pub fn next_at(&self) -> Option<Instant> {
        self.queue.next_at().filter(|_| self.syncing.iter().all(Option::is_none))
    }

    /// Waits for a piece of work to be over; for ever, where there is none.
    pub async fn next_done(&mut self) -> Option<Result<Done, JoinError>> {
        self.work.join_next().await
    }

    /// Tries again what has waited for long.
    pub fn flush(&mut self, now: Instant) {
        self.queue.flush(now);
    }

    /// Waits for all work to be over.
    pub async fn drain(mut self) {
        while let Some(done) = self.work.join_next().await {
            self.finish(done, Instant::now());
        }
    }

    /// Learns what has happened.
    pub fn hear(&mut self, news: News, now: Instant) {
        match news {
            News::Node(change) => self.hear_node(change, now),
            News::Pod(change) => self.hear_pod(change, now),
        }
        self.measure();
    }

    fn hear_node(&mut self, change: Change<Box<Node>>, now: Instant) {
        let changed = match change {
            Change::Listing => {
                self.listing_nodes = Some(HashSet::new());
                false
            }
            Change::There(node) => {
                if let Some(listed) = &mut self.listing_nodes {
                    listed.insert(node.name_any());
                }
                self.snapshot.set_node(*node)
            }
            Change::Gone(name) => self.snapshot.remove_node(&name),
            Change::Listed => {
                let listed = self.listing_nodes.take().unwrap_or_default();
                let gone: Vec<Key> =
                    self.snapshot.node_names().filter(|name| !listed.contains(&***name)).cloned().collect();
                self.syncing[0] = None;
                // All of them, and not only up to the first.
                gone.iter().map(|name| self.snapshot.remove_node(name)).filter(|removed| *removed).count() > 0
            }
        };
        if changed {
            self.queue.changed(Changes::NODES, now);
        }
    }

    fn hear_pod(&mut self, change: Change<Arc<PodInfo>>, now: Instant) {
        match change {
            Change::Listing => self.listing_pods = Some(HashSet::new()),
            Change::There(pod) => {
                if let Some(listed) = &mut self.listing_pods {
                    listed.insert(pod.key().clone());
                }
                self.set_pod(pod, now);
            }
            Change::Gone(key) => self.remove_pod(&key, now),
            Change::Listed => {
                let listed = self.listing_pods.take().unwrap_or_default();
                let known = self.snapshot.pod_keys().chain(self.queue.keys());
                let gone: Vec<Key> = known.filter(|key| !listed.contains(*key)).cloned().collect();
                gone.iter().for_each(|key| self.remove_pod(key, now));
                self.syncing[1] = None;
            }
        }
    }

    fn set_pod(&mut self, pod: Arc<PodInfo>, now: Instant) {
        let key = pod.key().clone();
        if pod.is_over() {
            return self.remove_pod(&key, now);
        }
        if pod.node_name().is_some() {
            self.unqueue(&key);
            match self.snapshot.set_pod(pod) {
                Placed::New | Placed::Confirmed => drop(self.queue.changed(Changes::PODS_BOUND, now)),
                // It may request less than before.
                Placed::Changed => drop(self.queue.changed(Changes::PODS_BOUND | Changes::PODS_GONE, now)),
                Placed::Same => {}
            }
            return;
        }
        if self.snapshot.pod(&key).is_some_and(|there| there.uid() != pod.uid()) {
            // The one that had the name before is gone, and no watch told of it.
            self.remove_pod(&key, now);
        }
        if self.snapshot.is_assumed(&key) {
            // It is being bound, or is bound and this is older news. Should that fail, this is what is tried again.
            if self.queue.get(&key).is_some() {
                self.queue.set(pod, now);
            }
        } else if pod.is_terminating() {
            self.unqueue(&key);
        } else if self.profiles.contains_key(pod.scheduler_name()) {
            self.queue.set(pod, now);
        }
    }

    fn remove_pod(&mut self, key: &str, now: Instant) {
        self.unqueue(key);
        if self.snapshot.remove_pod(key) {
            self.queue.changed(Changes::PODS_GONE, now);
        }
    }

    fn unqueue(&mut self, key: &str) {
        self.queue.remove(key);
        self.reports.remove(key);
    }

    /// Decides for the pod whose turn it is.
    pub fn decide(&mut self, now: Instant) {
        let Some(turn) = self.queue.take(now) else { return };
        let Some(profile) = self.profiles.get(turn.pod.scheduler_name()).cloned() else { return };
        let nodes = self.snapshot.nodes().len();
        let enough = feasible_enough(nodes, profile.percentage);
        let cycle = Cycle::new(&turn.pod, &self.snapshot);
        // One pod that a plugin trips over must not stop the others.
        let decision = catch_unwind(AssertUnwindSafe(|| profile.algorithm.decide(&cycle, self.start, enough)));
        drop(cycle);
        self.metrics.decided(now.elapsed());
        match decision {
            Ok(Ok(decision)) => {
                self.start = (self.start + decision.evaluated) % nodes.max(1);
                tracing::debug!(
                    pod = &**turn.pod.key(),
                    node = &*decision.node,
                    evaluated = decision.evaluated,
                    feasible = decision.feasible,
                    "a node was found"
                );
                self.snapshot.assume(turn.pod.clone(), &decision.node);
                self.bind(turn, decision.node, now);
            }
            Ok(Err(AlgorithmError::Fit(error))) => {
                let message = error.to_string();
                tracing::debug!(pod = &**turn.pod.key(), message, "no node was found");
                self.metrics.attempt(turn.pod.scheduler_name(), Outcome::Unschedulable, now.elapsed());
                self.queue.refused(turn.pod.key(), error.retry_on(), now);
                self.report(turn.pod, "Unschedulable", message);
            }
            Ok(Err(error @ AlgorithmError::Score { .. })) => self.failed(&turn, error.to_string(), now, now),
            Err(panic) => {
                let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
                let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
                let message = format!("a plugin panicked: {}", said.unwrap_or_else(|| "no message".into()));
                self.failed(&turn, message, now, now);
            }
        }
        self.measure();
    }

    /// Has the API server told of a decision.
    fn bind(&mut self, turn: Turn, node: Key, began: Instant) {
        let (client, permits) = (self.client.clone(), self.bindings.clone());
        let before = self.reports.remove(turn.pod.key());
        self.work.spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            let _permit = permits.acquire_owned().await;
            let result = write::bind(&client, &turn.pod, &node).await;
            if result.is_ok() {
                // Whoever waits for the pod does not wait for its event: the watch has told of the binding by now.
                write::scheduled(&client, turn.pod.scheduler_name(), &turn.pod, &node).await;
            }
            Done::Bound { turn, result, began }
        });
    }

    /// Learns how a piece of work came out.
    pub fn finish(&mut self, done: Result<Done, JoinError>, now: Instant) {
        let (turn, result, began) = match done {
            Ok(Done::Bound { turn, result, began }) => (turn, result, began),
            Ok(Done::Reported) => return,
            Err(error) => {
                tracing::error!(%error, "a binding or report was cut off");
                return;
            }
        };
        let key = turn.pod.key();
        // Another pod may have come by the name: what became of this one is then of no interest.
        let is_same = |there: Option<&Arc<PodInfo>>| there.is_some_and(|there| there.uid() == turn.pod.uid());
        let (counts, waits) = (is_same(self.snapshot.pod(key)), is_same(self.queue.get(key)));
        match result {
            Ok(()) => {
                self.metrics.attempt(turn.pod.scheduler_name(), Outcome::Scheduled, began.elapsed());
                self.metrics.scheduled(turn.attempt, turn.since.elapsed());
                if waits {
                    self.unqueue(key);
                }
            }
            Err(error) => {
                if counts && self.snapshot.forget(key) {
                    self.queue.changed(Changes::PODS_GONE, now);
                }
                match error {
                    BindError::Gone if waits => self.unqueue(key),
                    BindError::Rejected(_) if waits => self.failed(&turn, error.to_string(), began, now),
                    _ => {}
                }
            }
        }
        self.measure();
    }

    /// Something other than the cluster's state is in the way: tries again in a moment.
    fn failed(&mut self, turn: &Turn, message: String, began: Instant, now: Instant) {
        self.metrics.attempt(turn.pod.scheduler_name(), Outcome::Error, began.elapsed());
        // One that is bound after all, or gone, does not wait any more.
        if self.queue.failed(turn.pod.key(), now) {
            tracing::warn!(pod = &**turn.pod.key(), message, "a pod could not be scheduled and is tried again");
            self.report(turn.pod.clone(), "SchedulerError", message);
        }
    }

    /// Tells those who look at the pod why it waits.
    fn report(&mut self, pod: Arc<PodInfo>, reason: &'static str, message: String) {
        let Some(recorder) = self.recorders.get(pod.scheduler_name()).cloned() else { return };
        let (client, permits) = (self.client.clone(), self.reporting.clone());
        let (done, over) = oneshot::channel();
        let before = self.reports.insert(pod.key().clone(), over);
        self.work.spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            let _permit = permits.acquire_owned().await;
            write::failed(&client, &recorder, &pod, reason, &message).await;
            drop(done);
            Done::Reported
        });
    }

    fn measure(&self) {
        let (pods, assumed) = self.snapshot.counts();
        self.metrics.sizes(self.queue.lengths(), self.snapshot.nodes().len(), pods, assumed);
    }
}
