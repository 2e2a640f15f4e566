//! A [`Store`] on an etcd v3 cluster, so that several servers can share their data.
//!
//! A key here is a key in etcd, a [`Revision`] is etcd's revision, and a write is one transaction that compares the
//! mod revision: nothing is kept beside it, and other etcd clients may read along. Reads are linearizable. Works from
//! etcd 3.4 on.
//!
//! A write whose answer was lost is reported and never sent again, because it may have happened; only a write that
//! could not leave this process goes to another member. Reads are tried once more.

mod config;
mod error;
mod keys;
mod list;
mod members;
mod newest;
mod progress;
mod proto;
#[cfg(any(test, feature = "contract"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod transport;
mod watch;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub use self::config::{ConnectError, EtcdClientCertificate, EtcdConfig, EtcdTls};
pub use self::error::EtcdError;
use self::error::Refusal;
use self::keys::{Keys, from_wire, to_wire};
use self::members::{Members, REQUEST_TIMEOUT, Retry};
use self::newest::Newest;
use self::progress::Asked;
use self::proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use self::proto::etcdserverpb::request_op::Request;
use self::proto::etcdserverpb::response_op::Response;
use self::proto::etcdserverpb::{
    CompactionRequest, Compare, DeleteRangeRequest, PutRequest, RangeRequest, RangeResponse, RequestOp, ResponseHeader,
    TxnRequest,
};
use self::transport::Transport;
use super::{BoxError, Entry, ListRequest, Page, ReadError, Revision, Store, WatchError, WatchStream, WriteError};

/// Objects in etcd. Connections are made when they are needed and again when they break.
pub struct EtcdStore {
    members: Arc<Members>,
    newest: Newest,
    keys: Arc<Keys>,
    asked: Asked,
    version: String,
    /// Where all connections are; it ends with the store.
    _transport: Transport,
}

impl EtcdStore {
    /// Opens the store once one of the endpoints answers; the others may be down.
    ///
    /// # Errors
    /// When the configuration contradicts itself, or no endpoint answers within 5 s.
    pub async fn connect(config: EtcdConfig) -> Result<Self, ConnectError> {
        let transport = Transport::start().map_err(|source| ConnectError::Thread { source })?;
        let members = config.members(&transport)?;
        let anonymous = config.tls.is_some_and(|tls| tls.client.is_none());
        let answer = members.find_one_that_answers().await;
        let version = answer.map_err(|attempts| ConnectError::Unreachable { attempts, anonymous })?;
        Ok(Self::new(transport, members, config.prefix, version))
    }

    fn new(transport: Transport, members: Members, prefix: String, version: String) -> Self {
        let (members, keys) = (Arc::new(members), Arc::new(Keys::new(prefix)));
        let newest = Newest::start(&transport, members.clone(), keys.to_etcd("/registry/"));
        Self { members, newest, keys, asked: Asked::default(), version, _transport: transport }
    }

