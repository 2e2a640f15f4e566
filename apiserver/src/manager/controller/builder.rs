//! Setting up a controller over the informers of its manager.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use kube::runtime::controller::{Action, Config, ReconcileReason, ReconcileRequest, applier};
use kube::runtime::reflector::ObjectRef;
use rand::Rng;

use super::attempts::{Attempts, CONCURRENCY_DEFAULT};
use super::owners::controller_of;
use super::queue::Queue;
use crate::manager::informer::{Change, Informer};
use crate::manager::{Backoff, Cluster, Context, Lister, Object};

/// How often every object is looked at although nothing changed: as in controller-runtime.
const RESYNC_DEFAULT: Duration = Duration::from_secs(10 * 60 * 60);

/// A controller that is being set up: see [`Context::controller`].
///
/// ```no_run
/// # use std::{sync::Arc, time::Duration};
/// # use apiserver::manager::{Context, Object};
/// # use kube::runtime::{controller::Action, reflector::ObjectRef};
/// # fn example<Bird: Object, Nest: Object, Tree: Object>() {
/// async fn run<Bird: Object, Nest: Object, Tree: Object>(cx: Context) {
///     cx.controller::<Bird>()
///         .owns::<Nest>()
///         .watches::<Tree, _, _>(|_tree| [ObjectRef::new("robin").within("default")])
///         .concurrency(4)
///         .run(async |_bird: Arc<Bird>, _cx| Ok::<_, kube::Error>(Action::await_change()))
///         .await;
/// }
/// # }
/// ```
#[must_use = "a controller does nothing until `run`"]
pub struct ControllerBuilder<K: Object> {
    cx: Context,
    queue: Arc<Queue<K>>,
    informer: Arc<Informer<K>>,
    concurrency: u16,
    resync: Duration,
    backoff: Backoff,
}

impl Context {
    /// A controller of the objects of a kind. All controllers of a manager share one watch of each kind.
    pub fn controller<K: Object>(&self) -> ControllerBuilder<K> {
        ControllerBuilder {
            cx: self.clone(),
            queue: Arc::new(Queue::new(self.work().clone())),
            informer: self.lister::<K>().0,
            concurrency: CONCURRENCY_DEFAULT,
            resync: RESYNC_DEFAULT,
            backoff: Backoff::default(),
        }
    }
}

impl<K: Object> ControllerBuilder<K> {
    /// Reconciles the owner of an object that appears, changes or goes: the one of kind `K` that its controller owner
    /// reference names ([`Context::owned`] sets it).
    pub fn owns<C: Object>(self) -> Self {
        let lister = self.cx.lister::<C>();
        self.wakes(&lister, |child| controller_of(&**child))
    }

    /// Reconciles what `mapper` names whenever an object of another kind appears, changes or goes. It is called with the
    /// object as it was and as it is, and must not block.
    pub fn watches<W, I, F>(self, mapper: F) -> Self
    where
        W: Object,
        I: IntoIterator<Item = ObjectRef<K>>,
        F: Fn(Arc<W>) -> I + Send + Sync + 'static,
    {
        let lister = self.cx.lister::<W>();
        self.wakes(&lister, move |object| mapper(object.clone()))
    }

    /// As [`watches`](Self::watches), for objects in another cluster.
    pub fn watches_in<W, I, F>(self, cluster: &Cluster, mapper: F) -> Self
    where
        W: Object,
        I: IntoIterator<Item = ObjectRef<K>>,
        F: Fn(Arc<W>) -> I + Send + Sync + 'static,
    {
        self.wakes(&cluster.lister::<W>(), move |object| mapper(object.clone()))
    }

    fn wakes<W, I>(self, lister: &Lister<W>, map: impl Fn(&Arc<W>) -> I + Send + Sync + 'static) -> Self
    where
        W: Object,
        I: IntoIterator<Item = ObjectRef<K>>,
    {
        let queue = self.queue.clone();
        lister.0.subscribe(move |change: &Change<W>| {
            // Also by what it was: an owner that lost something has work to do.
            for object in change.old.iter().chain(&change.new) {
                let erased = || Box::new(ObjectRef::from_obj(&**object).erase());
                for found in map(object) {
                    queue.add(found, ReconcileReason::RelatedObjectUpdated { obj_ref: erased() });
                }
            }
        });
        self
    }

    /// How many objects are reconciled at the same time at most; 64 unless set. One object never is twice.
    pub fn concurrency(mut self, concurrency: u16) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// Reconciles every object again after this time, though nothing has told of a change, for what was missed or is not
    /// watched; 10 hours unless set. [`Duration::ZERO`] is never. Up to a tenth is added, so that controllers do not all
    /// wake at once.
    pub fn resync(mut self, every: Duration) -> Self {
        self.resync = every;
        self
    }

    /// How long an object that failed waits until it is tried again.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Calls `reconcile` for every object that changes, until shutdown, as [`Context::run`] does. It begins once all objects
    /// are known of this kind, of those that wake it, and of all that a [`Lister`] was asked for before.
    pub async fn run<F, Fut, E>(self, reconcile: F)
    where
        F: Fn(Arc<K>, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Action, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        let Self { cx, queue, informer, concurrency, resync, backoff } = self;
        let changed = queue.clone();
        informer.subscribe(move |change| {
            // One that is gone has nothing to reconcile; a finalizer keeps those that need it.
            if let Some(object) = &change.new {
                changed.add(ObjectRef::from_obj(&**object), ReconcileReason::ObjectUpdated);
            }
        });
        tokio::select! {
            () = cx.filled() => {}
            () = cx.shutdown() => return,
        }
        tracing::info!(controller = cx.name(), "all objects are known");
        let attempts = Arc::new(Attempts::new(&cx, reconcile, backoff, concurrency));
        let failures = attempts.clone();
        let requests = stream::select(queue.stream(), every_object(informer.clone(), resync));
        let requests = requests.map(Ok::<_, std::convert::Infallible>).take_until(cx.shutdown());
        applier(
            |object, attempts| Box::pin(Attempts::attempt(object, attempts)),
            |_, failure, _| Action::requeue(failure.retry_after),
            attempts,
            informer.store(),
            requests,
            Config::default().concurrency(concurrency),
        )
        .for_each(|result| {
            if let Err(error) = result {
                failures.note(&error);
            }
            std::future::ready(())
        })
        .await;
    }
}

/// All objects, again and again.
fn every_object<K: Object>(
    informer: Arc<Informer<K>>,
    period: Duration,
) -> impl Stream<Item = ReconcileRequest<K>> + Send {
    let rounds = stream::unfold(informer, move |informer| async move {
        if period.is_zero() {
            std::future::pending::<()>().await;
        }
        let jitter = rand::rng().random_range(1.0..1.1);
        tokio::time::sleep(period.mul_f64(jitter)).await;
        let request = |object: &Arc<K>| ReconcileRequest {
            obj_ref: ObjectRef::from_obj(&**object),
            reason: ReconcileReason::Custom { reason: "resync".to_owned() },
        };
        let all: Vec<_> = informer.read(|index| index.all().map(request).collect());
        Some((stream::iter(all), informer))
    });
    rounds.flatten().boxed()
}
