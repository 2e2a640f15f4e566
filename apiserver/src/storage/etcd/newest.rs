//! The cluster's revision, which every read that must be fresh asks for.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::error::EtcdError;
use super::members::{Members, REQUEST_TIMEOUT, Retry};
use super::proto::etcdserverpb::RangeRequest;
use super::revision_of;
use super::transport::Transport;
use crate::storage::{BoxError, Revision};

/// Asks etcd, once for all who came before the question was sent: a hundred readers cost two round trips, not a hundred.
#[derive(Debug)]
pub(super) struct Newest(mpsc::UnboundedSender<Waiting>);

type Waiting = oneshot::Sender<Result<Revision, Arc<Failure>>>;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Etcd(EtcdError),
    #[error(transparent)]
    Answer(BoxError),
}

/// The same failure for all who waited.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Shared(Arc<Failure>);

impl Newest {
    /// Works on the transport's thread until this is dropped. Any `key` will do.
    pub(super) fn start(transport: &Transport, members: Arc<Members>, key: Bytes) -> Self {
        let (sender, mut asked) = mpsc::unbounded_channel::<Waiting>();
        transport.spawn(async move {
            let mut waiting = Vec::new();
            while asked.recv_many(&mut waiting, usize::MAX).await > 0 {
                let answer = ask(&members, &key).await.map_err(Arc::new);
                for one in waiting.drain(..) {
                    // Whoever has left no longer wants to know.
                    let _ = one.send(answer.clone());
                }
            }
        });
        Self(sender)
    }

    /// The revision, asked for after this call began.
    pub(super) async fn get(&self) -> Result<Revision, BoxError> {
        let (waiting, answer) = oneshot::channel();
        if self.0.send(waiting).is_err() {
            return Err(ENDED.into());
        }
        let answer = answer.await.map_err(|_| ENDED)?;
        answer.map_err(|failure| Shared(failure).into())
    }
}

const ENDED: &str = "the connection to etcd is being closed";

async fn ask(members: &Members, key: &Bytes) -> Result<Revision, Failure> {
    // Counting a single key is the least that can be asked; the answer's header is what we want.
    let request = RangeRequest { key: key.clone(), count_only: true, ..Default::default() };
    let answer = members
        .call(Retry::Once, REQUEST_TIMEOUT, |member| {
            let (mut kv, request) = (member.kv(), request.clone());
            async move { kv.range(request).await }
        })
        .await
        .map_err(Failure::Etcd)?;
    revision_of(answer.header.as_ref()).map_err(Failure::Answer)
}
