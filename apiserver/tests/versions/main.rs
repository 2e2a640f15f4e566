//! One kind in versions of different shapes, through the API.

#[path = "../common/mod.rs"]
mod common;
mod kept;
mod kinds;
mod round_trips;
mod storage;
mod verbs;

use std::sync::Arc;

use apiserver::Apis;
use apiserver::storage::Store;
use apiserver::storage::memory::MemoryStore;
use common::{Answer, Server};
use serde_json::{Value, json};

use kinds::Birds;

/// A server of the kind that is stored as v1.
async fn server() -> Server {
    serve(|apis| _ = apis.add(Birds), Arc::new(MemoryStore::default())).await
}

async fn serve(install: impl FnOnce(&mut Apis), store: Arc<dyn Store>) -> Server {
    let mut apis = Apis::default();
    install(&mut apis);
    Server::of(apis, store).await
}

/// The path of the birds of a version.
fn birds(version: &str) -> String {
    format!("/apis/demo.example.com/{version}/namespaces/default/birds")
}

/// An object.
fn bird(version: &str, spec: Value) -> String {
    let api_version = format!("demo.example.com/{version}");
    json!({"apiVersion": api_version, "kind": "Bird", "metadata": {"name": "robin"}, "spec": spec}).to_string()
}

async fn create(server: &Server, version: &str, spec: Value) -> Value {
    let answer = server.ask(&format!("POST {}", birds(version)), &bird(version, spec)).await;
    assert_eq!(answer.code, 201, "{}", answer.text());
    answer.json()
}

/// The bird of these tests in a version.
async fn get(server: &Server, version: &str) -> Value {
    let answer = server.ask(&format!("GET {}/robin", birds(version)), "").await;
    assert_eq!(answer.code, 200, "{}", answer.text());
    answer.json()
}

async fn patch(server: &Server, version: &str, patch: Value) -> Value {
    let answer = server.ask(&format!("PATCH {}/robin", birds(version)), &patch.to_string()).await;
    assert_eq!(answer.code, 200, "{}", answer.text());
    answer.json()
}

async fn put(server: &Server, version: &str, object: &Value) -> Value {
    let answer = server.ask(&format!("PUT {}/robin", birds(version)), &object.to_string()).await;
    assert_eq!(answer.code, 200, "{}", answer.text());
    answer.json()
}

async fn apply(server: &Server, version: &str, manager: &str, spec: Value) -> Answer {
    let line = format!("PATCH {}/robin?fieldManager={manager}", birds(version));
    server.send(&line, &[("content-type", "application/apply-patch+yaml")], &bird(version, spec)).await
}
