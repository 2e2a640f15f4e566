//! The controllers of a project: started together, stopped together, and served with what every controller needs.
//!
//! A controller is an async function that gets a [`Context`] and runs until [`Context::shutdown`] resolves. Most use
//! [`Context::controller`], which shares one watch of each kind; a `kube::runtime::Controller` that somebody built goes to
//! [`Context::run`]. Both add retries, logs, metrics, health and shutdown. By [`LeaderElection`], one of several processes acts.
//!
//! **Invariant:** a controller knows the API server by its client alone. It cannot tell whether the server is in this
//! process, next door or a cluster.

mod apply;
mod backoff;
mod cluster;
pub mod conditions;
mod context;
mod controller;
mod election;
mod error;
#[cfg(test)]
mod fake;
mod health;
mod informer;
mod metrics;
mod recorder;
mod shutdown;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::{Client, Config, Resource};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::context::Shared;
use self::election::{Elector, Fence};
use self::informer::Informers;
pub use backoff::Backoff;
pub use cluster::Cluster;
pub use context::Context;
pub use controller::ControllerBuilder;
pub use election::LeaderElection;
pub use error::ManagerError;
pub(crate) use health::Syncing;
pub use health::{ControllerState, Health};
pub use informer::lister::Lister;
pub use metrics::Metrics;
pub use recorder::Recorder;
pub use shutdown::Shutdown;

/// How long controllers may take to finish what they are doing, unless told otherwise: as in controller-runtime.
const DRAIN_DEFAULT: Duration = Duration::from_secs(30);

/// How long the events that are still queued may take to be written at the end.
const EVENTS_FLUSH: Duration = Duration::from_secs(2);

/// The controllers of a process. One that ends early takes the rest with it, so that a process never runs with half of
/// them and looks healthy.
pub struct Manager {
    controllers: Vec<(String, Run)>,
    clusters: BTreeMap<String, Client>,
    election: Option<LeaderElection>,
    /// What stops the clients of the controllers when this process does not lead.
    fence: Fence,
    drain: Duration,
    health: Health,
    metrics: Metrics,
}

/// A kind whose objects have a type: what `kube::CustomResource` derives, and the kinds of k8s-openapi.
pub trait Object: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static {}

impl<K> Object for K where K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static {}

type Run = Box<dyn FnOnce(Context) -> BoxFuture<'static, ()> + Send>;

impl Default for Manager {
    fn default() -> Self {
        Self {
            controllers: Vec::new(),
            clusters: BTreeMap::new(),
            election: None,
            fence: Fence::default(),
            drain: DRAIN_DEFAULT,
            health: Health::default(),
            metrics: Metrics::default(),
        }
    }
}

