//! Watches that break, lag, or lose their history, between two events.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt, unfold};

use crate::endpoints::status::Status;
use crate::testing::wire::Wire;

/// What becomes of an event on its way.
pub(super) enum Fate {
    Sent,
    Late(Duration),
    Dropped,
    Gone,
}

struct Watch {
    events: BoxStream<'static, Bytes>,
    /// Of what has arrived, what was not sent yet, one event each.
    waiting: VecDeque<Bytes>,
    wire: Arc<Wire>,
    /// Whose events they are.
    resource: String,
}

/// The events of a watch, with what befalls them.
pub(super) fn unreliable(
    events: BoxStream<'static, Bytes>,
    wire: Arc<Wire>,
    resource: String,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let watch = Watch { events, waiting: VecDeque::new(), wire, resource };
    unfold(Some(watch), |watch| async move {
        let mut watch = watch?;
        let event = watch.next().await?;
        let fate = watch.wire.injector().map_or(Fate::Sent, |injector| injector.fate_of_event(&watch.resource));
        match fate {
            Fate::Sent => Some((Ok(event), Some(watch))),
            Fate::Late(delay) => {
                tokio::time::sleep(delay).await;
                Some((Ok(event), Some(watch)))
            }
            Fate::Dropped => Some((Err(connection_reset()), None)),
            Fate::Gone => Some((Ok(gone()), None)),
        }
    })
}

impl Watch {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let mut arrived = self.events.next().await?;
            while let Some(end) = arrived.iter().position(|&byte| byte == b'\n') {
                self.waiting.push_back(arrived.split_to(end + 1));
            }
            if !arrived.is_empty() {
                self.waiting.push_back(arrived);
            }
        }
    }
}

/// What a client learns of a connection that broke.
pub(in crate::testing) fn connection_reset() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer")
}

/// The last event of a watch whose history the store has compacted away.
pub(super) fn gone() -> Bytes {
    let status = Status::new(410, "Expired", "The resourceVersion for the provided watch is too old.");
    let event = serde_json::json!({"type": "ERROR", "object": status.document()});
    format!("{event}\n").into()
}
