//! The filters, as one function from a request to a response. Needs no socket: a client in the same process calls it
//! with an `Arc<UserInfo>` among the request's extensions, and is believed.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt};
use http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body as _;
use tokio::sync::oneshot;

use super::core::Core;
use super::health::Health;
use super::lifecycle::Phase;
use super::limits::{InFlight, RequestKind};
use super::metrics::{LongRunning, RequestLabels, Series};
use super::{duration, index, query, refusal, version};
use crate::authentication::connection::ConnectionInfo;
use crate::authentication::impersonation::{self, ImpersonationError};
use crate::authorization::privileged::MASTERS;
use crate::authorization::{Attributes, Authorizer, Decision};
use crate::body::{Body, RequestBody};
use crate::endpoints::call::Permission;
use crate::endpoints::connect::Hold;
use crate::endpoints::status::{Status, page_not_found};
use crate::request::info::RequestInfo;
use crate::request::media;
use crate::request::user::UserInfo;

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache, private");
const PANICKED: &str = "This request caused apiserver to panic. Look in the logs for details.\n";

/// Answers a request, whatever happens: what panics is answered 500, and the next request finds the server as it was.
pub async fn handle(core: &Core, connection: &ConnectionInfo, request: Request<RequestBody>) -> Response<Body> {
    let started = Instant::now();
    let audit_id = audit_id(&request);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let mut record = Record::default();
    let filtered = AssertUnwindSafe(filter(core, connection, request, &mut record)).catch_unwind().await;
    let mut response = filtered.unwrap_or_else(|panic| {
        tracing::error!(%method, %uri, audit_id = ?audit_id, panic = message(&*panic), "a request panicked");
        refusal::text(StatusCode::INTERNAL_SERVER_ERROR, PANICKED)
    });
    let body_bytes = response.body().size_hint().exact();
    if let Some(series) = &record.series {
        core.metrics.answered(series, response.status(), started.elapsed(), body_bytes);
    }
    tracing::debug!(
        %method, %uri, status = response.status().as_u16(), audit_id = ?audit_id, took = ?started.elapsed(),
        user = record.user.as_ref().map(|user| user.username.as_str()), decision = ?record.decision, "answered"
    );
    if let Some(guard) = record.long_running.take() {
        hold(&mut response, guard);
    }
    if let Some(guard) = record.in_flight.take() {
        hold_within(&mut response, guard, core.request_timeout.saturating_sub(started.elapsed()));
    }
    let headers = response.headers_mut();
    headers.insert(AUDIT_ID, unlike_others(audit_id));
    headers.entry(CACHE_CONTROL).or_insert(NO_CACHE);
    if method == Method::HEAD {
        if let Some(bytes) = body_bytes {
            headers.entry(CONTENT_LENGTH).or_insert(bytes.into());
        }
        *response.body_mut() = Body::Empty;
    }
    response
}

/// What the filters found out, for the log and the metrics.
#[derive(Default)]
struct Record {
    series: Option<Arc<Series>>,
    long_running: Option<LongRunning>,
    in_flight: Option<InFlight>,
    user: Option<Arc<UserInfo>>,
    decision: Option<Decision>,
}

/// Request info, and the time that the request may take.
async fn filter(
    core: &Core,
    connection: &ConnectionInfo,
    request: Request<RequestBody>,
    record: &mut Record,
) -> Response<Body> {
    let uri = request.uri().clone();
    let accept = request.headers().get(ACCEPT).cloned();
    let query = uri.query().unwrap_or_default();
    let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let pretty = media::pretty(query, agent.unwrap_or_default());
    let refuse = |status| refusal::respond(status, accept.as_ref(), pretty);
    let info = match RequestInfo::new(request.method(), uri.path(), query) {
        Ok(info) => Arc::new(info),
        Err(error) => return refuse(Status::bad_request(error.to_string())),
    };
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let labels = RequestLabels::new(&info, query, content_type);
    let series = core.metrics.series(labels, || core.handler.knows(&info));
    record.series = Some(series.clone());
    let answer = if is_long_running(core, &info) {
        record.long_running = Some(core.metrics.long_running(&series));
        admit(core, connection, request, &info, record).await
    } else {
        let timeout = match timeout(query, core.request_timeout) {
            Ok(timeout) => timeout,
            Err(status) => return refuse(status),
        };
        let admitted = tokio::time::timeout(timeout, admit(core, connection, request, &info, record)).await;
        admitted.unwrap_or_else(|_| Err(Status::timed_out()))
    };
    answer.unwrap_or_else(|status| {
        let code = StatusCode::from_u16(status.code).unwrap_or_default();
        if matches!(code.as_u16(), 429 | 503 | 504) {
            core.metrics.terminated(&series, code);
        }
        refuse(status)
    })
}

