//! [`Endpoints`] behind the filters of the server.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Request, Response};

use crate::body::{Body, RequestBody};
use crate::endpoints::Endpoints;
use crate::request::info::RequestInfo;
use crate::request::user::UserInfo;
use crate::server::handler::Handler;
use crate::server::metrics::{Counted, Known};

#[async_trait]
impl Handler for Endpoints {
    async fn handle(
        &self,
        info: &Arc<RequestInfo>,
        user: &Arc<UserInfo>,
        request: Request<RequestBody>,
    ) -> Response<Body> {
        Self::handle(self, info, user, request).await
    }

    async fn ready(&self) -> Result<(), String> {
        Self::ready(self)
    }

    async fn shutdown(&self) {
        Self::shutdown(self);
        self.sessions_ended().await;
    }

    fn knows(&self, info: &RequestInfo) -> Known {
        match Self::serves(self, info) {
            false => Known::Unknown,
            true if Self::is_deprecated(self, info) => Known::Deprecated,
            true => Known::Served,
        }
    }

    fn is_long_running(&self, info: &RequestInfo) -> bool {
        Self::is_long_running(self, info)
    }

    fn paths(&self) -> Vec<String> {
        Self::paths(self)
    }

    fn counted(&self) -> Counted {
        Counted {
            stored_objects: Self::stored_objects(self),
            stored_versions: Self::stored_versions(self),
            watch_events: Self::watch_events(self),
        }
    }
}
