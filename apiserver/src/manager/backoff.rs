//! How long to wait before an object that failed is tried again.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use rand::Rng;

/// Delays that double with each failure of one object and start over once it succeeds.
///
/// Each delay is drawn from the upper half of its step, so that objects which failed together do not come back together.
/// The default goes from 5 ms to 1,000 s, as in client-go. Source:
/// <https://github.com/kubernetes/client-go/blob/master/util/workqueue/default_rate_limiters.go>
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    /// Failures in a row, by namespace and name.
    failures: Mutex<HashMap<(String, String), u32>>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(5), Duration::from_secs(1000))
    }
}

impl Backoff {
    /// Delays from `first` to `max`.
    pub fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, failures: Mutex::default() }
    }

    /// Counts a failure and tells how long to wait.
    pub fn failed(&self, namespace: Option<&str>, name: &str) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(|broken| broken.into_inner());
        let count = failures.entry(key(namespace, name)).or_default();
        let step = self.step(*count);
        *count = count.saturating_add(1);
        drop(failures);
        step.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// Starts over: the object succeeded, or is gone.
    pub fn reset(&self, namespace: Option<&str>, name: &str) {
        self.failures.lock().unwrap_or_else(|broken| broken.into_inner()).remove(&key(namespace, name));
    }

    /// The longest delay after so many failures before this one.
    fn step(&self, failures: u32) -> Duration {
        let factor = 2u32.checked_pow(failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.max)
    }
}

fn key(namespace: Option<&str>, name: &str) -> (String, String) {
    (namespace.unwrap_or_default().to_owned(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failures: u32, millis: u64) {
        assert_eq!(Backoff::default().step(failures), Duration::from_millis(millis), "after {failures} failures");
    }

    #[test]
    fn steps_double_up_to_the_largest() {
        check(0, 5);
        check(1, 10);
        check(2, 20);
        check(10, 5 * 1024);
        check(17, 655_360);
        check(18, 1_000_000);
        check(31, 1_000_000);
        check(32, 1_000_000);
        check(u32::MAX, 1_000_000);
    }

    #[test]
    fn delays_are_in_the_upper_half_of_their_step() {
        let backoff = Backoff::default();
        for failures in 0..40 {
            let step = backoff.step(failures);
            let delay = backoff.failed(Some("default"), "robin");
            assert!(step / 2 <= delay && delay <= step, "{delay:?} after {failures} failures");
        }
    }

    #[test]
    fn every_object_has_its_own_count_and_starts_over_when_it_succeeds() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        for _ in 0..5 {
            backoff.failed(Some("a"), "robin");
        }
        assert!(backoff.failed(Some("a"), "robin") >= Duration::from_secs(16));
        assert!(backoff.failed(Some("b"), "robin") <= Duration::from_secs(1));
        assert!(backoff.failed(None, "robin") <= Duration::from_secs(1));
        backoff.reset(Some("a"), "robin");
        assert!(backoff.failed(Some("a"), "robin") <= Duration::from_secs(1));
    }
}
