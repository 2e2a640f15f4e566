//! A kube client whose connection is a function call.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use kube::Client;

use crate::authentication::ConnectionInfo;
use crate::body::RequestBody;
use crate::request::user::UserInfo;
use crate::server::{Core, handle};

/// A client of `core` whom it takes for `user`. Answers are streamed, watches among them.
pub(super) fn connect(core: Arc<Core>, user: UserInfo) -> Client {
    let user = Arc::new(user);
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let (core, user) = (core.clone(), user.clone());
        async move {
            let mut request = request.map(|body| body.map_err(Into::into).boxed_unsync());
            request.extensions_mut().insert(user);
            Ok::<_, Infallible>(handle(&core, &ConnectionInfo::default(), request).await)
        }
    });
    Client::new(service, "default")
}

/// A request's body that is all there.
pub(super) fn body(bytes: Bytes) -> RequestBody {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
