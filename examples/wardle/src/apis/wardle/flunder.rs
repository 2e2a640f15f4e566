//! How the server treats every Flunder on its way into storage.

use apiserver::{RequestContext, Strategy, field};

use super::v1beta1::flunder::Flunder;

/// The hooks of Flunder.
pub struct FlunderStrategy;

impl Strategy for FlunderStrategy {
    type Object = Flunder;

    fn is_native(&self) -> bool {
        true
    }

    /// Reports every invalid field of a new object; one is enough to refuse it.
    fn validate(&self, _cx: &RequestContext, object: &Self::Object, errors: &mut field::Errors) {
        let spec = &object.spec;
        let flunder = spec.flunder_reference.as_deref().unwrap_or_default();
        let fischer = spec.fischer_reference.as_deref().unwrap_or_default();
        let reference_type = spec.reference_type.as_deref().unwrap_or_default();
        let problem = match (flunder, fischer, reference_type) {
            ("", "", "Flunder") => Some((
                "flunderReference",
                "",
                "cannot be empty if referenceType is Flunder",
            )),
            (_, "", "Fischer") if flunder.is_empty() => Some((
                "fischerReference",
                "",
                "cannot be empty if referenceType is Fischer",
            )),
            ("", "", _) | ("", _, "Fischer") | (_, "", "Flunder") => None,
            (_, "", _) => Some((
                "flunderReference",
                flunder,
                "cannot be set if referenceType is not Flunder",
            )),
            ("", _, _) => Some((
                "fischerReference",
                fischer,
                "cannot be set if referenceType is not Fischer",
            )),
            _ => Some((
                "fischerReference",
                fischer,
                "cannot be set with flunderReference at the same time",
            )),
        };
        if let Some((name, value, message)) = problem {
            errors.invalid(format!("spec.{name}"), value, message);
        }
        if !matches!(reference_type, "" | "Flunder" | "Fischer") {
            errors.invalid(
                "spec.referenceType",
                reference_type,
                "must be Flunder or Fischer",
            );
        }
    }

    /// Nothing is asked of an update, as in the Go sample.
    fn validate_update(
        &self,
        _: &RequestContext,
        _: &Self::Object,
        _: &Self::Object,
        _: &mut field::Errors,
    ) {
    }
}
