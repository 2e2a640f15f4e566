//! Deletes what nobody owns any more, as Kubernetes' garbage collector does: in the background, in the foreground, or not
//! at all, as whoever deleted the owner wants it.
//!
//! - [`facts`] what is read of an object · [`places`] where objects are · [`graph`] who owns whom, and what is worth a look
//! - [`decide`] what to do about an object · [`work`] doing it · [`report`] telling of what is wrong
//! - [`follow`] from changes to the graph
//!
//! It reads and writes as any client does, so that hooks and admission see it. One task owns the graph and needs no
//! locks; what waits for the store runs beside it. Whatever a process that was killed has left is found at the next
//! start, since the graph is made of what is stored and of nothing else.

mod decide;
mod facts;
mod follow;
mod graph;
#[cfg(test)]
mod model;
mod places;
mod report;
mod work;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep, sleep_until};

use self::follow::{Followed, Progress};
use self::graph::{Graph, Task};
use self::places::Places;
use self::work::{Effect, Worker};
use super::caller::Caller;
use super::queue::Queue;
use crate::kind::{Kind, Verb};
use crate::registry::error::Error;
use crate::registry::rest::{Rest, Watching};

/// How many tasks wait for the store at the same time. Source: `ConcurrentGCSyncs` in
/// <https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/garbagecollector/config/v1alpha1/defaults.go>
const WORKERS: usize = 20;
/// How long a kind that cannot be read keeps the others from being worked on. Nothing is deleted without a look at its
/// owners, but an owner might not wait for dependents that are not known yet. As in Kubernetes.
const BEGINNING_MAX: Duration = Duration::from_secs(30);
/// How long it waits before a kind that could not be followed is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// While nothing happens that matters, changes are looked at this often at most, so that they cost little. And who deletes
/// an object in the foreground sees it marked, as with Kubernetes, whose collector is another process.
const PAUSE: Duration = Duration::from_millis(50);

/// The garbage collector.
pub struct Collector {
    worker: Arc<Worker>,
    graph: Graph,
    queue: Queue<Task>,
    followed: Vec<Followed>,
    started: Instant,
}

/// A task that was worked off.
type Done = (Task, Result<Effect, Error>);
/// A kind that is, or cannot be, followed.
type Opened = (usize, Result<Box<dyn Watching>, Error>);

