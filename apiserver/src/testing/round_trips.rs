//! Whether objects survive the way to another version and back.

use std::sync::Arc;

use kube::CustomResourceExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::generate::Generator;
use crate::kind::{Kind, KindVersion, drop_titles};
use crate::versions::kept::{Difference, different_paths};
use crate::versions::{Conversion, Conversions, Version};

/// How many objects are made for each direction.
const CASES: u64 = 200;
/// Set to the number that a failure printed to see it again.
const SEED: &str = "APISERVER_ROUND_TRIPS_SEED";

/// Checks the conversions of a version: objects of it that become objects of the stored version, and the other way round,
/// come back as they were. The objects are made up from the schemas, other ones in each run.
///
/// With [`keep_lost_fields`](Version::keep_lost_fields) a field may have no place in the other version, or less room than
/// here: it comes back from the annotation. What no annotation makes good is still found: a value that would come back
/// different each time, labels and annotations that are dropped.
///
/// ```no_run
/// # fn version() -> apiserver::versions::Version<Bird> { apiserver::versions::Version::same_shape("v1alpha1") }
/// # use kube::CustomResource;
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
/// # #[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced)]
/// # struct BirdSpec {}
/// apiserver::testing::round_trips(&version());
/// ```
///
/// # Panics
/// When something is lost or changed. The message names the field, the pair of versions, and a number: with it in
/// `APISERVER_ROUND_TRIPS_SEED` the same object is made again.
#[track_caller]
pub fn round_trips<Hub: CustomResourceExt>(version: &Version<Hub>) {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    if let Err(failure) = check(version, seed) {
        panic!("{failure}");
    }
}

/// Both directions.
fn check<Hub: CustomResourceExt>(version: &Version<Hub>, seed: u64) -> Result<(), String> {
    let further = version.further();
    let mut crd = Hub::crd();
    drop_titles(&mut crd);
    further.add_to(&mut crd).map_err(|problem| format!("{}: {problem}", version.name()))?;
    let kind = Arc::new(Kind::from_crd(&crd).map_err(|error| crate::kind::told(&error))?);
    let hub = kind.storage_version();
    let other = |kind: &Kind| kind.versions.iter().position(|found| found.version == version.name());
    let spoke = &kind.versions[other(&kind).ok_or("a version of its own name is missing")?];
    if !further.has_own_shape() {
        return Ok(());
    }
    let pair = TestedPair {
        plain: Conversions::new(kind.clone(), &[further.clone().forgetful()]),
        declared: Conversions::new(kind.clone(), std::slice::from_ref(further)),
        keeps: further.keeps_lost_fields(),
        kind: &kind,
    };
    pair.check(spoke, hub, seed)?;
    pair.check(hub, spoke, seed)
}

struct TestedPair<'a> {
    kind: &'a Kind,
    /// The types alone.
    plain: Conversions,
    /// With what the version says of lost fields.
    declared: Conversions,
    keeps: bool,
}

impl TestedPair<'_> {
    /// One direction, there and back.
    fn check(&self, from: &KindVersion, to: &KindVersion, seed: u64) -> Result<(), String> {
        let mut refused = None;
        let mut read = 0;
        for seed in (0..CASES).map(|case| seed.wrapping_add(case)) {
            let mut object = Generator::new(StdRng::seed_from_u64(seed)).object(self.kind, from);
            from.schema.prune(&mut object, &mut Vec::new());
            from.schema.default(&mut object);
            // What the type does not read, or reads and leaves out, is none of the conversion's business.
            match self.plain.written(from, &object) {
                Ok(written) => object = written,
                Err(error) => {
                    refused = Some(error.message);
                    continue;
                }
            }
            read += 1;
            self.check_object(from, to, &object).map_err(|failure| {
                format!(
                    "{from} -> {to} -> {from}: {failure}\nto see it again: {SEED}={seed}\nthe object: {object}",
                    from = from.version,
                    to = to.version
                )
            })?;
        }
        match refused {
            Some(error) if read == 0 => {
                Err(format!("no object made up from the schema of {} can be read as its type: {error}", from.version))
            }
            _ => Ok(()),
        }
    }

    fn check_object(&self, from: &KindVersion, to: &KindVersion, object: &Value) -> Result<(), String> {
        let (back, _) = self.there_and_back(&self.plain, from, to, object)?;
        if back["metadata"] != object["metadata"] {
            return Err(metadata_failure(&object["metadata"], &back["metadata"]));
        }
        let lost = different_paths(&from.schema, object, &back);
        if !self.keeps {
            return match lost.first() {
                None => Ok(()),
                Some(lost) => Err(format!(
                    "{lost}\nfix the conversions, or let the version `keep_lost_fields()` if {} has no place for it",
                    to.version
                )),
            };
        }
        // What has no place in the other version is away after the first time. What is different again after the second
        // would be different each time.
        let (again, _) = self.there_and_back(&self.plain, from, to, &back)?;
        if let Some(mangled) = different_paths(&from.schema, &back, &again).first() {
            return Err(format!("{mangled} when it was converted once more: the conversions change its value"));
        }
        let (kept, there) = self.there_and_back(&self.declared, from, to, object)?;
        if kept["metadata"] != object["metadata"] {
            return Err(metadata_failure(&object["metadata"], &kept["metadata"]));
        }
        match different_paths(&from.schema, object, &kept).first() {
            None => Ok(()),
            Some(lost) => Err(format!("{lost}, though lost fields are kept\nin {}: {there}", to.version)),
        }
    }

    fn there_and_back(
        &self,
        conversions: &Conversions,
        from: &KindVersion,
        to: &KindVersion,
        object: &Value,
    ) -> Result<(Value, Value), String> {
        let convert = |from: &KindVersion, to: &KindVersion, object: Value| {
            let mut converted = conversions.convert(from, to, object).map_err(|error| error.to_string())?;
            to.schema.default(&mut converted);
            Ok::<_, String>(converted)
        };
        let there = convert(from, to, object.clone())?;
        Ok((convert(to, from, there.clone())?, there))
    }
}

fn metadata_failure(was: &Value, became: &Value) -> String {
    let empty = json!({});
    for field in ["labels", "annotations"] {
        let (was, became) = (was.get(field).unwrap_or(&empty), became.get(field).unwrap_or(&empty));
        if was != became {
            return format!("metadata.{field} was {was} and came back as {became}; pass on `metadata` as it is");
        }
    }
    format!("metadata was {was} and came back as {became}")
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, was, became } = self;
        match (was, became) {
            (Some(was), None) => write!(formatter, "{path} was {was} and is lost"),
            (Some(was), Some(became)) => write!(formatter, "{path} was {was} and came back as {became}"),
            (None, Some(became)) => write!(formatter, "{path} was not there and came back as {became}"),
            (None, None) => write!(formatter, "{path} is the same"),
        }
    }
}
