//! How the server treats every Bird on its way into storage: its schema says it all, but for the second version.

use apiserver::Strategy;
use apiserver::versions::Version;

use super::v1::bird::Bird;

pub struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;

    fn versions(&self) -> Vec<Version<Bird>> {
        let warning = "v1alpha1 birds are leaving; use v1 birds";
        vec![Version::same_shape("v1alpha1").deprecated(warning)]
    }
}
