//! Bird in v1alpha1 and in v1: how each becomes the other, field by field.

use apiserver::versions::Version;

use super::bird::{Bird, BirdSpec, BirdStatus};
use crate::apis::demo::v1;

/// v1alpha1 beside v1. What one of them has no field for is kept in an annotation, and is there again
/// on the way back.
pub fn version() -> Version<v1::bird::Bird> {
    Version::of::<Bird>().keep_lost_fields()
}

impl From<Bird> for v1::bird::Bird {
    fn from(from: Bird) -> Self {
        Self {
            metadata: from.metadata,
            spec: from.spec.into(),
            status: from.status.map(Into::into),
        }
    }
}

impl From<v1::bird::Bird> for Bird {
    fn from(from: v1::bird::Bird) -> Self {
        Self {
            metadata: from.metadata,
            spec: from.spec.into(),
            status: from.status.map(Into::into),
        }
    }
}

impl From<BirdSpec> for v1::bird::BirdSpec {
    fn from(from: BirdSpec) -> Self {
        Self {
            message: from.message,
            replicas: from.replicas,
            tags: from.tags,
            size: from.wingspan.as_deref().and_then(size),
        }
    }
}

impl From<v1::bird::BirdSpec> for BirdSpec {
    fn from(from: v1::bird::BirdSpec) -> Self {
        Self {
            message: from.message,
            replicas: from.replicas,
            tags: from.tags,
            wingspan: from.size.as_ref().and_then(wingspan),
        }
    }
}

impl From<BirdStatus> for v1::bird::BirdStatus {
    fn from(from: BirdStatus) -> Self {
        Self {
            observed_generation: from.observed_generation,
            phase: from.phase,
            conditions: from.conditions,
        }
    }
}

impl From<v1::bird::BirdStatus> for BirdStatus {
    fn from(from: v1::bird::BirdStatus) -> Self {
        Self {
            observed_generation: from.observed_generation,
            phase: from.phase,
            conditions: from.conditions,
        }
    }
}

/// What is no length stays where it is: in the annotation.
fn size(wingspan: &str) -> Option<v1::bird::Size> {
    let millimeters: i32 = match wingspan.strip_suffix("cm") {
        Some(centimeters) => centimeters.parse::<i32>().ok()?.checked_mul(10)?,
        None => wingspan.strip_suffix("mm")?.parse().ok()?,
    };
    Some(v1::bird::Size {
        wingspan_millimeters: Some(millimeters),
        weight_grams: None,
    })
}

/// Millimeters where there is room for them: v1alpha1 has three digits.
fn wingspan(size: &v1::bird::Size) -> Option<String> {
    let millimeters = size.wingspan_millimeters?;
    if millimeters < 1000 && millimeters % 10 != 0 {
        return Some(format!("{millimeters}mm"));
    }
    Some(format!("{}cm", millimeters / 10))
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
