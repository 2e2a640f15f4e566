//! Deletes what is in a namespace that is to be deleted, and then lets it go. Source:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/namespace/deletion/namespaced_resources_deleter.go>
//!
//! It reads and writes as any client does, so that hooks, admission and finalizers have their say. A namespace whose
//! deletion was begun by a process that was killed is found at the next start, for it says so itself.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::conditions::Outcome;
use crate::kind::{Kind, Verb};
use crate::registry::delete::{DeleteOptions, Propagation};
use crate::registry::error::Error;
use crate::registry::list::ListQuery;
use crate::registry::metadata;
use crate::registry::object::Object;
use crate::registry::read::Freshness;
use crate::registry::rest::{Rest, Watching};
use crate::registry::update::Change;
use crate::registry::watch::{EventType, Start, Step, WatchQuery};
use crate::standalone::caller::Caller;
use crate::standalone::queue::Queue;

/// The finalizer in a namespace's spec that stands for its content.
const FINALIZER: &str = "kubernetes";
/// How many namespaces are emptied at the same time. Source: `ConcurrentNamespaceSyncs` in Kubernetes' defaults.
const WORKERS: usize = 10;
/// How many objects of one kind are deleted at the same time.
const DELETED_AT_ONCE: usize = 20;
/// How long it is at most until a namespace that waits for finalizers is looked at again.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(4);
/// How long after a namespace has gone it is swept once more: whoever was let in before it was to be deleted may have
/// written something since. Longer than a webhook may take.
const SWEEP_AFTER: Duration = Duration::from_secs(35);
/// How long it waits before namespaces that could not be followed are tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Empties namespaces that are to be deleted.
pub struct ContentDeletion {
    worker: Arc<Worker>,
    queue: Queue<Task>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Task {
    /// To empty a namespace, and to let it go.
    Empty(String),
    /// To delete what came to be in a namespace that is not there.
    Sweep(String),
}

struct Worker {
    namespaces: Arc<dyn Rest>,
    /// Kinds that can be in a namespace.
    content: Vec<Arc<dyn Rest>>,
    caller: Caller,
}

/// What a task came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// There is nothing to do.
    Nothing,
    /// Something is left, and waits for others.
    Waiting,
    /// The namespace has been emptied.
    Emptied,
}

/// A task that was worked on.
type Done = (Task, Result<Progress, String>);

impl ContentDeletion {
    /// For the content of all these kinds; `None` where Namespaces are not among them. Nothing happens until
    /// [`run`](Self::run).
    pub fn new<'a>(rests: impl IntoIterator<Item = &'a Arc<dyn Rest>>) -> Option<Self> {
        let rests: Vec<Arc<dyn Rest>> = rests.into_iter().cloned().collect();
        let is_namespaces = |kind: &Kind| kind.group.is_empty() && kind.plural == "namespaces";
        let namespaces = rests.iter().find(|rest| is_namespaces(rest.kind()))?.clone();
        let is_content =
            |kind: &Kind| kind.namespaced && [Verb::Delete, Verb::List].iter().all(|verb| kind.verbs.contains(verb));
        let mut content: Vec<Arc<dyn Rest>> = rests.into_iter().filter(|rest| is_content(rest.kind())).collect();
        // What runs is stopped before what it reads is taken away.
        content.sort_by_key(|rest| !is_pods(rest.kind()));
        let caller = Caller::of_service_account("namespace-controller");
        Some(Self { worker: Arc::new(Worker { namespaces, content, caller }), queue: Queue::default() })
    }

    /// Empties namespaces until told to stop; ends when what was begun is done.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut opening = self.worker.clone().open(Duration::ZERO);
        let mut watching: Option<Box<dyn Watching>> = None;
        let mut running: FuturesUnordered<BoxFuture<'static, Done>> = FuturesUnordered::new();
        loop {
            if let Some(watch) = &mut watching
                && let Err(error) = self.look(&mut **watch)
            {
                tracing::debug!(error = %error, "namespaces are followed from the beginning again");
                watching = None;
                opening = self.worker.clone().open(AGAIN);
            }
            while running.len() < WORKERS {
                let Some(task) = self.queue.next(Instant::now()) else { break };
                running.push(self.worker.clone().work(task).boxed());
            }
            let due = self.queue.due();
            let is_open = watching.is_some();
            tokio::select! {
                () = &mut stop => break,
                opened = &mut opening, if !is_open => match opened {
                    Ok(watch) => watching = Some(watch),
                    Err(error) => {
                        tracing::warn!(error = %error, "namespaces are not emptied");
                        opening = self.worker.clone().open(AGAIN);
                    }
                },
                Some((task, result)) = running.next() => self.finish(&task, result),
                () = changed(&mut watching) => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
        }
        while running.next().await.is_some() {}
    }

    /// Finds the namespaces that are to be deleted among those that have changed.
    fn look(&mut self, watching: &mut dyn Watching) -> Result<(), Error> {
        loop {
            match watching.step()? {
                Step::Events(events) => {
                    let deleted = |event: &&crate::registry::watch::WatchEvent| {
                        event.event_type != EventType::Deleted && event.object.summary.terminating
                    };
                    for event in events.iter().filter(deleted) {
                        let task = Task::Empty(event.object.summary.name.to_string());
                        // What it tells of a failure is a change as well, and must not be what it is tried again for.
                        if !self.queue.has_failed(&task) {
                            self.queue.add(task);
                        }
                    }
                }
                Step::Idle => return Ok(()),
                Step::Ended => return Err(Error::Unavailable("the watch ended".into())),
            }
        }
    }

    fn finish(&mut self, task: &Task, result: Result<Progress, String>) {
        let now = Instant::now();
        match (result, task) {
            (Ok(progress @ (Progress::Nothing | Progress::Emptied)), _) => {
                if let (Progress::Emptied, Task::Empty(namespace)) = (progress, task) {
                    self.queue.add_at(Task::Sweep(namespace.clone()), now + SWEEP_AFTER);
                }
                let had_failed = self.queue.has_failed(task);
                self.queue.done(task);
                // Another namespace of the name may have been deleted meanwhile.
                if had_failed {
                    self.queue.add(task.clone());
                }
            }
            (Ok(Progress::Waiting), _) => drop(self.queue.again(task, now, LOOK_AGAIN_MAX)),
            (Err(error), Task::Empty(namespace) | Task::Sweep(namespace)) => {
                let delay = self.queue.failed(task, now);
                tracing::warn!(namespace, error, ?delay, "a namespace is emptied later");
            }
        }
    }
}

