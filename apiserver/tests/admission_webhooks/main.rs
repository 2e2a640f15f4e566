//! Webhooks that this server asks: who is asked, in which order, with what; and what becomes of their answers.

#[path = "../common/mod.rs"]
mod common;
mod server;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apiserver::admission::{Admission, Attributes, Denied};
use apiserver::storage::memory::MemoryStore;
use apiserver::versions::Version;
use apiserver::{Apis, Strategy, TestServer};
use common::{Bird, BirdSpec, BirdStatus, BirdStrategy, Server};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use server::{Reply, WebhookServer};

const MUTATING: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const VALIDATING: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// A webhook of a configuration, with what most have; `fields` differ.
fn hook(name: &str, client: Value, fields: Value) -> Value {
    let mut hook = json!({
        "name": name, "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": client,
        "rules": [{ "operations": ["*"], "apiGroups": ["demo.example.com"], "apiVersions": ["v1"],
            "resources": ["birds"] }],
    });
    for (key, value) in fields.as_object().expect("fields") {
        hook[key] = value.clone();
    }
    hook
}

async fn register(server: &Server, path: &str, name: &str, hooks: Value) {
    let kind = if path == MUTATING { "MutatingWebhookConfiguration" } else { "ValidatingWebhookConfiguration" };
    let body = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": { "name": name }, "webhooks": hooks,
    });
    let answer = server.ask(&format!("POST {path}"), &body.to_string()).await;
    assert_eq!(answer.code, 201, "{}", answer.text());
}

