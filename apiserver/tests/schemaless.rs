//! Kinds that take any JSON beside `apiVersion`, `kind` and `metadata`.

mod common;

use std::sync::Arc;

use apiserver::storage::memory::MemoryStore;
use apiserver::{AnyFields, Apis, RequestContext, Strategy, TestServer, field};
use common::Server;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, CustomResource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whatever somebody notes.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Note", namespaced, no_spec)]
struct NoteContent {
    #[serde(flatten)]
    content: AnyFields,
}

struct NoteStrategy;

impl Strategy for NoteStrategy {
    type Object = Note;

    fn prepare_for_create(&self, _: &RequestContext, note: &mut Note) {
        note.spec.content.insert("seen".into(), true.into());
    }

    fn validate(&self, _: &RequestContext, note: &Note, errors: &mut field::Errors) {
        if note.spec.content.get("title") == Some(&json!("")) {
            errors.required("title", "leave it out, or say something");
        }
    }
}

/// The same with something that is known, and a status of its own.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Page", no_spec, status = "PageStatus")]
struct PageContent {
    /// What the page is called.
    title: String,
    #[serde(flatten)]
    rest: AnyFields,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
struct PageStatus {
    #[serde(default)]
    readers: u32,
}

struct PageStrategy;

impl Strategy for PageStrategy {
    type Object = Page;
}

fn install(apis: &mut Apis) {
    apis.add(NoteStrategy).add(PageStrategy);
}

async fn server() -> Server {
    let mut apis = Apis::default();
    install(&mut apis);
    Server::of(apis, Arc::new(MemoryStore::default())).await
}

const NOTES: &str = "/apis/demo.example.com/v1/namespaces/default/notes";
const PAGES: &str = "/apis/demo.example.com/v1/pages";

fn note(fields: Value) -> String {
    let mut note = json!({"apiVersion": "demo.example.com/v1", "kind": "Note", "metadata": {"name": "a"}});
    note.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    note.to_string()
}

#[tokio::test]
async fn everything_is_kept() {
    let server = server().await;
    let content = json!({
        "title": "Birds", "pages": [1, 2.5, null, {"deep": {"er": [true]}}], "spec": {"any": "thing"}, "status": "mine",
        "big": 9_007_199_254_740_993_i64, "nothing": null,
    });
    let strict = format!("POST {NOTES}?fieldValidation=Strict");
    let made = server.ask(&strict, &note(content.clone())).await;
    assert_eq!((made.code, made.warnings()), (201, Vec::new()), "{}", made.text());
    let kept = server.ask(&format!("GET {NOTES}/a"), "").await.json();
    for (name, value) in content.as_object().unwrap() {
        assert_eq!(&kept[name], value, "{name}");
    }
    assert_eq!((&kept["seen"], &kept["metadata"]["generation"]), (&json!(true), &json!(1)));

    let patch = r#"{"pages":null,"more":{"x":1},"status":"changed"}"#;
    let patched = server.ask(&format!("PATCH {NOTES}/a?fieldValidation=Strict"), patch).await.json();
    assert_eq!(
        (patched.get("pages"), &patched["more"], &patched["status"]),
        (None, &json!({"x": 1}), &json!("changed"))
    );
    assert_eq!(patched["metadata"]["generation"], 2, "all of it counts");
    assert_eq!(server.ask(&format!("GET {NOTES}/a/status"), "").await.code, 404);
}

#[tokio::test]
async fn what_is_known_is_checked() {
    let server = server().await;
    let duplicate = r#"{"apiVersion":"demo.example.com/v1","kind":"Note","metadata":{"name":"b"},"x":1,"x":2}"#;
    let strict = format!("POST {NOTES}?fieldValidation=Strict");
    let refused = server.ask(&strict, duplicate).await.failure();
    assert!(refused.starts_with("400 ") && refused.contains("duplicate field \"x\""), "{refused}");
    let metadata = note(json!({"metadata": {"name": "b", "nme": "c"}}));
    let refused = server.ask(&strict, &metadata).await.failure();
    assert!(refused.contains("unknown field \"metadata.nme\""), "{refused}");
    let untitled = server.ask(&format!("POST {NOTES}"), &note(json!({"title": ""}))).await.failure();
    assert_eq!(
        untitled,
        r#"422 Note.demo.example.com "a" is invalid: title: Required value: leave it out, or say something"#
    );

    let page = |title: Value| {
        json!({
            "apiVersion": "demo.example.com/v1", "kind": "Page", "metadata": {"name": "a"}, "title": title,
            "body": {"any": [1]}, "status": {"readers": 3},
        })
        .to_string()
    };
    let wrong = server.ask(&format!("POST {PAGES}"), &page(3.into())).await.failure();
    assert!(wrong.contains("title: Invalid value: \"integer\": title in body must be of type string"), "{wrong}");
    let strict = format!("POST {PAGES}?fieldValidation=Strict");
    let made = server.ask(&strict, &page("Birds".into())).await.json();
    assert_eq!((&made["title"], &made["body"], made.get("status")), (&json!("Birds"), &json!({"any": [1]}), None));
    let status =
        server.ask(&format!("PATCH {PAGES}/a/status"), r#"{"title":"x","body":1,"status":{"readers":3}}"#).await.json();
    assert_eq!(
        (&status["title"], &status["body"], &status["status"]),
        (&json!("Birds"), &json!({"any": [1]}), &json!({"readers": 3}))
    );
    assert_eq!(status["metadata"]["generation"], 1);
}

#[tokio::test]
async fn a_crd_and_openapi_say_so() {
    let mut apis = Apis::default();
    install(&mut apis);
    let schema = |index: usize| {
        let crd = serde_json::to_value(&apis.crds()[index]).unwrap();
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
    };
    assert_eq!(schema(0)["x-kubernetes-preserve-unknown-fields"], true, "{}", schema(0));
    assert!(schema(0).get("additionalProperties").is_none());
    assert_eq!(schema(1)["x-kubernetes-preserve-unknown-fields"], true, "{}", schema(1));
    assert_eq!(schema(1)["properties"]["title"]["type"], "string");

    let server = server().await;
    let document = server.ask("GET /openapi/v3/apis/demo.example.com/v1", "").await.json();
    let note = &document["components"]["schemas"]["com.example.demo.v1.Note"];
    assert_eq!(note["x-kubernetes-preserve-unknown-fields"], true);
    let mut known: Vec<&String> = note["properties"].as_object().unwrap().keys().collect();
    known.sort();
    assert_eq!(known, ["apiVersion", "kind", "metadata"], "what kubectl explain lists");
    // kubectl's old checks would refuse unknown fields where version 2 lists properties.
    let document = server.ask("GET /openapi/v2", "").await.json();
    let note = &document["definitions"]["com.example.demo.v1.Note"];
    assert_eq!((&note["x-kubernetes-preserve-unknown-fields"], note.get("properties")), (&json!(true), None));
}

#[tokio::test]
async fn a_typed_client_sees_the_content() {
    let server = TestServer::start(install).await;
    let notes: Api<Note> = server.api_in("default");
    let content: AnyFields =
        [("title".to_owned(), json!("Birds")), ("pages".to_owned(), json!([1, 2]))].into_iter().collect();
    notes.create(&PostParams::default(), &Note::new("a", NoteContent { content: content.clone() })).await.unwrap();
    let mut kept = notes.get("a").await.unwrap();
    assert_eq!(kept.spec.content.remove("seen"), Some(json!(true)));
    assert_eq!(kept.spec.content, content, "what is not content is not among it");
    kept.spec.content.insert("pages".into(), json!("none"));
    let replaced = notes.replace("a", &PostParams::default(), &kept).await.unwrap();
    assert_eq!(*replaced.spec.content, *json!({"title": "Birds", "pages": "none"}).as_object().unwrap());
    let written = serde_json::to_string(&replaced).unwrap();
    assert_eq!(written.matches(r#""kind":"Note""#).count(), 1, "{written}");
    let title = json!({"apiVersion": "demo.example.com/v1", "kind": "Note", "title": "Owls", "page": {"two": [2]}});
    let applied = notes.patch("a", &PatchParams::apply("me").force(), &Patch::Apply(title)).await.unwrap();
    let content = json!({"title": "Owls", "pages": "none", "page": {"two": [2]}});
    assert_eq!(*applied.spec.content, *content.as_object().unwrap());
}
