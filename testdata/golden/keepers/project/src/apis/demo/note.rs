//! How the server treats every Note on its way into storage.

use apiserver::{RequestContext, Strategy, field};

use super::v1::note::Note;

/// The hooks of Note. Nothing is known of its fields but what these ask of them; those that
/// are not here have a default in [`Strategy`].
pub struct NoteStrategy;

impl Strategy for NoteStrategy {
    type Object = Note;

    /// Reports every invalid field, of a new object and of a changed one.
    fn validate(&self, _cx: &RequestContext, object: &Self::Object, errors: &mut field::Errors) {
        match object.spec.others.get("title") {
            Some(title) if !title.is_string() => errors.invalid("title", title, "must be text"),
            _ => {}
        }
    }

    /// Warns of what is valid but unwise in a new object; kubectl prints each line.
    fn warnings_on_create(&self, _cx: &RequestContext, object: &Self::Object) -> Vec<String> {
        if object.spec.others.is_empty() {
            return vec!["this object says nothing".to_owned()];
        }
        Vec::new()
    }
}
