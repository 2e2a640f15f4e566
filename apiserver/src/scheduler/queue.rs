//! The pods that wait for a node, and when each is tried.
//!
//! A pod is *active* and waits for its turn; or it was refused and is *unschedulable* until something changes that may
//! help it; or it *backs off*, because it failed a moment ago. The queue has no clock: callers say what time it is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::plugin::Changes;
use super::pod::PodInfo;

type Key = Arc<str>;

/// A pod that nothing has happened to for this long is tried again all the same: a filter may depend on what no watch here
/// tells of. Source: <https://github.com/kubernetes/kubernetes/blob/master/pkg/scheduler/backend/queue/scheduling_queue.go>
const UNSCHEDULABLE_MAX: Duration = Duration::from_secs(300);

/// The pods of a scheduler that are not bound yet.
#[derive(Debug)]
pub(super) struct Queue {
    backoff_first: Duration,
    backoff_max: Duration,
    entries: HashMap<Key, Entry>,
    /// By priority, and by when they came.
    active: BTreeSet<(Reverse<i32>, u64, Key)>,
    /// By when they may be tried again.
    backing_off: BTreeSet<(Instant, Key)>,
    /// By what may help them.
    unschedulable: BTreeMap<Changes, BTreeSet<Key>>,
    gated: usize,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    pod: Arc<PodInfo>,
    place: Place,
    /// Where it stands among those of its priority.
    order: u64,
    attempts: u32,
    since: Instant,
    failed: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Active,
    BackingOff(Instant),
    Unschedulable(Changes),
    /// Its spec says that it is not to be scheduled yet.
    Gated,
    /// Its turn is now, or it is being bound.
    Taken,
}

/// A pod whose turn it is.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub pod: Arc<PodInfo>,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// Since when it has been waiting.
    pub since: Instant,
}

/// How many pods are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lengths {
    pub active: usize,
    pub backoff: usize,
    pub unschedulable: usize,
    pub gated: usize,
}

impl Queue {
    /// A pod that failed waits for `backoff_first`, and twice as long each time, up to `backoff_max`.
    pub fn new(backoff_first: Duration, backoff_max: Duration) -> Self {
        Self {
            backoff_first,
            backoff_max,
            entries: HashMap::new(),
            active: BTreeSet::new(),
            backing_off: BTreeSet::new(),
            unschedulable: BTreeMap::new(),
            gated: 0,
            next: 0,
        }
    }

