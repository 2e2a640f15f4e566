//! One watch, one gRPC stream. When the stream breaks the watch ends, and the caller resumes from where it was.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use tokio::sync::{mpsc, watch};
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use super::error::Refusal;
use super::keys::{Keys, Span, from_wire, own, to_wire};
use super::members::{Member, REQUEST_TIMEOUT, Retry};
use super::proto::etcdserverpb::watch_request::RequestUnion;
use super::proto::etcdserverpb::{RangeRequest, WatchCreateRequest, WatchRequest, WatchResponse};
use super::proto::mvccpb::event::EventType;
use super::{EtcdStore, progress};
use crate::storage::{BoxError, Event, Revision, WatchError, WatchItem, WatchStream};

pub(super) async fn watch(store: &EtcdStore, prefix: &str, after: Revision) -> Result<WatchStream, WatchError> {
    let span = store.keys.span(prefix, "");
    let opened = store
        .members
        .call(Retry::Once, REQUEST_TIMEOUT, |member| open(member, &span, after))
        .await
        .map_err(unavailable)?;
    let mut batches = Batches {
        keys: store.keys.clone(),
        prefix: store.keys.to_etcd(prefix),
        seen: after,
        believes_progress: opened.tells_progress,
    };
    let ready = batches.take(opened.created)?.into();
    refuse_compacted(store, &span, after).await?;
    let watching = Watching {
        responses: opened.responses,
        requests: opened.requests,
        asked: store.asked.subscribe(),
        batches,
        ready,
    };
    Ok(stream::try_unfold(watching, Watching::next).boxed())
}

/// A watch that the member has confirmed.
struct Opened {
    created: WatchResponse,
    responses: Streaming<WatchResponse>,
    requests: mpsc::Sender<WatchRequest>,
    /// The member can be asked for progress, and what it says is true.
    tells_progress: bool,
}

async fn open(member: &Member, span: &Span, after: Revision) -> Result<Response<Opened>, Status> {
    let tells_progress = progress::is_reliable(&member.version().await?);
    if !tells_progress {
        // Every revision is an event if all keys are watched, so that progress need not be told. The price is that
        // events of others, if the cluster has other users, come here to be dropped.
        let opened = create(member, &Span::everything(), after, false).await?;
        if !opened.created.canceled {
            return Ok(Response::new(opened));
        }
        tracing::warn!(
            reason = opened.created.cancel_reason,
            "this etcd is too old to tell progress and does not let us watch all keys, so fresh reads are slower"
        );
    }
    create(member, span, after, tells_progress).await.map(Response::new)
}

async fn create(member: &Member, span: &Span, after: Revision, tells_progress: bool) -> Result<Opened, Status> {
    let create = WatchCreateRequest {
        key: span.key.clone(),
        range_end: span.end.clone(),
        start_revision: to_wire(after).saturating_add(1),
        progress_notify: true,
    };
    let create = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    let (requests, later) = mpsc::channel(1);
    let later = stream::unfold(later, |mut later| async move { later.recv().await.map(|request| (request, later)) });
    let mut request = Request::new(stream::iter([create]).chain(later));
    // Makes a member that lost the others end the watch; it would stay silent while the others go on.
    request.metadata_mut().insert("hasleader", MetadataValue::from_static("true"));
    let mut responses = member.watch().watch(request).await?.into_inner();
    let created = responses.message().await?.ok_or_else(|| Status::unavailable(ENDED))?;
    Ok(Opened { created, responses, requests, tells_progress })
}

/// Refuses a watch of which a compaction has taken events, before it starts.
///
/// etcd notices by itself, except that before 3.4.36 and 3.5.18 it forgets a deletion whose revision is that of the
/// compaction and starts such a watch without it. Source: <https://github.com/etcd-io/etcd/issues/19179>
async fn refuse_compacted(store: &EtcdStore, span: &Span, after: Revision) -> Result<(), WatchError> {
    let revision = to_wire(after.max(Revision(1)));
    let request = RangeRequest { key: span.key.clone(), revision, count_only: true, ..Default::default() };
    match store.range(request).await {
        Ok(_) => Ok(()),
        Err(error) => match error.refusal() {
            Some(Refusal::Compacted) => Err(WatchError::Compacted { after, oldest: Revision(0) }),
            Some(Refusal::Future) => Ok(()),
            _ => Err(unavailable(error)),
        },
    }
}

