//! What keeps a process from acting once its lease may be somebody else's.
//!
//! A request is checked where it is made, and every byte of it again where it is written to the socket: a process can be
//! frozen anywhere in between, and goes on there. What is left is the moment between looking at the clock and the system
//! call; only the server could close it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use http::{Request, Response};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use kube::Client;
use kube::client::Body;
use tower::{BoxError, Service};

/// Whether requests may pass. Open for ever unless there is an election.
#[derive(Clone, Debug, Default)]
pub(in crate::manager) struct Fence(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Nobody else is there.
    #[default]
    Open,
    /// The lease is not held yet, or no more.
    Closed,
    /// The lease was held at a moment, and is good for some time from then.
    Held(Moment, Duration),
}

/// A time by two clocks. The monotonic one cannot be set, but stands still while the machine sleeps; the wall clock
/// goes on. Whichever says that more time has passed is believed: to stop too early does no harm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    steady: Instant,
    wall: SystemTime,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this process does not lead: its lease was not renewed in time")]
pub(super) struct FenceClosed;

impl Moment {
    pub(super) fn now() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.steady.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }
}

impl Fence {
    /// How long requests may pass from now on; nothing if they may not.
    pub(super) fn remaining(&self) -> Option<Duration> {
        match *self.lock() {
            State::Open => Some(Duration::MAX),
            State::Closed => None,
            State::Held(since, limit) => limit.checked_sub(since.elapsed()).filter(|left| !left.is_zero()),
        }
    }

    pub(super) fn check(&self) -> Result<(), FenceClosed> {
        self.remaining().map(drop).ok_or(FenceClosed)
    }

    /// Requests may pass until so long after `since`, which may be over already.
    pub(super) fn hold(&self, since: Moment, limit: Duration) {
        *self.lock() = State::Held(since, limit);
    }

    pub(in crate::manager) fn close(&self) {
        *self.lock() = State::Closed;
    }

    /// A client whose requests are refused while this is closed.
    pub(in crate::manager) fn client(&self, client: Client) -> Client {
        let (namespace, valid_until) = (client.default_namespace().to_owned(), *client.valid_until());
        Client::new(FencedService { inner: client, fence: self.clone() }, namespace).with_valid_until(valid_until)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

struct FencedService {
    inner: Client,
    fence: Fence,
}

impl Service<Request<Body>> for FencedService {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (client, fence) = (self.inner.clone(), self.fence.clone());
        Box::pin(async move {
            fence.check()?;
            Ok(client.send(request).await?)
        })
    }
}

/// Makes connections that carry nothing to the server while a fence is closed.
#[derive(Clone)]
pub(super) struct FencedConnector<C> {
    pub(super) inner: C,
    pub(super) fence: Fence,
}

impl<C, R> Service<R> for FencedConnector<C>
where
    C: Service<R, Future: Send + 'static>,
    C::Response: 'static,
    C::Error: 'static,
{
    type Response = FencedIo<C::Response>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, to: R) -> Self::Future {
        let (connecting, fence) = (self.inner.call(to), self.fence.clone());
        Box::pin(async move { Ok(FencedIo { inner: connecting.await?, fence }) })
    }
}

/// A connection that is broken by the first byte that may not be sent.
pub(super) struct FencedIo<T> {
    inner: T,
    fence: Fence,
}

impl<T: Read + Unpin> Read for FencedIo<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: Write + Unpin> Write for FencedIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.fence.check().map_err(io::Error::other)?;
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.fence.check().map_err(io::Error::other)?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.fence.check().map_err(io::Error::other)?;
        Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
    }
}

impl<T: Connection> Connection for FencedIo<T> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::fake::FakeServer;

    #[tokio::test]
    async fn requests_pass_only_while_the_lease_is_good() {
        let (server, fence) = (FakeServer::default(), Fence::default());
        let client = fence.client(server.client());
        let ask =
            async || client.apiserver_version().await.is_err_and(|error| matches!(error, kube::Error::Service(_)));
        let refused = [
            ask().await,
            {
                fence.close();
                ask().await
            },
            {
                fence.hold(Moment::now(), Duration::from_secs(60));
                ask().await
            },
            {
                fence.hold(Moment::now(), Duration::ZERO);
                ask().await
            },
        ];
        assert_eq!(refused, [false, true, false, true]);
        assert_eq!(server.seen().len(), 2);
    }

    #[test]
    fn either_clock_ends_a_lease() {
        #[track_caller]
        fn check(steady: u64, wall: i64, expect: u64) {
            let now = Moment::now();
            let wall = if wall < 0 {
                now.wall + Duration::from_secs(wall.unsigned_abs())
            } else {
                now.wall - Duration::from_secs(wall.unsigned_abs())
            };
            let then = Moment { steady: now.steady.checked_sub(Duration::from_secs(steady)).unwrap(), wall };
            assert_eq!(then.elapsed().as_secs(), expect);
        }
        check(5, 5, 5);
        // Slept for an hour.
        check(5, 3605, 3605);
        // The wall clock was set back.
        check(5, -3600, 5);
    }

    #[tokio::test]
    async fn a_connection_carries_nothing_once_the_fence_is_closed() {
        use hyper_util::rt::TokioIo;
        let (here, mut there) = tokio::io::duplex(64);
        let fence = Fence::default();
        let mut io = FencedIo { inner: TokioIo::new(here), fence: fence.clone() };
        let mut write = async |bytes: &[u8]| std::future::poll_fn(|cx| Pin::new(&mut io).poll_write(cx, bytes)).await;
        assert_eq!(write(b"ab").await.unwrap(), 2);
        fence.close();
        assert_eq!(write(b"cd").await.unwrap_err().to_string(), FenceClosed.to_string());
        drop(io);
        let mut all = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut there, &mut all).await.unwrap();
        assert_eq!(all, b"ab");
    }
}
