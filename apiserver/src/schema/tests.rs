//! Schemas as a whole: those that kube derives from Rust types, and laws that hold for any object.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{CustomResource, CustomResourceExt};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Schema;
use crate::field::Errors;

/// A flock of birds.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Flock", namespaced, status = "FlockStatus")]
#[serde(rename_all = "camelCase")]
struct FlockSpec {
    /// How it is called.
    #[schemars(length(min = 1, max = 20), regex(pattern = "^[a-z]+$"))]
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 50))]
    size: i32,
    wings: u32,
    seen: Option<u64>,
    weight: Option<f64>,
    #[serde(default)]
    tame: bool,
    #[serde(default)]
    songs: Vec<String>,
    #[serde(default)]
    rings: BTreeMap<String, i64>,
    owners: Option<HashMap<String, Perch>>,
    #[serde(default)]
    mood: Mood,
    other_mood: Option<Mood>,
    food: Option<Food>,
    home: Option<Perch>,
    #[serde(default)]
    perches: Vec<Perch>,
    port: Option<IntOrString>,
    memory: Option<Quantity>,
    resources: Option<ResourceRequirements>,
    selector: Option<LabelSelector>,
    #[serde(default)]
    #[schemars(schema_with = "anything")]
    extra: Option<Value>,
    hatched: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>,
}

fn five() -> i32 {
    5
}