/// Dropping it cancels the watch on the member.
struct Watching {
    responses: Streaming<WatchResponse>,
    // Also keeps the stream of requests open: to etcd its end is the end of the watch.
    requests: mpsc::Sender<WatchRequest>,
    asked: watch::Receiver<Revision>,
    batches: Batches,
    ready: VecDeque<WatchItem>,
}

impl Watching {
    async fn next(mut self) -> Result<Option<(WatchItem, Self)>, WatchError> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some((item, self)));
            }
            let message = tokio::select! {
                biased;
                message = self.responses.message() => message,
                () = progress::wanted(&mut self.asked, self.batches.seen), if self.batches.believes_progress => {
                    // When there is no room for it, the one before has not even been sent.
                    let _ = self.requests.try_send(progress::request());
                    continue;
                }
            };
            let response = message.map_err(unavailable)?.ok_or_else(|| unavailable(ENDED))?;
            self.ready.extend(self.batches.take(response)?);
        }
    }
}

const ENDED: &str = "etcd ended the watch";

/// Makes one item of all events of a revision.
struct Batches {
    keys: Arc<Keys>,
    /// What is watched, as etcd knows it; more may come.
    prefix: Bytes,
    /// Everything up to here has been delivered.
    seen: Revision,
    believes_progress: bool,
}

impl Batches {
    fn take(&mut self, response: WatchResponse) -> Result<Vec<WatchItem>, WatchError> {
        if response.compact_revision != 0 {
            return Err(WatchError::Compacted { after: self.seen, oldest: from_wire(response.compact_revision) });
        }
        if response.canceled {
            return Err(unavailable(format!("{ENDED}: {}", response.cancel_reason)));
        }
        let before = self.seen;
        let mut delivered = before;
        let mut items = Vec::new();
        if response.events.is_empty() && !response.created && self.believes_progress {
            self.seen = self.seen.max(response.header.map_or(Revision(0), |header| from_wire(header.revision)));
        }
        let mut batch: Vec<Event> = Vec::new();
        for event in response.events {
            let deleted = event.r#type() == EventType::Delete;
            let kv = event.kv.ok_or_else(|| unavailable("etcd sent an event without a key"))?;
            let revision = from_wire(kv.mod_revision);
            // Before 3.4.24 and 3.5.8 etcd sends some twice. Source: <https://github.com/etcd-io/etcd/pull/15275>
            if revision <= before {
                continue;
            }
            self.seen = revision;
            if !kv.key.starts_with(&self.prefix) {
                continue;
            }
            if batch.last().is_some_and(|last| last.revision != revision) {
                items.push(WatchItem::Events(std::mem::take(&mut batch)));
            }
            let key = self.keys.read(&kv.key).map_err(WatchError::Unavailable)?.into();
            batch.push(Event { key, value: (!deleted).then(|| own(&kv.value)), revision });
            delivered = revision;
        }
        if !batch.is_empty() {
            items.push(WatchItem::Events(batch));
        }
        if self.seen > delivered {
            items.push(WatchItem::Progress(self.seen));
        }
        Ok(items)
    }
}

fn unavailable(error: impl Into<BoxError>) -> WatchError {
    WatchError::Unavailable(error.into())
}

#[cfg(test)]
mod tests {
    use super::super::proto::etcdserverpb::ResponseHeader;
    use super::super::proto::mvccpb::{self, KeyValue};
    use super::*;

    /// What a watch of `/b/` after revision 10 makes of responses such as `12 a=1 12 b 13 /other=2` or `progress 20`.
    fn items(believes_progress: bool, responses: &[&str]) -> String {
        let keys = Arc::new(Keys::new(String::new()));
        let prefix = keys.to_etcd("/b/");
        let mut batches = Batches { keys, prefix, seen: Revision(10), believes_progress };
        let mut out = Vec::new();
        for response in responses {
            match batches.take(parse(response)) {
                Ok(items) => out.extend(items.iter().map(show)),
                Err(error) => out.push(error_chain(&error)),
            }
        }
        out.join(" | ")
    }

