//! docs/any-json.md

use apiserver::{AnyFields, RequestContext, Strategy, TestServer, field};
use kube::api::PostParams;
use kube::{Api, CustomResource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Whatever somebody notes.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Note", namespaced, no_spec)]
pub struct NoteFields {
    #[serde(flatten)]
    pub others: AnyFields,
}

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Page", namespaced, no_spec)]
pub struct PageFields {
    /// What the page is called.
    pub title: String,
    #[serde(flatten)]
    pub others: AnyFields,
}

struct NoteStrategy;

impl Strategy for NoteStrategy {
    type Object = Note;

    fn validate(&self, _: &RequestContext, note: &Note, errors: &mut field::Errors) {
        if note.spec.others.get("title") == Some(&json!("")) {
            errors.required("title", "leave it out, or say something");
        }
    }
}

struct PageStrategy;

impl Strategy for PageStrategy {
    type Object = Page;
}

#[tokio::test]
async fn any_json_is_kept() {
    let server = TestServer::start(|apis| {
        apis.add(NoteStrategy).add(PageStrategy);
    })
    .await;
    let notes: Api<Note> = server.api_in("default");
    let guide = include_str!("../../../docs/any-json.md");
    let yaml = guide.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let note: Note = serde_saphyr::from_str(yaml).unwrap();
    let kept = notes.create(&PostParams::default(), &note).await.unwrap();
    assert_eq!(kept.spec.others, note.spec.others);
    assert_eq!(kept.spec.others["seen"], json!(["robin", "wren"]));
    let untitled = Note::new("b", NoteFields { others: [("title".to_owned(), json!(""))].into_iter().collect() });
    assert!(notes.create(&PostParams::default(), &untitled).await.is_err());

    let others: AnyFields = [("body".to_owned(), json!({"any": [1]}))].into_iter().collect();
    let page = Page::new("a", PageFields { title: "Birds".into(), others });
    let kept = server.api_in::<Page>("default").create(&PostParams::default(), &page).await.unwrap();
    assert_eq!((kept.spec.title.as_str(), &kept.spec.others["body"]), ("Birds", &json!({"any": [1]})));
}