fn bird(name: &str, spec: &str) -> String {
    format!(r#"{{"apiVersion":"demo.example.com/v1","kind":"Bird","metadata":{{"name":"{name}"}},"spec":{spec}}}"#)
}

const ROBIN: &str = r#"{"species":"robin","songs":["a"]}"#;

#[tokio::test]
async fn mutating_webhooks_are_asked_in_order_and_see_what_others_did() {
    let server = Server::start().await;
    let hooks = WebhookServer::start(|path, asked| {
        let color = &asked["object"]["spec"]["color"];
        Reply::Patch(
            json!([{ "op": "add", "path": "/spec/color", "value": format!("{} {path}", color.as_str().unwrap()) }]),
        )
    })
    .await;
    let one = |name: &str, path: &str| hook(name, hooks.client_config(path), json!({}));
    register(&server, MUTATING, "b", json!([one("b.demo.example.com", "/b")])).await;
    register(&server, MUTATING, "a", json!([one("z.demo.example.com", "/z"), one("y.demo.example.com", "/y")])).await;
    let robin = server.bird("robin", ROBIN).await;
    assert_eq!(robin["spec"]["color"], "brown /z /y /b");
    assert_eq!(hooks.paths(), ["/z", "/y", "/b"]);
    assert_eq!(hooks.connections(), 1, "a connection is used again");

    // Configurations change at once.
    assert_eq!(server.ask(&format!("DELETE {MUTATING}/a"), "").await.code, 200);
    server.bird("wren", ROBIN).await;
    assert_eq!(hooks.paths(), ["/b"]);
}

#[tokio::test]
async fn a_webhook_is_told_everything() {
    let server = Server::start().await;
    let hooks = WebhookServer::start(|_, _| Reply::Allow).await;
    let all = json!({ "timeoutSeconds": 7 });
    register(&server, MUTATING, "m", json!([hook("m.demo.example.com", hooks.client_config("/m"), all.clone())])).await;
    register(&server, VALIDATING, "v", json!([hook("v.demo.example.com", hooks.client_config("/v"), all)])).await;
    let body = bird("x", ROBIN).replace(r#""name":"x""#, r#""generateName":"robin-""#);
    let made = server.ask("POST ?fieldManager=kubectl", &body).await.json();
    let name = made["metadata"]["name"].as_str().unwrap().to_owned();
    let [(path, mutating), (_, validating)] = &*hooks.take() else { panic!() };
    assert_eq!(path, "/m?timeout=7s");
    let gvk = json!({ "group": "demo.example.com", "version": "v1", "kind": "Bird" });
    let gvr = json!({ "group": "demo.example.com", "version": "v1", "resource": "birds" });
    for (asked, expected) in [(mutating, Value::Null), (validating, Value::from(name.as_str()))] {
        assert_eq!((&asked["kind"], &asked["requestKind"]), (&gvk, &gvk));
        assert_eq!((&asked["resource"], &asked["requestResource"]), (&gvr, &gvr));
        assert_eq!(asked["name"], expected, "a name is made up only after admission");
        assert_eq!((&asked["namespace"], &asked["operation"]), (&json!("default"), &json!("CREATE")));
        assert_eq!(asked["userInfo"], json!({ "username": "tester", "groups": ["system:authenticated"] }));
        assert_eq!((&asked["oldObject"], &asked["dryRun"]), (&Value::Null, &json!(false)));
        let options = json!({ "kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "kubectl" });
        assert_eq!(asked["options"], options);
        assert_eq!(asked["object"]["spec"]["color"], "brown");
    }
    assert!(mutating["object"]["metadata"].get("uid").is_none());
    // What is validated is what is stored.
    let mut stored = made.clone();
    stored["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    assert_eq!(validating["object"], stored);
    assert_ne!(mutating["uid"], validating["uid"]);

    let patch = r#"{"spec":{"color":"red"}}"#;
    assert_eq!(server.ask(&format!("PATCH {name}?fieldValidation=Strict&dryRun=All"), patch).await.code, 200);
    let [(_, asked), _] = &*hooks.take() else { panic!() };
    assert_eq!((&asked["operation"], &asked["dryRun"], &asked["name"]), (&json!("UPDATE"), &json!(true), &json!(name)));
    assert_eq!(asked["oldObject"]["spec"]["color"], "brown");
    let options = json!({
        "kind": "UpdateOptions", "apiVersion": "meta.k8s.io/v1", "dryRun": ["All"], "fieldValidation": "Strict",
    });
    assert_eq!(asked["options"], options);

    assert_eq!(server.ask(&format!("DELETE {name}?propagationPolicy=Background"), "").await.code, 200);
    let [(_, asked), _] = &*hooks.take() else { panic!() };
    assert_eq!((&asked["operation"], &asked["object"]), (&json!("DELETE"), &Value::Null));
    assert_eq!(asked["oldObject"]["metadata"]["name"], name.as_str());
    let options = json!({ "kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", "propagationPolicy": "Background" });
    assert_eq!(asked["options"], options);
}

#[tokio::test]
async fn a_denial_is_told_in_the_words_of_the_webhook() {
    let server = Server::start().await;
    let hooks = WebhookServer::start(|path, _| match path {
        "/silent" => Reply::Deny(Value::Null),
        "/reason" => Reply::Deny(json!({ "reason": "Sad" })),
        "/ok" => Reply::Deny(json!({ "code": 200, "message": "no" })),
        _ => Reply::Deny(json!({
            "code": 422, "reason": "Invalid", "message": "no red birds",
            "details": { "causes": [{ "field": "spec.color", "message": "red", "reason": "FieldValueInvalid" }] },
        })),
    })
    .await;
    for (path, expected) in [
        ("/silent", r#"400 admission webhook "v.demo.example.com" denied the request without explanation"#),
        ("/reason", r#"400 admission webhook "v.demo.example.com" denied the request: Sad"#),
        ("/ok", r#"400 admission webhook "v.demo.example.com" denied the request: no"#),
        ("/full", r#"422 admission webhook "v.demo.example.com" denied the request: no red birds"#),
    ] {
        let hook = hook("v.demo.example.com", hooks.client_config(path), json!({}));
        register(&server, VALIDATING, "v", json!([hook])).await;
        let answer = server.ask("POST ", &bird("robin", ROBIN)).await;
        assert_eq!(answer.failure(), expected);
        if path == "/full" {
            let status = answer.json();
            assert_eq!((&status["reason"], &status["status"]), (&json!("Invalid"), &json!("Failure")));
            assert_eq!(status["details"]["causes"][0]["field"], "spec.color");
        }
        assert_eq!(server.ask(&format!("DELETE {VALIDATING}/v"), "").await.code, 200);
    }
    assert_eq!(server.ask("GET robin", "").await.code, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn validating_webhooks_are_asked_at_once_and_the_first_that_refuses_is_told() {
    let server = Server::start().await;
    // Each waits for the other: one after the other they would wait for ever.
    let both = Arc::new(std::sync::Barrier::new(2));
    let hooks = WebhookServer::start(move |path, _| {
        tokio::task::block_in_place(|| both.wait());
        Reply::Deny(json!({ "message": path }))
    });
    let hooks = hooks.await;
    let one = |name: &str, path: &str| hook(name, hooks.client_config(path), json!({}));
    let list = json!([one("b.demo.example.com", "/b"), one("a.demo.example.com", "/a")]);
    register(&server, VALIDATING, "v", list).await;
    let answer = server.ask("POST ", &bird("robin", ROBIN)).await;
    assert_eq!(answer.failure(), r#"400 admission webhook "b.demo.example.com" denied the request: /b"#);
}

#[tokio::test]
async fn a_webhook_that_cannot_be_asked_fails_the_request_or_not() {
    let server = Server::start().await;
    let hooks = WebhookServer::start(|path, asked| match path {
        "/hang" => Reply::Hang,
        "/close" => Reply::Close,
        "/garbage" => Reply::Raw(200, "<html>".into()),
        "/nothing" => Reply::Raw(200, r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#.into()),
        "/broken" => Reply::Raw(500, "oops".into()),
        "/missing" => Reply::Raw(404, "404 page not found".into()),
        "/uid" => Reply::With(json!({ "uid": "another" })),
        "/patch" => Reply::Patch(json!([])),
        "/undecodable" => Reply::With(json!({ "patch": "!", "patchType": "JSONPatch" })),
        other => panic!("{other} {asked}"),
    })
    .await;
    let url = |path: &str| format!("https://127.0.0.1:{}{path}", hooks.port);
    let post = |path: &str, why: &str| format!(r#"failed to call webhook: Post "{}?timeout=1s": {why}"#, url(path));
    let uid = r#"received invalid webhook response: expected response.uid="#;
    for (path, expected) in [
        ("/hang", post("/hang", "context deadline exceeded")),
        ("/close", post("/close", "EOF")),
        ("/garbage", "failed to call webhook: couldn't get version/kind; json parse error".into()),
        ("/nothing", "received invalid webhook response: webhook response was absent".into()),
        ("/broken", r#"failed to call webhook: an error on the server ("oops") has prevented"#.into()),
        ("/missing", "failed to call webhook: the server could not find the requested resource".into()),
        ("/uid", uid.into()),
        ("/patch", "received invalid webhook response: validating webhook may not return response.patch".into()),
    ] {
        fails_or_not(&server, VALIDATING, hooks.client_config(path), &expected).await;
    }
    let undecodable = "received undecodable patch in webhook response: ";
    fails_or_not(&server, MUTATING, hooks.client_config("/undecodable"), undecodable).await;
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut nobody = hooks.client_config("/x");
    nobody["url"] = format!("https://{unused}/x").into();
    let refused = format!("dial tcp {unused}: connect: connection refused");
    fails_or_not(&server, VALIDATING, nobody, &refused).await;
    let stranger = WebhookServer::start(|_, _| Reply::Allow).await;
    let mut wrong = stranger.client_config("/x");
    wrong["caBundle"] = hooks.client_config("/x")["caBundle"].clone();
    let unknown = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    fails_or_not(&server, VALIDATING, wrong, unknown).await;
}

/// Fails a request, and lets it pass where its policy is to ignore failures.
async fn fails_or_not(server: &Server, path: &str, client: Value, expected: &str) {
    let fields = json!({ "timeoutSeconds": 1 });
    register(server, path, "v", json!([hook("v.demo.example.com", client, fields)])).await;
    let started = Instant::now();
    let answer = server.ask("POST ", &bird("robin", ROBIN)).await;
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(answer.code, 500, "{}", answer.text());
    let status = answer.json();
    let message = status["message"].as_str().unwrap();
    let start = r#"Internal error occurred: failed calling webhook "v.demo.example.com": "#;
    assert!(message.starts_with(start) && message.contains(expected), "{message}\n{expected}");
    assert_eq!(status["reason"], "InternalError");
    let ignore = r#"[{"op":"replace","path":"/webhooks/0/failurePolicy","value":"Ignore"}]"#;
    assert_eq!(server.ask(&format!("PATCH {path}/v"), ignore).await.code, 200);
    assert_eq!(server.ask("POST ", &bird("robin", ROBIN)).await.code, 201);
    assert_eq!(server.ask(&format!("DELETE {path}/v"), "").await.code, 200);
    assert_eq!(server.ask("DELETE robin", "").await.code, 200);
}

#[tokio::test]
async fn a_dry_run_asks_only_those_that_leave_no_trace() {
    let server = Server::start().await;
    let hooks = WebhookServer::start(|_, _| Reply::Allow).await;
    let one = |fields: Value| json!([hook("v.demo.example.com", hooks.client_config("/v"), fields)]);
    register(&server, VALIDATING, "v", one(json!({ "sideEffects": "NoneOnDryRun" }))).await;
    assert_eq!(server.ask("POST ?dryRun=All", &bird("robin", ROBIN)).await.code, 201);
    assert_eq!(hooks.take()[0].1["dryRun"], true);
    // Only configurations of long ago have other webhooks than these.
    let body = json!([{ "op": "replace", "path": "/webhooks/0/sideEffects", "value": "Some" }]).to_string();
    let refused = server.ask(&format!("PATCH {VALIDATING}/v"), &body).await;
    assert_eq!(
        refused.failure(),
        "422 ValidatingWebhookConfiguration.admissionregistration.k8s.io \"v\" is invalid: webhooks[0].sideEffects: \
         Unsupported value: \"Some\": supported values: \"None\", \"NoneOnDryRun\""
    );
    let old = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "old" },
        "webhooks": [hook("old.demo.example.com", hooks.client_config("/old"), json!({ "sideEffects": "Some" }))],
    });
    let key = "/registry/admissionregistration.k8s.io/validatingwebhookconfigurations/old";
    server.store.create(key, old.to_string().into()).await.expect("stored");
    assert_eq!(server.ask(&format!("GET {VALIDATING}/old"), "").await.code, 200);
    let refused = server.ask("POST ?dryRun=All", &bird("robin", ROBIN)).await;
    assert_eq!(refused.failure(), r#"400 admission webhook "old.demo.example.com" does not support dry run"#);
    assert_eq!(server.ask("POST ", &bird("robin", ROBIN)).await.code, 201);
}

#[tokio::test]
async fn a_certificate_may_be_its_own_authority() {
    let server = Server::start().await;
    let hooks = WebhookServer::self_signed(|_, _| Reply::Allow).await;
    register(&server, VALIDATING, "v", json!([hook("v.demo.example.com", hooks.client_config("/v"), json!({}))])).await;
    server.bird("robin", ROBIN).await;
    assert_eq!(hooks.paths(), ["/v"]);
}

#[tokio::test]
async fn patches_are_pruned_and_get_defaults_and_must_apply() {
    let server = Server::start().await;
    let hooks = WebhookServer::start(|path, _| match path {
        "/strange" => Reply::Patch(json!([
            { "op": "add", "path": "/spec/strange", "value": 1 }, { "op": "remove", "path": "/spec/color" },
        ])),
        "/kind" => Reply::Patch(json!([{ "op": "replace", "path": "/kind", "value": "Nest" }])),
        "/test" => Reply::Patch(json!([{ "op": "test", "path": "/spec/color", "value": "blue" }])),
        "/invalid" => Reply::Patch(json!([{ "op": "add", "path": "/spec/wingspanCm", "value": 9000 }])),
        _ => Reply::Patch(json!([{ "op": "add", "path": "/metadata/namespace", "value": "elsewhere" }])),
    })
    .await;
    for (path, expected) in [
        (
            "/kind",
            "500 Internal error occurred: admission webhook \"m.demo.example.com\" made something else of the object",
        ),
        ("/test", "500 Internal error occurred: operation 0 does not apply: "),
        ("/invalid", "422 Bird.demo.example.com \"robin\" is invalid: spec.wingspanCm: Invalid value: 9000"),
        ("/elsewhere", "400 the namespace of the provided object does not match the namespace sent on the request"),
        ("/strange", ""),
    ] {
        let hook = hook("m.demo.example.com", hooks.client_config(path), json!({ "failurePolicy": "Ignore" }));
        register(&server, MUTATING, "m", json!([hook])).await;
        let answer = server.ask("POST ", &bird("robin", r#"{"species":"robin","color":"red"}"#)).await;
        match expected {
            "" => assert_eq!(answer.json()["spec"], json!({ "species": "robin", "color": "brown", "wingspanCm": 20 })),
            expected => assert!(answer.failure().starts_with(expected), "{}", answer.failure()),
        }
        assert_eq!(server.ask(&format!("DELETE {MUTATING}/m"), "").await.code, 200);
    }
    // There is nothing to change about a deletion.
    let hook = hook("m.demo.example.com", hooks.client_config("/elsewhere"), json!({}));
    register(&server, MUTATING, "m", json!([hook])).await;
    let refused = server.ask("DELETE robin", "").await.failure();
    assert!(
        refused.ends_with("attempted to modify the object, which is not supported for this operation"),
        "{refused}"
    );
}

#[tokio::test]
async fn whoever_wants_to_is_asked_again_once() {
    let server = Server::start().await;
    let hooks = WebhookServer::start(|path, asked| match path {
        "/counts" => {
            let count = asked["object"]["metadata"]["annotations"]["count"].as_str().unwrap_or("0");
            let count = count.parse::<u32>().unwrap() + 1;
            Reply::Patch(json!([
                { "op": "add", "path": "/metadata/annotations", "value": { "count": count.to_string() } },
            ]))
        }
        "/paints" if asked["object"]["spec"]["color"] == "brown" => {
            Reply::Patch(json!([{ "op": "add", "path": "/spec/color", "value": "red" }]))
        }
        _ => Reply::Allow,
    })
    .await;
    let one = |name: &str, path: &str, policy: &str| {
        hook(name, hooks.client_config(path), json!({ "reinvocationPolicy": policy }))
    };
    let list = json!([
        one("a.demo.example.com", "/watches", "IfNeeded"),
        one("b.demo.example.com", "/never", "Never"),
        one("c.demo.example.com", "/paints", "IfNeeded"),
        one("d.demo.example.com", "/last", "IfNeeded"),
    ]);
    register(&server, MUTATING, "m", list).await;
    server.bird("robin", ROBIN).await;
    // The one that painted has seen the result, and so has the one behind it.
    assert_eq!(hooks.paths(), ["/watches", "/never", "/paints", "/last", "/watches"]);
    server.bird("wren", r#"{"species":"wren","color":"red"}"#).await;
    assert_eq!(hooks.paths(), ["/watches", "/never", "/paints", "/last"]);

    assert_eq!(server.ask(&format!("DELETE {MUTATING}/m"), "").await.code, 200);
    let list =
        json!([one("a.demo.example.com", "/counts", "IfNeeded"), one("b.demo.example.com", "/counts", "IfNeeded")]);
    register(&server, MUTATING, "m", list).await;
    let finch = server.bird("finch", ROBIN).await;
    assert_eq!(finch["metadata"]["annotations"]["count"], "4", "two rounds, and no third");
}

#[tokio::test]
async fn selectors_scopes_and_conditions_choose() {
    let server = Server::start().await;
    let hooks = WebhookServer::start(|_, _| Reply::Allow).await;
    let asks = async |fields: Value, request: &str, body: &str| {
        register(&server, VALIDATING, "v", json!([hook("v.demo.example.com", hooks.client_config("/v"), fields)]))
            .await;
        let answer = server.ask(request, body).await;
        assert_eq!(server.ask(&format!("DELETE {VALIDATING}/v"), "").await.code, 200);
        match answer.code {
            200 | 201 => Ok(!hooks.take().is_empty()),
            _ => Err(answer.failure()),
        }
    };
    server.bird("robin", ROBIN).await;
    let labelled = r#"{"metadata":{"labels":{"big":"yes"}}}"#;
    let rules = |rule: Value| {
        let mut whole = json!({ "operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"] });
        rule.as_object().unwrap().iter().for_each(|(key, value)| whole[key] = value.clone());
        json!({ "rules": [whole] })
    };
    for (fields, expected) in [
        (rules(json!({})), true),
        (rules(json!({ "scope": "Namespaced" })), true),
        (rules(json!({ "scope": "Cluster" })), false),
        (rules(json!({ "operations": ["CREATE", "DELETE"] })), false),
        (rules(json!({ "resources": ["birds/status"] })), false),
        (rules(json!({ "resources": ["*/*"] })), true),
        (rules(json!({ "apiGroups": ["apps"] })), false),
        (json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "default" } } }), true),
        (json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "other" } } }), false),
        (
            json!({ "namespaceSelector": { "matchExpressions": [{ "key": "quiet", "operator": "DoesNotExist" }] } }),
            true,
        ),
        (json!({ "objectSelector": { "matchLabels": { "big": "yes" } } }), true),
        (json!({ "objectSelector": { "matchLabels": { "big": "no" } } }), false),
        (json!({ "matchConditions": [{ "name": "a", "expression": "object.spec.species == 'robin'" }] }), true),
        (json!({ "matchConditions": [{ "name": "a", "expression": "oldObject.spec.species == 'wren'" }] }), false),
        (json!({ "matchConditions": [{ "name": "a", "expression": "request.userInfo.username == 'tester'" }] }), true),
        (
            json!({ "matchConditions": [
            { "name": "a", "expression": "object.spec.weight > 3" }, { "name": "b", "expression": "false" },
        ] }),
            false,
        ),
        (
            json!({ "failurePolicy": "Ignore", "matchConditions": [
            { "name": "a", "expression": "object.spec.weight > 3" }, { "name": "b", "expression": "true" },
        ] }),
            false,
        ),
    ] {
        let found = asks(fields.clone(), "PATCH robin", labelled).await;
        assert_eq!(found, Ok(expected), "{fields}");
    }
    // A label that goes is still one that the old object had.
    let unlabelled = r#"{"metadata":{"labels":{"big":null}}}"#;
    let big = json!({ "objectSelector": { "matchLabels": { "big": "yes" } } });
    assert_eq!(asks(big, "PATCH robin", unlabelled).await, Ok(true));
    let fails = json!({ "matchConditions": [{ "name": "a", "expression": "object.spec.weight > 3" }] });
    let forbidden = r#"403 birds.demo.example.com "robin" is forbidden: no such key: weight"#;
    assert_eq!(asks(fails, "PATCH robin", unlabelled).await, Err(forbidden.into()));
    let deleted = json!({ "matchConditions": [{ "name": "a", "expression": "object == null" }] });
    assert_eq!(asks(deleted, "DELETE robin", "").await, Ok(true));
}

/// What birds looked like before.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1alpha1", kind = "Bird", root = "OldBird", namespaced)]
#[kube(status = "BirdStatus")]
pub struct OldBirdSpec {
    sort: String,
    /// What colours it has.
    #[serde(default)]
    colors: Vec<String>,
}

impl From<OldBird> for Bird {
    fn from(old: OldBird) -> Self {
        let OldBirdSpec { sort, colors } = old.spec;
        let color = (!colors.is_empty()).then(|| colors.join("-"));
        let spec = BirdSpec { species: sort, color, wingspan_cm: None, songs: Vec::new() };
        Self { metadata: old.metadata, spec, status: old.status }
    }
}

impl From<Bird> for OldBird {
    fn from(new: Bird) -> Self {
        let colors = new.spec.color.map(|color| color.split('-').map(str::to_owned).collect()).unwrap_or_default();
        Self { metadata: new.metadata, spec: OldBirdSpec { sort: new.spec.species, colors }, status: new.status }
    }
}

/// Birds in two versions.
struct OldAndNew;

impl Strategy for OldAndNew {
    type Object = Bird;

    fn versions(&self) -> Vec<Version<Bird>> {
        vec![Version::of::<OldBird>()]
    }
}

#[tokio::test]
async fn a_webhook_sees_the_version_that_it_asked_for() {
    let mut apis = Apis::default();
    apis.add(OldAndNew);
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    let hooks = WebhookServer::start(|path, asked| match (path, asked["operation"].as_str()) {
        ("/any", Some("CREATE")) => Reply::Patch(json!([{ "op": "add", "path": "/spec/colors/-", "value": "red" }])),
        _ => Reply::Allow,
    })
    .await;
    let old = json!([{
        "operations": ["*"], "apiGroups": ["demo.example.com"], "apiVersions": ["v1alpha1"], "resources": ["birds"],
    }]);
    let one = |name: &str, path: &str, policy: &str| {
        hook(name, hooks.client_config(path), json!({ "rules": old, "matchPolicy": policy }))
    };
    let list = json!([one("a.demo.example.com", "/exact", "Exact"), one("b.demo.example.com", "/any", "Equivalent")]);
    register(&server, MUTATING, "m", list).await;
    let robin = server.bird("robin", r#"{"species":"robin"}"#).await;
    assert_eq!(robin["apiVersion"], "demo.example.com/v1");
    assert_eq!(robin["spec"], json!({ "species": "robin", "color": "brown-red" }));
    let [(path, asked)] = &*hooks.take() else { panic!() };
    assert_eq!(path, "/any?timeout=10s");
    let versions = |field: &str| asked[field]["version"].as_str().unwrap_or_default();
    assert_eq!((versions("kind"), versions("requestKind")), ("v1alpha1", "v1"));
    assert_eq!((versions("resource"), versions("requestResource")), ("v1alpha1", "v1"));
    assert_eq!(asked["object"]["apiVersion"], "demo.example.com/v1alpha1");
    assert_eq!(asked["object"]["spec"], json!({ "sort": "robin", "colors": ["brown"] }));
    // A request in the webhook's own version needs no other.
    let path = "/apis/demo.example.com/v1alpha1/namespaces/default/birds/robin";
    assert_eq!(server.ask(&format!("DELETE {path}"), "").await.code, 200);
    let asked = hooks.take();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|(_, asked)| asked["oldObject"]["spec"]["colors"] == json!(["brown", "red"])));
}

/// Notes what was noted for an audit.
struct Auditor(Arc<Mutex<Vec<String>>>);

#[apiserver::async_trait]
impl Admission for Auditor {
    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let notes = request.context().annotations();
        self.0.lock().unwrap().extend(notes.into_iter().map(|(key, value)| format!("{key} {value}")));
        Ok(())
    }
}

#[tokio::test]
async fn warnings_and_annotations_are_passed_on() {
    let notes = Arc::<Mutex<Vec<String>>>::default();
    let mut apis = Apis::default();
    apis.add(BirdStrategy).admission(Auditor(notes.clone()));
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    let hooks = WebhookServer::start(|_, _| {
        Reply::With(json!({ "warnings": ["birds bite"], "auditAnnotations": { "why": "because" } }))
    })
    .await;
    register(&server, MUTATING, "m", json!([hook("m.demo.example.com", hooks.client_config("/m"), json!({}))])).await;
    notes.lock().unwrap().clear();
    let answer = server.ask("POST ", &bird("robin", ROBIN)).await;
    assert_eq!(answer.warnings(), [r#"299 - "birds bite""#]);
    let expected = [
        "m.demo.example.com/why because",
        r#"mutation.webhook.admission.k8s.io/round_0_index_0 {"configuration":"m","mutated":false,"webhook":"m.demo.example.com"}"#,
    ];
    assert_eq!(*notes.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_collection_is_deleted_object_by_object() {
    let server = Server::start().await;
    server.bird("robin", ROBIN).await;
    server.bird("wren", ROBIN).await;
    let hooks = WebhookServer::start(|_, asked| match asked["name"].as_str() {
        Some("wren") => Reply::Deny(json!({ "message": "wrens stay", "code": 403 })),
        _ => Reply::Allow,
    })
    .await;
    register(&server, VALIDATING, "v", json!([hook("v.demo.example.com", hooks.client_config("/v"), json!({}))])).await;
    let answer = server.ask("DELETE ", "").await;
    assert_eq!(answer.failure(), r#"403 admission webhook "v.demo.example.com" denied the request: wrens stay"#);
    let left = server.ask("GET ", "").await.json();
    let names: Vec<_> = left["items"].as_array().unwrap().iter().map(|bird| &bird["metadata"]["name"]).collect();
    assert_eq!(names, ["wren"]);
}

#[tokio::test]
async fn a_status_is_its_own_resource() {
    let server = Server::start().await;
    server.bird("robin", ROBIN).await;
    let hooks = WebhookServer::start(|_, _| Reply::Allow).await;
    let rules = json!({ "rules": [{ "operations": ["UPDATE"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["birds/status"] }] });
    register(&server, VALIDATING, "v", json!([hook("v.demo.example.com", hooks.client_config("/v"), rules)])).await;
    assert_eq!(server.ask("PATCH robin", r#"{"spec":{"color":"red"}}"#).await.code, 200);
    assert!(hooks.take().is_empty());
    assert_eq!(server.ask("PATCH robin/status", r#"{"status":{"phase":"Flying"}}"#).await.code, 200);
    let [(_, asked)] = &*hooks.take() else { panic!() };
    assert_eq!((&asked["subResource"], &asked["requestSubResource"]), (&json!("status"), &json!("status")));
    assert_eq!(asked["object"]["status"]["phase"], "Flying");
}

#[tokio::test]
async fn configurations_are_objects_like_any_other() {
    let server = Server::start().await;
    let hooks = WebhookServer::start(|_, _| Reply::Deny(json!({}))).await;
    let mut everything = hook("v.demo.example.com", hooks.client_config("/v"), json!({}));
    everything["rules"] =
        json!([{ "operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"] }]);
    register(&server, VALIDATING, "v", json!([everything])).await;
    assert_eq!(server.ask("POST ", &bird("robin", ROBIN)).await.code, 400);

    // Nobody can make himself irremovable.
    let body = r#"{"metadata":{"labels":{"a":"b"}}}"#;
    let changed = server.ask(&format!("PATCH {VALIDATING}/v"), body).await.json();
    assert_eq!(changed["metadata"]["generation"], 1);
    assert!(hooks.take().len() == 1, "only the bird was asked about");
    let hook = &changed["webhooks"][0];
    assert_eq!((&hook["failurePolicy"], &hook["matchPolicy"]), (&json!("Fail"), &json!("Equivalent")));
    assert_eq!((&hook["timeoutSeconds"], &hook["objectSelector"]), (&json!(10), &json!({})));
    let body = r#"[{"op":"replace","path":"/webhooks/0/timeoutSeconds","value":5}]"#;
    let changed = server.ask(&format!("PATCH {VALIDATING}/v"), body).await.json();
    assert_eq!(changed["metadata"]["generation"], 2);

    let accept = [("accept", "application/json;as=Table;g=meta.k8s.io;v=v1")];
    let table = server.send(&format!("GET {VALIDATING}"), &accept, "").await.json();
    let columns: Vec<_> = table["columnDefinitions"].as_array().unwrap().iter().map(|column| &column["name"]).collect();
    assert_eq!(columns, ["Name", "Webhooks", "Age"]);
    assert_eq!((&table["rows"][0]["cells"][0], &table["rows"][0]["cells"][1]), (&json!("v"), &json!(1)));

    // The list of webhooks is a map: each applier has its own.
    let apply = async |manager: &str, name: &str| {
        let hook = json!({
            "name": name, "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": hooks.client_config("/x"),
        });
        let body = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": { "name": "m" }, "webhooks": [hook],
        });
        let headers = [("content-type", "application/apply-patch+yaml")];
        server.send(&format!("PATCH {MUTATING}/m?fieldManager={manager}"), &headers, &body.to_string()).await.json()
    };
    apply("one", "a.demo.example.com").await;
    let both = apply("two", "b.demo.example.com").await;
    let names: Vec<_> = both["webhooks"].as_array().unwrap().iter().map(|hook| &hook["name"]).collect();
    assert_eq!(names, ["a.demo.example.com", "b.demo.example.com"]);
    assert_eq!(both["webhooks"][0]["reinvocationPolicy"], "Never");
    let bad = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "bad" }, "webhooks": [{ "name": "short", "clientConfig": {} }],
    });
    let refused = server.ask(&format!("POST {VALIDATING}"), &bad.to_string()).await.failure();
    for part in [
        "webhooks[0].name: Invalid value: \"short\": should be a domain with at least three segments",
        "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
        "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
        "webhooks[0].admissionReviewVersions: Required value: must specify one of v1",
    ] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[tokio::test]
async fn hooks_of_the_strategy_come_between() {
    let mut apis = Apis::default();
    apis.add(BirdStrategy);
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    let hooks = WebhookServer::start(|path, _| match path {
        "/m" => Reply::Patch(json!([{ "op": "add", "path": "/spec/songs", "value": ["b", "a"] }])),
        _ => Reply::Allow,
    })
    .await;
    register(&server, MUTATING, "m", json!([hook("m.demo.example.com", hooks.client_config("/m"), json!({}))])).await;
    register(&server, VALIDATING, "v", json!([hook("v.demo.example.com", hooks.client_config("/v"), json!({}))])).await;
    server.bird("robin", ROBIN).await;
    let asked = hooks.take();
    assert_eq!(asked[1].1["object"]["spec"]["songs"], json!(["a", "b"]), "the strategy sorts songs");
    assert_eq!(asked[1].1["object"]["status"]["phase"], "Egg");
}

#[tokio::test]
async fn what_webhooks_do_is_counted() {
    let server = TestServer::start(|apis| {
        apis.add(BirdStrategy);
    })
    .await;
    let hooks = WebhookServer::start(|_, _| Reply::Deny(json!({ "code": 403 }))).await;
    let client = server.client();
    let send = async |path: &str, body: String| {
        let request = http::Request::post(path).header("content-type", "application/json").body(body.into_bytes());
        client.request_text(request.expect("a request")).await
    };
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "v" },
        "webhooks": [hook("v.demo.example.com", hooks.client_config("/v"), json!({}))],
    });
    send(VALIDATING, configuration.to_string()).await.expect("created");
    let birds = "/apis/demo.example.com/v1/namespaces/default/birds";
    send(birds, bird("robin", ROBIN)).await.expect_err("denied");
    let metrics = http::Request::get("/metrics").body(Vec::new()).expect("a request");
    let metrics = client.request_text(metrics).await.expect("metrics");
    for line in [
        r#"apiserver_admission_webhook_rejection_count{name="v.demo.example.com",type="validating",operation="CREATE",error_type="no_error",rejection_code="403"} 1"#,
        r#"apiserver_admission_webhook_admission_duration_seconds_count{name="v.demo.example.com",type="validating",operation="CREATE",rejected="true"} 1"#,
        r#"apiserver_admission_webhook_request_total{name="v.demo.example.com",type="validating",operation="CREATE",code="403",rejected="true"} 1"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "no line {line}\nin\n{metrics}");
    }
}
