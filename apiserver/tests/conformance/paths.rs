//! Paths and methods: what is served, and how the rest is refused.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use apiserver::body::RequestBody;
use apiserver::request::info::RequestInfo;
use apiserver::request::user::UserInfo;
use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{BIRDS, bird, nest, server};

const GROUP: &str = "/apis/demo.example.com";

#[tokio::test]
async fn a_path_that_nobody_serves_is_a_page_not_found() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    nest(&server, "n").await;
    for path in [
        "/nothing",
        "/apis/nothing.example.com",
        "/apis/nothing.example.com/v1",
        "/apis/nothing.example.com/v1/namespaces/default/birds",
        "/apis/demo.example.com/v7",
        "/apis/demo.example.com/v7/birds",
        "/apis/demo.example.com/v0/nests",
        "/apis/demo.example.com/v0",
        "/apis/demo.example.com/v1/things",
        "/apis/demo.example.com/v1/namespaces/default/things/a",
        "/apis/demo.example.com/v1/namespaces/default/nests",
        "/apis/demo.example.com/v1/namespaces/default/nests/n",
        "/apis/demo.example.com/v1/birds/a",
        "/apis/demo.example.com/v1/namespaces/default/birds/a/status/more",
        "/apis/demo.example.com/v1//namespaces/default/birds",
        "//apis/demo.example.com/v1/birds",
        "/apis//demo.example.com/v1/birds",
        "/openapi/v3/apis/demo.example.com/v0",
    ] {
        let answer = server.ask(&format!("GET {path}"), "").await;
        assert_eq!((answer.code, answer.text().as_str()), (404, "404 page not found\n"), "{path}");
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    }
    let subresource = server.ask("GET a/nothing", "").await;
    assert_eq!(subresource.failure(), "404 birds.demo.example.com \"a\" not found");
    for path in ["/nests/n/status", "/nests/n/scale"] {
        assert_eq!(server.ask(&format!("GET {GROUP}/v1{path}"), "").await.code, 404, "{path}");
    }
}

#[tokio::test]
async fn slashes_at_the_end_do_not_count() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    for path in [
        "/apis",
        "/apis/demo.example.com",
        "/apis/demo.example.com/v1",
        "/apis/demo.example.com/v1/birds",
        "/apis/demo.example.com/v1/namespaces/default/birds",
        "/apis/demo.example.com/v1/namespaces/default/birds/a",
        "/apis/demo.example.com/v1/namespaces/default/birds/a/status",
    ] {
        let plain = server.ask(&format!("GET {path}"), "").await;
        assert_eq!(plain.code, 200, "{path}");
        assert_eq!(server.ask(&format!("GET {path}/"), "").await.text(), plain.text(), "{path}");
    }
}

#[tokio::test]
async fn methods_out_of_place_are_refused() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    for (line, code) in [
        ("OPTIONS ", 405),
        ("OPTIONS a", 405),
        ("TRACE a", 405),
        ("PUT ", 405),
        ("PATCH ", 405),
        ("POST a", 405),
        ("POST a/status", 405),
        ("DELETE a/status", 405),
        ("DELETE a/scale", 405),
        ("POST /apis/demo.example.com/v1/birds", 404),
        ("DELETE /apis/demo.example.com/v1/birds", 404),
    ] {
        let answer = server.ask(line, "{}").await;
        assert_eq!(answer.code, code, "{line}");
        if code == 405 {
            let status = answer.json();
            assert_eq!(status["message"], "the server does not allow this method on the requested resource");
            let details = json!({"group": "demo.example.com", "kind": "birds"});
            assert_eq!((&status["reason"], &status["details"]), (&json!("MethodNotAllowed"), &details));
        }
    }
    assert_eq!(server.ask("GET a", "").await.code, 200);
}

#[tokio::test]
async fn head_is_a_get_without_a_body() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    for path in ["", "a", "a/status", "nobody", "/apis", "/apis/demo.example.com/v1", "/openapi/v3", "/nothing"] {
        let (get, head) = (server.ask(&format!("GET {path}"), "").await, server.ask(&format!("HEAD {path}"), "").await);
        assert_eq!((head.code, head.bytes.len()), (get.code, 0), "{path}");
        assert_eq!(head.headers.get("content-type"), get.headers.get("content-type"), "{path}");
    }
}

#[tokio::test]
async fn a_flag_is_set_unless_it_says_no() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    for (value, watches) in [
        ("=true", true),
        ("=1", true),
        ("", true),
        ("=", true),
        ("=yes", true),
        ("=0", false),
        ("=false", false),
        ("=False", false),
    ] {
        let answer = server.ask(&format!("GET ?watch{value}&timeoutSeconds=1"), "").await.json();
        assert_eq!(answer.get("type").is_some(), watches, "watch{value}");
    }
}

/// A body that says how long it is, or not, and never ends.
struct Endless {
    announced: Option<u64>,
    chunk: Option<Bytes>,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &self.chunk {
            Some(chunk) => Poll::Ready(Some(Ok(Frame::data(chunk.clone())))),
            None => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.announced.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_is_read() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    let limit = 3 << 20;
    for (announced, chunk) in [(Some(limit + 1), None), (None, Some(Bytes::from(vec![b' '; 100_000])))] {
        for (method, path) in
            [("POST", BIRDS.to_owned()), ("PUT", format!("{BIRDS}/a")), ("PATCH", format!("{BIRDS}/a"))]
        {
            let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
            let body: RequestBody =
                Endless { announced, chunk: chunk.clone() }.map_err(|never| match never {}).boxed_unsync();
            let request = Request::builder().method(method).uri(&path).header("content-type", media_type);
            let request = request.body(body).expect("a request");
            let info = RequestInfo::new(request.method(), &path, "").expect("a path");
            let user = UserInfo::authenticated("tester", []);
            let answer = server.endpoints.handle(&Arc::new(info), &Arc::new(user), request).await;
            assert_eq!(answer.status(), 413, "{method}");
            let body = answer.into_body().collect().await.expect("a body").to_bytes();
            let status: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(status["message"], format!("Request entity too large: limit is {limit}"));
            assert_eq!(status["reason"], "RequestEntityTooLarge");
        }
    }
}

#[tokio::test]
async fn what_watches_send_is_counted() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    bird(&server, "default", "b", json!({})).await;
    server.ask("GET ?watch=1&timeoutSeconds=1&allowWatchBookmarks=true", "").await;
    let birds = ["demo.example.com", "v1", "birds"].map(str::to_owned);
    assert_eq!(server.endpoints.watch_events(), [(birds, 2)]);
}
