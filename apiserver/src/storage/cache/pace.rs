//! When those who wait for changes are told of them.
//!
//! To wake a watcher and to send it something costs much the same for one change as for five. Where many watch and one
//! write follows the other, the next round is therefore put off for about as long as the last one keeps the server busy,
//! and brings all that has happened by then. Where few watch, or writes are rare, there is no pause.

use std::time::Duration;

use tokio::time::Instant;

/// What a watcher costs that is woken, about.
const EACH: Duration = Duration::from_micros(20);
/// A shorter pause is none: timers have ticks of a millisecond.
const PAUSE_MIN: Duration = Duration::from_millis(1);
/// The longest that a change waits.
const PAUSE_MAX: Duration = Duration::from_millis(10);

/// The time until the next round.
#[derive(Default)]
pub(super) struct Pace(Option<Instant>);

impl Pace {
    /// A round is over that woke so many.
    pub(super) fn told(&mut self, woken: usize) {
        let pause = EACH.saturating_mul(u32::try_from(woken).unwrap_or(u32::MAX)).min(PAUSE_MAX);
        self.0 = (pause >= PAUSE_MIN).then(|| Instant::now() + pause);
    }

    /// Waits until it is time for the next one.
    pub(super) async fn over(&self) {
        // A timer, even one that is over, waits for a turn of the runtime.
        if let Some(until) = self.0
            && until > Instant::now()
        {
            tokio::time::sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_wakes_many_pauses() {
        for (woken, pause) in [(0, 0), (1, 0), (49, 0), (100, 2), (400, 8), (1_000_000_000_000, 10)] {
            let mut pace = Pace::default();
            pace.over().await;
            pace.told(woken);
            let begin = Instant::now();
            pace.over().await;
            assert_eq!(begin.elapsed().as_millis(), pause, "{woken}");
            pace.over().await;
            assert_eq!(begin.elapsed().as_millis(), pause, "it is over once");
        }
    }
}
