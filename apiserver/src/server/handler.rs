//! What comes after the filters.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Request, Response};

use crate::body::{Body, RequestBody};
use crate::request::info::RequestInfo;
use crate::request::user::UserInfo;
use crate::server::metrics::{Counted, Known};

/// Answers the requests that the filters let through.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Answers a request to a resource, to discovery or to OpenAPI; a path that is none of these is answered 404.
    async fn handle(
        &self,
        info: &Arc<RequestInfo>,
        user: &Arc<UserInfo>,
        request: Request<RequestBody>,
    ) -> Response<Body>;

    /// Whether requests can be answered: storage is reachable, caches are filled. Must not wait for that to come true.
    ///
    /// # Errors
    /// What is missing, for the log.
    async fn ready(&self) -> Result<(), String>;

    /// Ends all watches, those to come as well, and waits for connections that have left HTTP. When nobody waits any more,
    /// they are cut off.
    async fn shutdown(&self);

    /// Whether the request names a resource and subresource that exist. Only these become labels of metrics: what
    /// clients make up must not fill the memory.
    fn knows(&self, info: &RequestInfo) -> Known;

    /// Whether the request lasts until somebody ends it, so that neither limits nor timeouts are for it.
    fn is_long_running(&self, info: &RequestInfo) -> bool {
        let _ = info;
        false
    }

    /// The paths that are answered, for the index at `/`.
    fn paths(&self) -> Vec<String> {
        Vec::new()
    }

    /// What is counted here, for `/metrics`.
    fn counted(&self) -> Counted {
        Counted::default()
    }
}
