//! Whole requests, one after the other, to a server of their own.

use std::time::{Duration, Instant};

use apiserver::TestServer;
use apiserver::standalone::Standalone;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use serde_json::Value;
use tokio::time::timeout;

use super::apis;

/// Stands between two requests. Each is a line `METHOD PATH`, headers as in HTTP, an empty line, and a body.
pub const SEPARATOR: u8 = 0x1e;

/// No request here has that much to do.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the events of a watch are looked at.
const WATCHED: Duration = Duration::from_millis(20);
/// More than any answer to so little can be.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const REQUESTS_MAX: usize = 20;

/// How the messages begin that come with a server's error in Kubernetes too.
const INTERNAL: [&str; 6] = [
    // A read of one object at a version that is none.
    "resourceVersion: Invalid value",
    // 504: a read that must be as fresh as no state is yet.
    "Too large resource version",
    // An apply whose fields are not those of the schema, or do not have its types.
    "failed to create typed patch object",
    // An apply to a kind's scale, the same.
    "failed to convert",
    "failed to create manager for existing fields",
    "resourceVersion should not be set on objects to be created",
];

/// Every request gets an answer that is a Status, an object or a document, none of them is an internal error, and all
/// that was stored can be read and written back.
pub fn requests(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        // Whatever namespace a request names, it shall come further than to the question whether there is such.
        let alone = Standalone::default().namespace_lifecycle(false);
        let server = TestServer::builder().standalone(alone).start(apis::install).await;
        let client = server.client();
        for text in data.split(|byte| *byte == SEPARATOR).take(REQUESTS_MAX) {
            if let Some(request) = request(text) {
                let answer = ask(&client, request, text).await;
                check(text, &answer);
            }
        }
        for plural in ["birds", "nests"] {
            everything_can_be_written_back(&client, plural, data).await;
        }
    });
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    is_watch: bool,
}

/// `None` for what no HTTP connection would let through.
fn request(text: &[u8]) -> Option<Request<Vec<u8>>> {
    let mut rest = text;
    let mut line = || -> Option<&str> {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&rest[..end]).ok();
        rest = &rest[end + 1..];
        line
    };
    let (method, target) = line()?.split_once(' ')?;
    let mut builder = Request::builder().method(method).uri(target);
    loop {
        let line = line()?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ")?;
        builder = builder.header(name, value);
    }
    builder.body(rest.to_vec()).ok().filter(|request| request.uri().path().starts_with('/'))
}

async fn ask(client: &Client, request: Request<Vec<u8>>, text: &[u8]) -> Answer {
    let started = Instant::now();
    let may_watch = request.uri().to_string().contains("watch");
    let response = timeout(PATIENCE, client.send(request.map(Into::into))).await;
    let response = response.unwrap_or_else(|_| panic!("no answer to {}", show(text)));
    let (head, mut body) = Response::into_parts(response.expect("there is no connection that could fail"));
    let mut answer = Answer { status: head.status, headers: head.headers, body: Vec::new(), is_watch: false };
    loop {
        let patience = if may_watch { WATCHED } else { PATIENCE };
        match timeout(patience, body.frame()).await {
            Ok(Some(frame)) => {
                let frame = frame.unwrap_or_else(|error| panic!("{error} in the answer to {}", show(text)));
                answer.body.extend_from_slice(&frame.into_data().unwrap_or_default());
            }
            Ok(None) => break,
            Err(_) if may_watch && head_is_stream(&answer) => {
                answer.is_watch = true;
                break;
            }
            Err(_) => panic!("no end of the answer to {}", show(text)),
        }
        assert!(answer.body.len() < ANSWER_BYTES_MAX, "far too long an answer to {}", show(text));
    }
    assert!(started.elapsed() < PATIENCE, "slow: {}", show(text));
    answer
}

fn head_is_stream(answer: &Answer) -> bool {
    answer.status == StatusCode::OK && !answer.headers.contains_key("content-length")
}

#[track_caller]
fn check(text: &[u8], answer: &Answer) {
    let said = String::from_utf8_lossy(&answer.body);
    let wrong = |why: &str| panic!("{why}: {} {said}\nto {}", answer.status, show(text));
    let kind = answer.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if answer.headers.contains_key("content-encoding") || answer.body.is_empty() {
        return;
    }
    let value: Option<Value> = if kind.starts_with("application/json") {
        // Events are lines.
        let whole = serde_json::from_str(&said).ok();
        let lines = || {
            let lines: Option<Vec<Value>> = said.lines().map(|line| serde_json::from_str(line).ok()).collect();
            lines.and_then(|lines| lines.into_iter().next())
        };
        Some(whole.or_else(lines).unwrap_or_else(|| wrong("no JSON")))
    } else if kind.starts_with("application/yaml") {
        Some(serde_saphyr::from_str(&said).unwrap_or_else(|error| wrong(&format!("no YAML ({error})"))))
    } else {
        None
    };
    if answer.status.is_server_error() {
        let message = value.as_ref().and_then(|value| value["message"].as_str()).unwrap_or(&said);
        if !INTERNAL.iter().any(|known| message.starts_with(known)) {
            wrong("an internal error");
        }
    }
    let is_api = ["/apis/demo.example.com/v1/", "/apis/demo.example.com/v1alpha1/"]
        .iter()
        .any(|prefix| show(text).split(' ').nth(1).is_some_and(|path| path.starts_with(prefix)));
    let Some(value) = value else {
        // Nothing but documents, and words for those who ask for nothing that there is.
        if is_api && answer.status.is_success() && !answer.is_watch {
            wrong("no object");
        }
        return;
    };
    if is_api && !value["kind"].is_string() && !value["type"].is_string() {
        wrong("no object");
    }
    if value["kind"] == "Status" && !answer.status.is_success() && value["code"] != answer.status.as_u16() {
        wrong("two codes");
    }
}

/// Every object that there is, is one that may be, and to write it as it is changes nothing.
async fn everything_can_be_written_back(client: &Client, plural: &str, data: &[u8]) {
    let get = format!("GET /apis/demo.example.com/v1/{plural}\n\n").into_bytes();
    let list = ask(client, request(&get).expect("a request"), &get).await;
    let list: Value = serde_json::from_slice(&list.body).expect("a list");
    for object in list["items"].as_array().expect("items") {
        let mut object = object.clone();
        object["apiVersion"] = "demo.example.com/v1".into();
        object["kind"] = if plural == "birds" { "Bird" } else { "Nest" }.into();
        let metadata = &object["metadata"];
        let version = metadata["resourceVersion"].clone();
        let namespace = metadata["namespace"].as_str().map(|namespace| format!("namespaces/{namespace}/"));
        let name = metadata["name"].as_str().expect("a name");
        let path = format!("/apis/demo.example.com/v1/{}{plural}/{name}", namespace.unwrap_or_default());
        let put = format!("PUT {path}\ncontent-type: application/json\n\n{object}").into_bytes();
        let answer = ask(client, request(&put).expect("a request"), &put).await;
        let written: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        assert!(
            answer.status == StatusCode::OK && written["metadata"]["resourceVersion"] == version,
            "{} {written}\nto {}\nafter {}",
            answer.status,
            show(&put),
            show(data)
        );
    }
}

fn show(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
