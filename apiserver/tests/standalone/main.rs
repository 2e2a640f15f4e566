//! What a server serves when it stands alone: the kinds of Kubernetes that clients and controllers lean on, and what works
//! behind them.

mod access;
#[path = "../common/mod.rs"]
mod common;
mod config;
mod delegation;
mod garbage;
mod leases;
mod namespace_deletion;
mod namespaces;
mod rbac_kinds;
mod webhooks;
mod world;

use apiserver::{Apis, Strategy, TestServer};
use http::Request;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A kind of a project's own.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced)]
pub struct BirdSpec {
    /// What it is.
    #[serde(default)]
    pub species: String,
}

/// Does what the generic registry does.
pub struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;
}

/// What these tests serve.
pub fn install(apis: &mut Apis) {
    apis.add(BirdStrategy);
}

/// Sends `METHOD PATH` with a body; patches are merge patches unless they are lists.
pub async fn ask(server: &TestServer, line: &str, body: Value) -> (u16, Value) {
    let media_type = match (line.split(' ').next(), &body) {
        (Some("PATCH"), Value::Array(_)) => "application/json-patch+json",
        (Some("PATCH"), _) => "application/merge-patch+json",
        _ => "application/json",
    };
    send(server, line, media_type, body.to_string()).await
}

/// Sends `METHOD PATH` with a body of a media type.
pub async fn send(server: &TestServer, line: &str, media_type: &str, body: String) -> (u16, Value) {
    let (method, path) = line.split_once(' ').expect("METHOD PATH");
    let body = if method == "GET" || body == "null" { String::new() } else { body };
    let request = Request::builder().method(method).uri(path).header("content-type", media_type);
    let answer = server.request(request.body(body).expect("a request")).await;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// The same, of which only what went wrong is of interest.
pub async fn refusal(server: &TestServer, line: &str, body: Value) -> String {
    let (code, answer) = ask(server, line, body).await;
    format!("{code} {}", answer["message"].as_str().unwrap_or_default())
}

/// An object of the core group.
pub fn object(kind: &str, name: &str, fields: Value) -> Value {
    let mut object = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name } });
    for (field, value) in fields.as_object().expect("fields") {
        object[field] = value.clone();
    }
    object
}

/// What kubectl prints of a path: the headers of the columns that are always there, and the cells of each row; ages apart.
pub async fn table(server: &TestServer, path: &str) -> Vec<String> {
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let request = Request::get(path).header("accept", accept).body("").expect("a request");
    let answer = server.request(request).await;
    let table: Value = serde_json::from_slice(answer.body()).expect("a Table");
    let columns = table["columnDefinitions"].as_array().expect("columns");
    let shown = |cells: Vec<String>| {
        let cells = cells.into_iter().zip(columns).filter(|(_, column)| column["priority"] == 0);
        cells.map(|(cell, _)| cell).collect::<Vec<_>>().join(" | ")
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let head = shown(columns.iter().map(|column| text(&column["name"])).collect());
    let rows = table["rows"].as_array().expect("rows").iter().map(|row| {
        let cells = row["cells"].as_array().expect("cells").iter().zip(columns);
        shown(cells.map(|(cell, column)| if column["name"] == "Age" { "-".into() } else { text(cell) }).collect())
    });
    std::iter::once(head).chain(rows).collect()
}
