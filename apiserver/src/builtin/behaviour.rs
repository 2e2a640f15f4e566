//! How built-in kinds behave: the hooks of kinds that have no type of a project's own, as a few functions on values.

use serde_json::Value;

use crate::field::{self, labels};
use crate::registry::hooks::{Draft, Hooks, Mismatch};
use crate::registry::metadata;
use crate::request::context::RequestContext;

/// How a built-in kind behaves. What is not set does nothing, and clients may overwrite objects without having read them,
/// as they may most of Kubernetes' kinds.
#[derive(Clone, Copy)]
pub struct Behaviour {
    /// Fills in what a client left out; whatever type its fields have.
    pub defaults: fn(&mut Value),
    /// Sets or drops what a client may not say; with the stored object, if there is one.
    pub prepare: fn(&RequestContext, &mut Value, Option<&Value>),
    /// Reports what is wrong; with the stored object, if there is one.
    pub check: fn(&RequestContext, &Value, Option<&Value>, &mut field::Errors),
    /// What to tell the author of an object that is valid but unwise.
    pub warnings: fn(&Value) -> Vec<String>,
    /// Changes an object that is about to wait for its finalizers.
    pub begin_deletion: fn(&mut Value),
    /// See [`Hooks::is_held`].
    pub is_held: fn(&Value) -> bool,
    /// See [`Hooks::name_problems`].
    pub name_problems: fn(&str) -> Vec<String>,
    /// Whether PUT of an object that does not exist creates it.
    pub create_on_update: bool,
    /// Whether PUT without a resourceVersion overwrites whatever is there.
    pub unconditional_update: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            defaults: |_| {},
            prepare: |_, _, _| {},
            check: |_, _, _, _| {},
            warnings: |_| Vec::new(),
            begin_deletion: |_| {},
            is_held: |_| false,
            name_problems: labels::dns_subdomain,
            create_on_update: false,
            unconditional_update: true,
        }
    }
}

impl Hooks for Behaviour {
    fn defaulting(&self, object: &mut Draft) -> Result<(), Mismatch> {
        (self.defaults)(object.value_mut());
        Ok(())
    }

    fn prepare_for_create(&self, cx: &RequestContext, object: &mut Draft) -> Result<(), Mismatch> {
        (self.prepare)(cx, object.value_mut(), None);
        Ok(())
    }

    fn validate(&self, cx: &RequestContext, object: &mut Draft, errors: &mut field::Errors) -> Result<(), Mismatch> {
        check_finalizers(object.value(), errors);
        (self.check)(cx, object.value(), None, errors);
        Ok(())
    }

    fn prepare_for_update(&self, cx: &RequestContext, new: &mut Draft, old: &mut Draft) -> Result<(), Mismatch> {
        (self.prepare)(cx, new.value_mut(), Some(old.value()));
        Ok(())
    }

    fn validate_update(
        &self,
        cx: &RequestContext,
        new: &mut Draft,
        old: &mut Draft,
        errors: &mut field::Errors,
    ) -> Result<(), Mismatch> {
        check_finalizers(new.value(), errors);
        (self.check)(cx, new.value(), Some(old.value()), errors);
        Ok(())
    }

    fn warnings_on_create(&self, _: &RequestContext, object: &mut Draft) -> Result<Vec<String>, Mismatch> {
        Ok((self.warnings)(object.value()))
    }

    fn warnings_on_update(&self, _: &RequestContext, new: &mut Draft, _: &mut Draft) -> Result<Vec<String>, Mismatch> {
        Ok((self.warnings)(new.value()))
    }

    fn prepare_for_delete(&self, _: &RequestContext, object: &mut Draft) -> Result<(), Mismatch> {
        (self.begin_deletion)(object.value_mut());
        Ok(())
    }

    fn allow_create_on_update(&self) -> bool {
        self.create_on_update
    }

    fn allow_unconditional_update(&self) -> bool {
        self.unconditional_update
    }

    fn is_held(&self, object: &Value) -> bool {
        (self.is_held)(object)
    }

    fn name_problems(&self, name: &str) -> Vec<String> {
        (self.name_problems)(name)
    }
}

/// Unlike custom resources, built-in kinds take no finalizer without a domain that is not Kubernetes' own. Source:
/// `validateKubeFinalizerName` in
/// <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go>
fn check_finalizers(object: &Value, errors: &mut field::Errors) {
    for (index, finalizer) in metadata::finalizers(object).into_iter().enumerate() {
        check_finalizer(finalizer, format!("metadata.finalizers[{index}]"), errors);
    }
}

/// Reports a finalizer that is neither qualified nor one of Kubernetes' own.
pub(super) fn check_finalizer(finalizer: &str, at: String, errors: &mut field::Errors) {
    if !finalizer.contains('/') && !matches!(finalizer, "kubernetes" | "orphan" | "foregroundDeletion") {
        errors.invalid(at, finalizer, "name is neither a standard finalizer name nor is it fully qualified");
    }
}