/// Whatever comes after authentication goes by what that has found, and not by what somebody claims.
fn forget_credentials(headers: &mut HeaderMap) {
    headers.remove(AUTHORIZATION);
    let claimed: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("x-remote-")).cloned().collect();
    for name in claimed {
        headers.remove(name);
    }
}

/// Authentication, impersonation, the limit of requests in flight, authorization.
async fn admit(
    core: &Core,
    connection: &ConnectionInfo,
    request: Request<RequestBody>,
    info: &Arc<RequestInfo>,
    record: &mut Record,
) -> Result<Response<Body>, Status> {
    let (mut parts, body) = request.into_parts();
    let user = match parts.extensions.remove::<Arc<UserInfo>>() {
        Some(user) => user,
        None => authenticate(core, connection, &parts).await?,
    };
    forget_credentials(&mut parts.headers);
    let user = impersonation::acting_user(&mut parts.headers, user.clone(), &*core.authorizer)
        .await
        .map_err(|error| no_impersonation(error, &user))?;
    record.user = Some(user.clone());

    // Probes are let through, or a server that is merely busy would be taken for dead and restarted.
    let counted = !is_long_running(core, info) && (info.is_resource || !Health::is_path(&info.path));
    if counted {
        let exempt = user.groups.iter().any(|group| group == MASTERS);
        let in_flight = core.limits.enter(RequestKind::of(&info.verb), exempt).ok_or_else(Status::too_many_requests)?;
        record.in_flight = Some(in_flight);
    }

    let attributes = Attributes { user: &user, info };
    let decision = decide(&*core.authorizer, attributes).await?;
    let refused = match &decision {
        Decision::Allow(_) => None,
        Decision::Deny(reason) | Decision::NoOpinion(reason) => Some(refusal::forbidden(attributes, reason)),
    };
    record.decision = Some(decision);
    if let Some(status) = refused {
        return Err(status);
    }
    // These may turn out to create what they name.
    if matches!(&*info.verb, "update" | "patch") {
        let permission = UserPermission { authorizer: core.authorizer.clone(), user: user.clone() };
        parts.extensions.insert::<Arc<dyn Permission>>(Arc::new(permission));
    }
    dispatch(core, info, &user, Request::from_parts(parts, body)).await
}

/// What the user of a request may do.
struct UserPermission {
    authorizer: Arc<dyn Authorizer>,
    user: Arc<UserInfo>,
}

#[async_trait]
impl Permission for UserPermission {
    async fn check(&self, info: &RequestInfo) -> Result<(), Status> {
        let attributes = Attributes { user: &self.user, info };
        match decide(&*self.authorizer, attributes).await? {
            Decision::Allow(_) => Ok(()),
            Decision::Deny(reason) | Decision::NoOpinion(reason) => Err(refusal::forbidden(attributes, &reason)),
        }
    }
}

async fn decide(authorizer: &dyn Authorizer, attributes: Attributes<'_>) -> Result<Decision, Status> {
    authorizer.authorize(attributes).await.map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "authorization failed");
        Status::internal("authorization could not be decided")
    })
}

async fn authenticate(
    core: &Core,
    connection: &ConnectionInfo,
    parts: &http::request::Parts,
) -> Result<Arc<UserInfo>, Status> {
    match core.authenticator.authenticate(parts, connection).await {
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err(Status::unauthorized()),
        Err(error) => {
            tracing::info!(error = &error as &dyn std::error::Error, peer = ?connection.peer, "unauthorized");
            Err(Status::unauthorized())
        }
    }
}

/// What the server answers itself, and all else to the handler.
async fn dispatch(
    core: &Core,
    info: &Arc<RequestInfo>,
    user: &Arc<UserInfo>,
    request: Request<RequestBody>,
) -> Result<Response<Body>, Status> {
    if !info.is_resource {
        let (uri, accept) = (request.uri().clone(), request.headers().get(ACCEPT).cloned());
        if let Some(response) = own(core, info, uri.query(), accept).await {
            return Ok(response);
        }
    }
    if core.lifecycle.phase() >= Phase::Draining {
        return Err(refusal::shutting_down());
    }
    if !core.has_been_ready().await {
        return Err(refusal::not_ready());
    }
    Ok(core.handler.handle(info, user, request).await)
}