fn anything(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "object", "nullable": true, "x-kubernetes-preserve-unknown-fields": true})
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
enum Mood {
    /// All is well.
    #[default]
    Good,
    Bad,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
enum Food {
    Seeds { grams: u8 },
    Worms(Vec<String>),
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Perch {
    tree: String,
    height_m: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    free: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct FlockStatus {
    #[serde(default)]
    conditions: Vec<Condition>,
    observed_generation: Option<i64>,
}

fn flock() -> Schema {
    let crd = serde_json::to_value(Flock::crd()).expect("a CRD");
    let openapi = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    Schema::compile(openapi).unwrap_or_else(|error| panic!("{error} in {openapi:#}"))
}

fn problems(schema: &Schema, object: &Value) -> Vec<String> {
    let mut errors = Errors::default();
    schema.validate(object, &mut errors);
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_derived_schema_defaults_and_accepts_what_the_type_does() {
    let schema = flock();
    let mut object = json!({
        "apiVersion": "demo.example.com/v1",
        "kind": "Flock",
        "metadata": {"name": "a"},
        "spec": {
            "name": "robins",
            "wings": 2,
            "seen": null,
            "songs": null,
            "food": {"seeds": {"grams": 3, "brand": "x"}},
            "home": {"tree": "oak"},
            "owners": {"bob": {"tree": "elm", "heightM": 2, "colour": "red"}},
            "perches": [{"heightM": 1.5}],
            "port": "http",
            "memory": "1Gi",
            "resources": {"limits": {"cpu": 1}, "what": 1},
            "selector": {"matchLabels": {"a": "b"}},
            "extra": {"anything": [{"goes": null}]},
            "hatched": "2024-05-06T07:08:09Z",
            "wingspan": 4,
        },
    });
    let mut unknown = Vec::new();
    schema.prune(&mut object, &mut unknown);
    assert_eq!(unknown, ["spec.food.seeds.brand", "spec.owners.bob.colour", "spec.resources.what", "spec.wingspan"]);
    schema.default(&mut object);
    assert_eq!(problems(&schema, &object), [""; 0]);
    let spec = &object["spec"];
    assert_eq!(spec["size"], 5);
    assert_eq!(spec["songs"], json!([]));
    assert_eq!(spec["mood"], "Good");
    assert_eq!(spec["rings"], json!({}));
    assert_eq!(spec["home"], json!({"tree": "oak", "heightM": 0}));
    assert_eq!(spec["extra"], json!({"anything": [{"goes": null}]}));
    let typed: Flock = serde_json::from_value(object.clone()).expect("the typed object");
    assert_eq!(typed.spec.size, 5);
    // A hook sees the typed object, and what it writes is checked again.
    assert_eq!(problems(&schema, &serde_json::to_value(&typed).expect("an object")), [""; 0]);
}

#[test]
fn a_derived_schema_refuses_what_the_type_cannot_be() {
    let schema = flock();
    let minimal = json!({"name": "robins", "wings": 2});
    let check = |change: Value, expect: &[&str]| {
        let mut object = json!({ "spec": minimal });
        crate::request::patch::merge_patch::apply(&mut object, &change);
        schema.default(&mut object);
        assert_eq!(problems(&schema, &object), expect, "{change}");
    };
    check(json!({}), &[]);
    check(json!({"spec": {"wings": null}}), &["spec.wings: Required value"]);
    check(
        json!({"spec": {"wings": -1}}),
        &["spec.wings: Invalid value: -1: spec.wings in body should be greater than or equal to 0"],
    );
    check(
        json!({"spec": {"size": 51}}),
        &["spec.size: Invalid value: 51: spec.size in body should be less than or equal to 50"],
    );
    check(
        json!({"spec": {"name": "R2"}}),
        &[r#"spec.name: Invalid value: "R2": spec.name in body should match '^[a-z]+$'"#],
    );
    check(
        json!({"spec": {"mood": "Odd"}}),
        &[r#"spec.mood: Unsupported value: "Odd": supported values: "Bad", "Good""#],
    );
    check(
        json!({"spec": {"port": true}}),
        &[r#"spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean""#],
    );
    check(
        json!({"spec": {"food": {"seeds": {"grams": 1}, "worms": []}}}),
        &[concat!(
            r#"<nil>: Invalid value: "": "spec.food" must validate one and only one schema (oneOf). "#,
            "Found 2 valid alternatives"
        )],
    );
    check(
        json!({"status": {"conditions": [{"type": "Ready"}], "observedGeneration": "x"}}),
        &[
            "status.conditions[0].lastTransitionTime: Required value",
            "status.conditions[0].message: Required value",
            "status.conditions[0].reason: Required value",
            "status.conditions[0].status: Required value",
            concat!(
                r#"status.observedGeneration: Invalid value: "string": "#,
                r#"status.observedGeneration in body must be of type integer: "string""#
            ),
        ],
    );
}

#[test]
fn nulls_in_defaults_mean_as_little_as_elsewhere() {
    let schema = json!({"type": "object", "properties": {"spec": {
        "type": "object", "default": {"a": null, "b": 1},
        "additionalProperties": {"x-kubernetes-preserve-unknown-fields": true, "default": null},
    }}});
    let schema = Schema::compile(&schema).expect("a schema");
    let mut object = json!({});
    for _ in 0..2 {
        schema.default(&mut object);
        assert_eq!(object, json!({"spec": {"b": 1}}));
    }
}

#[test]
fn laws_hold_for_any_object() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..300 {
        let openapi =
            json!({"type": "object", "properties": {"spec": schema(&mut rng, 3), "status": schema(&mut rng, 2)}});
        let compiled = Schema::compile(&openapi).unwrap_or_else(|error| panic!("{error} in {openapi:#}"));
        for _ in 0..20 {
            let mut object = json!({"spec": value(&mut rng, 4), "status": value(&mut rng, 3), "extra": 1});
            let mut unknown = Vec::new();
            compiled.prune(&mut object, &mut unknown);
            assert!(unknown.contains(&"extra".to_owned()));
            let pruned = object.clone();
            unknown.clear();
            compiled.prune(&mut object, &mut unknown);
            assert_eq!((&object, unknown.len()), (&pruned, 0), "pruning again changes nothing");

            compiled.default(&mut object);
            let defaulted = object.clone();
            compiled.default(&mut object);
            assert_eq!(object, defaulted, "defaulting again changes nothing, with {openapi:#}");
            compiled.prune(&mut object, &mut unknown);
            assert_eq!((&object, unknown.len()), (&defaulted, 0), "defaults have no unknown fields");

            let mut errors = Errors::default();
            compiled.validate(&object, &mut errors);
            let mut again = Errors::default();
            compiled.validate_update(&object, &object, &mut again);
            assert!(again.is_empty(), "what does not change is let pass: {again:?}");
        }
    }
}

#[test]
fn no_schema_and_no_object_can_do_harm() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let crd = serde_json::to_value(Flock::crd()).expect("a CRD");
    let openapi = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut usable = 0;
    for _ in 0..300 {
        let mut openapi = openapi.clone();
        for _ in 0..rng.random_range(0..3) {
            mutate(&mut rng, &mut openapi);
        }
        let Ok(schema) = Schema::compile(&openapi) else { continue };
        usable += 1;
        let mut object = json!({
            "spec": {"name": "a", "size": 3, "food": {"seeds": {"grams": 1}}, "perches": [{"tree": "oak"}]},
            "status": {"conditions": [{"type": "a"}, {"type": "b"}]},
        });
        for _ in 0..rng.random_range(0..5) {
            mutate(&mut rng, &mut object);
        }
        schema.prune(&mut object, &mut Vec::new());
        schema.default(&mut object);
        schema.validate(&object, &mut Errors::default());
        schema.validate_status_update(&object, &Value::Null, &mut Errors::default());
    }
    assert!(usable > 0);
}

/// Replaces something, somewhere.
fn mutate(rng: &mut StdRng, document: &mut Value) {
    let next = match document {
        Value::Object(fields) if !fields.is_empty() => {
            let index = rng.random_range(0..fields.len());
            fields.values_mut().nth(index)
        }
        Value::Array(items) if !items.is_empty() => {
            let index = rng.random_range(0..items.len());
            items.get_mut(index)
        }
        _ => None,
    };
    match next {
        Some(next) if rng.random_bool(0.9) => mutate(rng, next),
        _ => *document = value(rng, 2),
    }
}

/// A random structural schema, with defaults that may or may not be of its type.
fn schema(rng: &mut StdRng, depth: usize) -> Value {
    let mut schema = match rng.random_range(0..if depth == 0 { 5 } else { 9 }) {
        0 => json!({"type": "string", "maxLength": 1}),
        1 => json!({"type": "integer", "minimum": 1}),
        2 => json!({"type": "boolean"}),
        3 => json!({"x-kubernetes-int-or-string": true}),
        4 => json!({"x-kubernetes-preserve-unknown-fields": true}),
        5 => json!({"type": "array", "items": schema(rng, depth - 1)}),
        6 => json!({"type": "object", "additionalProperties": schema(rng, depth - 1)}),
        _ => {
            let names = ["a", "b", "c"].into_iter().filter(|_| rng.random_bool(0.7)).collect::<Vec<_>>();
            let properties: Value = names.into_iter().map(|name| (name.to_owned(), schema(rng, depth - 1))).collect();
            json!({"type": "object", "properties": properties})
        }
    };
    if rng.random_bool(0.3) {
        schema["nullable"] = true.into();
    }
    if rng.random_bool(0.3) {
        let default = value(rng, depth);
        let wrapped = json!({"type": "object", "properties": {"x": schema}});
        let mut with_default = wrapped.clone();
        with_default["properties"]["x"]["default"] = default.clone();
        if Schema::compile(&with_default).is_ok() {
            schema["default"] = default;
        }
    }
    schema
}

fn value(rng: &mut StdRng, depth: usize) -> Value {
    match rng.random_range(0..if depth == 0 { 5 } else { 9 }) {
        0 => Value::Null,
        1 => json!(rng.random_range(-1..3)),
        2 => json!(rng.random_bool(0.5)),
        3 => json!(["", "x", "long"][rng.random_range(0..3)]),
        4 => json!(0.5),
        5 => (0..rng.random_range(0..3)).map(|_| value(rng, depth - 1)).collect(),
        _ => {
            let names = ["a", "b", "c", "d"].into_iter().filter(|_| rng.random_bool(0.5)).collect::<Vec<_>>();
            names.into_iter().map(|name| (name.to_owned(), value(rng, depth - 1))).collect()
        }
    }
}
