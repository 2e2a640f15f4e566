//! What a connect subresource is asked.

use std::future::Future;
use std::sync::Arc;

use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::upgrade::OnUpgrade;

use super::session::{Ending, Sessions, Upgraded};
use crate::body::{Body, RequestBody};
use crate::registry::error::Error;
use crate::request::info::RequestInfo;
use crate::request::query::Query;

/// A request to a subresource that answers for itself.
pub struct ConnectRequest {
    /// The method.
    pub method: Method,
    /// What follows the subresource in the path, without the slash between them, percent-encoded as it was sent. Empty if
    /// nothing follows.
    pub path: String,
    /// The query.
    pub query: Query,
    /// The headers, without those that tell who asks.
    pub headers: HeaderMap,
    /// The body, as it comes in.
    pub body: RequestBody,
    pub(super) on_upgrade: Option<OnUpgrade>,
    pub(super) sessions: Arc<Sessions>,
}

impl ConnectRequest {
    pub(super) fn new(
        info: &RequestInfo,
        query: Query,
        mut parts: Parts,
        body: RequestBody,
        sessions: Arc<Sessions>,
    ) -> Self {
        Self {
            method: parts.method,
            path: tail(parts.uri.path(), info),
            query,
            headers: parts.headers,
            body,
            on_upgrade: parts.extensions.remove::<OnUpgrade>(),
            sessions,
        }
    }

    /// The protocols that the client would like to speak on this connection from now on, for example `websocket`.
    pub fn upgrades(&self) -> impl Iterator<Item = &str> {
        let values = self.headers.get_all(UPGRADE).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(str::trim).filter(|protocol| !protocol.is_empty())
    }

    /// Becomes ready when the server stops: what streams should come to its end then.
    pub fn ending(&self) -> Ending {
        self.sessions.ending()
    }

    /// Takes the connection over: the answer is 101 Switching Protocols, and `session` gets the bytes that follow. It runs
    /// for as long as it likes; when the server stops it is told, by [`Upgraded::ending`], and dropped if it does not end
    /// in time. A panic ends it alone.
    ///
    /// # Errors
    /// 400 if the client did not ask for the protocol, or the connection cannot be upgraded: HTTP/2 has no upgrades.
    pub fn upgrade<F, S>(self, protocol: &str, session: F) -> Result<Response<Body>, Error>
    where
        F: FnOnce(Upgraded) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        if !self.upgrades().any(|asked| asked.eq_ignore_ascii_case(protocol)) {
            return Err(Error::bad_request(format!("this takes an upgrade of the connection to {protocol}")));
        }
        let Some(on_upgrade) = self.on_upgrade else {
            return Err(Error::bad_request("this connection cannot be upgraded: that takes HTTP/1.1"));
        };
        let name = HeaderValue::from_str(protocol).map_err(Error::internal)?;
        let hold = self.sessions.start(on_upgrade, session);
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        response.headers_mut().insert(UPGRADE, name);
        response.extensions_mut().insert(hold);
        Ok(response)
    }
}

/// The end of a path, after its subresource.
fn tail(path: &str, info: &RequestInfo) -> String {
    let path = path.strip_prefix('/').unwrap_or(path);
    let head = path.trim_end_matches('/').split('/').count().saturating_sub(info.rest.len());
    let end: usize = path.split('/').take(head).map(|segment| segment.len() + 1).sum();
    path.get(end..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expect: &str) {
        let info = RequestInfo::new(&Method::GET, path, "").unwrap();
        assert_eq!((info.subresource.as_str(), tail(path, &info).as_str()), ("song", expect), "{path}");
    }

    #[test]
    fn a_tail_is_what_was_sent() {
        check("/apis/g/v1/namespaces/n/birds/robin/song", "");
        check("/apis/g/v1/namespaces/n/birds/robin/song/", "");
        check("/apis/g/v1/namespaces/n/birds/robin/song/a", "a");
        check("/apis/g/v1/namespaces/n/birds/robin/song/a/b%20c/", "a/b%20c/");
        check("/apis/g/v1/nests/a/song//b%2Fc", "/b%2Fc");
        check("/api/v1/nests/a/song/song/song", "song/song");
    }
}
