//! Server-side apply over HTTP: what a request asks for, and what becomes of it when others write as well.

mod common;

use std::sync::Arc;

use apiserver::Apis;
use apiserver::admission::{Admission, Attributes, Denied};
use apiserver::storage::memory::MemoryStore;
use common::{Answer, BirdStrategy, Server};
use serde_json::{Value, json};

const APPLY: (&str, &str) = ("content-type", "application/apply-patch+yaml");

/// Applies this much of a bird, in YAML.
async fn apply(server: &Server, line: &str, yaml: &str) -> Answer {
    server
        .send(&format!("PATCH {line}"), &[APPLY], &format!("apiVersion: demo.example.com/v1\nkind: Bird\n{yaml}"))
        .await
}

fn robin(spec: &str) -> String {
    format!("metadata: {{name: robin}}\nspec: {{species: robin, songs: [a]{spec}}}\n")
}

/// Who owns what, one line for each manager.
fn owners(bird: &Value) -> Vec<String> {
    let entries = bird["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let owners = entries.iter().map(|entry| {
        let text = |key: &str| entry[key].as_str().unwrap_or_default();
        format!("{} {} {}{}", text("manager"), text("operation"), text("subresource"), entry["fieldsV1"])
    });
    owners.collect()
}

#[tokio::test]
async fn what_is_missing_is_made_and_what_is_there_is_merged() {
    let server = Server::start().await;
    let made = apply(&server, "robin?fieldManager=one", &robin("")).await;
    assert_eq!(made.code, 201, "{}", made.text());
    let merged = apply(&server, "robin?fieldManager=two", &robin(", color: red")).await;
    assert_eq!(merged.code, 200, "{}", merged.text());
    assert_eq!(merged.json()["spec"]["color"], "red");
    assert_eq!(
        owners(&merged.json()),
        [
            r#"one Apply {"f:spec":{"f:songs":{},"f:species":{}}}"#,
            r#"two Apply {"f:spec":{"f:color":{},"f:songs":{},"f:species":{}}}"#,
        ]
    );
    // The same again is no write.
    let version = merged.json()["metadata"]["resourceVersion"].clone();
    let again = apply(&server, "robin?fieldManager=two", &robin(", color: red")).await;
    assert_eq!(again.json()["metadata"]["resourceVersion"], version);
    // What one manager wanted alone goes away when it wants it no more, back to its default.
    let less = apply(&server, "robin?fieldManager=two", "metadata: {name: robin}\n").await;
    assert_eq!(less.json()["spec"], json!({"species": "robin", "songs": ["a"], "color": "brown", "wingspanCm": 20}));
}

