//! What the property test of conversions finds, and what it lets pass.

use apiserver::testing::round_trips;
use apiserver::versions::Version;
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kinds;

#[test]
fn the_conversions_of_these_tests_lose_nothing() {
    round_trips(&kinds::alpha());
    round_trips(&kinds::beta());
    round_trips(&Version::<kinds::v1beta1::Bird>::of::<kinds::v1::Bird>().keep_lost_fields());
    round_trips(&Version::<kinds::v1::Bird>::same_shape("v2"));
}

#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Egg")]
#[serde(rename_all = "camelCase")]
struct EggSpec {
    color: String,
    grams: i32,
    #[serde(default)]
    hatched: bool,
    shell: Shell,
}

/// One of several shapes.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
enum Shell {
    Plain { thickness: u8 },
    Speckled { dots: Vec<i32>, note: Option<String> },
}

/// Versions that differ in their conversions alone.
macro_rules! older_egg {
    ($module:ident, $old:ident, $new:ident, $to_hub:expr, $from_hub:expr) => {
        mod $module {
            use super::*;

            #[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
            #[kube(group = "demo.example.com", version = "v1alpha1", kind = "Egg", root = "OldEgg")]
            #[serde(rename_all = "camelCase")]
            pub struct OldEggSpec {
                pub color: String,
                pub grams: i32,
                #[serde(default)]
                pub hatched: bool,
                pub(super) shell: Shell,
            }

            impl From<OldEgg> for Egg {
                fn from($old: OldEgg) -> Self {
                    $to_hub
                }
            }

            impl From<Egg> for OldEgg {
                fn from($new: Egg) -> Self {
                    $from_hub
                }
            }

            pub fn version() -> Version<Egg> {
                Version::of::<OldEgg>()
            }
        }
    };
}

macro_rules! egg {
    ($from:ident, $color:expr, $grams:expr) => {
        Egg {
            metadata: $from.metadata,
            spec: EggSpec { color: $color, grams: $grams, hatched: $from.spec.hatched, shell: $from.spec.shell },
        }
    };
}

macro_rules! old_egg {
    ($from:ident, $color:expr, $grams:expr) => {
        OldEgg {
            metadata: $from.metadata,
            spec: OldEggSpec { color: $color, grams: $grams, hatched: $from.spec.hatched, shell: $from.spec.shell },
        }
    };
}

older_egg!(good, old, new, egg!(old, old.spec.color, old.spec.grams), old_egg!(new, new.spec.color, new.spec.grams));
older_egg!(drops, old, new, egg!(old, String::new(), old.spec.grams), old_egg!(new, new.spec.color, new.spec.grams));
older_egg!(
    counts,
    old,
    new,
    egg!(old, old.spec.color, old.spec.grams.wrapping_add(1)),
    old_egg!(new, new.spec.color, new.spec.grams)
);
older_egg!(
    unlabelled,
    old,
    new,
    {
        let mut egg = egg!(old, old.spec.color, old.spec.grams);
        egg.metadata.labels = None;
        egg
    },
    old_egg!(new, new.spec.color, new.spec.grams)
);

#[test]
fn nothing_lost_passes() {
    assert_eq!(good::OldEgg::crd().spec.names.kind, "Egg");
    round_trips(&good::version());
    round_trips(&good::version().keep_lost_fields());
    // A field without a place in the other version is what `keep_lost_fields` is for.
    round_trips(&drops::version().keep_lost_fields());
}

#[test]
#[should_panic = "v1alpha1 -> v1 -> v1alpha1: spec.color was "]
fn a_dropped_field_is_found() {
    round_trips(&drops::version());
}

#[test]
#[should_panic = "v1alpha1 -> v1 -> v1alpha1: spec.grams was "]
fn a_changed_value_is_found() {
    round_trips(&counts::version());
}

#[test]
#[should_panic = "when it was converted once more: the conversions change its value"]
fn a_changed_value_is_found_though_lost_fields_are_kept() {
    round_trips(&counts::version().keep_lost_fields());
}

#[test]
#[should_panic = "metadata.labels was "]
fn dropped_labels_are_found() {
    round_trips(&unlabelled::version().keep_lost_fields());
}
