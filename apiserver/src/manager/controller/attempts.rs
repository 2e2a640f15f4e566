//! Running a `kube::runtime::Controller` as every controller should be run.

use std::error::Error;
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use kube::Resource;
use kube::runtime::Controller;
use kube::runtime::controller::{self, Action};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::chain::{Chain, chain};
use crate::manager::metrics::Outcome;
use crate::manager::{Backoff, Context, panic_message};

/// Reconciles of one controller at the same time. kube sets no limit: a start with ten thousand objects would be ten
/// thousand requests at once, and a server lets in some hundreds.
pub(super) const CONCURRENCY_DEFAULT: u16 = 64;

impl Context {
    /// Calls `reconcile` for every object that changes, until shutdown.
    ///
    /// One object is never reconciled twice at once, and at most 64 objects are; fewer by
    /// `Controller::with_config`. A reconcile that fails or panics is logged, counted and tried again
    /// after a delay that doubles with each failure of that object ([`Backoff`]). On shutdown, reconciles that have begun
    /// are finished and no new ones begin. The controller counts as ready once it has seen all objects.
    ///
    /// The error may be anything that displays: `kube::Error`, an enum of one's own, a boxed error, a `String`.
    pub async fn run<K, F, Fut, E>(&self, controller: Controller<K>, reconcile: F)
    where
        K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
        K::DynamicType: Clone + Debug + Eq + Hash + Unpin,
        F: Fn(Arc<K>, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Action, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        let syncing = self.health().syncing(self.name(), "objects");
        let store = controller.store();
        let attempts = Arc::new(Attempts::new(self, reconcile, Backoff::default(), CONCURRENCY_DEFAULT));
        let failures = attempts.clone();
        let work = controller
            .graceful_shutdown_on(self.shutdown())
            .run(Attempts::attempt, |_, failure: &Failure, _| Action::requeue(failure.retry_after), attempts)
            .for_each(|result| {
                if let Err(error) = result {
                    failures.note(&error);
                }
                std::future::ready(())
            });
        let sync = async {
            tokio::select! {
                () = async { drop(tokio::join!(store.wait_until_ready(), self.filled())) } => {}
                // kube would wait for the first list even now; nothing has begun before it, so nothing is cut off.
                () = self.shutdown() => return,
            }
            drop(syncing);
            tracing::info!(controller = self.name(), "all objects are known");
            std::future::pending().await
        };
        tokio::select! {
            () = work => {}
            () = sync => {}
        }
    }
}

/// What every attempt shares.
pub(super) struct Attempts<F> {
    cx: Context,
    reconcile: F,
    backoff: Backoff,
    permits: Semaphore,
}

/// An attempt that failed; it has been logged.
#[derive(Debug, thiserror::Error)]
#[error("failed, and is tried again in {retry_after:?}")]
pub(super) struct Failure {
    pub(super) retry_after: Duration,
}

impl<F> Attempts<F> {
    pub(super) fn new(cx: &Context, reconcile: F, backoff: Backoff, concurrency: u16) -> Self {
        Self { cx: cx.clone(), reconcile, backoff, permits: Semaphore::new(concurrency.into()) }
    }

