//! How the server treats every Note on its way into storage, beyond what the schema says.

use apiserver::{RequestContext, Strategy, field};

use super::v1beta1::note::Note;

/// The hooks of Note. Each has a default in [`Strategy`], so that those which stay empty may go.
pub struct NoteStrategy;

impl Strategy for NoteStrategy {
    type Object = Note;

    /// Fills in what the client left out and the schema has no default for.
    fn defaulting(&self, _object: &mut Self::Object) {}

    /// Sets what a new object starts with, whatever the client sent.
    fn prepare_for_create(&self, _cx: &RequestContext, _object: &mut Self::Object) {}

    /// Keeps what an update may not change.
    fn prepare_for_update(
        &self,
        _cx: &RequestContext,
        _new: &mut Self::Object,
        _old: &Self::Object,
    ) {
    }

    /// Reports every invalid field of a new object that the schema lets through.
    fn validate(&self, _cx: &RequestContext, _object: &Self::Object, _errors: &mut field::Errors) {}

    /// Reports every invalid field of an update; `old` is there to forbid changes.
    fn validate_update(
        &self,
        cx: &RequestContext,
        new: &Self::Object,
        _old: &Self::Object,
        errors: &mut field::Errors,
    ) {
        self.validate(cx, new, errors);
    }

    /// Warns of what is valid but unwise in a new object; kubectl prints each line.
    fn warnings_on_create(&self, _cx: &RequestContext, _object: &Self::Object) -> Vec<String> {
        Vec::new()
    }
}