    /// The version of the member that answered first, for example `3.5.21`.
    pub fn version(&self) -> &str {
        &self.version
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeResponse, EtcdError> {
        self.members
            .call(Retry::Once, REQUEST_TIMEOUT, |member| {
                let (mut kv, request) = (member.kv(), request.clone());
                async move { kv.range(request).await }
            })
            .await
    }

    /// Does `write` if `key` was last written at `expected`; 0 means that it does not exist.
    async fn write_if(&self, key: &str, expected: i64, write: Request) -> Result<Written, BoxError> {
        let wire_key = self.keys.to_etcd(key);
        let request = TxnRequest {
            compare: vec![Compare {
                result: CompareResult::Equal.into(),
                target: CompareTarget::Mod.into(),
                key: wire_key.clone(),
                target_union: Some(TargetUnion::ModRevision(expected)),
            }],
            success: vec![RequestOp { request: Some(write) }],
            failure: vec![RequestOp {
                request: Some(Request::RequestRange(RangeRequest { key: wire_key, ..Default::default() })),
            }],
        };
        let answer = self
            .members
            .call(Retry::OnlyUnsent, REQUEST_TIMEOUT, |member| {
                let (mut kv, request) = (member.kv(), request.clone());
                async move { kv.txn(request).await }
            })
            .await?;
        if answer.succeeded {
            return Ok(Written::At(revision_of(answer.header.as_ref())?));
        }
        match answer.responses.into_iter().next().and_then(|op| op.response) {
            Some(Response::ResponseRange(range)) => Ok(Written::Not { current: self.only_entry(range)? }),
            _ => Err("etcd refused a transaction without telling what is there".into()),
        }
    }

    fn only_entry(&self, range: RangeResponse) -> Result<Option<Entry>, BoxError> {
        range.kvs.into_iter().next().map(|kv| self.keys.entry(kv)).transpose()
    }

    async fn current(&self, key: &str) -> Result<Option<Entry>, BoxError> {
        let range = self.range(RangeRequest { key: self.keys.to_etcd(key), ..Default::default() }).await?;
        self.only_entry(range)
    }

    /// What a refused read at `requested` means to the caller.
    async fn read_error(&self, error: EtcdError, requested: Option<Revision>) -> ReadError {
        match (error.refusal(), requested) {
            (Some(Refusal::Compacted), requested) => {
                ReadError::Compacted { requested: requested.unwrap_or_default(), oldest: Revision(0) }
            }
            (Some(Refusal::Future), Some(requested)) => match self.newest.get().await {
                Ok(current) => ReadError::Future { requested, current },
                Err(error) => ReadError::Unavailable(error),
            },
            _ => ReadError::Unavailable(error.into()),
        }
    }
}

#[async_trait]
impl Store for EtcdStore {
    async fn revision(&self) -> Result<Revision, ReadError> {
        let revision = self.newest.get().await.map_err(ReadError::Unavailable)?;
        self.asked.for_revision(revision);
        Ok(revision)
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, ReadError> {
        self.current(key).await.map_err(ReadError::Unavailable)
    }

    async fn list(&self, request: ListRequest) -> Result<Page, ReadError> {
        list::list(self, request).await
    }

    async fn create(&self, key: &str, value: Bytes) -> Result<Revision, WriteError> {
        match self.write_if(key, 0, put(self.keys.to_etcd(key), &value)).await {
            Ok(Written::At(revision)) => Ok(revision),
            Ok(Written::Not { current: Some(current) }) => Err(WriteError::Exists(current)),
            Ok(Written::Not { current: None }) => Err(WriteError::Conflict { current: None }),
            Err(error) => Err(write_error(error, value.len())),
        }
    }

    async fn update(&self, key: &str, value: Bytes, expected: Revision) -> Result<Revision, WriteError> {
        self.replace(key, expected, put(self.keys.to_etcd(key), &value), value.len()).await
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision, WriteError> {
        let delete = Request::RequestDeleteRange(DeleteRangeRequest { key: self.keys.to_etcd(key) });
        self.replace(key, expected, delete, 0).await
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<WatchStream, WatchError> {
        watch::watch(self, prefix, after).await
    }

    async fn compact(&self, before: Revision) -> Result<(), ReadError> {
        if before == Revision(0) {
            return Ok(());
        }
        let request = CompactionRequest { revision: to_wire(before) };
        let result = self
            .members
            .call(Retry::Once, REQUEST_TIMEOUT, |member| {
                let mut kv = member.kv();
                async move { kv.compact(request).await }
            })
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) if error.refusal() == Some(Refusal::Compacted) => Ok(()),
            Err(error) => Err(self.read_error(error, Some(before)).await),
        }
    }
}

impl EtcdStore {
    async fn replace(
        &self,
        key: &str,
        expected: Revision,
        write: Request,
        value_bytes: usize,
    ) -> Result<Revision, WriteError> {
        if expected == Revision(0) {
            // To etcd this is the mod revision of a key that does not exist, and the write would create it.
            let current = self.current(key).await.map_err(WriteError::Unavailable)?;
            return Err(WriteError::Conflict { current });
        }
        match self.write_if(key, to_wire(expected), write).await {
            Ok(Written::At(revision)) => Ok(revision),
            Ok(Written::Not { current }) => Err(WriteError::Conflict { current }),
            Err(error) => Err(write_error(error, value_bytes)),
        }
    }
}

impl fmt::Debug for EtcdStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdStore").field("members", &self.members).field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// What became of a conditional write.
enum Written {
    At(Revision),
    Not { current: Option<Entry> },
}

fn put(key: Bytes, value: &Bytes) -> Request {
    Request::RequestPut(PutRequest { key, value: value.clone() })
}

/// Largest value that a member with etcd's default `--max-request-bytes` of 1.5 MiB takes, with room for the keys.
/// Source: <https://etcd.io/docs/v3.5/dev-guide/limit/>
const VALUE_BYTES_MAX: usize = 1536 * 1024 - 4096;

fn write_error(error: BoxError, bytes: usize) -> WriteError {
    match error.downcast_ref::<EtcdError>().and_then(EtcdError::refusal) {
        // A member does not tell its limit, which may have been configured to be less than the usual one.
        Some(Refusal::TooLarge) => {
            WriteError::TooLarge { bytes, bytes_max: VALUE_BYTES_MAX.min(bytes.saturating_sub(1)) }
        }
        _ => WriteError::Unavailable(error),
    }
}

fn revision_of(header: Option<&ResponseHeader>) -> Result<Revision, BoxError> {
    header.map(|header| from_wire(header.revision)).ok_or_else(|| "etcd answered without a revision".into())
}
