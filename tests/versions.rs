//! Kinds of several versions: what commands do to them, without building anything.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{folder, scaffold, succeed, tree};

const CREATE: &str = "create resource --group demo --kind Bird --version";

/// The files that a command creates, replaces or leaves as they are, told by their contents.
fn changed(project: &Path, command: &str) -> Vec<String> {
    let before = tree(project);
    succeed(project, command);
    let after = tree(project);
    assert!(before.keys().all(|path| after.contains_key(path)), "`{command}` removed a file");
    after.iter().filter(|(path, content)| before.get(*path) != Some(*content)).map(|(path, _)| path.clone()).collect()
}

fn read(project: &Path, path: &str) -> String {
    std::fs::read_to_string(project.join(path)).unwrap()
}

#[test]
fn a_further_version_starts_as_a_copy_of_what_the_user_has() {
    let (_temporary, project) = scaffold("aviary");
    let path = project.join("src/apis/demo/v1alpha1/bird.rs");
    let types = std::fs::read_to_string(&path).unwrap();
    let types = types.replace("    /// Words", "    pub nest: Option<Nest>,  // mine\n    /// Words")
        + "\npub struct Nest(pub u8);\n";
    std::fs::write(&path, &types).unwrap();
    let expected = [
        "PROJECT",
        "sample/bird-v1.yaml",
        "src/apis/demo/mod.rs",
        "src/apis/demo/v1/bird.rs",
        "src/apis/demo/v1/bird_to_v1alpha1.rs",
        "src/apis/demo/v1/mod.rs",
        "tests/bird_v1.rs",
    ];
    let before = tree(&project);
    succeed(&project, &format!("{CREATE} v1 --dry-run"));
    assert!(tree(&project) == before);
    assert_eq!(changed(&project, &format!("{CREATE} v1")), expected);
    assert_eq!(read(&project, "src/apis/demo/v1/bird.rs"), types.replace("v1alpha1", "v1"));
    let conversions = read(&project, "src/apis/demo/v1/bird_to_v1alpha1.rs");
    assert!(conversions.contains("            nest: from.nest.map(Into::into),\n"), "{conversions}");
    assert!(conversions.contains("        Self(from.0)\n"), "{conversions}");
}

#[test]
fn to_say_more_of_a_version_changes_what_is_ours() {
    let (_temporary, project) = scaffold("aviary");
    succeed(&project, &format!("{CREATE} v1"));
    let ours = ["PROJECT", "src/apis/demo/mod.rs"];
    for (flags, registered) in [
        ("--deprecated", ".version(v1::bird_to_v1alpha1::version().deprecated(\"\"))"),
        ("--served=false", ".version(v1::bird_to_v1alpha1::version().deprecated(\"\").unserved())"),
        ("--deprecated --warning gone", ".version(v1::bird_to_v1alpha1::version().deprecated(\"gone\").unserved())"),
        ("--served", ".version(v1::bird_to_v1alpha1::version().deprecated(\"gone\"))"),
        ("--deprecated=false", ".version(v1::bird_to_v1alpha1::version())"),
    ] {
        let command = format!("{CREATE} v1 {flags}");
        assert_eq!(changed(&project, &command), ours, "{flags}");
        let registration = read(&project, "src/apis/demo/mod.rs").replace(['\n', ' '], "").replace(",)", ")");
        assert!(registration.contains(&registered.replace(' ', "")), "{flags}: {registration}");
        assert!(changed(&project, &command).is_empty(), "{flags}");
        assert!(changed(&project, &format!("{CREATE} v1")).is_empty(), "{flags}");
    }
}