/// The paths that are no API.
async fn own(
    core: &Core,
    info: &RequestInfo,
    query: Option<&str>,
    accept: Option<HeaderValue>,
) -> Option<Response<Body>> {
    match &*info.path {
        "/version" | "/version/" => Some(index::json_text(version::document())),
        "/metrics" => {
            let accept = accept.as_ref().and_then(|accept| accept.to_str().ok());
            let (content_type, text) = core.metrics.render(accept, &core.limits, core.handler.counted());
            let mut response = Response::new(text.into());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            Some(response)
        }
        "/" | "/index.html" => {
            let own = ["/metrics", "/version"].map(str::to_owned);
            Some(index::answer(core.handler.paths().into_iter().chain(core.health.paths()).chain(own).collect()))
        }
        path if Health::is_path(path) => {
            let answer = core.health.answer(path, query.unwrap_or_default()).await;
            Some(answer.unwrap_or_else(page_not_found))
        }
        _ => None,
    }
}

fn no_impersonation(error: ImpersonationError, user: &UserInfo) -> Status {
    match error {
        ImpersonationError::Headers(message) => Status::bad_request(message),
        ImpersonationError::Forbidden(info, reason) => refusal::forbidden(Attributes { user, info: &info }, &reason),
        ImpersonationError::Undecided(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "authorization failed");
            Status::internal("authorization could not be decided")
        }
    }
}

/// Whether a request lasts until somebody ends it, so that neither limits nor timeouts are for it.
fn is_long_running(core: &Core, info: &RequestInfo) -> bool {
    info.verb == "watch" || (info.is_resource && !info.subresource.is_empty() && core.handler.is_long_running(info))
}

/// The time that a client gives a request, within what the server gives it.
fn timeout(query: &str, max: Duration) -> Result<Duration, Status> {
    match query::first(query, "timeout") {
        None => Ok(max),
        Some(text) if text.is_empty() => Ok(max),
        Some(text) => match duration::parse(&text) {
            Ok(timeout) if timeout.is_zero() || timeout > max => Ok(max),
            Ok(timeout) => Ok(timeout),
            Err(error) => Err(Status::bad_request(format!("invalid timeout specified in the request URL - {error}"))),
        },
    }
}

/// A header's value that HTTP/2 is not to remember: it comes but once, and would push out those that come again.
fn unlike_others(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// What the client calls this request, or a new name.
fn audit_id(request: &Request<RequestBody>) -> HeaderValue {
    if let Some(id) = request.headers().get(AUDIT_ID).filter(|id| !id.is_empty()) {
        return id.clone();
    }
    // From the thread's generator: the system's costs a call into the kernel for each request.
    let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    let mut buffer = uuid::Uuid::encode_buffer();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut buffer)).unwrap_or(HeaderValue::from_static(""))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Counts a stream for as long as it lasts, and a connection that has left HTTP.
fn hold(response: &mut Response<Body>, guard: LongRunning) {
    if let Some(hold) = response.extensions_mut().remove::<Hold>() {
        return hold.keep(guard);
    }
    let body = std::mem::replace(response.body_mut(), Body::Empty);
    *response.body_mut() = match body {
        Body::Stream(stream) => Body::Stream(Held { stream, _guard: guard }.boxed()),
        short => short,
    };
}

/// Counts a long answer among the requests in flight until it has been sent, and not for longer than a request may take:
/// clients that do not read would keep all others out.
fn hold_within(response: &mut Response<Body>, guard: InFlight, time: Duration) {
    let body = std::mem::replace(response.body_mut(), Body::Empty);
    *response.body_mut() = match body {
        Body::Stream(stream) => {
            let (guard_of_body, sent) = oneshot::channel::<()>();
            tokio::spawn(async move {
                let _ = tokio::time::timeout(time, sent).await;
                drop(guard);
            });
            Body::Stream(Held { stream, _guard: guard_of_body }.boxed())
        }
        short => short,
    };
}

struct Held<G> {
    stream: BoxStream<'static, Bytes>,
    _guard: G,
}

impl<G: Send + Unpin> Stream for Held<G> {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.stream.as_mut().poll_next(cx)
    }
}
