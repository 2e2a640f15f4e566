//! A server in this process, asked with plain requests: what the tests of the API have in common.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::sync::Arc;
use std::time::Duration;

use apiserver::body::{Body, RequestBody};
use apiserver::endpoints::Endpoints;
use apiserver::endpoints::call::Permission;
use apiserver::endpoints::status::Status;
use apiserver::request::info::RequestInfo;
use apiserver::request::user::UserInfo;
use apiserver::standalone::{Alone, Standalone};
use apiserver::storage::Store;
use apiserver::storage::memory::MemoryStore;
use apiserver::{Apis, RequestContext, Strategy, field};
use bytes::Bytes;
use futures::StreamExt;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the tests serve.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced, status = "BirdStatus", shortname = "bd")]
#[kube(printcolumn = r#"{"name": "Species", "type": "string", "jsonPath": ".spec.species"}"#)]
#[kube(selectable = ".spec.species")]
#[serde(rename_all = "camelCase")]
pub struct BirdSpec {
    /// What it is.
    pub species: String,
    /// Its colour.
    #[serde(default = "brown", skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// How wide it is, in centimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 400))]
    pub wingspan_cm: Option<i32>,
    /// What it sings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub songs: Vec<String>,
}

/// What is known of a bird.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BirdStatus {
    /// Where it is in its life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

fn brown() -> Option<String> {
    Some("brown".into())
}

/// Hooks that leave a trace of each call.
pub struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;

    fn defaulting(&self, bird: &mut Bird) {
        if bird.spec.wingspan_cm.is_none() {
            bird.spec.wingspan_cm = Some(20);
        }
    }

    fn prepare_for_create(&self, _: &RequestContext, bird: &mut Bird) {
        bird.status = Some(BirdStatus { phase: Some("Egg".into()) });
    }

    fn grace_period_seconds(&self, bird: &Bird) -> Option<u32> {
        (bird.spec.species == "goose").then_some(30)
    }

    fn validate(&self, cx: &RequestContext, bird: &Bird, errors: &mut field::Errors) {
        if bird.spec.species == "dragon" {
            errors.invalid("spec.species", &bird.spec.species, "dragons are no birds");
        }
        if bird.spec.species == "shy" && cx.user.username != "admin" {
            errors.forbidden("spec.species", "only admin may see shy birds");
        }
    }

    fn canonicalize(&self, bird: &mut Bird) {
        bird.spec.songs.sort();
    }

    fn prepare_for_update(&self, _: &RequestContext, new: &mut Bird, old: &Bird) {
        if new.spec.species.is_empty() {
            new.spec.species.clone_from(&old.spec.species);
        }
    }

    fn warnings_on_create(&self, _: &RequestContext, bird: &Bird) -> Vec<String> {
        if bird.spec.songs.is_empty() { vec!["this bird is silent".into()] } else { Vec::new() }
    }

    fn validate_delete(&self, _: &RequestContext, bird: &Bird, errors: &mut field::Errors) {
        if bird.spec.species == "phoenix" {
            errors.forbidden("spec.species", "a phoenix does not die");
        }
    }
}

/// What the user of these tests may do beside what a request says.
struct Everything;

#[async_trait::async_trait]
impl Permission for Everything {
    async fn check(&self, _: &RequestInfo) -> Result<(), Status> {
        Ok(())
    }
}

/// A server and a place to send requests to.
#[derive(Clone)]
pub struct Server {
    pub endpoints: Arc<Endpoints>,
    pub store: Arc<dyn Store>,
    _alone: Arc<Alone>,
}

/// An answer, read whole.
pub struct Answer {
    pub code: u16,
    pub headers: http::HeaderMap,
    pub bytes: Bytes,
}

impl Server {
    pub async fn start() -> Self {
        Self::on(Arc::new(MemoryStore::default())).await
    }

    pub async fn on(store: Arc<dyn Store>) -> Self {
        let mut apis = Apis::default();
        apis.add(BirdStrategy);
        Self::of(apis, store).await
    }

    pub async fn of(apis: Apis, store: Arc<dyn Store>) -> Self {
        Self::alone(Standalone::default(), apis, store).await
    }

    pub async fn alone(how: Standalone, apis: Apis, store: Arc<dyn Store>) -> Self {
        let alone = how.start(apis, store.clone()).expect("kinds that can be served");
        let endpoints = alone.endpoints().clone();
        alone.made().await;
        Self { endpoints, store, _alone: Arc::new(alone) }
    }

