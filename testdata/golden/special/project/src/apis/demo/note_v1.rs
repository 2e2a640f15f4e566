//! The subresource notes/v1: a NoteV1 for each Note, kept in an annotation of it.

use apiserver::{Error, Parent, RequestContext, Subresource, Verb};
use kube::{CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::v1::note::Note;

/// Where it is kept.
const ANNOTATION: &str = "demo.special.example.com/v1";

/// What clients read and write. Its path is that of Note, and so is its plural.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "demo.special.example.com",
    version = "v1",
    kind = "NoteV1",
    plural = "notes",
    namespaced,
    doc = "NoteV1 is what notes/v1 takes and gives."
)]
#[serde(rename_all = "camelCase")]
pub struct NoteV1Spec {
    /// Anything worth a note; empty unless given.
    #[serde(default)]
    pub note: String,
}

/// Answers for the subresource. The server has read the parent before it asks, and has checked the
/// object against its schema.
pub struct NoteV1Subresource;

impl Subresource for NoteV1Subresource {
    type Parent = Note;
    type Object = NoteV1;
    const NAME: &'static str = "v1";
    /// What is implemented below; `Verb::Create` is POST. To read and to update is to patch, too.
    const VERBS: &'static [Verb] = &[Verb::Get, Verb::Update];

    /// Answers GET.
    async fn get(
        &self,
        _cx: &RequestContext,
        parent: &Parent<Self::Parent>,
    ) -> Result<Self::Object, Error> {
        let note = parent.annotations().get(ANNOTATION).cloned();
        let note = note.unwrap_or_default();
        let spec = NoteV1Spec { note };
        let mut object = Self::Object::new(&parent.name_any(), spec);
        object.metadata.resource_version = parent.resource_version();
        Ok(object)
    }

    /// Answers PUT and PATCH. The parent changes as any client would change it: with its hooks.
    async fn update(
        &self,
        _cx: &RequestContext,
        parent: &Parent<Self::Parent>,
        mut object: Self::Object,
    ) -> Result<Self::Object, Error> {
        let read_at = object.resource_version();
        let note = &object.spec.note;
        let changed = parent.update(|parent| {
            // Who names the state that was read is refused once there is a newer one.
            if read_at.is_some() {
                parent.metadata.resource_version.clone_from(&read_at);
            }
            let annotations = parent.annotations_mut();
            annotations.insert(ANNOTATION.to_owned(), note.clone());
            Ok(())
        });
        let changed = changed.await?;
        object.metadata.resource_version = changed.resource_version();
        Ok(object)
    }
}