impl Manager {
    /// A manager without controllers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a controller. The name is what logs, metrics and events call it; no two may share one.
    pub fn add<F, Fut>(&mut self, name: &str, run: F) -> &mut Self
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        // The call itself is put off into the future: a function that panics before its first await is then a
        // controller that panicked, not a manager that did.
        let run: Run = Box::new(move |cx| async move { run(cx).await }.boxed());
        self.controllers.push((name.to_owned(), run));
        self
    }

    /// Adds a cluster beside the one that the controllers live in, by a name for [`Context::cluster`].
    pub fn cluster(&mut self, name: &str, client: Client) -> &mut Self {
        self.clusters.insert(name.to_owned(), client);
        self
    }

    /// Runs the controllers only while this process leads: [`run`](Self::run) waits until then, and fails when the lease is
    /// lost, so that the process can be started again. Before anyone else can lead, all requests of the controllers are
    /// refused and their tasks are dropped. On shutdown the lease is released, once the controllers have ended.
    pub fn leader_election(&mut self, election: LeaderElection) -> &mut Self {
        self.election = Some(election);
        self
    }

    /// A client for [`run`](Self::run) or [`cluster`](Self::cluster) whose requests are counted, and which is fenced best: a
    /// request that was under way when the process was frozen is stopped at the socket. Any other client is fenced where
    /// requests are made.
    ///
    /// # Errors
    /// A configuration that no client can be made of.
    pub fn client(&self, config: Config) -> kube::Result<Client> {
        election::connect(config, &self.fence, &self.metrics)
    }

    /// How long controllers may take to finish what they are doing after shutdown began; 30 seconds unless set.
    pub fn drain_timeout(&mut self, drain: Duration) -> &mut Self {
        self.drain = drain;
        self
    }

    /// The names of the controllers, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.controllers.iter().map(|(name, _)| name.as_str())
    }

    /// How the controllers are; stays up to date while they run.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// What the controllers count; stays up to date while they run.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Runs all controllers until `shutdown` resolves, then lets them finish what they are doing and writes the events
    /// that are still queued. Dropping the future stops everything at once.
    ///
    /// # Errors
    /// A controller that ended early or panicked, which stops the others too; two controllers of one name; controllers
    /// that did not end within [`drain_timeout`](Self::drain_timeout); a lease that was lost.
    pub async fn run(mut self, client: Client, shutdown: impl Future<Output = ()>) -> Result<(), ManagerError> {
        let mut names = BTreeSet::new();
        if let Some((name, _)) = self.controllers.iter().find(|(name, _)| !names.insert(name)) {
            return Err(ManagerError::Duplicate { name: name.clone() });
        }
        let Some(election) = self.election.take() else { return self.work(client, shutdown).await };

        let mut shutdown = pin!(shutdown);
        let fence = self.fence.clone();
        let mut elector = Elector::new(election, fence.clone(), self.metrics.clone())?;
        tokio::select! {
            biased;
            () = &mut shutdown => return Ok(()),
            () = elector.acquire() => {}
        }
        let _closed_in_the_end = CloseFence(fence.clone());
        let client = fence.client(client);
        self.clusters.values_mut().for_each(|client| *client = fence.client(client.clone()));
        let result = tokio::select! {
            biased;
            // Drops the work, and so the tasks of the controllers.
            lost = elector.keep() => Err(lost),
            result = self.work(client, shutdown) => Ok(result),
        };
        match result {
            Err(lost) => {
                tracing::error!("{lost}; the controllers are stopped");
                Err(lost)
            }
            Ok(result) => {
                elector.release().await;
                result
            }
        }
    }

    /// Runs all controllers.
    async fn work(self, client: Client, shutdown: impl Future<Output = ()>) -> Result<(), ManagerError> {
        let Self { controllers, clusters, drain, health, metrics, .. } = self;
        let mut running: BTreeSet<String> = controllers.iter().map(|(name, _)| name.clone()).collect();
        let (stop, stopping) = shutdown::channel();
        let (events, publisher) = recorder::queue(client.clone());
        let (stop_events, events_stopping) = shutdown::channel();
        let mut publisher = JoinSet::from_iter([publisher.run(events_stopping)]);

        let mut tasks = JoinSet::new();
        let shared = Arc::new(Shared {
            client,
            clusters,
            shutdown: stopping,
            events,
            health: health.clone(),
            metrics,
            informers: Informers::default(),
        });
        let _watches = StopWatches(shared.clone());
        for (name, run) in controllers {
            let run = health.clone().watch_start(name.clone(), run(Context::new(&name, &shared)));
            tasks.spawn(async move { (name, AssertUnwindSafe(run).catch_unwind().await) });
        }

        let early = tokio::select! {
            biased;
            () = shutdown => None,
            Some(ended) = tasks.join_next() => Some(outcome(ended, &mut running, &health)),
        };
        let mut failure = early.map(|(name, panic)| match panic {
            Some(message) => ManagerError::Panicked { name, message },
            None => ManagerError::Ended { name },
        });
        if let Some(failure) = &failure {
            tracing::error!("{failure}; the other controllers are stopped");
        }

        stop.send();
        let deadline = Instant::now() + drain;
        while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, tasks.join_next()).await {
            if let (name, Some(message)) = outcome(ended, &mut running, &health) {
                failure.get_or_insert(ManagerError::Panicked { name, message });
            }
        }
        if !tasks.is_empty() {
            let late = ManagerError::NotDrained { names: running.into_iter().collect(), after: drain };
            tracing::error!("{late}");
            failure.get_or_insert(late);
            // Not waited for: one that blocks its thread would keep us here for ever.
            tasks.abort_all();
        }
        stop_events.send();
        if tokio::time::timeout(EVENTS_FLUSH, publisher.join_next()).await.is_err() {
            tracing::warn!("some events could not be written before the end");
        }
        failure.map_or(Ok(()), Err)
    }
}

/// Nothing acts for a manager that is gone.
struct CloseFence(Fence);

impl Drop for CloseFence {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Ends the watches when the manager does, however it does.
struct StopWatches(Arc<Shared>);

impl Drop for StopWatches {
    fn drop(&mut self) {
        self.0.informers.stop();
    }
}

/// What this machine or Pod is called.
fn host() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    host.as_deref().map(str::trim).filter(|host| !host.is_empty()).unwrap_or("localhost").to_owned()
}

type Ended = Result<(String, Result<(), Box<dyn std::any::Any + Send>>), tokio::task::JoinError>;

