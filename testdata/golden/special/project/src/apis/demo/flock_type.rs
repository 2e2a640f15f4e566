//! The subresource flocks/type: answers for itself, at its own path and at all below it.

use apiserver::http;
use apiserver::{Body, Connect, ConnectRequest, Error, Parent, RequestContext, WebSocket};
use kube::ResourceExt;

use super::v1::flock::Flock;

/// Answers for the subresource. The server has seen to who asks, and has read the parent.
pub struct FlockTypeConnect;

impl Connect for FlockTypeConnect {
    type Parent = Flock;
    const NAME: &'static str = "type";
    /// All other methods are answered 405.
    const METHODS: &'static [http::Method] = &[http::Method::GET];

    /// Answers by what follows the subresource in the path. An error becomes a Status.
    async fn connect(
        &self,
        _cx: &RequestContext,
        parent: Parent<Self::Parent>,
        request: ConnectRequest,
    ) -> Result<http::Response<Body>, Error> {
        match request.path.as_str() {
            "" => Ok(http::Response::new(lines(parent.name_any()))),
            "echo" => request.websocket(echo),
            path => Err(Error::bad_request(format!("there is nothing at {path:?}"))),
        }
    }
}

/// A few lines, which the client sees as they come.
fn lines(name: String) -> Body {
    let (sender, body) = Body::channel(1);
    tokio::spawn(async move {
        for number in 1..=3 {
            let line = format!("{number}: {name}\n");
            if sender.send(line).await.is_err() {
                // Nobody reads any more.
                return;
            }
        }
    });
    body
}

/// Says everything again, until the client has gone or the server stops.
async fn echo(mut socket: WebSocket) {
    while let Some(message) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}
