//! What befalls a request on its way.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Request, Response};
use http_body_util::BodyExt;

use super::conflict::{names_resource_version, write_in_between};
use super::dice::Dice;
use super::stream::{Fate, connection_reset, gone, unreliable};
use super::{Faults, Shares};
use crate::body::{Body, RequestBody};
use crate::endpoints::status::Status;
use crate::kind::Kind;
use crate::registry::error::Error;
use crate::request::info::RequestInfo;
use crate::request::query::Query;
use crate::storage::Store;
use crate::testing::client::body;
use crate::testing::wire::{ResponseBody, Wire, streamed, told};

/// Faults at work.
pub(in crate::testing) struct Injector {
    faults: Faults,
    dice: Dice,
}

/// What the server kept behind a request, for whom a fault has to be real.
pub(in crate::testing) struct Behind<'a> {
    pub kinds: &'a [Arc<Kind>],
    pub store: &'a dyn Store,
}

/// A request, and what it is about.
struct Met {
    info: RequestInfo,
    /// `birds.demo.example.com/status`
    resource: String,
    /// `patch birds.demo.example.com/status`
    sort: String,
    accept: Option<String>,
    /// For watches and lists: where they go on from, if they do.
    goes_on: bool,
}

/// How long a server that went down stays away, in milliseconds.
const DOWN_MILLIS_MAX: f64 = 100.0;

/// Passes a request on and its answer back, unless something comes between.
pub(in crate::testing) async fn pass<Answering: Future<Output = Response<Body>>>(
    injector: Option<Arc<Injector>>,
    request: Request<RequestBody>,
    wire: &Arc<Wire>,
    behind: Behind<'_>,
    handle: impl FnOnce(Request<RequestBody>) -> Answering,
) -> io::Result<Response<ResponseBody>> {
    let Some(met) = Met::new(&request) else { return Ok(handle(request).await.map(told)) };
    let request = match &injector {
        None => request,
        Some(injector) => match injector.before(request, &met, wire, behind).await? {
            Ok(request) => request,
            Err(answer) => return Ok(answer.map(told)),
        },
    };
    let (head, body) = handle(request).await.into_parts();
    if met.info.verb == "watch" {
        let body = match body {
            // Under the faults of the moment, whichever these are when an event comes.
            Body::Stream(events) if head.status.is_success() => {
                streamed(unreliable(events, wire.clone(), met.resource))
            }
            refusal => told(refusal),
        };
        return Ok(Response::from_parts(head, body));
    }
    if injector.is_some_and(|injector| injector.loses_answer(&met)) {
        return Err(connection_reset());
    }
    Ok(Response::from_parts(head, told(body)))
}

impl Injector {
    pub(in crate::testing) fn new(faults: Faults) -> Self {
        Self { dice: faults.dice(), faults }
    }

    /// What befalls a request before the server has it. `Err` in the result is an answer that is not the server's.
    async fn before(
        &self,
        request: Request<RequestBody>,
        met: &Met,
        wire: &Arc<Wire>,
        behind: Behind<'_>,
    ) -> io::Result<Result<Request<RequestBody>, Response<Body>>> {
        let Shares { conflicts, errors, gone, restarts, .. } = self.faults.shares;
        if self.happens("restart", &met.sort, restarts) {
            wire.go_down(Duration::from_secs_f64(self.dice.fraction("down") * DOWN_MILLIS_MAX / 1000.0));
            return Err(connection_reset());
        }
        if self.happens("error", &met.sort, errors) {
            return Ok(Err(met.refused(self.error(&met.sort))));
        }
        if met.goes_on && self.happens("gone", &met.sort, gone) {
            return Ok(Err(met.history_is_gone()));
        }
        if met.may_conflict() && self.dice.happens(&format!("conflict {}", met.sort), conflicts) {
            return self.conflict(request, met, behind).await;
        }
        Ok(Ok(request))
    }

    fn loses_answer(&self, met: &Met) -> bool {
        self.happens("lost answer", &met.sort, self.faults.shares.lost_answers)
    }