#[tokio::test]
async fn what_others_own_takes_force() {
    let server = Server::start().await;
    apply(&server, "robin?fieldManager=one", &robin(", color: red")).await;
    let refused = apply(&server, "robin?fieldManager=two", &robin(", color: blue")).await;
    assert_eq!(refused.code, 409);
    assert_eq!(refused.json()["message"], "Apply failed with 1 conflict: conflict with \"one\": .spec.color");
    assert_eq!(refused.json()["details"]["causes"][0]["reason"], "FieldManagerConflict");
    let forced = apply(&server, "robin?fieldManager=two&force=true", &robin(", color: blue")).await;
    assert_eq!(forced.json()["spec"]["color"], "blue");
    assert!(!owners(&forced.json())[0].contains("color"), "{:?}", owners(&forced.json()));
    // A plain update takes what it changes, and nobody is asked.
    let patched = server.ask("PATCH robin?fieldManager=three", r#"{"spec":{"color":"green"}}"#).await.json();
    assert_eq!(owners(&patched)[2], r#"three Update {"f:spec":{"f:color":{}}}"#);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    let check = async |line: &str, yaml: &str, expect: &str| {
        let answer = apply(&server, line, yaml).await;
        let told = format!("{} {}", answer.code, answer.json()["message"].as_str().unwrap_or_default());
        assert!(told.contains(expect), "{line}: {told}");
    };
    check("robin", &robin(""), "422 PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value").await;
    check("wren?fieldManager=a", &robin(""), "400 the name of the object (robin) does not match").await;
    check("robin?fieldManager=a", "spec: {species: robin, songs: []}\n", "400 the name of the object").await;
    check("robin?fieldManager=a", "metadata: {name: robin, namespace: other}\n", "400 the namespace of").await;
    check("robin?fieldManager=a", "metadata: {name: robin, uid: u}\n", "409 Operation cannot be fulfilled").await;
    check("robin?fieldManager=a", "metadata: {name: robin, managedFields: [{}]}\n", "400 metadata.managedFields").await;
    check("robin?fieldManager=a", &robin(", colour: red"), "500 failed to create typed patch object").await;
    check("robin/status?fieldManager=a", "metadata: {name: robin}\nstatus: {phase: x}\n", "404 ").await;
    check("robin?fieldManager=a&fieldValidation=Strict", &robin(", species: wren"), "400 error strict decoding YAML")
        .await;
    check("robin?fieldManager=a", "metadata: {name: robin\n", "400 error decoding YAML").await;
    assert_eq!(server.send("PATCH robin?fieldManager=a", &[APPLY], "[]").await.code, 400);
    assert_eq!(server.ask("PATCH robin?force=true", "{}").await.code, 422);
    assert_eq!(server.ask("GET robin", "").await.code, 404);
    let warned = apply(&server, "robin?fieldManager=a", &robin(", species: robin")).await;
    assert_eq!(warned.code, 201, "{}", warned.text());
    assert!(warned.warnings()[0].contains("already set in map"), "{:?}", warned.warnings());
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let server = Server::start().await;
    let made = apply(&server, "robin?fieldManager=one&dryRun=All", &robin("")).await;
    assert_eq!((made.code, server.ask("GET robin", "").await.code), (201, 404));
    let bird = apply(&server, "robin?fieldManager=one", &robin("")).await.json();
    let merged = apply(&server, "robin?fieldManager=two&dryRun=All", &robin(", color: red")).await.json();
    assert_eq!(merged["spec"]["color"], "red");
    assert_eq!(server.ask("GET robin", "").await.json(), bird);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_lost_who_applies_at_once() {
    let server = Arc::new(Server::start().await);
    let appliers = (0..30).map(|number| {
        let server = server.clone();
        tokio::spawn(async move {
            let yaml =
                format!("metadata: {{name: robin, labels: {{a{number}: x}}}}\nspec: {{species: robin, songs: [a]}}");
            apply(&server, &format!("robin?fieldManager=m{number}"), &yaml).await.code
        })
    });
    let mut made = 0;
    for code in futures::future::join_all(appliers).await {
        match code.expect("no panic") {
            201 => made += 1,
            code => assert_eq!(code, 200),
        }
    }
    assert_eq!(made, 1);
    let bird = server.ask("GET robin", "").await.json();
    assert_eq!(bird["metadata"]["labels"].as_object().map(serde_json::Map::len), Some(30));
    assert_eq!(owners(&bird).len(), 30);
}

/// Gives the managed fields a form that nobody can read.
struct Vandal;

#[async_trait::async_trait]
impl Admission for Vandal {
    async fn mutate(&self, request: &mut Attributes<'_>) -> Result<(), Denied> {
        if let Some(object) = request.object_mut() {
            object["metadata"]["managedFields"] = json!([{ "manager": "x", "operation": "Sing" }]);
        }
        Ok(())
    }
}

#[tokio::test]
async fn admission_cannot_break_what_is_known_of_owners() {
    let mut apis = Apis::default();
    apis.add(BirdStrategy);
    apis.admission(Vandal);
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    let made = apply(&server, "robin?fieldManager=one", &robin("")).await;
    assert_eq!(owners(&made.json()), [r#"one Apply {"f:spec":{"f:songs":{},"f:species":{}}}"#]);
    assert!(made.warnings()[0].contains(".metadata.managedFields was in an invalid state"), "{:?}", made.warnings());
}
