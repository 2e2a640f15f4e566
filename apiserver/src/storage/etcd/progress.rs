//! How a watch learns that nothing happened.
//!
//! etcd's revision also grows with writes outside the watched keys, of which a watch hears nothing. Whoever waits for
//! it to reach some revision would wait until the next event, so the watch asks: see [`Asked`].

use std::time::Duration;

use tokio::sync::watch;

use super::proto::etcdserverpb::watch_request::RequestUnion;
use super::proto::etcdserverpb::{WatchProgressRequest, WatchRequest};
use crate::storage::Revision;

/// How long an event may be under way before a watch asks whether there is one.
const PATIENCE: Duration = Duration::from_millis(20);

/// The newest revision that anybody asked this store for, and may be waiting to see in a watch.
#[derive(Debug)]
pub(super) struct Asked(watch::Sender<Revision>);

impl Default for Asked {
    fn default() -> Self {
        Self(watch::Sender::new(Revision(0)))
    }
}

impl Asked {
    pub(super) fn for_revision(&self, revision: Revision) {
        self.0.send_if_modified(|newest| {
            let newer = revision > *newest;
            *newest = revision.max(*newest);
            newer
        });
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Revision> {
        self.0.subscribe()
    }
}

/// Waits until somebody may be waiting for a revision above `seen`.
pub(super) async fn wanted(asked: &mut watch::Receiver<Revision>, seen: Revision) {
    if asked.wait_for(|revision| *revision > seen).await.is_err() {
        // The store is gone, and nobody is left to wait.
        return std::future::pending().await;
    }
    tokio::time::sleep(PATIENCE).await;
}

pub(super) fn request() -> WatchRequest {
    WatchRequest { request_union: Some(RequestUnion::ProgressRequest(WatchProgressRequest {})) }
}

/// Whether what a member of this version says about progress is true. Older ones report a revision before they have
/// sent its events. Source: <https://github.com/etcd-io/etcd/issues/15220> and
/// <https://github.com/etcd-io/etcd/issues/17507>
pub(super) fn is_reliable(version: &str) -> bool {
    match parse(version) {
        Some((3, 4, patch)) => patch >= 31,
        Some((3, 5, patch)) => patch >= 13,
        Some(version) => version > (3, 5, 0),
        None => false,
    }
}

fn parse(version: &str) -> Option<(u32, u32, u32)> {
    let release = version.split(['-', '+']).next()?;
    let mut numbers = release.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_that_are_known_to_tell_the_truth_are_believed() {
        let check = |version, expected| assert_eq!(is_reliable(version), expected, "{version:?}");
        check("3.4.23", false);
        check("3.4.30", false);
        check("3.4.31", true);
        check("3.5.0", false);
        check("3.5.12", false);
        check("3.5.13", true);
        check("3.6.0-rc.1", true);
        check("3.6.4", true);
        check("4.0.0", true);
        check("3.3.99", false);
        check("2.3.8", false);
        check("", false);
        check("unknown", false);
    }
}