    pub(super) async fn attempt<K, Fut, E>(object: Arc<K>, this: Arc<Self>) -> Result<Action, Failure>
    where
        K: Resource,
        F: Fn(Arc<K>, Context) -> Fut,
        Fut: Future<Output = Result<Action, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let cx = &this.cx;
        let _permit = tokio::select! {
            biased;
            () = cx.shutdown() => return Ok(Action::await_change()),
            permit = this.permits.acquire() => permit,
        };
        let meta = object.meta();
        let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref().unwrap_or_default());
        let begin = Instant::now();
        cx.metrics().begin(cx.name());
        let working = cx.work().begun(namespace, name);
        let call = async { (this.reconcile)(object.clone(), cx.clone()).await.map_err(Into::into) };
        // A panic is one object's failure: the others must not suffer from it.
        let (result, outcome) = match AssertUnwindSafe(call).catch_unwind().await {
            Ok(Ok(action)) if action == Action::await_change() => (Ok(action), Outcome::Success),
            Ok(Ok(action)) => (Ok(action), Outcome::RequeueAfter),
            Ok(Err(error)) => (Err(error), Outcome::Error),
            Err(panic) => (Err(format!("panicked: {}", panic_message(panic.as_ref())).into()), Outcome::Panic),
        };
        cx.metrics().end(cx.name(), outcome, begin.elapsed());
        drop(working);

        match result {
            Ok(action) => {
                this.backoff.reset(namespace, name);
                if outcome == Outcome::RequeueAfter {
                    // kube does not tell of the time that it was given.
                    cx.work().retry(namespace, name, None);
                }
                tracing::debug!(controller = cx.name(), namespace, name, took = ?begin.elapsed(), "reconciled");
                Ok(action)
            }
            Err(error) => {
                let retry_after = this.backoff.failed(namespace, name);
                cx.work().retry(namespace, name, Some(retry_after));
                let (controller, chain) = (cx.name(), Chain(error.as_ref()));
                if is_conflict(error.as_ref()) {
                    // Another writer was first: in the nature of things, and settled by the next attempt.
                    tracing::debug!(controller, namespace, name, ?retry_after, "reconcile met another writer: {chain}");
                } else {
                    tracing::warn!(controller, namespace, name, ?retry_after, "reconcile failed: {chain}");
                }
                Err(Failure { retry_after })
            }
        }
    }

    /// Errors that no reconcile made.
    pub(super) fn note<E: Error + 'static>(&self, error: &controller::Error<Failure, E>) {
        let controller = self.cx.name();
        match error {
            controller::Error::ReconcilerFailed(..) => {}
            controller::Error::ObjectNotFound(object) => {
                self.backoff.reset(object.namespace.as_deref(), &object.name);
                self.cx.work().gone(object.namespace.as_deref(), &object.name);
                tracing::debug!(controller, %object, "gone before it was reconciled");
            }
            controller::Error::QueueError(error) => tracing::warn!(controller, "watch failed: {}", Chain(error)),
            controller::Error::RunnerError(error) => tracing::warn!(controller, "{}", Chain(error)),
        }
    }
}

