//! A kind in three versions, each of another shape.

use apiserver::versions::Version;
use apiserver::{RequestContext, Strategy, field};

pub mod v1 {
    use kube::CustomResource;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
    #[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced, status = "BirdStatus")]
    #[kube(scale(spec_replicas_path = ".spec.replicas", status_replicas_path = ".status.replicas"))]
    #[kube(selectable = ".spec.species")]
    #[kube(printcolumn(name = "Species", type_ = "string", json_path = ".spec.species"))]
    #[serde(rename_all = "camelCase")]
    pub struct BirdSpec {
        pub species: String,
        #[serde(default)]
        pub wingspan: Wingspan,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
        pub perches: Vec<Perch>,
        #[serde(default = "one")]
        pub replicas: i32,
        /// No other version has it.
        pub nickname: Option<String>,
    }

    #[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
    pub struct Wingspan {
        #[serde(default)]
        pub centimetres: i32,
    }

    #[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
    pub struct Perch {
        pub name: String,
        /// No other version has it.
        pub height: Option<i32>,
    }

    #[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
    pub struct BirdStatus {
        pub phase: Option<String>,
        #[serde(default)]
        pub replicas: i32,
    }

    fn one() -> i32 {
        1
    }
}

pub mod v1beta1 {
    use kube::CustomResource;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
    #[kube(group = "demo.example.com", version = "v1beta1", kind = "Bird", namespaced, status = "BirdStatus")]
    #[kube(scale(spec_replicas_path = ".spec.count", status_replicas_path = ".status.count"))]
    #[kube(selectable = ".spec.bird.species")]
    #[serde(rename_all = "camelCase")]
    pub struct BirdSpec {
        pub bird: Kind,
        #[serde(default)]
        pub wingspan_cm: i32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub perches: Vec<String>,
        #[serde(default = "one")]
        pub count: i32,
    }

    #[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
    pub struct Kind {
        pub species: String,
    }

    #[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
    pub struct BirdStatus {
        pub phase: Option<String>,
        #[serde(default)]
        pub count: i32,
    }

    fn one() -> i32 {
        1
    }
}

pub mod v1alpha1 {
    use kube::CustomResource;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
    #[kube(group = "demo.example.com", version = "v1alpha1", kind = "Bird", namespaced, status = "BirdStatus")]
    #[kube(selectable = ".spec.size")]
    #[kube(printcolumn(name = "Size", type_ = "string", json_path = ".spec.size"))]
    #[serde(rename_all = "camelCase")]
    pub struct BirdSpec {
        pub species: String,
        /// For example `20cm`.
        #[schemars(regex(pattern = "^-?[0-9]{1,9}cm$"))]
        pub size: String,
        /// No other version has it.
        pub color: Option<String>,
        /// No other version has it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub songs: Vec<Song>,
    }

    #[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
    pub struct Song {
        pub title: String,
    }

    #[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
    pub struct BirdStatus {
        pub state: Option<String>,
    }
}

impl From<v1beta1::Bird> for v1::Bird {
    fn from(old: v1beta1::Bird) -> Self {
        let perches = old.spec.perches.into_iter().map(|name| v1::Perch { name, height: None }).collect();
        Self {
            metadata: old.metadata,
            spec: v1::BirdSpec {
                species: old.spec.bird.species,
                wingspan: v1::Wingspan { centimetres: old.spec.wingspan_cm },
                perches,
                replicas: old.spec.count,
                nickname: None,
            },
            status: old.status.map(|status| v1::BirdStatus { phase: status.phase, replicas: status.count }),
        }
    }
}

impl From<v1::Bird> for v1beta1::Bird {
    fn from(bird: v1::Bird) -> Self {
        Self {
            metadata: bird.metadata,
            spec: v1beta1::BirdSpec {
                bird: v1beta1::Kind { species: bird.spec.species },
                wingspan_cm: bird.spec.wingspan.centimetres,
                perches: bird.spec.perches.into_iter().map(|perch| perch.name).collect(),
                count: bird.spec.replicas,
            },
            status: bird.status.map(|status| v1beta1::BirdStatus { phase: status.phase, count: status.replicas }),
        }
    }
}

impl From<v1alpha1::Bird> for v1::Bird {
    fn from(old: v1alpha1::Bird) -> Self {
        let centimetres = old.spec.size.trim_end_matches("cm").parse().unwrap_or_default();
        Self {
            metadata: old.metadata,
            spec: v1::BirdSpec {
                species: old.spec.species,
                wingspan: v1::Wingspan { centimetres },
                perches: Vec::new(),
                replicas: 1,
                nickname: None,
            },
            status: old.status.map(|status| v1::BirdStatus { phase: status.state, replicas: 0 }),
        }
    }
}

impl From<v1::Bird> for v1alpha1::Bird {
    fn from(bird: v1::Bird) -> Self {
        Self {
            metadata: bird.metadata,
            spec: v1alpha1::BirdSpec {
                species: bird.spec.species,
                size: format!("{}cm", bird.spec.wingspan.centimetres),
                color: None,
                songs: Vec::new(),
            },
            status: bird.status.map(|status| v1alpha1::BirdStatus { state: status.phase }),
        }
    }
}

impl From<v1alpha1::Bird> for v1beta1::Bird {
    fn from(old: v1alpha1::Bird) -> Self {
        v1::Bird::from(old).into()
    }
}

impl From<v1beta1::Bird> for v1alpha1::Bird {
    fn from(bird: v1beta1::Bird) -> Self {
        v1::Bird::from(bird).into()
    }
}

/// Stored as v1.
pub struct Birds;

impl Strategy for Birds {
    type Object = v1::Bird;

    fn versions(&self) -> Vec<Version<v1::Bird>> {
        vec![beta(), alpha()]
    }

    fn validate(&self, _: &RequestContext, bird: &v1::Bird, errors: &mut field::Errors) {
        if bird.spec.species == "dragon" {
            errors.invalid("spec.species", &bird.spec.species, "dragons are no birds");
        }
    }
}

/// Stored as v1beta1.
pub struct OldBirds;

impl Strategy for OldBirds {
    type Object = v1beta1::Bird;
}

pub fn beta() -> Version<v1::Bird> {
    Version::of::<v1beta1::Bird>().keep_lost_fields()
}

pub fn alpha() -> Version<v1::Bird> {
    Version::of::<v1alpha1::Bird>().keep_lost_fields().deprecated("")
}
