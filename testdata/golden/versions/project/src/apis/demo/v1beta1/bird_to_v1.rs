//! Bird in v1beta1 and in v1: each becomes the other by way of v1alpha1. Where these two have more in
//! common than that version can hold, write here how the fields of one become those of the other.

use apiserver::versions::Version;

use super::bird::Bird;
use crate::apis::demo::{v1, v1alpha1};

/// v1beta1 beside v1. What one of them has no field for is kept in an annotation, and is there again
/// on the way back.
pub fn version() -> Version<v1::bird::Bird> {
    Version::of::<Bird>().keep_lost_fields()
}

impl From<Bird> for v1::bird::Bird {
    fn from(from: Bird) -> Self {
        v1alpha1::bird::Bird::from(from).into()
    }
}

impl From<v1::bird::Bird> for Bird {
    fn from(from: v1::bird::Bird) -> Self {
        v1alpha1::bird::Bird::from(from).into()
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
