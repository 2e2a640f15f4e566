//! What etcd refused or failed to do.

use std::error::Error;

use tonic::{Code, ConnectError, Status};

/// A request that a member refused, or that did not get through to it.
#[derive(Debug, thiserror::Error)]
#[error("etcd at {endpoint}: {message}")]
pub struct EtcdError {
    endpoint: String,
    message: String,
    refusal: Option<Refusal>,
}

/// Answers that mean something to callers; any other is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Compacted,
    Future,
    TooLarge,
}

impl EtcdError {
    pub(super) fn new(endpoint: &str, status: &Status) -> Self {
        Self { endpoint: endpoint.to_owned(), message: describe(status), refusal: refusal(status) }
    }

    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }
}

/// Whether the request certainly never left this process, so that even a write may go to another member.
pub(super) fn never_sent(status: &Status) -> bool {
    causes(status).any(|cause| cause.is::<ConnectError>())
}

/// Whether another member may do better: this one is gone, cut off from the others, or too slow.
pub(super) fn is_trouble(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Aborted | Code::Unknown | Code::Internal
    )
}

/// etcd tells these apart by text only; clients of every language rely on it.
/// Source: <https://github.com/etcd-io/etcd/blob/main/api/v3rpc/rpctypes/error.go>
fn refusal(status: &Status) -> Option<Refusal> {
    let says = |text| status.message().contains(text);
    match status.code() {
        Code::OutOfRange if says("revision has been compacted") => Some(Refusal::Compacted),
        Code::OutOfRange if says("is a future revision") => Some(Refusal::Future),
        Code::InvalidArgument if says("request is too large") => Some(Refusal::TooLarge),
        // The limit of the transport is a little above that of etcd, and is met first by what is far too large.
        Code::ResourceExhausted if says("message larger than max") => Some(Refusal::TooLarge),
        _ => None,
    }
}

/// What happened and, where a connection failed, the innermost reason.
fn describe(status: &Status) -> String {
    let innermost = causes(status).last().map(ToString::to_string);
    match innermost {
        Some(cause) if !status.message().contains(&cause) => format!("{}: {cause}", status.message()),
        _ => status.message().to_owned(),
    }
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(status.source(), |cause: &&'_ (dyn Error + 'static)| (*cause).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_etcd_says_means_something_or_is_a_failure() {
        let check =
            |code, message: &str, expected| assert_eq!(refusal(&Status::new(code, message)), expected, "{message}");
        check(Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted", Some(Refusal::Compacted));
        check(Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision", Some(Refusal::Future));
        check(Code::InvalidArgument, "etcdserver: request is too large", Some(Refusal::TooLarge));
        check(
            Code::ResourceExhausted,
            "grpc: received message larger than max (3000048 vs. 2097152)",
            Some(Refusal::TooLarge),
        );
        check(Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded", None);
        check(Code::ResourceExhausted, "etcdserver: too many requests", None);
        check(Code::Unavailable, "etcdserver: no leader", None);
        check(Code::PermissionDenied, "etcdserver: permission denied", None);
    }
}
