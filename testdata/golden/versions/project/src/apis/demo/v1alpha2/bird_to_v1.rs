//! Bird in v1alpha2 and in v1: how each becomes the other, field by field.

use apiserver::versions::Version;

use super::bird::{Bird, BirdSpec, BirdStatus, Size};
use crate::apis::demo::v1;

/// v1alpha2 beside v1. What one of them has no field for is kept in an annotation, and is there again
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
            size: from.size.map(Into::into),
        }
    }
}

impl From<v1::bird::BirdSpec> for BirdSpec {
    fn from(from: v1::bird::BirdSpec) -> Self {
        Self {
            message: from.message,
            replicas: from.replicas,
            tags: from.tags,
            size: from.size.map(Into::into),
        }
    }
}

impl From<Size> for v1::bird::Size {
    fn from(from: Size) -> Self {
        Self {
            wingspan_millimeters: from.wingspan_millimeters,
            weight_grams: from.weight_grams,
        }
    }
}

impl From<v1::bird::Size> for Size {
    fn from(from: v1::bird::Size) -> Self {
        Self {
            wingspan_millimeters: from.wingspan_millimeters,
            weight_grams: from.weight_grams,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// With objects of all kinds, made up from the schemas.
    #[test]
    fn nothing_is_lost_on_the_way_to_the_other_version_and_back() {
        apiserver::testing::round_trips(&version());
    }
}
