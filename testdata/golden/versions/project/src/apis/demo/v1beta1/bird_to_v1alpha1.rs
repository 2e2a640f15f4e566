//! Bird in v1beta1 and in v1alpha1: how each becomes the other, field by field.

use apiserver::versions::Version;

use super::bird::{Bird, BirdSpec, BirdStatus, Length, Unit};
use crate::apis::demo::v1alpha1;

/// v1beta1 beside v1alpha1. What one of them has no field for is kept in an annotation, and is there again
/// on the way back.
pub fn version() -> Version<v1alpha1::bird::Bird> {
    Version::of::<Bird>().keep_lost_fields()
}

impl From<Bird> for v1alpha1::bird::Bird {
    fn from(from: Bird) -> Self {
        Self {
            metadata: from.metadata,
            spec: from.spec.into(),
            status: from.status.map(Into::into),
        }
    }
}

impl From<v1alpha1::bird::Bird> for Bird {
    fn from(from: v1alpha1::bird::Bird) -> Self {
        Self {
            metadata: from.metadata,
            spec: from.spec.into(),
            status: from.status.map(Into::into),
        }
    }
}

impl From<BirdSpec> for v1alpha1::bird::BirdSpec {
    fn from(from: BirdSpec) -> Self {
        Self {
            message: from.message,
            replicas: from.replicas,
            tags: from.tags,
            wingspan: from.wingspan.map(text),
        }
    }
}

impl From<v1alpha1::bird::BirdSpec> for BirdSpec {
    fn from(from: v1alpha1::bird::BirdSpec) -> Self {
        Self {
            message: from.message,
            replicas: from.replicas,
            tags: from.tags,
            wingspan: from.wingspan.and_then(|text| length(&text)),
        }
    }
}

impl From<BirdStatus> for v1alpha1::bird::BirdStatus {
    fn from(from: BirdStatus) -> Self {
        Self {
            observed_generation: from.observed_generation,
            phase: from.phase,
            conditions: from.conditions,
        }
    }
}

impl From<v1alpha1::bird::BirdStatus> for BirdStatus {
    fn from(from: v1alpha1::bird::BirdStatus) -> Self {
        Self {
            observed_generation: from.observed_generation,
            phase: from.phase,
            conditions: from.conditions,
        }
    }
}

fn text(length: Length) -> String {
    let unit = match length.unit {
        Unit::Centimeters => "cm",
        Unit::Millimeters => "mm",
    };
    format!("{}{unit}", length.value)
}

/// What is no length stays where it is: in the annotation.
fn length(text: &str) -> Option<Length> {
    let (value, unit) = match text.strip_suffix("cm") {
        Some(value) => (value, Unit::Centimeters),
        None => (text.strip_suffix("mm")?, Unit::Millimeters),
    };
    let value = value.parse().ok()?;
    Some(Length { value, unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With objects of all kinds, made up from the schemas.
    #[test]
    fn nothing_is_lost_on_the_way_to_the_other_version_and_back() {
        apiserver::testing::round_trips(&version());
    }
}