    /// Sends a request: `METHOD PATH`, where a path that does not start with a slash is below the birds of `default`.
    pub async fn open(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
        let (method, path) = line.split_once(' ').expect("METHOD PATH");
        let path = match path {
            absolute if absolute.starts_with('/') => absolute.to_owned(),
            "" => "/apis/demo.example.com/v1/namespaces/default/birds".to_owned(),
            query if query.starts_with('?') => format!("/apis/demo.example.com/v1/namespaces/default/birds{query}"),
            name => format!("/apis/demo.example.com/v1/namespaces/default/birds/{name}"),
        };
        let mut request = Request::builder().method(method).uri(&path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body: RequestBody = Full::new(Bytes::from(body.to_owned())).map_err(|never| match never {}).boxed_unsync();
        let request = request.extension::<Arc<dyn Permission>>(Arc::new(Everything));
        let request = request.body(body).expect("a request");
        let uri = request.uri();
        let info = RequestInfo::new(request.method(), uri.path(), uri.query().unwrap_or_default()).expect("a path");
        let user = UserInfo::authenticated("tester", []);
        self.endpoints.handle(&Arc::new(info), &Arc::new(user), request).await
    }

    /// Sends a request and reads the answer.
    pub async fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let response = self.open(line, headers, body).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Answer { code: parts.status.as_u16(), headers: parts.headers, bytes }
    }

    /// The same for most requests, whose body says what it is by the method.
    pub async fn ask(&self, line: &str, body: &str) -> Answer {
        let media_type = match line.split(' ').next() {
            Some("PATCH") if body.starts_with('[') => "application/json-patch+json",
            Some("PATCH") => "application/merge-patch+json",
            _ => "application/json",
        };
        self.send(line, &[("content-type", media_type)], body).await
    }

    /// Makes a namespace.
    pub async fn namespace(&self, name: &str) {
        let body = format!(r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{name}"}}}}"#);
        let answer = self.ask("POST /api/v1/namespaces", &body).await;
        assert_eq!(answer.code, 201, "{}", answer.text());
    }

    /// Creates a bird and gives it.
    pub async fn bird(&self, name: &str, spec: &str) -> Value {
        let body = format!(
            r#"{{"apiVersion":"demo.example.com/v1","kind":"Bird","metadata":{{"name":"{name}"}},"spec":{spec}}}"#
        );
        let answer = self.ask("POST ", &body).await;
        assert_eq!(answer.code, 201, "{}", answer.text());
        answer.json()
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn warnings(&self) -> Vec<String> {
        self.headers.get_all("warning").iter().map(|value| value.to_str().unwrap_or_default().to_owned()).collect()
    }

    /// The code and the message of a failure.
    pub fn failure(&self) -> String {
        let json = self.json();
        format!("{} {}", self.code, json["message"].as_str().unwrap_or_default())
    }
}

/// The events of a watch, one by one.
pub struct Events(tokio::sync::mpsc::UnboundedReceiver<Value>);

impl Events {
    pub async fn open(server: &Server, query: &str) -> Self {
        Self::at(server, &format!("?watch=1&{query}")).await
    }

    /// The events of a whole path with its query.
    pub async fn at(server: &Server, path: &str) -> Self {
        let response = server.open(&format!("GET {path}"), &[], "").await;
        assert_eq!(response.status(), 200);
        let mut body = response.into_body().into_data_stream();
        let (send, receive) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(chunk)) = body.next().await {
                for line in chunk.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    let event = serde_json::from_slice(line).expect("a line is an event");
                    if send.send(event).is_err() {
                        return;
                    }
                }
            }
        });
        Self(receive)
    }

    /// The next event as `TYPE name`, or `BOOKMARK`; `end` when the stream has ended.
    pub async fn next(&mut self) -> String {
        let next =
            tokio::time::timeout(Duration::from_secs(10), self.0.recv()).await.expect("an event within ten seconds");
        let Some(event) = next else { return "end".into() };
        let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
        format!("{} {name}", event["type"].as_str().unwrap_or_default()).trim_end().to_owned()
    }

    pub async fn value(&mut self) -> Value {
        tokio::time::timeout(Duration::from_secs(10), self.0.recv()).await.expect("an event").expect("an event")
    }
}
