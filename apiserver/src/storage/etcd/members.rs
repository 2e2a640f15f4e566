//! The members of the cluster, and which of them to ask.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use super::error::{EtcdError, is_trouble, never_sent};
use super::proto::etcdserverpb::StatusRequest;
use super::proto::etcdserverpb::kv_client::KvClient;
use super::proto::etcdserverpb::maintenance_client::MaintenanceClient;
use super::proto::etcdserverpb::watch_client::WatchClient;

/// How long one member may take. It gives up by itself after about 7 s, with a better explanation than ours.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may take to be made, and again its TLS handshake.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a member may take to say that it is there.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// One member.
pub(super) struct Member {
    pub(super) endpoint: String,
    requests: Channel,
    // A connection of their own: unread events fill a connection's window and would hold up answers, and large answers
    // hold up events. Source: <https://github.com/etcd-io/etcd/issues/15402>
    watches: Channel,
}

impl Member {
    pub(super) fn new(endpoint: String, connections: &Endpoint) -> Self {
        let connect = || connections.connect_with_connector_lazy(tower::service_fn(dial));
        Self { endpoint, requests: connect(), watches: connect() }
    }

    pub(super) fn kv(&self) -> KvClient<Channel> {
        KvClient::new(self.requests.clone()).max_decoding_message_size(usize::MAX)
    }

    pub(super) fn watch(&self) -> WatchClient<Channel> {
        WatchClient::new(self.watches.clone()).max_decoding_message_size(usize::MAX)
    }

    /// The version that this member runs.
    pub(super) async fn version(&self) -> Result<String, Status> {
        let mut client = MaintenanceClient::new(self.requests.clone());
        let status = within(STATUS_TIMEOUT, client.status(StatusRequest {})).await?;
        Ok(status.into_inner().version)
    }
}

/// Whether a request that failed may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// Once, however it failed: it changes nothing, or the same thing twice.
    Once,
    /// Only when it never left this process: nobody knows whether it was carried out.
    OnlyUnsent,
}

/// All members; the one that worked last is asked first.
pub(super) struct Members {
    members: Vec<Member>,
    preferred: AtomicUsize,
}

impl Members {
    pub(super) fn new(members: Vec<Member>) -> Self {
        Self { members, preferred: AtomicUsize::new(0) }
    }

    /// Prefers the first member that answers, and gives its version; else why each did not.
    pub(super) async fn find_one_that_answers(&self) -> Result<String, Vec<EtcdError>> {
        let ask = |index: usize| async move { (index, self.members[index].version().await) };
        let mut answers: FuturesUnordered<_> = (0..self.members.len()).map(ask).collect();
        let mut failures = Vec::new();
        while let Some((index, answer)) = answers.next().await {
            match answer {
                Ok(version) => {
                    self.preferred.store(index, Relaxed);
                    return Ok(version);
                }
                Err(status) => failures.push((index, EtcdError::new(&self.members[index].endpoint, &status))),
            }
        }
        failures.sort_by_key(|(index, _)| *index);
        Err(failures.into_iter().map(|(_, error)| error).collect())
    }

    /// Sends a request to a member that works.
    pub(super) async fn call<'a, T, F>(
        &'a self,
        retry: Retry,
        timeout: Duration,
        send: impl Fn(&'a Member) -> F,
    ) -> Result<T, EtcdError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut index = self.preferred.load(Relaxed);
        let mut untried = self.members.len() - 1;
        let mut again = retry == Retry::Once;
        loop {
            let member = &self.members[index];
            let status = match within(timeout, send(member)).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => status,
            };
            let failure = EtcdError::new(&member.endpoint, &status);
            if !is_trouble(&status) {
                return Err(failure);
            }
            let next = (index + 1) % self.members.len();
            // Of all who met the same trouble, only the first moves on.
            let _ = self.preferred.compare_exchange(index, next, Relaxed, Relaxed);
            let retried = (never_sent(&status) && untried > 0) || std::mem::take(&mut again);
            tracing::warn!(error = %failure, retried, "a member of etcd failed");
            if !retried {
                return Err(failure);
            }
            untried = untried.saturating_sub(1);
            index = next;
        }
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.members.iter().map(|member| &member.endpoint)).finish()
    }
}

/// Opens a connection. tonic can do so too, but a connection that takes too long then looks like a request that does.
async fn dial(uri: Uri) -> io::Result<TokioIo<TcpStream>> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await;
    let stream = connected.map_err(|_| {
        io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()))
    })??;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(stream))
}

async fn within<T>(timeout: Duration, answer: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    match tokio::time::timeout(timeout, answer).await {
        Ok(result) => result,
        Err(_) => Err(Status::deadline_exceeded(format!("no answer within {} s", timeout.as_secs()))),
    }
}
