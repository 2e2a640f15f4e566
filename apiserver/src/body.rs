//! Bodies of requests and responses.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt, unfold};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use tokio::sync::mpsc;

/// A request's body, wherever it comes from: a connection, or a client in this process.
pub type RequestBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// A response's body. It cannot fail: what goes wrong in a stream is an event of that stream.
pub enum Body {
    /// Nothing, or nothing more.
    Empty,
    /// Bytes that are all there.
    Full(Bytes),
    /// Several runs of bytes that are all there, sent one after the other; in reverse order, so that the next is popped.
    Parts {
        /// What is left, last first.
        rest: Vec<Bytes>,
        /// Bytes in `rest`.
        bytes: u64,
    },
    /// Bytes as they come, until the stream ends.
    Stream(BoxStream<'static, Bytes>),
}

impl Body {
    /// A body of several runs of bytes, in this order.
    pub fn parts(mut parts: Vec<Bytes>) -> Self {
        parts.reverse();
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        Self::Parts { rest: parts, bytes }
    }

    /// A body of bytes as they come.
    pub fn stream(bytes: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self::Stream(bytes.boxed())
    }

    /// A body of what is sent, until the sender is dropped. `runs_max` runs of bytes may wait to be taken.
    pub fn channel(runs_max: usize) -> (BodySender, Self) {
        let (sender, receiver) = mpsc::channel(runs_max.max(1));
        let received = unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) });
        (BodySender(sender), Self::stream(received))
    }
}

/// Where a body's bytes come from.
#[derive(Clone, Debug)]
pub struct BodySender(mpsc::Sender<Bytes>);

/// Nobody takes the body any more.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the answer any more")]
pub struct BodyClosed;

impl BodySender {
    /// Sends bytes, once there is room for them.
    ///
    /// # Errors
    /// The client has gone.
    pub async fn send(&self, bytes: impl Into<Bytes>) -> Result<(), BodyClosed> {
        self.0.send(bytes.into()).await.map_err(|_| BodyClosed)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match &mut *self {
            Self::Empty => None,
            Self::Full(bytes) => Some(std::mem::take(bytes)),
            Self::Parts { rest, bytes } => rest.pop().inspect(|part| *bytes -= part.len() as u64),
            Self::Stream(stream) => {
                return stream.as_mut().poll_next(cx).map(|next| next.map(|bytes| Ok(Frame::data(bytes))));
            }
        };
        if matches!(&*self, Self::Full(_)) {
            *self = Self::Empty;
        }
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(_) | Self::Stream(_) => false,
            Self::Parts { rest, .. } => rest.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Parts { bytes, .. } => SizeHint::with_exact(*bytes),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
