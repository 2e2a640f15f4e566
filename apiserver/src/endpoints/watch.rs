//! GET with `watch`: a stream of events, one line of JSON each.
//!
//! What is wrong before the stream begins is an HTTP error, except that a start which is too old is an event: clients
//! of Kubernetes look for it there. All events that are ready go out in one write.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::StreamExt;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue, UPGRADE};
use rand::Rng;
use serde_json::json;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, Sleep, sleep_until};

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
use crate::request::decode::Format;
use crate::request::media::{Transform, Wanted};

/// A watch without a timeout ends somewhere between one and two of these. Source: `MinRequestTimeout` in Kubernetes.
const TIMEOUT_MIN: Duration = Duration::from_secs(1800);
/// How often bookmarks are sent. Source: `bookmarkFrequency` in Kubernetes' watch cache.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
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
                shutdown,
                sent,
                next: first_bookmark(end),
                columns_sent: false,
                call,
            };
            futures::stream::unfold(Some(stream), Stream::next).boxed()
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
    /// When the next bookmark is due.
    next: Instant,
    shutdown: Receiver<bool>,
    /// How many events were sent, by all watches of the resource.
    sent: Arc<AtomicU64>,
    /// Only the first Table says what its columns are.
    columns_sent: bool,
}

impl Stream {
    /// The next bytes to send and the state to go on with; `None` ends the stream.
    async fn next(state: Option<Self>) -> Option<(Bytes, Option<Self>)> {
        let mut state = state?;
        loop {
            // The end of the initial state is told to those who take bookmarks, before anything that came later.
            if state.watch.take_initial_end() && state.bookmarks && state.tells_initial_end {
                return Some((state.bookmark(true), Some(state)));
            }
            let step = match state.watch.step() {
                Ok(step) => step,
                Err(error) => return Some((error_event(&state.call.failed(&error)), None)),
            };
            match step {
                Step::Events(mut events) => {
                    let broken = state.cut_at_what_cannot_be_read(&mut events);
                    let lines = match state.lines(events) {
                        Ok(lines) => lines,
                        Err(status) => return Some((error_event(&status), None)),
                    };
                    if let Some(status) = broken {
                        return Some(([lines, error_event(&status)].concat().into(), None));
                    }
                    if !lines.is_empty() {
                        return Some((lines, Some(state)));
                    }
                    continue;
                }
                Step::Idle => {}
                Step::Ended => return None,
            }
            let now = Instant::now();
            if *state.shutdown.borrow() || now >= state.end {
                return None;
            }
            // Nothing is waiting to be sent, so a bookmark may say where the watch has got to.
            if state.bookmarks && now >= state.next {
                state.next = following_bookmark(state.end);
                return Some((state.bookmark(false), Some(state)));
            }
            let wake = if state.bookmarks { state.next.min(state.end) } else { state.end };
            let timer: Pin<Box<Sleep>> = Box::pin(sleep_until(wake));
            tokio::select! {
                () = state.watch.changed() => {}
                _ = state.shutdown.changed() => {}
                () = timer => {}
            }
        }
    }

    /// Leaves the events before the first whose object cannot be read, and tells what is wrong with that: the watch
    /// ends there, since to go on would be to leave something out.
    fn cut_at_what_cannot_be_read(&self, events: &mut Vec<WatchEvent>) -> Option<Status> {
        let at = events.iter().position(|event| event.object.corrupt().is_some())?;
        let error = self.call.registry.show(&events[at].object, self.call.version()).err()?;
        events.truncate(at);
        Some(self.call.failed(&error))
    }

    fn lines(&mut self, events: Vec<WatchEvent>) -> Result<Bytes, Status> {
        self.sent.fetch_add(events.len() as u64, Ordering::Relaxed);
        let stored_form =
            self.wanted.transform == Transform::None && self.call.version_index == self.call.kind().storage;
        if stored_form {
            if let [event] = events.as_slice() {
                return Ok(stored_frame(event));
            }
            let frames: Vec<Bytes> = events.iter().map(stored_frame).collect();
            let mut out = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
            frames.iter().for_each(|frame| out.put_slice(frame));
            return Ok(out.freeze());
        }
        let form = Form::of(self.call.version(), self.wanted, self.include);
        let mut out = Vec::new();
        for event in &events {
            let object = output::shown(&self.call, &event.object)?;
            open(event.event_type.name(), &mut out);
            form.write_single(&object, !std::mem::replace(&mut self.columns_sent, true), &mut out);
            out.extend_from_slice(b"}\n");
        }
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

/// The line of an event as it is stored: encoded once, for all who watch.
fn stored_frame(event: &WatchEvent) -> Bytes {
    let encode = || {
        let json = event.object.json();
        let mut out = Vec::with_capacity(json.len() + 40);
        open(event.event_type.name(), &mut out);
        out.extend_from_slice(&json);
        out.extend_from_slice(b"}\n");
        Bytes::from(out)
    };
    match &event.change {
        Some(change) => change.frames[event.event_type as usize].get_or_init(encode).clone(),
        None => encode(),
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