impl Collector {
    /// A collector for the objects of these kinds. Nothing happens until [`run`](Self::run).
    pub fn new<'a>(rests: impl IntoIterator<Item = &'a Arc<dyn Rest>>) -> Self {
        let rests: Vec<Arc<dyn Rest>> = rests.into_iter().cloned().collect();
        let followed = rests.iter().filter(|rest| is_collected(rest.kind())).cloned().map(Followed::new).collect();
        let caller = Caller::of_service_account("generic-garbage-collector");
        Self {
            worker: Arc::new(Worker { places: Places::new(rests), caller }),
            graph: Graph::default(),
            queue: Queue::default(),
            followed,
            started: Instant::now(),
        }
    }

    /// Collects garbage until told to stop; ends when what was begun is done.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        self.started = Instant::now();
        let mut opening: FuturesUnordered<BoxFuture<'static, Opened>> =
            (0..self.followed.len()).map(|index| self.open(index, Duration::ZERO)).collect();
        let mut running: FuturesUnordered<BoxFuture<'static, Done>> = FuturesUnordered::new();
        loop {
            let (lost, more) = self.look();
            opening.extend(lost.into_iter().map(|index| self.open(index, AGAIN)));
            let quiet = !self.graph.has_tasks();
            self.start(&mut running);
            let due = self.due();
            tokio::select! {
                () = &mut stop => break,
                Some((index, opened)) = opening.next() => match opened {
                    Ok(watching) => self.followed[index].begin(watching),
                    Err(error) => {
                        tracing::warn!(resource = self.resource(index), error = %error, "garbage is not collected");
                        opening.push(self.open(index, AGAIN));
                    }
                },
                Some((task, result)) = running.next() => self.finish(&task, result, &mut running),
                () = changed(&mut self.followed) => if quiet && running.is_empty() {
                    sleep(PAUSE).await;
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                () = tokio::task::yield_now(), if more || !quiet => {}
            }
        }
        while running.next().await.is_some() {}
    }

    fn resource(&self, index: usize) -> String {
        self.followed[index].rest().kind().qualified_resource()
    }

    fn open(&self, index: usize, after: Duration) -> BoxFuture<'static, Opened> {
        let rest = self.followed[index].rest().clone();
        let cx = self.worker.caller.request(rest.kind(), Verb::Watch, "", "");
        async move {
            sleep(after).await;
            (index, Followed::watch(rest, cx).await)
        }
        .boxed()
    }

    /// Takes in what has changed. Gives the kinds that have to be followed anew, and whether there is more.
    fn look(&mut self) -> (Vec<usize>, bool) {
        let (mut lost, mut more) = (Vec::new(), false);
        self.graph.begin_look();
        for (index, followed) in self.followed.iter_mut().enumerate() {
            match followed.step(&mut self.graph, &self.worker.places) {
                Ok(progress) => more |= progress == Progress::More,
                Err(error) => {
                    tracing::debug!(error = %error, "a kind is followed from the beginning again");
                    lost.push(index);
                }
            }
        }
        self.graph.end_look(!more);
        self.graph.take_tasks().into_iter().for_each(|task| self.queue.add(task));
        (lost, more)
    }

    /// Whether what is known is enough to act on it.
    fn may_act(&self) -> bool {
        self.followed.iter().all(Followed::is_complete) || self.started.elapsed() > BEGINNING_MAX
    }

    fn due(&self) -> Option<Instant> {
        if self.may_act() { self.queue.due() } else { Some(self.started + BEGINNING_MAX + PAUSE) }
    }

    fn start(&mut self, running: &mut FuturesUnordered<BoxFuture<'static, Done>>) {
        while running.len() < WORKERS && self.may_act() {
            let Some(task) = self.queue.next(Instant::now()) else { break };
            let worker = self.worker.clone();
            match &task {
                Task::Examine(id) => match self.graph.view(id) {
                    None => self.queue.done(&task),
                    Some(view) => running.push(
                        async move {
                            let Task::Examine(id) = &task else { return (task, Ok(Effect::Found)) };
                            let done = worker.examine(id, &view).await;
                            (task, done)
                        }
                        .boxed(),
                    ),
                },
                Task::Orphan(id) => {
                    let (id, dependents) = (id.clone(), self.graph.dependents(id));
                    running.push(
                        async move {
                            let done = worker.orphan(&id, dependents).await;
                            (task, done)
                        }
                        .boxed(),
                    );
                }
            }
        }
    }

    fn finish(
        &mut self,
        task: &Task,
        result: Result<Effect, Error>,
        running: &mut FuturesUnordered<BoxFuture<'static, Done>>,
    ) {
        let (Task::Examine(id) | Task::Orphan(id)) = task;
        let effect = match result {
            Ok(effect) => effect,
            Err(error) => {
                let delay = self.queue.failed(task, Instant::now());
                // Somebody else was first, as happens.
                if !matches!(error, Error::Conflict { .. }) {
                    tracing::warn!(object = &*id.place, error = %error, ?delay, "garbage is collected later");
                }
                return;
            }
        };
        match effect {
            Effect::Again => drop(self.queue.failed(task, Instant::now())),
            // It is not done before it has been told.
            Effect::Elsewhere => {}
            Effect::Found | Effect::Absent => self.queue.done(task),
        }
        match effect {
            Effect::Found | Effect::Again => self.graph.found(id),
            Effect::Absent => self.graph.absent(id),
            Effect::Elsewhere => {
                let (worker, owner, dependents) = (self.worker.clone(), id.clone(), self.graph.dependents(id));
                // Those that it is told of are examined after that, and then they are gone.
                let task = task.clone();
                running.push(
                    async move {
                        worker.report(&owner, dependents).await;
                        (task, Ok(Effect::Absent))
                    }
                    .boxed(),
                );
            }
        }
    }
}

/// Wakes when something may have changed.
async fn changed(followed: &mut [Followed]) {
    let mut watching: Vec<_> = followed.iter_mut().filter_map(Followed::watching).collect();
    poll_fn(|cx| {
        // All are asked, so that each knows whom to wake.
        let ready = watching.iter_mut().filter_map(|one| one.poll_changed(cx).is_ready().then_some(())).count();
        if ready > 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Kubernetes' collector leaves Events alone, and can do nothing for kinds that it cannot follow.
fn is_collected(kind: &Kind) -> bool {
    let is_event = kind.plural == "events" && matches!(kind.group.as_str(), "" | "events.k8s.io");
    !is_event && [Verb::Delete, Verb::List, Verb::Watch].iter().all(|verb| kind.verbs.contains(verb))
}