impl Worker {
    fn open(self: Arc<Self>, after: Duration) -> BoxFuture<'static, Result<Box<dyn Watching>, Error>> {
        async move {
            sleep(after).await;
            let cx = self.caller.request(self.namespaces.kind(), Verb::Watch, "", "");
            let query = WatchQuery { start: Start::Initial(Freshness::Consistent), ..WatchQuery::default() };
            self.namespaces.clone().watch(&cx, query).await
        }
        .boxed()
    }

    async fn work(self: Arc<Self>, task: Task) -> Done {
        let result = match &task {
            Task::Empty(namespace) => self.empty(namespace).await,
            Task::Sweep(namespace) => self.sweep(namespace).await,
        };
        (task, result)
    }

    async fn empty(&self, name: &str) -> Result<Progress, String> {
        let Some(namespace) = self.read(name).await? else { return Ok(Progress::Nothing) };
        let is_ours = finalizers(&namespace).iter().any(|finalizer| finalizer == FINALIZER);
        if !metadata::is_terminating(&namespace) || !is_ours {
            return Ok(Progress::Nothing);
        }
        let outcome = self.delete_content(name).await;
        self.tell(&namespace, &outcome).await?;
        if !outcome.errors.is_empty() {
            return Err(outcome.errors.join("; "));
        }
        if !outcome.is_done() {
            return Ok(Progress::Waiting);
        }
        let without_ours = |namespace: &mut Value| {
            if let Some(finalizers) = namespace["spec"]["finalizers"].as_array_mut() {
                finalizers.retain(|finalizer| finalizer != FINALIZER);
            }
        };
        self.edit(&namespace, "finalize", without_ours).await?;
        Ok(Progress::Emptied)
    }

    async fn sweep(&self, name: &str) -> Result<Progress, String> {
        if self.read(name).await?.is_some() {
            // Made again, and whoever did so may have found things in it.
            return Ok(Progress::Nothing);
        }
        let outcome = self.delete_content(name).await;
        match outcome.errors.is_empty() {
            true if outcome.is_done() => Ok(Progress::Nothing),
            true => Ok(Progress::Waiting),
            false => Err(outcome.errors.join("; ")),
        }
    }

    async fn read(&self, name: &str) -> Result<Option<Value>, String> {
        let cx = self.caller.request(self.namespaces.kind(), Verb::Get, "", name);
        match self.namespaces.get(&cx, Freshness::Consistent).await {
            Ok(object) => object.value().map(Some).map_err(|error| error.to_string()),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Deletes all that is in a namespace, as far as it lets itself be deleted.
    async fn delete_content(&self, namespace: &str) -> Outcome {
        let mut outcome = Outcome::default();
        for rest in &self.content {
            self.delete_kind(&**rest, namespace, &mut outcome).await;
            if is_pods(rest.kind()) && !outcome.is_done() {
                break;
            }
        }
        outcome
    }

    async fn delete_kind(&self, rest: &dyn Rest, namespace: &str, outcome: &mut Outcome) {
        let resource = || rest.kind().qualified_resource();
        let objects = match self.list(rest, namespace).await {
            Ok(objects) if objects.is_empty() => return,
            Ok(objects) => objects,
            Err(error) => return outcome.errors.push(format!("{}: {error}", resource())),
        };
        let deleted = stream::iter(objects).map(|object| self.delete(rest, namespace, object));
        let deleted: Vec<Result<(), Error>> = deleted.buffer_unordered(DELETED_AT_ONCE).collect().await;
        if let Some(error) = deleted.into_iter().find_map(Result::err) {
            outcome.errors.push(format!("{}: {error}", resource()));
        }
        let left = match self.list(rest, namespace).await {
            Ok(left) => left,
            Err(error) => return outcome.errors.push(format!("{}: {error}", resource())),
        };
        outcome.count(rest.kind(), namespace, &left);
    }

    async fn list(&self, rest: &dyn Rest, namespace: &str) -> Result<Vec<Arc<Object>>, Error> {
        let cx = self.caller.request(rest.kind(), Verb::List, namespace, "");
        let query = ListQuery { namespace: namespace.to_owned(), ..ListQuery::default() };
        Ok(rest.list(&cx, &query).await?.objects)
    }

    async fn delete(&self, rest: &dyn Rest, namespace: &str, object: Arc<Object>) -> Result<(), Error> {
        let cx = self.caller.request(rest.kind(), Verb::DeleteCollection, namespace, &object.summary.name);
        let options = DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
        match rest.delete(&cx, rest.kind().storage_version(), &options).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Writes into the status what the deletion came to, where it does not say so already.
    async fn tell(&self, namespace: &Value, outcome: &Outcome) -> Result<(), String> {
        let now = metadata::now();
        let conditions = |namespace: &Value| {
            let before = namespace["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
            outcome.conditions(before, &now)
        };
        if conditions(namespace).is_none() && namespace["status"]["phase"] == "Terminating" {
            return Ok(());
        }
        let tell = |namespace: &mut Value| {
            if !namespace["status"].is_object() {
                namespace["status"] = json!({});
            }
            namespace["status"]["phase"] = "Terminating".into();
            if let Some(conditions) = conditions(namespace) {
                namespace["status"]["conditions"] = conditions.into();
            }
        };
        self.edit(namespace, "status", tell).await
    }

    /// Changes a namespace by way of a subresource, if it is still the same one.
    async fn edit(
        &self,
        namespace: &Value,
        subresource: &str,
        change: impl Fn(&mut Value) + Send + Sync,
    ) -> Result<(), String> {
        let kind = self.namespaces.kind();
        let name = metadata::text(namespace, "name");
        let mut cx = self.caller.request(kind, Verb::Update, "", name);
        cx.subresource = subresource.to_owned();
        let mut edit = |stored: Option<&Value>| match stored {
            Some(stored) if metadata::text(stored, "uid") == metadata::text(namespace, "uid") => {
                let mut object = stored.clone();
                change(&mut object);
                Ok(object)
            }
            _ => Err(Error::NotFound { name: name.to_owned() }),
        };
        match self.namespaces.update(&cx, kind.storage_version(), Change::Edit(&mut edit)).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Outcome {
    /// Counts what is left of a kind. Objects that are held by nothing should not be.
    fn count(&mut self, kind: &Kind, namespace: &str, left: &[Arc<Object>]) {
        if left.is_empty() {
            return;
        }
        self.remaining.insert(format!("{}.{}", kind.plural, kind.group), left.len());
        let mut is_held = false;
        for object in left {
            let Ok(object) = object.value() else { continue };
            is_held |= metadata::grace(&object) > 0;
            for finalizer in metadata::finalizers(&object) {
                is_held = true;
                *self.finalizers.entry(finalizer.to_owned()).or_default() += 1;
            }
        }
        if !is_held {
            let version = kind.storage_version().api_version();
            let slash = if kind.group.is_empty() { "/" } else { "" };
            self.errors.push(format!(
                "unexpected items still remain in namespace: {namespace} for gvr: {slash}{version}, Resource={}",
                kind.plural
            ));
        }
    }
}

fn finalizers(namespace: &Value) -> &[Value] {
    namespace["spec"]["finalizers"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn is_pods(kind: &Kind) -> bool {
    kind.group.is_empty() && kind.plural == "pods"
}

/// Wakes when a namespace may have changed.
async fn changed(watching: &mut Option<Box<dyn Watching>>) {
    match watching {
        Some(watching) => watching.changed().await,
        None => std::future::pending().await,
    }
}