fn is_conflict(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| matches!(error.downcast_ref(), Some(kube::Error::Api(status)) if status.code == 409 && status.reason == "Conflict"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::watcher;
    use kube::{Api, Client};

    use super::*;
    use crate::manager::fake::{api_error, refusing_client, watch_client};
    use crate::manager::{ControllerState, Manager, ManagerError, Metrics};

    /// Runs one controller with `client` until `reconcile` has been called `calls` times. Gives the manager's result and
    /// the names that were reconciled.
    async fn run<Fut, E>(
        client: Client,
        calls: usize,
        reconcile: impl Fn(usize) -> Fut + Send + Sync + 'static,
    ) -> (Result<(), ManagerError>, Vec<String>, Metrics)
    where
        Fut: Future<Output = Result<Action, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        let (names, called) = (Arc::new(Mutex::new(Vec::new())), Arc::new(tokio::sync::Semaphore::new(0)));
        let mut manager = Manager::new();
        let (seen, count) = (names.clone(), called.clone());
        manager.add("moss", async move |cx: Context| {
            let maps = Controller::new(Api::<ConfigMap>::all(cx.client()), watcher::Config::default());
            let reconcile = move |object: Arc<ConfigMap>, _| {
                let mut seen = seen.lock().unwrap();
                seen.push(object.metadata.name.clone().unwrap());
                count.add_permits(1);
                reconcile(seen.len())
            };
            cx.run(maps, reconcile).await;
        });
        let metrics = manager.metrics();
        let shutdown = async { drop(called.acquire_many(calls as u32).await) };
        let result = manager.run(client, shutdown).await;
        let names = names.lock().unwrap().clone();
        (result, names, metrics)
    }

    fn text(metrics: &Metrics) -> String {
        let (mut registry, mut text) = (prometheus_client::registry::Registry::default(), String::new());
        metrics.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    #[tokio::test]
    async fn every_object_is_reconciled() {
        let client = watch_client(&["fern", "lichen"]);
        let (result, mut names, metrics) = run(client, 2, async |_| Ok::<_, String>(Action::await_change())).await;
        names.sort();
        assert_eq!((result, names), (Ok(()), vec!["fern".to_owned(), "lichen".into()]));
        let line = r#"controller_runtime_reconcile_total{controller="moss",result="success"} 2"#;
        assert!(text(&metrics).contains(line));
    }

    #[tokio::test]
    async fn failures_and_panics_are_tried_again() {
        let client = watch_client(&["fern"]);
        let (result, names, metrics) = run(client, 4, async |call| match call {
            1 => Err("too dry"),
            2 => panic!("no light"),
            3 => Ok(Action::requeue(Duration::from_millis(1))),
            _ => Ok(Action::await_change()),
        })
        .await;
        assert_eq!((result, names), (Ok(()), vec!["fern".to_owned(); 4]));
        for line in [
            r#"controller_runtime_reconcile_total{controller="moss",result="error"} 2"#,
            r#"controller_runtime_reconcile_total{controller="moss",result="requeue_after"} 1"#,
            r#"controller_runtime_reconcile_panics_total{controller="moss"} 1"#,
        ] {
            assert!(text(&metrics).contains(line), "{line}");
        }
    }

    #[tokio::test]
    async fn many_objects_take_turns() {
        let names: Vec<String> = (0..200).map(|number| format!("fern-{number}")).collect();
        let client = watch_client(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let busy = Arc::new(Mutex::new((0, 0)));
        let told = busy.clone();
        let reconcile = move |_| {
            let told = told.clone();
            async move {
                {
                    let (now, most) = &mut *told.lock().unwrap();
                    *now += 1;
                    *most = *now.max(most);
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
                told.lock().unwrap().0 -= 1;
                Ok::<_, String>(Action::await_change())
            }
        };
        let (result, names, _) = run(client, 200, reconcile).await;
        assert_eq!((result, names.len(), busy.lock().unwrap().1), (Ok(()), 200, usize::from(CONCURRENCY_DEFAULT)));
    }

    #[tokio::test]
    async fn shutdown_waits_for_reconciles_that_have_begun() {
        let client = watch_client(&["fern"]);
        let done = Arc::new(Mutex::new(false));
        let told = done.clone();
        let reconcile = move |_| {
            let told = told.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                *told.lock().unwrap() = true;
                Ok::<_, String>(Action::await_change())
            }
        };
        let (result, ..) = run(client, 1, reconcile).await;
        assert_eq!((result, *done.lock().unwrap()), (Ok(()), true));
    }

    #[tokio::test]
    async fn shutdown_does_not_wait_for_a_server_that_does_not_answer() {
        let mut manager = Manager::new();
        manager.add("moss", async |cx: Context| {
            let maps = Controller::new(Api::<ConfigMap>::all(cx.client()), watcher::Config::default());
            cx.run(maps, async |_, _| Ok::<_, String>(Action::await_change())).await;
        });
        let health = manager.health();
        let shutdown = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(health.controllers(), [("moss".to_owned(), ControllerState::Syncing)]);
        };
        let run = manager.run(refusing_client(), shutdown);
        assert_eq!(tokio::time::timeout(Duration::from_secs(10), run).await, Ok(Ok(())));
    }

    #[derive(Debug, thiserror::Error)]
    #[error("no perch")]
    struct Wrapped(#[source] kube::Error);

    #[test]
    fn a_conflict_is_known_wherever_it_is_in_the_chain() {
        assert!(is_conflict(&api_error(409, "Conflict")));
        assert!(is_conflict(&Wrapped(api_error(409, "Conflict"))));
        assert!(!is_conflict(&Wrapped(api_error(409, "AlreadyExists"))));
        assert!(!is_conflict(&std::fmt::Error));
    }
}