    /// What befalls the next event of a resource.
    pub(super) fn fate_of_event(&self, resource: &str) -> Fate {
        let Shares { dropped_watches, delayed_watches, gone, .. } = self.faults.shares;
        let sort = format!("event {resource}");
        if self.happens("dropped watch", &sort, dropped_watches) {
            Fate::Dropped
        } else if self.happens("gone", &sort, gone) {
            Fate::Gone
        } else if self.happens("delayed watch", &sort, delayed_watches) {
            Fate::Late(self.faults.delay_max.mul_f64(self.dice.fraction(&format!("delay of {sort}"))))
        } else {
            Fate::Sent
        }
    }

    /// Sees to it that another writer has been first. `Err` is the answer where that can only be claimed.
    async fn conflict(
        &self,
        request: Request<RequestBody>,
        met: &Met,
        behind: Behind<'_>,
    ) -> io::Result<Result<Request<RequestBody>, Response<Body>>> {
        let (head, sent) = request.into_parts();
        let sent: Bytes = sent.collect().await.map_err(io::Error::other)?.to_bytes();
        let conditional = names_resource_version(&sent);
        let request = Request::from_parts(head, body(sent));
        let Some(kind) = behind.kinds.iter().find(|kind| met.is_of(kind)) else { return Ok(Ok(request)) };
        if conditional {
            if write_in_between(behind.store, kind, &met.info).await {
                self.count("conflict", &met.sort);
            }
            return Ok(Ok(request));
        }
        // An update that names no version overwrites, and a deletion takes what is there: neither conflicts.
        if met.info.verb != "patch" {
            return Ok(Ok(request));
        }
        self.count("conflict", &met.sort);
        let cause = "the object has been modified; please apply your changes to the latest version and try again";
        let error = Error::Conflict { name: met.info.name.clone(), cause: cause.into(), on_delete: false };
        Ok(Err(met.refused(Status::of(&error, kind, &met.info.group))))
    }

    fn error(&self, sort: &str) -> Status {
        match self.dice.draw(&format!("which error {sort}")) % 3 {
            0 => Status::internal("etcdserver: request timed out"),
            1 => Status::service_unavailable("the server is currently unable to handle the request"),
            _ => Status::too_many_requests(),
        }
    }

    fn happens(&self, fault: &'static str, sort: &str, share: f64) -> bool {
        let happens = self.dice.happens(&format!("{fault} {sort}"), share);
        if happens {
            self.count(fault, sort);
        }
        happens
    }

    fn count(&self, fault: &'static str, sort: &str) {
        tracing::info!(fault, met = sort, seed = self.faults.seed, "a fault");
        self.faults.count(fault);
    }
}

impl Met {
    /// `None` for what is no request to a resource, and for connections that are about to leave HTTP.
    fn new(request: &Request<RequestBody>) -> Option<Self> {
        let query = request.uri().query().unwrap_or_default();
        let info = RequestInfo::new(request.method(), request.uri().path(), query).ok()?;
        if !info.is_resource {
            return None;
        }
        let group = if info.group.is_empty() { String::new() } else { format!(".{}", info.group) };
        let below = if info.subresource.is_empty() { String::new() } else { format!("/{}", info.subresource) };
        let resource = format!("{}{group}{below}", info.resource);
        let query = Query::parse(query);
        let goes_on = match &*info.verb {
            "watch" => !matches!(query.text("resourceVersion"), "" | "0"),
            "list" => !query.text("continue").is_empty(),
            _ => false,
        };
        let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).map(str::to_owned);
        Some(Self { sort: format!("{} {resource}", info.verb), resource, info, accept, goes_on })
    }

    fn is_of(&self, kind: &Kind) -> bool {
        let group = kind.versions.iter().any(|version| version.group == self.info.group);
        group && kind.plural == self.info.resource
    }

    fn may_conflict(&self) -> bool {
        !self.info.name.is_empty() && matches!(&*self.info.verb, "update" | "patch" | "delete")
    }

    fn refused(&self, status: Status) -> Response<Body> {
        status.into_response(self.accept.as_deref(), false)
    }

    fn history_is_gone(&self) -> Response<Body> {
        if self.info.verb == "watch" {
            let mut response = Response::new(Body::from(gone()));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return response;
        }
        let message = "The provided continue parameter is too old to display a consistent list result. You must start a new \
                       list without the continue parameter.";
        self.refused(Status::new(410, "Expired", message))
    }
}
