//! One watch for each kind and cluster, however many controllers ask for it.
//!
//! An [`Informer`] keeps the objects of a kind in memory and tells subscribers of changes. A subscriber is a function that
//! only notes what to look at (see [`super::controller::queue`]): it never waits, so that no controller can hold up another,
//! and nothing is dropped. Subscribing replays what is known under the same lock as changes are told, so that no change
//! falls in between.

mod index;
pub(super) mod lister;
mod shared;

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, RwLock};

use futures::StreamExt;
use kube::Api;
use kube::runtime::reflector::Store;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::{Config, Event};
use kube::runtime::{WatchStreamExt, watcher};
use tokio::sync::watch;

pub(super) use self::index::Index;
pub(super) use self::shared::Informers;
use super::Object;

/// What became of an object: absent before, after, or neither.
pub(super) struct Change<K> {
    pub(super) old: Option<Arc<K>>,
    pub(super) new: Option<Arc<K>>,
}

type Subscriber<K> = Box<dyn Fn(&Change<K>) + Send + Sync>;

/// The objects of a kind, kept up to date by one watch.
pub(super) struct Informer<K: Object> {
    index: RwLock<Index<K>>,
    /// The same objects where kube looks for them.
    store: Store<K>,
    subscribers: Mutex<Vec<Subscriber<K>>>,
    filled: watch::Sender<bool>,
}

impl<K: Object> Informer<K> {
    fn new(store: Store<K>) -> Self {
        Self { index: RwLock::default(), store, subscribers: Mutex::default(), filled: watch::Sender::new(false) }
    }

    /// Has `subscriber` called with everything that is known, and then with every change. It must not block.
    pub(super) fn subscribe(&self, subscriber: impl Fn(&Change<K>) + Send + Sync + 'static) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(|broken| broken.into_inner());
        for object in self.read(|index| index.all().cloned().collect::<Vec<_>>()) {
            tell(&subscriber, &Change { old: None, new: Some(object) });
        }
        subscribers.push(Box::new(subscriber));
    }

    /// Looks something up.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Index<K>) -> T) -> T {
        look(&self.index.read().unwrap_or_else(|broken| broken.into_inner()))
    }

    /// Where kube's `applier` finds the objects.
    pub(super) fn store(&self) -> Store<K> {
        self.store.clone()
    }

    /// Whether the first list is complete; changes once.
    pub(super) fn filled(&self) -> watch::Receiver<bool> {
        self.filled.subscribe()
    }

    /// Watches for ever.
    async fn drive(self: Arc<Self>, api: Api<K>, mut writer: Writer<K>) {
        let mut events = pin!(watcher(api, Config::default()).default_backoff());
        let kind = K::plural(&());
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.apply(&mut writer, &event),
                Err(error) => {
                    let error = super::controller::chain::Chain(&error);
                    tracing::warn!(%kind, "watch failed, and is begun again: {error}");
                }
            }
        }
    }

    fn apply(&self, writer: &mut Writer<K>, event: &Event<K>) {
        // Held throughout: a subscriber that comes now sees all of this event, or is told of it.
        let subscribers = self.subscribers.lock().unwrap_or_else(|broken| broken.into_inner());
        writer.apply_watcher_event(event);
        let changes = {
            let mut index = self.index.write().unwrap_or_else(|broken| broken.into_inner());
            match event {
                Event::Apply(object) => {
                    // kube's own copy, so that an object is in memory once.
                    let new = self.store.get(&kube::runtime::reflector::ObjectRef::from_obj(object));
                    new.map(|new| index.insert(new)).into_iter().collect()
                }
                Event::Delete(object) => index.remove(object).into_iter().collect(),
                Event::Init | Event::InitApply(_) => Vec::new(),
                // What was deleted while nobody watched is known by its absence here, and told as well.
                Event::InitDone => index.replace(self.store.state()),
            }
        };
        for change in &changes {
            subscribers.iter().for_each(|subscriber| tell(subscriber, change));
        }
        if matches!(event, Event::InitDone) {
            self.filled.send_replace(true);
        }
    }
}

/// A mapper that panics is one controller's failure: the others go on hearing.
fn tell<K: Object>(subscriber: &dyn Fn(&Change<K>), change: &Change<K>) {
    if std::panic::catch_unwind(AssertUnwindSafe(|| subscriber(change))).is_err() {
        let object = change.new.as_ref().or(change.old.as_ref()).map(|object| object.object_ref(&()));
        let name = object.and_then(|object| object.name).unwrap_or_default();
        tracing::error!(kind = %K::kind(&()), name, "a function that maps objects for a controller panicked");
    }
}