#[test]
fn another_version_can_be_stored_and_the_first_again() {
    let (_temporary, project) = scaffold("aviary");
    succeed(&project, &format!("{CREATE} v1beta1"));
    succeed(&project, &format!("{CREATE} v1"));
    // The conversions between the two are there already, in the other's folder.
    let told = succeed(&project, &format!("{CREATE} v1beta1 --storage-version --dry-run --diff"));
    assert!(told.contains("+//! `src/apis/demo/v1beta1/bird_to_v1alpha1.rs`."), "{told}");
    let files = changed(&project, &format!("{CREATE} v1beta1 --storage-version"));
    assert_eq!(
        files,
        [
            "PROJECT",
            "src/apis/demo/mod.rs",
            "src/apis/demo/v1/bird_to_v1beta1.rs",
            "src/apis/demo/v1/mod.rs",
            "src/apis/demo/v1alpha1/bird_to_v1beta1.rs",
            "src/apis/demo/v1alpha1/mod.rs"
        ]
    );
    // Those of the third lead through the version that was stored until now.
    let third = read(&project, "src/apis/demo/v1/bird_to_v1beta1.rs");
    assert!(third.contains("v1alpha1::bird::Bird::from(from).into()"), "{third}");
    assert!(changed(&project, &format!("{CREATE} v1beta1 --storage-version")).is_empty());

    assert_eq!(changed(&project, &format!("{CREATE} v1alpha1 --storage-version")), ["PROJECT", "src/apis/demo/mod.rs"]);
    let registration = read(&project, "src/apis/demo/mod.rs");
    assert!(registration.contains(".stored_as::<v1alpha1::bird::Bird>()"), "{registration}");
    assert!(registration.contains(".version(v1::bird_to_v1alpha1::version())"), "{registration}");
}

#[test]
fn to_store_another_version_names_the_lines_to_change() {
    let (_temporary, project) = scaffold("aviary");
    succeed(&project, "create subresource --group demo --version v1alpha1 --kind Bird --subresource feeding");
    let told = succeed(&project, &format!("{CREATE} v1 --storage-version"));
    let strategy = "  src/apis/demo/bird.rs:5\n    - use super::v1alpha1::bird::{Bird, BirdStatus};\n    + use super::v1::bird::{Bird, BirdStatus};\n";
    assert!(told.contains(strategy), "{told}");
    assert!(told.contains("    + use super::v1::bird::Bird;\n"), "{told}");
    assert!(told.contains("\n  src/controllers/demo/bird.rs:13\n"), "{told}");
    assert!(!told.contains("tests/bird_v1.rs:"), "{told}");
}

#[test]
fn a_project_from_before_there_were_versions_is_read() {
    let (_temporary, project) = scaffold("aviary");
    let new = read(&project, "PROJECT");
    let old = new.replace("    versions:\n    - name: v1alpha1\n      storage: true\n", "    version: v1alpha1\n");
    assert!(old != new);
    std::fs::write(project.join("PROJECT"), &old).unwrap();
    assert_eq!(succeed(&project, "generate --check"), "Everything is as PROJECT says.\n");
    succeed(&project, "create controller --group demo --version v1alpha1 --kind Bird --name counter");
    assert_eq!(read(&project, "PROJECT"), format!("{new}    - name: counter\n      owns:\n      - v1/ConfigMap\n"));
}

#[test]
fn show_tells_the_versions() {
    let (_temporary, project) = scaffold("versions");
    let told = succeed(&project, "show");
    for line in [
        "Bird (birds), stored in v1, deprecated (v1alpha1 birds are leaving; use v1 birds)",
        "Bird (birds), stored in v1, not served",
        "Bird (birds), namespaced, status, stored",
        "conversions src/apis/demo/v1beta1/bird_to_v1alpha1.rs (v1alpha1)",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(!told.contains("(missing)"), "{told}");
    let told: serde_json::Value = serde_json::from_str(&succeed(&project, "show --output json")).unwrap();
    let bird = &told["groups"][0]["kinds"][0];
    assert_eq!(bird["version"], "v1");
    let versions: BTreeMap<&str, &serde_json::Value> =
        bird["versions"].as_array().unwrap().iter().map(|v| (v["name"].as_str().unwrap(), v)).collect();
    assert_eq!(versions["v1"]["storage"], true);
    assert_eq!(versions["v1alpha2"]["served"], false);
    assert_eq!(versions["v1alpha1"]["deprecated"], true);
    assert_eq!(versions["v1beta1"]["conversions"]["v1"]["path"], "src/apis/demo/v1beta1/bird_to_v1.rs");
}

#[test]
fn a_kind_without_a_controller_gets_none_with_a_version() {
    let (_temporary, project) = folder("aviary");
    succeed(&project, "init repo --domain example.com");
    succeed(&project, &format!("{CREATE} v1 --skip-controller --short-name bd --non-namespaced"));
    succeed(&project, &format!("{CREATE} v2"));
    assert!(!project.join("src/controllers/demo").exists());
    assert!(read(&project, "src/apis/demo/v2/bird.rs").contains("shortname = \"bd\""));
}