    fn parse(response: &str) -> WatchResponse {
        let words: Vec<&str> = response.split(' ').collect();
        match words[..] {
            ["created"] => WatchResponse { created: true, header: header("99"), ..Default::default() },
            ["progress", revision] => WatchResponse { header: header(revision), ..Default::default() },
            ["canceled", reason] => {
                WatchResponse { canceled: true, cancel_reason: reason.to_owned(), ..Default::default() }
            }
            ["compacted", revision] => {
                WatchResponse { canceled: true, compact_revision: revision.parse().unwrap(), ..Default::default() }
            }
            _ => WatchResponse {
                header: header("99"),
                events: words.chunks(2).map(event).collect(),
                ..Default::default()
            },
        }
    }

    fn header(revision: &str) -> Option<ResponseHeader> {
        Some(ResponseHeader { revision: revision.parse().unwrap() })
    }

    fn event(words: &[&str]) -> mvccpb::Event {
        let mod_revision = words[0].parse().unwrap();
        let (r#type, key, value) = match words[1].split_once('=') {
            Some((key, value)) => (EventType::Put, key, value),
            None => (EventType::Delete, words[1], ""),
        };
        let key = if key.starts_with('/') { key.to_owned() } else { format!("/b/{key}") };
        let kv = KeyValue { key: key.into(), mod_revision, value: value.to_owned().into() };
        mvccpb::Event { r#type: r#type.into(), kv: Some(kv) }
    }

    fn show(item: &WatchItem) -> String {
        let show_event = |event: &Event| match &event.value {
            Some(value) => format!("{} {}={}", event.revision, &event.key[3..], std::str::from_utf8(value).unwrap()),
            None => format!("{} {}", event.revision, &event.key[3..]),
        };
        match item {
            WatchItem::Events(events) => events.iter().map(show_event).collect::<Vec<_>>().join(", "),
            WatchItem::Progress(revision) => format!("progress {revision}"),
        }
    }

    fn error_chain(error: &WatchError) -> String {
        match error {
            WatchError::Unavailable(cause) => cause.to_string(),
            error => error.to_string(),
        }
    }

    #[test]
    fn all_events_of_a_revision_are_one_item() {
        let check = |responses: &[&str], expected| assert_eq!(items(false, responses), expected, "{responses:?}");
        check(&["created", "11 a=1"], "11 a=1");
        check(&["11 a=1 11 b 12 a=2", "13 c=1"], "11 a=1, 11 b | 12 a=2 | 13 c=1");
        check(&["11 a=1 12 a=2 12 b=3"], "11 a=1 | 12 a=2, 12 b=3");
    }

    #[test]
    fn nothing_is_delivered_twice() {
        let check = |responses: &[&str], expected| assert_eq!(items(true, responses), expected, "{responses:?}");
        check(&["9 a=1 10 a=2"], "");
        check(&["10 a=1 11 a=2", "11 a=2 12 a=3"], "11 a=2 | 12 a=3");
        check(&["progress 12", "12 a=1", "progress 12", "progress 11"], "progress 12");
    }

    #[test]
    fn progress_is_passed_on_where_it_is_true() {
        let check = |believed, responses: &[&str], expected| assert_eq!(items(believed, responses), expected);
        check(true, &["created", "progress 15", "16 a=1"], "progress 15 | 16 a=1");
        check(false, &["created", "progress 15", "16 a=1"], "16 a=1");
    }

    #[test]
    fn events_elsewhere_are_progress() {
        let check = |responses: &[&str], expected| assert_eq!(items(false, responses), expected, "{responses:?}");
        check(&["11 /c/a=1"], "progress 11");
        check(&["11 /c/a=1 12 /b=1 13 a=1", "14 /c/a"], "13 a=1 | progress 14");
        check(&["11 a=1 11 /c/a=1 12 /c/a"], "11 a=1 | progress 12");
        check(&["9 /c/a=1"], "");
    }

    #[test]
    fn an_end_has_its_reason() {
        let check = |responses: &[&str], expected| assert_eq!(items(false, responses), expected, "{responses:?}");
        check(
            &["12 a=1", "compacted 20"],
            "12 a=1 | events after revision 12 are compacted; the oldest that is kept is 20",
        );
        check(&["canceled no-leader"], "etcd ended the watch: no-leader");
    }
}
