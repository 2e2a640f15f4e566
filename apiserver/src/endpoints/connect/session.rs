//! Connections that were taken over, until they end or the server does.

use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::FutureExt;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// All sessions of a server.
pub struct Sessions {
    ending: watch::Sender<bool>,
    cut_off: watch::Sender<bool>,
    open: watch::Sender<usize>,
}

/// A connection that has left HTTP: bytes in both directions.
pub struct Upgraded {
    io: TokioIo<hyper::upgrade::Upgraded>,
    ending: Ending,
}

/// Tells when the server stops.
#[derive(Clone, Debug)]
pub struct Ending(Option<watch::Receiver<bool>>);

/// Something that lasts as long as a session: found among the extensions of its response.
#[derive(Clone, Default)]
pub struct Hold(Arc<Mutex<Vec<Box<dyn Any + Send>>>>);

impl Default for Sessions {
    fn default() -> Self {
        Self { ending: watch::Sender::new(false), cut_off: watch::Sender::new(false), open: watch::Sender::new(0) }
    }
}

impl Sessions {
    /// Tells when the server stops.
    pub fn ending(&self) -> Ending {
        Ending(Some(self.ending.subscribe()))
    }

    /// Tells all sessions to end.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Waits until all sessions have ended. Whoever stops waiting cuts off those that have not.
    pub async fn ended(&self) {
        let cut_off = CutOff(&self.cut_off);
        // The sender is `self`, so the wait cannot fail while we are here to see it.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
        std::mem::forget(cut_off);
    }

    /// Runs a session once its connection has left HTTP.
    pub(super) fn start<F, S>(self: &Arc<Self>, on_upgrade: OnUpgrade, session: F) -> Hold
    where
        F: FnOnce(Upgraded) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let hold = Hold::default();
        let held = hold.clone();
        let open = Open::new(self.clone());
        let ending = self.ending();
        let mut cut_off = self.cut_off.subscribe();
        tokio::spawn(async move {
            let _held = held;
            let run = async move {
                match on_upgrade.await {
                    Ok(io) => session(Upgraded { io: TokioIo::new(io), ending }).await,
                    Err(error) => tracing::debug!(%error, "a connection could not be upgraded"),
                }
            };
            tokio::select! {
                ended = AssertUnwindSafe(run).catch_unwind() => {
                    if let Err(panic) = ended {
                        let text = panic.downcast_ref::<&'static str>().copied();
                        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                        tracing::error!(panic = text.unwrap_or("no message"), "a session panicked");
                    }
                }
                _ = cut_off.wait_for(|cut_off| *cut_off) => tracing::warn!("a session that did not end is cut off"),
            }
            drop(open);
        });
        hold
    }
}

impl Upgraded {
    /// The client's side of a connection.
    #[cfg(feature = "ws")]
    pub(crate) fn of_client(io: hyper::upgrade::Upgraded) -> Self {
        Self { io: TokioIo::new(io), ending: Ending(None) }
    }

    /// Tells when the server stops.
    pub fn ending(&self) -> Ending {
        self.ending.clone()
    }
}

impl Ending {
    /// Waits until the server stops.
    pub async fn wait(&mut self) {
        match &mut self.0 {
            // A sender that is gone has stopped too.
            Some(ending) => drop(ending.wait_for(|ending| *ending).await),
            None => std::future::pending().await,
        }
    }

    /// Whether the server stops.
    pub fn has_begun(&self) -> bool {
        self.0.as_ref().is_some_and(|ending| *ending.borrow())
    }
}

impl Hold {
    /// Keeps something until the session ends.
    pub fn keep(&self, guard: impl Any + Send) {
        self.0.lock().unwrap_or_else(|broken| broken.into_inner()).push(Box::new(guard));
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A session, as far as counting goes.
struct Open(Arc<Sessions>);

impl Open {
    fn new(sessions: Arc<Sessions>) -> Self {
        sessions.open.send_modify(|open| *open += 1);
        Self(sessions)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

struct CutOff<'a>(&'a watch::Sender<bool>);

impl Drop for CutOff<'_> {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}
