//! The same over TLS.

use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{bird_json, review, webhooks};

const VALIDATE: &str = "/validate-demo-example-com-v1-bird";

fn post(path: &str, body: impl ToString) -> Request<String> {
    Request::post(path).header("content-type", "application/json").body(body.to_string()).expect("a request")
}

fn get(path: &str) -> Request<String> {
    Request::get(path).body(String::new()).expect("a request")
}

#[tokio::test]
async fn reviews_are_answered_and_counted() {
    let server = webhooks().serve().await;
    let asked = review("CREATE", bird_json(json!({"species": "cat"})), Value::Null, json!({}));
    let answer = server.request(post(&format!("{VALIDATE}?timeout=10s"), &asked)).await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "application/json");
    let answer: Value = serde_json::from_slice(answer.body()).expect("JSON");
    assert_eq!(answer["response"]["status"]["code"], 422);
    let text = async |request| {
        let answer = server.request(request).await.expect("an answer");
        (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
    };
    assert_eq!(text(get("/healthz")).await, (200, "ok".into()));
    assert_eq!(text(get("/readyz")).await, (200, "ok".into()));
    assert_eq!(text(get(VALIDATE)).await, (405, "webhooks are asked with POST\n".into()));
    assert_eq!(text(post("/validate-demo-example-com-v1-cat", "{}")).await.0, 404);
    assert_eq!(text(post("/convert", "{")).await.0, 400);
    let yaml = Request::post(VALIDATE).header("content-type", "application/yaml").body("{}".to_owned()).expect("one");
    assert_eq!(text(yaml).await.0, 415);
    let (code, message) = text(post(VALIDATE, format!("\"{}\"", "x".repeat(8 << 20)))).await;
    assert_eq!((code, message.as_str()), (413, "Request entity too large: limit is 7340032\n"));
    let metrics = text(get("/metrics")).await.1;
    for line in [
        r#"controller_runtime_webhook_requests_total{webhook="/validate-demo-example-com-v1-bird",code="200"} 1"#,
        r#"controller_runtime_webhook_requests_total{webhook="/convert",code="400"} 1"#,
        r#"controller_runtime_webhook_latency_seconds_count{webhook="/convert"} 1"#,
        r#"controller_runtime_webhook_requests_in_flight{webhook="/convert"} 0"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "{metrics}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_hook_that_panics_fails_one_request_only() {
    let server = webhooks().serve().await;
    let asked = |color: &str| review("CREATE", bird_json(json!({"color": color})), Value::Null, json!({}));
    let answer = server.request(post(VALIDATE, asked("panic"))).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let answer = server.request(post(VALIDATE, asked("red"))).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_nested_body_does_no_harm() {
    let server = webhooks().serve().await;
    let deep = "[".repeat(200_000);
    let answer = server.request(post(VALIDATE, deep)).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_certificate_is_renewed_without_a_restart() {
    let mut server = webhooks().serve().await;
    server.request(get("/healthz")).await.expect("trusted");
    let before = server.ca().to_owned();
    server.renew(true);
    assert_eq!(server.ca(), before, "the authority stays, so that nobody has to be told");
    server.request(get("/healthz")).await.expect("trusted");
    server.renew(false);
    server.request(get("/healthz")).await.expect_err("somebody else's certificate");
}
