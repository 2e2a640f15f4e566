//! Definitions that people wrote against those that the types yield which were made from them: the same schema, and the
//! same verdict on whatever objects.
//!
//! The definitions are in `testdata/crds`. What the types yield is in `testdata/crds/printed`, which the tests of
//! scaffolded projects keep up to date. For definitions of one's own:
//! `DEFINITIONS=folder PRINTED=file cargo test -p apiserver --test definitions -- --nocapture`

mod compare;
mod objects;

use std::path::{Path, PathBuf};

use apiserver::field;
use apiserver::schema::Schema;
use serde_json::Value;

/// Objects that are tried on each pair.
const OBJECTS: u64 = 400;

#[test]
fn the_schemas_are_the_same() {
    let mut differences = Vec::new();
    for pair in pairs() {
        let found = compare::differences(&pair.written, &pair.printed);
        println!("{}: {} differences", pair.name, found.len());
        differences.extend(found.into_iter().map(|found| format!("{}: {found}", pair.name)));
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn the_verdicts_are_the_same() {
    for pair in pairs() {
        let written = Schema::compile(&pair.written).unwrap_or_else(|error| panic!("{}: {error}", pair.name));
        let printed = Schema::compile(&pair.printed).unwrap_or_else(|error| panic!("{}: printed: {error}", pair.name));
        let mut accepted = 0;
        for seed in 0..OBJECTS {
            let object = objects::object(&pair.written, seed);
            let (of_written, of_printed) = (verdict(&written, &object), verdict(&printed, &object));
            accepted += usize::from(of_written.accepted);
            assert_eq!(of_written, of_printed, "{}, seed {seed}: {object:#}", pair.name);
        }
        // A generator that only makes what is refused would show little.
        assert!(accepted > 0 || std::env::var_os("DEFINITIONS").is_some(), "{}", pair.name);
        println!("{}: {accepted} of {OBJECTS} objects accepted", pair.name);
    }
}

/// What becomes of an object.
#[derive(Debug, PartialEq)]
struct Verdict {
    defaulted: Value,
    unknown: Vec<String>,
    accepted: bool,
    /// The fields that are refused. Conditions have none, and those that go without saying may be gone.
    refused: Vec<String>,
}

fn verdict(schema: &Schema, object: &Value) -> Verdict {
    let (mut object, mut unknown, mut errors) = (object.clone(), Vec::new(), field::Errors::default());
    schema.prune(&mut object, &mut unknown);
    schema.default(&mut object);
    schema.validate(&object, &mut errors);
    let fields = errors.iter().map(|error| error.field.clone());
    let mut refused: Vec<String> = fields.filter(|field| field != "<nil>").collect();
    refused.sort();
    refused.dedup();
    Verdict { defaulted: object, unknown, accepted: errors.is_empty(), refused }
}

/// One version of a kind, as somebody wrote it and as its types yield it.
struct Pair {
    name: String,
    written: Value,
    printed: Value,
}

fn pairs() -> Vec<Pair> {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/crds");
    let given = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let folder = given("DEFINITIONS").unwrap_or_else(|| testdata.clone());
    let printed = given("PRINTED").unwrap_or_else(|| testdata.join("printed/imported.yaml"));
    let printed = definitions(&printed);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    let written: Vec<Value> = files.iter().flat_map(|file| definitions(file)).collect();
    let of = |printed: &Value| {
        let spec = &printed["spec"];
        let version = &spec["versions"][0];
        let same = |other: &&Value| {
            other["spec"]["names"]["kind"] == spec["names"]["kind"] && other["spec"]["group"] == spec["group"]
        };
        let written = written.iter().find(same)?["spec"]["versions"].as_array()?;
        let written = written.iter().find(|other| other["name"] == version["name"])?;
        Some(Pair {
            name: format!("{}/{}", spec["names"]["kind"].as_str()?, version["name"].as_str()?),
            written: written["schema"]["openAPIV3Schema"].clone(),
            printed: version["schema"]["openAPIV3Schema"].clone(),
        })
    };
    let pairs: Vec<Pair> = printed.iter().filter_map(of).collect();
    assert!(!pairs.is_empty(), "there is nothing to compare");
    pairs
}

/// All objects of a file.
fn definitions(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let documents = text.split("\n---").filter(|document| document.lines().any(|line| !line.starts_with(['#', '-'])));
    documents
        .map(|document| serde_saphyr::from_str(document).unwrap())
        .filter(|value: &Value| value.is_object())
        .collect()
}
