//! Secrets, ConfigMaps and ServiceAccounts.

use apiserver::TestServer;
use http::Request;
use serde_json::{Value, json};

use crate::{ask, install, object, refusal, send, table};

const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";

#[tokio::test]
async fn texts_of_a_secret_are_stored_as_data() {
    let server = TestServer::start(install).await;
    let fields = json!({ "stringData": { "b": "2" }, "data": { "a": "MQ==", "b": "MQ==" } });
    let (code, made) = ask(&server, &format!("POST {SECRETS}"), object("Secret", "s", fields)).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!((&made["data"], &made["type"]), (&json!({ "a": "MQ==", "b": "Mg==" }), &json!("Opaque")));
    assert_eq!(made.get("stringData"), None);
    let (code, changed) = ask(&server, &format!("PATCH {SECRETS}/s"), json!({ "stringData": { "c": "3" } })).await;
    assert_eq!((code, &changed["data"]), (200, &json!({ "a": "MQ==", "b": "Mg==", "c": "Mw==" })));
    let strategic = ("application/strategic-merge-patch+json", r#"{"stringData":{"a":"9"},"data":{"b":null}}"#);
    let (code, changed) = send(&server, &format!("PATCH {SECRETS}/s"), strategic.0, strategic.1.into()).await;
    assert_eq!((code, &changed["data"]), (200, &json!({ "a": "OQ==", "c": "Mw==" })), "{changed}");
    let applied = "{apiVersion: v1, kind: Secret, metadata: {name: t}, stringData: {a: x}}";
    let line = format!("PATCH {SECRETS}/t?fieldManager=test");
    for code in [201, 200] {
        let (found, secret) = send(&server, &line, "application/apply-patch+yaml", applied.into()).await;
        assert_eq!((found, &secret["data"]), (code, &json!({ "a": "eA==" })), "{secret}");
    }
    assert_eq!(table(&server, SECRETS).await, ["Name | Type | Data | Age", "s | Opaque | 2 | -", "t | Opaque | 1 | -"]);
}

#[tokio::test]
async fn a_secret_has_a_type_and_keeps_it() {
    let server = TestServer::start(install).await;
    let create = format!("POST {SECRETS}");
    let tls = json!({ "type": "kubernetes.io/tls", "data": {} });
    let told = refusal(&server, &create, object("Secret", "t", tls)).await;
    assert_eq!(told, "422 Secret \"t\" is invalid: [data[tls.crt]: Required value, data[tls.key]: Required value]");
    let bad = refusal(&server, &create, object("Secret", "t", json!({ "stringData": { "a b": "" } }))).await;
    assert!(
        bad.starts_with("422 Secret \"t\" is invalid: data[a b]: Invalid value: \"a b\": a valid config key"),
        "{bad}"
    );
    let bad = refusal(&server, &create, object("Secret", "t", json!({ "data": { "a": "no base64!" } }))).await;
    assert!(bad.starts_with('4'), "{bad}");
    assert_eq!(ask(&server, &create, object("Secret", "s", json!({ "type": "a/b" }))).await.0, 201);
    let told = refusal(&server, &format!("PATCH {SECRETS}/s"), json!({ "type": "c/d" })).await;
    assert_eq!(told, "422 Secret \"s\" is invalid: type: Invalid value: \"c/d\": field is immutable");
    let found = ask(&server, &format!("GET {SECRETS}?fieldSelector=type%3Da/b"), Value::Null).await.1;
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
    let told = refusal(&server, &format!("GET {SECRETS}?fieldSelector=data%3Da"), Value::Null).await;
    assert!(told.starts_with("400"), "{told}");
}

/// As kubectl sends them, which asks for an answer in JSON.
#[tokio::test]
async fn bodies_may_be_protobuf() {
    let server = TestServer::start(install).await;
    let field = |number: u8, value: &[u8]| [&[number << 3 | 2, u8::try_from(value.len()).unwrap()], value].concat();
    let type_meta = [field(1, b"v1"), field(2, b"ConfigMap")].concat();
    let metadata = [field(1, b"m"), field(3, b""), field(8, b"")].concat();
    let map = [field(1, &metadata), field(2, &[field(1, b"a"), field(2, b"1")].concat())].concat();
    let body = [&b"k8s\0"[..], &field(1, &type_meta), &field(2, &map), &field(3, b""), &field(4, b"")].concat();
    let send = async |path: &str, accept: &str| {
        let request = Request::post(path).header("content-type", "application/vnd.kubernetes.protobuf");
        let answer = server.request(request.header("accept", accept).body(body.clone()).unwrap()).await;
        let value: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        (answer.status().as_u16(), value)
    };
    let (code, made) = send(MAPS, "application/vnd.kubernetes.protobuf,application/json").await;
    assert_eq!((code, &made["data"], &made["metadata"]["name"]), (201, &json!({ "a": "1" }), &json!("m")));
    let (code, refused) = send(SECRETS, "application/json").await;
    assert_eq!(code, 400, "{refused}");
    let birds = "/apis/demo.example.com/v1/namespaces/default/birds";
    assert_eq!(send(birds, "application/json").await.0, 415, "kinds of a project's own have no such form");
}

/// So that kubectl can say where the server is, and that there is nothing else.
#[tokio::test]
async fn there_are_no_services() {
    let server = TestServer::start(install).await;
    let services = "/api/v1/namespaces/default/services";
    let (code, list) = ask(&server, &format!("GET {services}"), Value::Null).await;
    assert_eq!((code, &list["kind"], &list["items"]), (200, &json!("ServiceList"), &json!([])));
    let refused = ask(&server, &format!("POST {services}"), object("Service", "s", json!({}))).await;
    assert_eq!(refused.0, 405);
}

#[tokio::test]
async fn what_is_immutable_stays() {
    let server = TestServer::start(install).await;
    for (kind, path, data) in [("Secret", SECRETS, "MQ=="), ("ConfigMap", MAPS, "1")] {
        let fields = json!({ "data": { "a": data }, "immutable": true });
        assert_eq!(ask(&server, &format!("POST {path}"), object(kind, "fixed", fields)).await.0, 201);
        let line = format!("PATCH {path}/fixed");
        assert_eq!(ask(&server, &line, json!({ "metadata": { "labels": { "a": "b" } } })).await.0, 200);
        let why = "Forbidden: field is immutable when `immutable` is set";
        let told = refusal(&server, &line, json!({ "data": { "b": "Mg==" } })).await;
        assert_eq!(told, format!("422 {kind} \"fixed\" is invalid: data: {why}"));
        let told = refusal(&server, &line, json!({ "immutable": null, "data": null })).await;
        assert_eq!(told, format!("422 {kind} \"fixed\" is invalid: [immutable: {why}, data: {why}]"));
    }
}

#[tokio::test]
async fn maps_hold_texts_and_bytes() {
    let server = TestServer::start(install).await;
    let fields = json!({ "data": { "a": "1" }, "binaryData": { "b": "Mg==" } });
    assert_eq!(ask(&server, &format!("POST {MAPS}"), object("ConfigMap", "m", fields)).await.0, 201);
    // As a client in Go writes one that it has read: with no data any more, and without having read it.
    let null = object("ConfigMap", "m", json!({ "data": null }));
    let (code, put) = ask(&server, &format!("PUT {MAPS}/m"), null).await;
    assert_eq!((code, put.get("data")), (200, None), "{put}");
    let told = refusal(&server, &format!("PATCH {MAPS}/m"), json!({ "data": { "a": 1 } })).await;
    assert!(told.starts_with('4') && told.contains("data"), "{told}");
    assert_eq!(table(&server, MAPS).await, ["Name | Data | Age", "m | 0 | -"]);
    let told = refusal(&server, &format!("PUT {MAPS}/other"), object("ConfigMap", "other", json!({}))).await;
    assert_eq!(told, "404 configmaps \"other\" not found");
    let held = json!({ "metadata": { "finalizers": ["mine"] } });
    let told = refusal(&server, &format!("PATCH {MAPS}/m"), held).await;
    assert!(told.contains("name is neither a standard finalizer name nor is it fully qualified"), "{told}");
}

#[tokio::test]
async fn accounts_name_their_secrets() {
    let server = TestServer::start(install).await;
    let fields = json!({ "secrets": [{ "name": "a", "kind": "Secret" }], "imagePullSecrets": [{ "name": "p" }] });
    let (code, made) = ask(&server, &format!("POST {ACCOUNTS}"), object("ServiceAccount", "robin", fields)).await;
    assert_eq!((code, &made["secrets"]), (201, &json!([{ "name": "a" }])), "{made}");
    let merge = r#"{"secrets":[{"name":"b"}]}"#;
    let line = format!("PATCH {ACCOUNTS}/robin");
    let (code, both) = send(&server, &line, "application/strategic-merge-patch+json", merge.into()).await;
    assert_eq!((code, both["secrets"].as_array().map(Vec::len)), (200, Some(2)), "{both}");
    assert_eq!(table(&server, ACCOUNTS).await, ["Name | Secrets | Age", "default | 0 | -", "robin | 2 | -"]);
}
