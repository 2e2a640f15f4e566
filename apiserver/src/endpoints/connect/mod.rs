//! Subresources that answer for themselves, such as `birds/song`: streams, proxies, consoles.
//!
//! The server sees to what comes before: authentication, authorization, admission, the parent. From then on the
//! project's own code owns the answer, for as long as it lasts.

mod request;
mod session;
#[cfg(feature = "ws")]
pub mod websocket;

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use http::{Method, Response};

use super::call::Call;
use super::not_allowed;
use super::status::Status;
use crate::admission::{ObjectKind, Operation, Target};
use crate::body::{Body, RequestBody};
use crate::registry::error::Error;
use crate::registry::read::Freshness;
use crate::registry::subresource::{AnyParent, Parent};
use crate::registry::typed::Typed;
use crate::request::context::RequestContext;

pub use request::ConnectRequest;
pub use session::{Ending, Hold, Sessions, Upgraded};

/// A subresource that owns its answers, for example `birds/song`: it may stream, pass on what another server says, or
/// take the connection over (WebSocket, or any other `Upgrade` of HTTP/1.1).
///
/// It is asked for all of `/song` and of what is below it, `/song/…`. Requests are authorized by their method, as verbs on
/// `birds/song`: GET is `get`, POST `create`, PUT `update`, PATCH `patch`, DELETE `delete`. They have no time limit and do
/// not count as requests in flight. A missing parent is answered 404 before this is asked.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be connected to",
    note = "implement `apiserver::Connect`, or pass what implements `apiserver::Subresource` to `.subresource(…)`"
)]
pub trait Connect: Send + Sync + 'static {
    /// The type of the object it belongs to: that of the strategy, which is the storage version.
    type Parent: Typed;
    /// The segment of its path, for example `song`.
    const NAME: &'static str;
    /// The methods that are answered; all others are answered 405. HEAD goes with GET.
    const METHODS: &'static [Method];

    /// Answers. An error becomes a Status, as everywhere.
    fn connect(
        &self,
        cx: &RequestContext,
        parent: Parent<Self::Parent>,
        request: ConnectRequest,
    ) -> impl Future<Output = Result<Response<Body>, Error>> + Send;
}

/// [`Connect`] without its type.
#[async_trait]
pub trait ErasedConnect: Send + Sync + 'static {
    /// See [`Connect::NAME`].
    fn name(&self) -> &'static str;
    /// See [`Connect::METHODS`].
    fn methods(&self) -> &'static [Method];
    /// See [`Connect::connect`].
    async fn connect(
        &self,
        cx: &RequestContext,
        parent: AnyParent,
        request: ConnectRequest,
    ) -> Result<Response<Body>, Error>;
}

#[async_trait]
impl<C: Connect> ErasedConnect for C {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn methods(&self) -> &'static [Method] {
        C::METHODS
    }

    async fn connect(
        &self,
        cx: &RequestContext,
        parent: AnyParent,
        request: ConnectRequest,
    ) -> Result<Response<Body>, Error> {
        Connect::connect(self, cx, Parent::new(parent)?, request).await
    }
}

/// Any method on a subresource that answers for itself.
///
/// # Errors
/// 400 for a dry run, 404, 405, what admission refuses, and what the project's own code fails with.
pub async fn connect(
    call: &Call,
    handler: &dyn ErasedConnect,
    sessions: &Arc<Sessions>,
    parts: Parts,
    body: RequestBody,
) -> Result<Response<Body>, Status> {
    let asked = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
    if !handler.methods().contains(asked) {
        return Err(not_allowed(call));
    }
    if call.query.get("dryRun").is_some() {
        return Err(Status::bad_request("dryRun is not supported"));
    }
    let answer = async {
        let parent = AnyParent::read(call.registry.clone(), &call.context, Freshness::Consistent).await?;
        let (operation, kind, version) = (Operation::Connect, call.kind(), call.version());
        let target = Target { operation, kind, version, subresource: &call.info.subresource, object: ObjectKind::Same };
        if let Some(asking) = call.registry.admission().ask(&call.context, target) {
            asking.mutate(None, None).await?;
            asking.validate(None, None).await?;
        }
        let request = ConnectRequest::new(&call.info, call.query.clone(), parts, body, sessions.clone());
        handler.connect(&call.context, parent, request).await
    };
    answer.await.map_err(|error| call.failed(&error.or_named(&call.info.name)))
}
