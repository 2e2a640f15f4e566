//! When a stream that waits for events is to do something by itself.

use std::pin::Pin;
use std::task::{Context, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, Sleep, sleep_until};

/// Wakes a task at a time, and when the server stops.
///
/// A watch asks after each event, so that nothing is done again which was done before: a timer and a flag, once they
/// know the task, need not be polled until they have woken it.
pub struct Alarm {
    timer: Pin<Box<Sleep>>,
    stopped: BoxFuture<'static, ()>,
    shutdown: Receiver<bool>,
    /// The task that both know.
    task: Option<Waker>,
}

/// What an alarm was about.
#[derive(Debug, PartialEq, Eq)]
pub enum Ring {
    /// The server stops.
    Shutdown,
    /// It is time.
    Time,
}

impl Alarm {
    /// An alarm for a time, and for the moment when `shutdown` turns true.
    pub fn new(at: Instant, shutdown: Receiver<bool>) -> Self {
        let mut receiver = shutdown.clone();
        let stopped = async move { drop(receiver.wait_for(|stopped| *stopped).await) };
        Self { timer: Box::pin(sleep_until(at)), stopped: stopped.boxed(), shutdown, task: None }
    }

    /// Whether it rings; if not, the task is woken when it does.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Option<Ring> {
        if *self.shutdown.borrow() {
            return Some(Ring::Shutdown);
        }
        if self.timer.is_elapsed() {
            return Some(Ring::Time);
        }
        if !self.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            if self.stopped.poll_unpin(cx).is_ready() {
                return Some(Ring::Shutdown);
            }
            if self.timer.poll_unpin(cx).is_ready() {
                return Some(Ring::Time);
            }
            self.task = Some(cx.waker().clone());
        }
        None
    }

    /// Sets it to another time.
    pub fn set(&mut self, at: Instant) {
        self.timer.as_mut().reset(at);
        self.task = None;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;
    use std::time::Duration;

    use tokio::sync::watch;

    use super::*;

    async fn ring(alarm: &mut Alarm) -> Ring {
        // Polled twice in a row, as by a task that was woken for something else.
        poll_fn(|cx| match alarm.poll(cx).or_else(|| alarm.poll(cx)) {
            Some(ring) => Poll::Ready(ring),
            None => Poll::Pending,
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn it_rings_in_time_again_and_when_the_server_stops() {
        let (stop, shutdown) = watch::channel(false);
        let start = Instant::now();
        let mut alarm = Alarm::new(start + Duration::from_secs(5), shutdown);
        assert_eq!((ring(&mut alarm).await, start.elapsed().as_secs()), (Ring::Time, 5));
        alarm.set(Instant::now() + Duration::from_secs(3));
        assert_eq!((ring(&mut alarm).await, start.elapsed().as_secs()), (Ring::Time, 8));
        alarm.set(Instant::now() + Duration::from_secs(60));
        let stopping = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            stop.send_replace(true);
        };
        let (rang, ()) = tokio::join!(ring(&mut alarm), stopping);
        assert_eq!((rang, start.elapsed().as_secs()), (Ring::Shutdown, 10));
    }
}
