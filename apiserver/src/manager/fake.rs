//! Servers for the tests of this module: what a controller's client sees, without a controller's server.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::context::Shared;
use super::informer::Informers;
use super::{Context, Health, Metrics, recorder, shutdown};

/// A client of a server that answers everything with 404.
pub(super) fn refusing_client() -> Client {
    FakeServer::default().client()
}

/// Remembers requests, and gives one answer for each method.
#[derive(Clone, Default)]
pub(super) struct FakeServer {
    /// Method and path, and the body.
    pub(super) requests: Arc<Mutex<Vec<(String, Value)>>>,
    answers: Arc<Mutex<HashMap<Method, (u16, Value)>>>,
}

impl FakeServer {
    /// Sets the code and body of the answers; 404 where there is none.
    pub(super) fn answer(&self, method: Method, code: u16, body: Value) {
        self.answers.lock().unwrap().insert(method, (code, body));
    }

    pub(super) fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move {
                let (head, body) = request.into_parts();
                let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                let body = serde_json::from_slice(&bytes).unwrap_or_default();
                server.requests.lock().unwrap().push((format!("{} {}", head.method, head.uri.path()), body));
                let answer = server.answers.lock().unwrap().get(&head.method).cloned();
                let (code, body) = answer.unwrap_or_else(|| (404, status(404, "NotFound")));
                let body = Body::from(body.to_string().into_bytes());
                Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
            }
        });
        Client::new(service, "default")
    }

    /// The requests so far, without their bodies.
    pub(super) fn seen(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }
}

/// An answer that tells of a failure.
pub(super) fn status(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason})
}

/// The same, as kube gives it.
pub(super) fn api_error(code: u16, reason: &str) -> kube::Error {
    kube::Error::Api(Box::new(serde_json::from_value(status(code, reason)).unwrap()))
}

/// What a controller named `bird` is given.
pub(super) fn context(client: Client) -> Context {
    let (events, _) = recorder::queue(client.clone());
    let (_, shutdown) = shutdown::channel();
    let (health, metrics) = (Health::default(), Metrics::default());
    let (clusters, informers) = (BTreeMap::new(), Informers::default());
    Context::new("bird", &Arc::new(Shared { client, clusters, shutdown, events, health, metrics, informers }))
}

/// A client of a server that lists ConfigMaps of these names, and whose watches stay silent.
pub(super) fn watch_client(names: &[&str]) -> Client {
    let item = |name: &&str| json!({"metadata": {"name": name, "namespace": "wood", "resourceVersion": "1"}});
    let items: Vec<Value> = names.iter().map(item).collect();
    let list =
        json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items});
    let service = tower::service_fn(move |request: Request<Body>| {
        let watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let list = futures::stream::iter((!watch).then(|| Bytes::from(list.to_string())));
        let body = if watch { list.chain(futures::stream::pending()).boxed() } else { list.boxed() };
        let body = StreamBody::new(body.map(|bytes| Ok::<_, Infallible>(http_body::Frame::data(bytes))));
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    Client::new(service, "default")
}
