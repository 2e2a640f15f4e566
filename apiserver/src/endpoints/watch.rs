//! GET with `watch`: a stream of events, one line of JSON each.
//!
//! What is wrong before the stream begins is an HTTP error, except that a start which is too old is an event: clients
//! of Kubernetes look for it there. All events that are ready go out in one write.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue, UPGRADE};
use rand::Rng;
use serde_json::json;
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::alarm::{Alarm, Ring};
use super::call::Call;
use super::options::OptionsError;
use super::output::{self, Form};
use super::read_options;
use super::status::Status;
use super::table::IncludeObject;
use crate::body::Body;
use crate::registry::error::Error;
use crate::registry::rest::Watching;
use crate::registry::watch::{EventType, Step, WatchEvent, WatchQuery};
use crate::request::clock;
use crate::request::decode::Format;
use crate::request::media::{Transform, Wanted};

/// A watch without a timeout ends somewhere between one and two of these. Source: `MinRequestTimeout` in Kubernetes.
const TIMEOUT_MIN: Duration = Duration::from_secs(1800);
/// How often bookmarks are sent. Source: `bookmarkFrequency` in Kubernetes' watch cache.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// More than what surrounds an object in its event.
const ENVELOPE_BYTES: usize = 40;
/// How long before the end the last bookmark is sent.
const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);

/// Starts a watch. Its events are counted as `sent`.
///
/// # Errors
/// 400, 406, 422, 500.
pub async fn watch(call: Call, shutdown: Receiver<bool>, sent: Arc<AtomicU64>) -> Result<Response<Body>, Status> {
    // A client that upgrades expects frames, and would wait for ever for the first.
    if call.header(UPGRADE).eq_ignore_ascii_case("websocket") {
        return Err(Status::bad_request("watches are not sent over WebSocket: leave out the Upgrade header"));
    }
    let wanted = call.negotiated()?;
    let refused = |error: OptionsError| match error {
        OptionsError::Version(errors) => Status::invalid(&call.version().group, &call.kind().plural, "", &errors),
        error => Status::of_options(&error, &call.kind().plural),
    };
    let options = read_options::watch(&call.query).map_err(refused)?;
    let selector = call.registry.selector(call.version(), &options.label_selector, &options.field_selector);
    let mut selector = selector.map_err(|error| call.failed(&error))?;
    // The legacy path of a single object pins its name as a field selector would.
    if selector.is_of_all_fields() && !call.info.name.is_empty() {
        selector.pin_name(&call.info.name);
    } else if !call.info.name.is_empty() && selector.name() != Some(&call.info.name) {
        return Err(Status::bad_request("fieldSelector metadata.name doesn't match requested name"));
    }
    let start = options.start().map_err(refused)?;
    let query = WatchQuery { namespace: call.context.namespace.clone(), selector, start };
    let include = output::include_object(&call, wanted)?;
    if wanted.format == Format::Yaml {
        return Err(Status::not_streamable());
    }

    let timeout = options.timeout.unwrap_or_else(|| rand::rng().random_range(TIMEOUT_MIN..2 * TIMEOUT_MIN));
    let end = Instant::now() + timeout;
    let stream = match call.registry.clone().watch(&call.context, query).await {
        Ok(watch) => {
            let stream = Stream {
                watch,
                wanted,
                include,
                bookmarks: options.bookmarks,
                tells_initial_end: options.tells_initial_end,
                end,
                alarm: Alarm::new(if options.bookmarks { first_bookmark(end).min(end) } else { end }, shutdown),
                sent,
                columns_sent: false,
                ended: false,
                call,
            };
            stream.boxed()
        }
        Err(error @ (Error::Expired { .. } | Error::TooLargeResourceVersion { .. })) => {
            let line = error_event(&call.failed(&error));
            futures::stream::once(std::future::ready(line)).boxed()
        }
        Err(error) => return Err(call.failed(&error)),
    };
    let mut response = Response::new(Body::Stream(stream));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// A watch on its way to a client.
struct Stream {
    call: Call,
    watch: Box<dyn Watching>,
    wanted: Wanted,
    include: IncludeObject,
    bookmarks: bool,
    tells_initial_end: bool,
    /// When it ends.
    end: Instant,
    /// Rings for the next bookmark, and for the end.
    alarm: Alarm,
    /// How many events were sent, by all watches of the resource.
    sent: Arc<AtomicU64>,
    /// Only the first Table says what its columns are.
    columns_sent: bool,
    /// Nothing comes after what was sent last.
    ended: bool,
}

impl futures::Stream for Stream {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let stream = self.get_mut();
        while !stream.ended {
            // The end of the initial state is told to those who take bookmarks, before anything that came later.
            if stream.watch.take_initial_end() && stream.bookmarks && stream.tells_initial_end {
                return Poll::Ready(Some(stream.bookmark(true)));
            }
            match stream.watch.step() {
                Ok(Step::Events(events)) => {
                    let lines = stream.lines(events);
                    if !lines.is_empty() {
                        return Poll::Ready(Some(lines));
                    }
                    continue;
                }
                Ok(Step::Idle) => {}
                Ok(Step::Ended) => break,
                Err(error) => {
                    stream.ended = true;
                    return Poll::Ready(Some(error_event(&stream.call.failed(&error))));
                }
            }
            match stream.alarm.poll(cx) {
                Some(Ring::Shutdown) => break,
                Some(Ring::Time) if !stream.bookmarks || Instant::now() >= stream.end => break,
                Some(Ring::Time) => {
                    // Nothing is waiting to be sent, so a bookmark may say where the watch has got to.
                    stream.alarm.set(following_bookmark(stream.end).min(stream.end));
                    return Poll::Ready(Some(stream.bookmark(false)));
                }
                None => {}
            }
            if stream.watch.poll_changed(cx).is_pending() {
                return Poll::Pending;
            }
        }
        stream.ended = true;
        Poll::Ready(None)
    }
}

