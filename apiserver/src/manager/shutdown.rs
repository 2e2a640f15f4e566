//! The signal to stop, for any number of listeners.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::oneshot;

/// Resolves when it is time to stop, and stays resolved. Fits `kube::runtime::Controller::graceful_shutdown_on`.
#[derive(Clone)]
pub struct Shutdown(Shared<BoxFuture<'static, ()>>);

impl Shutdown {
    /// Whether it is time to stop.
    pub fn is_requested(&self) -> bool {
        self.0.clone().now_or_never().is_some()
    }
}

impl Future for Shutdown {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_unpin(cx)
    }
}

/// Gives the signal; dropping it does too, so that nothing runs on behind a caller who is gone.
pub(crate) struct Trigger(oneshot::Sender<()>);

impl Trigger {
    pub(crate) fn send(self) {
        let _ = self.0.send(());
    }
}

pub(crate) fn channel() -> (Trigger, Shutdown) {
    let (trigger, signal) = oneshot::channel();
    (Trigger(trigger), Shutdown(signal.map(drop).boxed().shared()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_listener_hears_the_signal_and_goes_on_hearing_it() {
        let stops: [fn(Trigger); 2] = [Trigger::send, drop];
        for stop in stops {
            let (trigger, signal) = channel();
            assert!(!signal.is_requested());
            let listeners = [tokio::spawn(signal.clone()), tokio::spawn(signal.clone())];
            stop(trigger);
            for listener in listeners {
                listener.await.unwrap();
            }
            assert!(signal.is_requested());
            signal.clone().await;
            signal.await;
        }
    }
}