/// Who ended, and what it said if it panicked.
fn outcome(ended: Ended, running: &mut BTreeSet<String>, health: &Health) -> (String, Option<String>) {
    // A task can fail only by being aborted, and nobody aborts one that is still waited for.
    let (name, result) = ended.unwrap_or_else(|gone| (String::new(), Err(Box::new(gone.to_string()))));
    running.remove(&name);
    health.ended(&name);
    (name, result.err().map(|panic| panic_message(panic.as_ref())))
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::manager::fake::refusing_client;

    /// Long enough for whatever is ready to run to have run.
    const MOMENT: Duration = Duration::from_millis(50);

    type Log = Arc<Mutex<Vec<String>>>;

    fn note(log: &Log, line: &str) {
        log.lock().unwrap().push(line.to_owned());
    }

    /// Runs until shutdown, then takes `last_words` to end.
    fn dutiful(log: &Log, last_words: Duration) -> impl FnOnce(Context) -> BoxFuture<'static, ()> + Send + 'static {
        let log = log.clone();
        move |cx| {
            async move {
                note(&log, &format!("{} starts", cx.name()));
                cx.shutdown().await;
                tokio::time::sleep(last_words).await;
                note(&log, &format!("{} ends", cx.name()));
            }
            .boxed()
        }
    }

    #[tokio::test]
    async fn controllers_run_until_shutdown_and_finish_what_they_do() {
        let log = Log::default();
        let mut manager = Manager::new();
        manager.add("slow", dutiful(&log, MOMENT * 4));
        manager.add("quick", dutiful(&log, Duration::ZERO));
        let shutdown = async {
            tokio::time::sleep(MOMENT).await;
            note(&log, "shutdown");
        };
        assert_eq!(manager.run(refusing_client(), shutdown).await, Ok(()));
        let expect = ["slow starts", "quick starts", "shutdown", "quick ends", "slow ends"];
        assert_eq!(*log.lock().unwrap(), expect);
    }

    #[tokio::test]
    async fn without_controllers_it_waits_for_shutdown() {
        let begin = Instant::now();
        assert_eq!(Manager::new().run(refusing_client(), tokio::time::sleep(MOMENT)).await, Ok(()));
        assert!(begin.elapsed() >= MOMENT);
    }

    #[tokio::test]
    async fn one_that_ends_early_stops_the_rest_and_is_named() {
        let log = Log::default();
        let mut manager = Manager::new();
        manager.add("steady", dutiful(&log, MOMENT));
        manager.add("weary", |_| tokio::time::sleep(MOMENT));
        let health = manager.health();
        let result = manager.run(refusing_client(), std::future::pending()).await;
        assert_eq!(result, Err(ManagerError::Ended { name: "weary".into() }));
        assert_eq!(*log.lock().unwrap(), ["steady starts", "steady ends"]);
        assert_eq!(health.live(), Err("controller steady has ended, controller weary has ended".into()));
    }

    #[tokio::test]
    async fn one_that_panics_stops_the_rest_and_is_named() {
        async fn at_once(_: Context) {
            panic!("no wings");
        }
        fn before_the_first_await(_: Context) -> std::future::Ready<()> {
            panic!("no {}", "wings");
        }
        for clumsy in [|cx| at_once(cx).boxed(), |cx| before_the_first_await(cx).boxed()] {
            let log = Log::default();
            let mut manager = Manager::new();
            manager.add("steady", dutiful(&log, Duration::ZERO));
            manager.add("clumsy", clumsy);
            let result = manager.run(refusing_client(), std::future::pending()).await;
            assert_eq!(result, Err(ManagerError::Panicked { name: "clumsy".into(), message: "no wings".into() }));
            assert_eq!(*log.lock().unwrap(), ["steady starts", "steady ends"]);
        }
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_cut_off() {
        let log = Log::default();
        let mut manager = Manager::new();
        manager.drain_timeout(MOMENT * 4);
        manager.add("steady", dutiful(&log, Duration::ZERO));
        manager.add("deaf", |_| std::future::pending());
        let begin = Instant::now();
        let result = manager.run(refusing_client(), std::future::ready(())).await;
        let names = vec!["deaf".to_owned()];
        assert_eq!(result, Err(ManagerError::NotDrained { names, after: MOMENT * 4 }));
        assert!(begin.elapsed() >= MOMENT * 4);
        assert_eq!(log.lock().unwrap().last().unwrap(), "steady ends");
    }

    #[tokio::test]
    async fn names_are_unique() {
        let mut manager = Manager::new();
        manager.add("bird", |_| std::future::pending()).add("bird", |_| std::future::pending());
        let result = manager.run(refusing_client(), std::future::pending()).await;
        assert_eq!(result, Err(ManagerError::Duplicate { name: "bird".into() }));
    }
}