impl Stream {
    /// The events as they are sent; where one cannot be, that is told and nothing follows.
    fn lines(&mut self, mut events: Vec<WatchEvent>) -> Bytes {
        let broken = self.cut_at_what_cannot_be_read(&mut events);
        self.sent.fetch_add(events.len() as u64, Ordering::Relaxed);
        let mut out = Vec::new();
        let mut broken = broken.map(|status| error_event(&status));
        for event in &events {
            match self.frame(event) {
                // The most common batch, sent as it is kept.
                Ok(frame) if events.len() == 1 && broken.is_none() => return frame,
                Ok(frame) => out.extend_from_slice(&frame),
                Err(status) => {
                    broken = Some(error_event(&status));
                    break;
                }
            }
        }
        if let Some(error) = broken {
            out.extend_from_slice(&error);
            self.ended = true;
        }
        out.into()
    }

    /// Leaves the events before the first whose object cannot be read, and tells what is wrong with that: the watch
    /// ends there, since to go on would be to leave something out.
    fn cut_at_what_cannot_be_read(&self, events: &mut Vec<WatchEvent>) -> Option<Status> {
        let at = events.iter().position(|event| event.object.corrupt().is_some())?;
        let error = self.call.registry.show(&events[at].object, self.call.version()).err()?;
        events.truncate(at);
        Some(self.call.failed(&error))
    }

    /// The line of an event: encoded once, for all who watch in the same form.
    fn frame(&mut self, event: &WatchEvent) -> Result<Bytes, Status> {
        let with_columns =
            self.wanted.transform == Transform::Table && !std::mem::replace(&mut self.columns_sent, true);
        match &event.change {
            Some(change) if !with_columns => change.frame(self.form(event.event_type), || self.encode(event, false)),
            _ => self.encode(event, with_columns),
        }
    }

    /// The number of the form in which this watch sends an event. Ages in Tables are of a second.
    fn form(&self, event_type: EventType) -> u64 {
        let is_table = self.wanted.transform == Transform::Table;
        let second = if is_table { clock::now().as_second().cast_unsigned() } else { 0 };
        let include = if is_table { self.include as u64 } else { 0 };
        let shape = (self.wanted.transform as u64) << 1 | u64::from(self.wanted.v1beta1);
        second << 24 | (self.call.version_index as u64) << 16 | include << 8 | shape << 2 | event_type as u64
    }

    fn encode(&self, event: &WatchEvent, with_columns: bool) -> Result<Bytes, Status> {
        let mut out = Vec::with_capacity(event.object.json_bytes() + ENVELOPE_BYTES);
        open(event.event_type.name(), &mut out);
        if self.wanted.transform == Transform::None && self.call.version_index == self.call.kind().storage {
            event.object.write_json(&mut out);
        } else {
            let object = output::shown(&self.call, &event.object)?;
            Form::of(self.call.version(), self.wanted, self.include).write_single(&object, with_columns, &mut out);
        }
        out.extend_from_slice(b"}\n");
        Ok(out.into())
    }

    fn bookmark(&mut self, initial_end: bool) -> Bytes {
        let mut metadata = json!({ "resourceVersion": self.watch.position().to_string() });
        if initial_end {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let object = json!({
            "kind": self.call.kind().kind, "apiVersion": self.call.version().api_version(), "metadata": metadata,
        });
        let mut out = Vec::new();
        open("BOOKMARK", &mut out);
        // A bookmark's row keeps its metadata whatever the client asked for: it is all that there is.
        let include = if self.include == IncludeObject::None { IncludeObject::Metadata } else { self.include };
        let form = Form::of(self.call.version(), self.wanted, include);
        let columns = self.wanted.transform == Transform::Table && !std::mem::replace(&mut self.columns_sent, true);
        form.write_single(&object, columns, &mut out);
        out.extend_from_slice(b"}\n");
        out.into()
    }
}

impl EventType {
    fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

fn open(event_type: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"type":""#);
    out.extend_from_slice(event_type.as_bytes());
    out.extend_from_slice(br#"","object":"#);
}

fn error_event(status: &Status) -> Bytes {
    let mut out = Vec::new();
    open("ERROR", &mut out);
    let _ = serde_json::to_writer(&mut out, &status.document());
    out.extend_from_slice(b"}\n");
    out.into()
}

/// Two seconds before the end, or in a minute; in a minute for a watch that is shorter than the margin.
fn first_bookmark(end: Instant) -> Instant {
    let now = Instant::now();
    end.checked_sub(BOOKMARK_BEFORE_END)
        .filter(|last| *last > now)
        .map_or(now + BOOKMARK_EVERY, |last| last.min(now + BOOKMARK_EVERY))
}

fn following_bookmark(end: Instant) -> Instant {
    let last = end - BOOKMARK_BEFORE_END;
    let regular = Instant::now() + BOOKMARK_EVERY;
    if last > Instant::now() { last.min(regular) } else { regular }
}
