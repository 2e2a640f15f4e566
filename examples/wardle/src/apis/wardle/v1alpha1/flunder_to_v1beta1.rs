//! How a Flunder of v1alpha1 becomes one of v1beta1, which is stored, and back.

use apiserver::versions::Version;

use super::flunder::{Flunder, FlunderSpec};
use crate::apis::wardle::v1beta1;

/// The version as it is served.
pub fn version() -> Version<v1beta1::flunder::Flunder> {
    Version::of::<Flunder>()
}

impl From<Flunder> for v1beta1::flunder::Flunder {
    fn from(old: Flunder) -> Self {
        let FlunderSpec {
            reference,
            reference_type,
        } = old.spec;
        // A reference names a Flunder unless it says otherwise.
        let reference_type =
            reference_type.or_else(|| reference.as_ref().map(|_| "Flunder".to_owned()));
        let (flunder_reference, fischer_reference) = match reference_type.as_deref() {
            Some("Fischer") => (None, reference),
            _ => (reference, None),
        };
        let spec = v1beta1::flunder::FlunderSpec {
            flunder_reference,
            fischer_reference,
            reference_type,
        };
        Self {
            metadata: old.metadata,
            spec,
        }
    }
}

impl From<v1beta1::flunder::Flunder> for Flunder {
    fn from(new: v1beta1::flunder::Flunder) -> Self {
        let v1beta1::flunder::FlunderSpec {
            flunder_reference,
            fischer_reference,
            reference_type,
        } = new.spec;
        let reference = match reference_type.as_deref() {
            Some("Fischer") => fischer_reference,
            _ => flunder_reference,
        };
        Self {
            metadata: new.metadata,
            spec: FlunderSpec {
                reference,
                reference_type,
            },
        }
    }
}
