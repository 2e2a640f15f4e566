//! How the server treats every Nest on its way into storage.

use apiserver::{RequestContext, Strategy, field};

use super::v1::nest::Nest;

/// The hooks of Nest. Each has a default in [`Strategy`], so that those which stay empty may go.
pub struct NestStrategy;

impl Strategy for NestStrategy {
    type Object = Nest;

    /// Fills in what the client left out, on create and on update.
    fn defaulting(&self, object: &mut Self::Object) {
        object.spec.replicas.get_or_insert(1);
    }

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

    /// Reports every invalid field of a new object; one is enough to refuse it.
    fn validate(&self, _cx: &RequestContext, object: &Self::Object, errors: &mut field::Errors) {
        if object.spec.message.trim().is_empty() {
            errors.invalid("spec.message", &object.spec.message, "must not be blank");
        }
    }

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

    /// Warns of what is valid but unwise in an update.
    fn warnings_on_update(
        &self,
        _cx: &RequestContext,
        _new: &Self::Object,
        _old: &Self::Object,
    ) -> Vec<String> {
        Vec::new()
    }

    /// Brings equal objects into one form, after validation.
    fn canonicalize(&self, object: &mut Self::Object) {
        object.spec.tags.sort();
        object.spec.tags.dedup();
    }

    /// Changes an object that is deleted but has to wait for its finalizers.
    fn prepare_for_delete(&self, _cx: &RequestContext, _object: &mut Self::Object) {}

    /// How many seconds a deleted object stays before it is gone; `None` does not keep it waiting.
    fn grace_period_seconds(&self, _object: &Self::Object) -> Option<u32> {
        None
    }

    /// Refuses a deletion by reporting an error.
    fn validate_delete(
        &self,
        _cx: &RequestContext,
        _object: &Self::Object,
        _errors: &mut field::Errors,
    ) {
    }

    /// Whether an update of an object that does not exist creates it.
    fn allow_create_on_update(&self) -> bool {
        false
    }

    /// Whether an update without a resourceVersion overwrites whatever is there.
    fn allow_unconditional_update(&self) -> bool {
        false
    }
}
