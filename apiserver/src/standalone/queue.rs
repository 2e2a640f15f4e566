//! What is still to be done, each thing once: what fails comes back later, and later each time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// How long something that failed once waits. Source: `DefaultTypedControllerRateLimiter` in
/// <https://github.com/kubernetes/client-go/blob/master/util/workqueue/default_rate_limiters.go>
const DELAY_MIN: Duration = Duration::from_millis(5);
/// How long something waits at most, however often it failed.
const DELAY_MAX: Duration = Duration::from_secs(60);

/// Tasks in their order. A task that is added while it is being worked on is worked on once more.
pub struct Queue<T> {
    ready: VecDeque<T>,
    states: HashMap<T, State>,
    later: BinaryHeap<Reverse<(Instant, T)>>,
    failures: HashMap<T, u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    Running,
    RunningAndWanted,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { ready: VecDeque::new(), states: HashMap::new(), later: BinaryHeap::new(), failures: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash + Ord> Queue<T> {
    /// Adds a task, unless it is there.
    pub fn add(&mut self, task: T) {
        match self.states.get_mut(&task) {
            Some(State::Running) => drop(self.states.insert(task, State::RunningAndWanted)),
            Some(_) => {}
            None => {
                self.states.insert(task.clone(), State::Ready);
                self.ready.push_back(task);
            }
        }
    }

    /// The next task, which is being worked on from now on.
    pub fn next(&mut self, now: Instant) -> Option<T> {
        while self.later.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Some(Reverse((_, task))) = self.later.pop() else { break };
            self.add(task);
        }
        let task = self.ready.pop_front()?;
        self.states.insert(task.clone(), State::Running);
        Some(task)
    }

    /// A task was worked on, and there is nothing left of it.
    pub fn done(&mut self, task: &T) {
        self.failures.remove(task);
        self.finish(task);
    }

    /// A task failed. Gives how long it waits until it is tried again.
    pub fn failed(&mut self, task: &T, now: Instant) -> Duration {
        self.again(task, now, DELAY_MAX)
    }

    /// A task has to be tried again, after `delay_max` at most. Gives how long it waits.
    pub fn again(&mut self, task: &T, now: Instant, delay_max: Duration) -> Duration {
        let failures = self.failures.entry(task.clone()).or_default();
        let delay = DELAY_MIN.saturating_mul(1 << (*failures).min(20)).min(delay_max);
        *failures += 1;
        self.add_at(task.clone(), now + delay);
        self.finish(task);
        delay
    }

    /// Adds a task that has time until then.
    pub fn add_at(&mut self, task: T, at: Instant) {
        self.later.push(Reverse((at, task)));
    }

    /// Whether a task has failed, or had to be tried again, since it was last done.
    pub fn has_failed(&self, task: &T) -> bool {
        self.failures.contains_key(task)
    }

    /// When a task that failed is due.
    pub fn due(&self) -> Option<Instant> {
        self.later.peek().map(|Reverse((at, _))| *at)
    }

    fn finish(&mut self, task: &T) {
        if self.states.remove(task) == Some(State::RunningAndWanted) {
            self.add(task.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_there_once() {
        let now = Instant::now();
        let mut queue = Queue::default();
        for task in ["a", "b", "a"] {
            queue.add(task);
        }
        assert_eq!((queue.next(now), queue.next(now), queue.next(now)), (Some("a"), Some("b"), None));
        queue.add("a");
        assert_eq!(queue.next(now), None, "it is being worked on");
        queue.done(&"a");
        assert_eq!(queue.next(now), Some("a"), "it was wanted meanwhile");
        queue.done(&"a");
        queue.done(&"b");
        assert!(queue.next(now).is_none() && queue.states.is_empty());
    }

    #[test]
    fn what_fails_comes_back_later_each_time() {
        let mut now = Instant::now();
        let mut queue = Queue::default();
        queue.add("a");
        let mut delays = Vec::new();
        for _ in 0..40 {
            assert_eq!(queue.next(now), Some("a"));
            delays.push(queue.failed(&"a", now));
            assert_eq!(queue.next(now), None);
            now = queue.due().unwrap();
        }
        assert_eq!((delays[0], delays[1], delays[39]), (DELAY_MIN, DELAY_MIN * 2, DELAY_MAX));
        assert_eq!(queue.next(now), Some("a"));
        queue.done(&"a");
        queue.add("a");
        assert_eq!(queue.next(now), Some("a"));
        assert_eq!(queue.failed(&"a", now), DELAY_MIN, "it went well meanwhile");
    }
}