    /// A pod that has to be scheduled, or another state of it.
    pub fn set(&mut self, pod: Arc<PodInfo>, now: Instant) {
        let key = pod.key().clone();
        let place = if pod.is_gated() { Place::Gated } else { Place::Active };
        let Some(entry) = self.entries.get_mut(&key) else {
            let order = self.order();
            let entry = Entry { pod, place, order, attempts: 0, since: now, failed: None };
            self.entries.insert(key.clone(), entry);
            self.enter(&key);
            return;
        };
        if entry.pod.uid() != pod.uid() {
            // Another one of the same name.
            self.remove(&key);
            return self.set(pod, now);
        }
        let changed = entry.pod.differs(&pod);
        let before = entry.place;
        if before == Place::Taken {
            entry.pod = pod;
            return;
        }
        self.leave(&key);
        let order = self.order();
        let again = self.backoff_of(&key, now);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.pod = pod;
            entry.place = match before {
                _ if place == Place::Gated => Place::Gated,
                Place::Gated => {
                    entry.order = order;
                    Place::Active
                }
                // What was refused was refused for what the pod was.
                Place::Unschedulable(_) if changed => again,
                before => before,
            };
        }
        self.enter(&key);
    }

    /// A pod that need not be scheduled any more.
    pub fn remove(&mut self, key: &str) -> bool {
        self.leave(key);
        self.entries.remove(key).is_some()
    }

    /// Takes the next pod whose turn it is.
    pub fn take(&mut self, now: Instant) -> Option<Turn> {
        self.wake_backed_off(now);
        let (_, _, key) = self.active.pop_first()?;
        let entry = self.entries.get_mut(&key)?;
        entry.place = Place::Taken;
        entry.attempts = entry.attempts.saturating_add(1);
        Some(Turn { pod: entry.pod.clone(), attempt: entry.attempts, since: entry.since })
    }

    /// A pod that was taken fits nowhere, until one of these changes. Tells whether it still waits.
    pub fn refused(&mut self, key: &str, retry_on: Changes, now: Instant) -> bool {
        self.put_back(key, now, |_| Place::Unschedulable(retry_on))
    }

    /// A pod that was taken failed for another reason, which may be gone in a moment. Tells whether it still waits.
    pub fn failed(&mut self, key: &str, now: Instant) -> bool {
        self.put_back(key, now, Place::BackingOff)
    }

    fn put_back(&mut self, key: &str, now: Instant, place: impl FnOnce(Instant) -> Place) -> bool {
        let order = self.order();
        let ready = now + self.delay(self.entries.get(key).map_or(1, |entry| entry.attempts));
        let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.place == Place::Taken) else { return false };
        entry.failed = Some(now);
        entry.order = order;
        entry.place = if entry.pod.is_gated() { Place::Gated } else { place(ready) };
        let key = entry.pod.key().clone();
        self.enter(&key);
        true
    }

    /// Something has changed: those that it may help are tried again, once they have backed off. Tells how many.
    pub fn changed(&mut self, changes: Changes, now: Instant) -> usize {
        let met: Vec<Changes> = self.unschedulable.keys().copied().filter(|retry_on| retry_on.meets(changes)).collect();
        let keys: Vec<Key> = met.iter().filter_map(|met| self.unschedulable.remove(met)).flatten().collect();
        for key in &keys {
            self.retry(key, now);
        }
        keys.len()
    }

    /// Tries again those that have waited for long without any change.
    pub fn flush(&mut self, now: Instant) {
        let long = |entry: &&Entry| {
            matches!(entry.place, Place::Unschedulable(_))
                && entry.failed.is_some_and(|failed| failed + UNSCHEDULABLE_MAX <= now)
        };
        let keys: Vec<Key> = self.entries.values().filter(long).map(|entry| entry.pod.key().clone()).collect();
        for key in keys {
            self.leave(&key);
            self.retry(&key, now);
        }
    }

    /// When the next pod has backed off, if none is active.
    pub fn next_at(&self) -> Option<Instant> {
        self.backing_off.first().map(|(at, _)| *at)
    }

    /// Whether a pod's turn is now.
    pub fn is_ready(&self, now: Instant) -> bool {
        !self.active.is_empty() || self.next_at().is_some_and(|at| at <= now)
    }

    /// The keys of all pods that wait.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.entries.keys()
    }

    /// A pod that waits, as it was last seen.
    pub fn get(&self, key: &str) -> Option<&Arc<PodInfo>> {
        self.entries.get(key).map(|entry| &entry.pod)
    }

    /// How many pods are where.
    pub fn lengths(&self) -> Lengths {
        Lengths {
            active: self.active.len(),
            backoff: self.backing_off.len(),
            unschedulable: self.unschedulable.values().map(BTreeSet::len).sum(),
            gated: self.gated,
        }
    }

    fn order(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// How long a pod waits after so many attempts.
    fn delay(&self, attempts: u32) -> Duration {
        let factor = 2_u32.checked_pow(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        self.backoff_first.saturating_mul(factor).min(self.backoff_max)
    }

    /// Where a pod belongs that is to be tried again.
    fn backoff_of(&self, key: &str, now: Instant) -> Place {
        let Some(entry) = self.entries.get(key) else { return Place::Active };
        match entry.failed.map(|failed| failed + self.delay(entry.attempts)) {
            Some(at) if at > now => Place::BackingOff(at),
            _ => Place::Active,
        }
    }

    fn retry(&mut self, key: &Key, now: Instant) {
        let place = self.backoff_of(key, now);
        if let Some(entry) = self.entries.get_mut(key) {
            entry.place = place;
            self.enter(key);
        }
    }

    fn wake_backed_off(&mut self, now: Instant) {
        while self.next_at().is_some_and(|at| at <= now) {
            let Some((_, key)) = self.backing_off.pop_first() else { return };
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.place = Place::Active;
                self.active.insert((Reverse(entry.pod.priority()), entry.order, key));
            }
        }
    }

    /// Puts a pod where its place says.
    fn enter(&mut self, key: &Key) {
        let Some(entry) = self.entries.get(key) else { return };
        match entry.place {
            Place::Active => drop(self.active.insert((Reverse(entry.pod.priority()), entry.order, key.clone()))),
            Place::BackingOff(at) => drop(self.backing_off.insert((at, key.clone()))),
            Place::Unschedulable(retry_on) => {
                self.unschedulable.entry(retry_on).or_default().insert(key.clone());
            }
            Place::Gated => self.gated += 1,
            Place::Taken => {}
        }
    }

    /// Takes a pod from where its place says.
    fn leave(&mut self, key: &str) {
        let Some(entry) = self.entries.get(key) else { return };
        let key = entry.pod.key();
        match entry.place {
            Place::Active => drop(self.active.remove(&(Reverse(entry.pod.priority()), entry.order, key.clone()))),
            Place::BackingOff(at) => drop(self.backing_off.remove(&(at, key.clone()))),
            Place::Unschedulable(retry_on) => {
                if let Some(keys) = self.unschedulable.get_mut(&retry_on) {
                    keys.remove(key);
                }
            }
            Place::Gated => self.gated -= 1,
            Place::Taken => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scheduler::fake::{pod, pod_of};

    /// A queue in a test's own time.
    struct Story {
        queue: Queue,
        begin: Instant,
        now: Instant,
    }

    impl Story {
        fn new() -> Self {
            let now = Instant::now();
            Self { queue: Queue::new(Duration::from_secs(1), Duration::from_secs(10)), begin: now, now }
        }

        fn after(&mut self, seconds: u64) -> &mut Self {
            self.now = self.begin + Duration::from_secs(seconds);
            self
        }

        fn add(&mut self, name: &str) -> &mut Self {
            self.queue.set(pod(name, "1"), self.now);
            self
        }

        /// Takes all whose turn it is.
        fn take(&mut self) -> Vec<String> {
            let turns = std::iter::from_fn(|| self.queue.take(self.now));
            turns.map(|turn| turn.pod.key().trim_start_matches("default/").to_owned()).collect()
        }

        fn refused(&mut self, name: &str, retry_on: Changes) -> &mut Self {
            assert!(self.queue.refused(&format!("default/{name}"), retry_on, self.now));
            self
        }
    }

    #[test]
    fn the_important_come_first_and_then_the_first() {
        let mut story = Story::new();
        let important = |name: &str, priority: i32| pod_of(name, json!({"priority": priority}));
        let now = story.now;
        story.add("a").queue.set(important("b", 10), now);
        story.add("c").queue.set(important("d", -1), now);
        story.queue.set(important("e", 10), story.now);
        assert_eq!(story.take(), ["b", "e", "a", "c", "d"]);
        assert_eq!(story.take(), [""; 0]);
    }

    #[test]
    fn refused_pods_wait_for_what_may_help_them_and_back_off() {
        let mut story = Story::new();
        assert_eq!(story.add("a").take(), ["a"]);
        story.refused("a", Changes::NODES);
        assert_eq!(story.after(5).take(), [""; 0]);
        assert_eq!(story.queue.changed(Changes::PODS_GONE, story.now), 0);
        assert_eq!(story.queue.changed(Changes::NODES, story.now), 1);
        assert_eq!(story.take(), ["a"]);
        // The second time it waits for two seconds, whatever changes before.
        story.refused("a", Changes::NODES).after(6);
        assert_eq!(story.queue.changed(Changes::NODES, story.now), 1);
        assert_eq!((story.take().len(), story.queue.lengths().backoff), (0, 1));
        assert_eq!(story.queue.next_at(), Some(story.begin + Duration::from_secs(7)));
        assert_eq!(story.after(7).take(), ["a"]);
    }

    #[test]
    fn failures_back_off_up_to_the_longest_wait() {
        let mut story = Story::new();
        story.add("a");
        let mut waits = Vec::new();
        for _ in 0..6 {
            assert_eq!(story.take(), ["a"]);
            assert!(story.queue.failed("default/a", story.now));
            let at = story.queue.next_at().expect("a time");
            waits.push((at - story.now).as_secs());
            story.now = at;
        }
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn a_changed_pod_is_tried_again() {
        let mut story = Story::new();
        story.add("a").take();
        story.refused("a", Changes::NONE).after(20).add("a");
        assert_eq!(story.take(), [""; 0], "nothing has changed");
        story.queue.set(pod("a", "2"), story.now);
        assert_eq!(story.take(), ["a"]);
        story.queue.set(pod("a", "3"), story.now);
        assert_eq!(story.take(), [""; 0], "it is taken");
        assert_eq!(story.queue.get("default/a").map(|pod| pod.requests().milli_cpu), Some(3000));
    }

    #[test]
    fn gates_keep_a_pod_out() {
        let mut story = Story::new();
        story.queue.set(pod_of("a", json!({"schedulingGates": [{"name": "food"}]})), story.now);
        story.add("b");
        assert_eq!((story.take(), story.queue.lengths().gated), (vec!["b".to_owned()], 1));
        story.queue.set(pod_of("a", json!({})), story.now);
        assert_eq!((story.take(), story.queue.lengths().gated), (vec!["a".to_owned()], 0));
    }

    #[test]
    fn what_is_gone_is_not_put_back() {
        let mut story = Story::new();
        story.add("a").add("b").take();
        assert!(story.queue.remove("default/a") && !story.queue.remove("default/a"));
        assert!(!story.queue.refused("default/a", Changes::ALL, story.now));
        story.refused("b", Changes::ALL);
        assert!(story.queue.remove("default/b"));
        assert_eq!(story.queue.changed(Changes::ALL, story.now), 0);
        assert_eq!(story.queue.lengths(), Lengths::default());
    }

    #[test]
    fn nobody_is_forgotten() {
        let mut story = Story::new();
        story.add("a").take();
        story.refused("a", Changes::NONE).after(299);
        story.queue.flush(story.now);
        assert_eq!(story.take(), [""; 0]);
        story.after(300);
        story.queue.flush(story.now);
        assert_eq!(story.take(), ["a"]);
    }
}
