//! What a controller is given.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kube::Client;
use tokio::sync::watch;

use super::health::Syncing;
use super::informer::Informers;
use super::informer::lister::filled;
use super::metrics::WorkQueue;
use super::recorder::EventQueue;
use super::{Cluster, Health, Lister, Metrics, Object, Recorder, Shutdown};

/// What a controller works with. Cheap to clone; reconcile functions get a clone with every call.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

/// What the controllers of a manager have in common.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) clusters: BTreeMap<String, Client>,
    pub(super) shutdown: Shutdown,
    pub(super) events: EventQueue,
    pub(super) health: Health,
    pub(super) metrics: Metrics,
    pub(super) informers: Informers,
}

struct Inner {
    name: String,
    recorder: Recorder,
    work: Arc<WorkQueue>,
    /// The listers that were asked for, by cluster and kind.
    listers: Mutex<HashMap<(String, TypeId), watch::Receiver<bool>>>,
    /// Whether the wait for them is over.
    runs: AtomicBool,
    shared: Arc<Shared>,
}

/// How long a controller waits to see what it has written.
const CATCH_UP_MAX: Duration = Duration::from_millis(250);

/// The cluster that a controller lives in, among the others.
const HERE: &str = "";

impl Context {
    pub(super) fn new(name: &str, shared: &Arc<Shared>) -> Self {
        shared.health.add(name);
        Self {
            inner: Arc::new(Inner {
                name: name.to_owned(),
                recorder: Recorder::new(name, &shared.events),
                work: shared.metrics.add(name),
                listers: Mutex::default(),
                runs: AtomicBool::new(false),
                shared: shared.clone(),
            }),
        }
    }

    /// The controller's name, as given to [`Manager::add`](super::Manager::add).
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// A client of the API server.
    pub fn client(&self) -> Client {
        self.inner.shared.client.clone()
    }

    /// Another cluster, to read there and to act there.
    ///
    /// # Panics
    /// If the manager was not told of a cluster of this name, by `--cluster` or
    /// [`Manager::cluster`](super::Manager::cluster).
    pub fn cluster(&self, name: &str) -> Cluster {
        let clusters = &self.inner.shared.clusters;
        let Some(client) = clusters.get(name) else {
            let known: Vec<&str> = clusters.keys().map(String::as_str).collect();
            let known =
                if known.is_empty() { "none is known".to_owned() } else { format!("known: {}", known.join(", ")) };
            panic!("cluster {name:?} is not known: say where it is with --cluster {name}=KUBECONFIG ({known})");
        };
        Cluster { cx: self.clone(), name: name.into(), client: client.clone() }
    }

    /// The objects of a kind, in memory and kept up to date by the one watch that all controllers share. Ask for it before
    /// [`run`](Self::run): reconciling begins only when all objects are known.
    pub fn lister<K: Object>(&self) -> Lister<K> {
        self.lister_in(HERE, &self.inner.shared.client)
    }

    /// Waits until what this controller knows of an object is no older than a version that it has just written, so that the
    /// next reconcile does not do again what this one has done. Not for long: a watch may have to be begun anew.
    pub(super) async fn catch_up<K: Object>(&self, namespace: &str, name: &str, version: &str) {
        let Some(informer) = self.inner.shared.informers.known::<K>(HERE) else { return };
        let number = |version: &str| version.parse::<u64>().unwrap_or_default();
        let behind = || {
            informer.read(|index| {
                let known = index.get(namespace, name).and_then(|known| known.meta().resource_version.as_deref());
                known.is_some_and(|known| number(known) < number(version))
            })
        };
        let patience = tokio::time::Instant::now() + CATCH_UP_MAX;
        while behind() && tokio::time::Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) fn lister_in<K: Object>(&self, cluster: &str, client: &Client) -> Lister<K> {
        let informer = self.inner.shared.informers.get::<K>(cluster, client);
        let mut listers = self.inner.listers.lock().unwrap_or_else(|broken| broken.into_inner());
        listers.entry((cluster.to_owned(), TypeId::of::<K>())).or_insert_with(|| {
            let receiver = informer.filled();
            if !*receiver.borrow() {
                let (kind, at) = (K::plural(&()), if cluster == HERE { "" } else { " in " });
                if self.inner.runs.load(Ordering::Relaxed) {
                    let controller = self.name();
                    tracing::warn!(controller, %kind, "a lister was asked for while reconciling: it is empty at first");
                }
                let syncing = self.health().syncing(self.name(), format!("{kind}{at}{cluster}"));
                let (wait, shutdown) = (filled(receiver.clone()), self.shutdown());
                tokio::spawn(async move {
                    tokio::select! {
                        () = wait => {}
                        () = shutdown => {}
                    }
                    drop(syncing);
                });
            }
            receiver
        });
        Lister(informer)
    }

    /// Waits until the listers that were asked for know all objects.
    pub(super) async fn filled(&self) {
        let listers = || self.inner.listers.lock().unwrap_or_else(|broken| broken.into_inner());
        let receivers: Vec<_> = listers().values().cloned().collect();
        for receiver in receivers {
            filled(receiver).await;
        }
        self.inner.runs.store(true, Ordering::Relaxed);
    }

    /// Resolves when the controller has to stop: for loops of one's own and `Controller::graceful_shutdown_on`.
    /// [`run`](Self::run) sees to it by itself.
    pub fn shutdown(&self) -> Shutdown {
        self.inner.shared.shutdown.clone()
    }

    /// Records events under the controller's name.
    pub fn recorder(&self) -> Recorder {
        self.inner.recorder.clone()
    }

    /// A watch begins that [`run`](Self::run) does not know of: the controller is not ready before the guard is dropped.
    pub(crate) fn syncing(&self, what: &str) -> Syncing {
        self.health().syncing(self.name(), what.to_owned())
    }

    pub(super) fn health(&self) -> &Health {
        &self.inner.shared.health
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.inner.shared.metrics
    }

    pub(super) fn work(&self) -> &Arc<WorkQueue> {
        &self.inner.work
    }
}
