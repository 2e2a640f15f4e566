//! Golden projects as their users have them: formatted, without a warning, and with tests that pass, and that notice when
//! a hook does nothing any more. Builds projects: run by `scripts/test`, or by
//! `cargo test --test scaffolded_projects -- --ignored`.

#[path = "local/mod.rs"]
mod local;

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use local::Project;
use local::common::{fail, succeed};

/// One project at a time: they share their folders with the other tests here, and a target folder.
static TURN: Mutex<()> = Mutex::new(());

#[test]
#[ignore = "builds a project: ./scripts/test"]
fn a_project_without_kinds_is_sound() {
    sound("fresh");
}

#[test]
#[ignore = "builds a project: ./scripts/test"]
fn a_project_with_a_kind_is_sound() {
    sound("aviary");
}

#[test]
#[ignore = "builds a project: ./scripts/test"]
fn a_project_of_odd_names_is_sound() {
    sound("odd");
}

#[test]
#[ignore = "builds a project: ./scripts/test"]
fn a_project_of_special_kinds_is_sound() {
    sound("special");
}

/// What its types yield is compared with the definitions by `apiserver/tests/definitions`.
#[test]
#[ignore = "builds a project: ./scripts/test"]
fn a_project_of_imported_kinds_is_sound_and_prints_its_definitions() {
    sound("imported");
    let _turn = local::lock(&TURN);
    let project = Project::scaffold("imported");
    let output = project.cargo(&["run", "--locked", "--quiet", "--", "crds"]);
    assert!(output.status.success(), "{}", local::text(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    let golden = local::common::repository("testdata/crds/printed/imported.yaml");
    local::common::assert_golden(&golden, &printed).unwrap();
}

#[test]
#[ignore = "builds a project: ./scripts/test"]
fn a_project_of_several_versions_is_sound() {
    sound("versions");
}

#[test]
#[ignore = "builds a project: ./scripts/test"]
fn a_project_with_webhooks_and_plugins_is_sound() {
    sound("guarded");
}

#[test]
#[ignore = "builds a project: ./scripts/test"]
fn a_project_of_many_controllers_is_sound() {
    sound("keepers");
}

/// Formatted, without a warning, with tests that pass, and all that with the lock file that it came with.
#[track_caller]
fn sound(golden: &str) {
    let _turn = local::lock(&TURN);
    let project = Project::scaffold(golden);
    let lock = std::fs::read(project.root.join("Cargo.lock")).unwrap();
    tidy(&project);
    cargo(&project, &["build", "--locked"]);
    cargo(&project, &["test", "--locked"]);
    assert!(std::fs::read(project.root.join("Cargo.lock")).unwrap() == lock);
}

/// Formatted, the library included, and without a warning.
#[track_caller]
fn tidy(project: &Project) {
    cargo(project, &["fmt", "--all", "--check"]);
    cargo(project, &["clippy", "--locked", "--all-targets", "--", "-D", "warnings"]);
}

#[track_caller]
fn cargo(project: &Project, arguments: &[&str]) {
    let output = project.cargo(arguments);
    assert!(output.status.success(), "cargo {}:\n{}", arguments.join(" "), local::text(&output));
}

/// Kinds and controllers whose names were refused elsewhere, or that clash with what a lesser tool would write.
#[test]
#[ignore = "builds a project: ./scripts/test"]
fn names_that_are_let_through_compile() {
    let _turn = local::lock(&TURN);
    let project = Project::scaffold("fresh");
    let longest = format!("L{}", "ongKindName".repeat(4) + "Which");
    assert_eq!(longest.len(), 50);
    for kind in ["Mod", "Lib", "Main", "Type", "Gen", "Super", "Crate", "Core", "Std", "Test", "V1", "V2beta3"] {
        succeed(&project.root, &format!("create resource --quiet --group demo --version v1 --kind {kind}"));
    }
    for kind in ["Bird", "BirdSpec", "BirdStatus", "BirdStrategy", "Apiserver", "Kube", "Fresh", "Hooks", &longest] {
        succeed(&project.root, &format!("create resource --quiet --group kube --version v1beta1 --kind {kind}"));
    }
    for group in ["apiserver", "crate", "fresh", "std"] {
        let long = "a-very-long-name-for-a-group-that-needs-lines-to-be-broken-at-all";
        let group = if group == "std" { &long[..60] } else { group };
        succeed(&project.root, &format!("create resource --quiet --group {group} --version v1 --kind Bird"));
        let flags = "--with-status-subresource=false --non-namespaced";
        succeed(
            &project.root,
            &format!("create resource --quiet --group {group} --version v1 --kind {longest} {flags}"),
        );
    }
    succeed(&project.root, "create controller --quiet --group demo --version v1 --kind Type --name self");
    let kind = format!("--group kube --version v1beta1 --kind {longest}");
    for (name, flags) in [
        (
            "v1-owner",
            "--owns demo/Type,v1/Namespace,PersistentVolumeClaim --watches Ingress --cluster a-very-long-name-of-a-cluster",
        ),
        (
            "type-owner",
            "--owns demo/Core,CronJob,Deployment,DaemonSet,ReplicaSet,Pod,Job,Secret --watches kube/BirdSpec,Node",
        ),
    ] {
        succeed(&project.root, &format!("create controller --quiet {kind} --name {name} {flags}"));
    }
    let kind = "--external --group events.k8s.io --version v1 --kind Event";
    succeed(&project.root, &format!("create controller --quiet {kind} --owns core/Event,Lease"));
    for (group, version, kind) in [("demo", "v1", "V1"), ("kube", "v1beta1", longest.as_str()), ("crate", "v1", "Bird")]
    {
        for (name, of_type) in [("v1", "arbitrary"), ("type", "connect"), ("self-crate", "arbitrary"), ("x", "connect")]
        {
            let kind = format!("--group {group} --version {version} --kind {kind}");
            succeed(&project.root, &format!("create subresource --quiet {kind} --subresource {name} --type {of_type}"));
        }
    }
    for (kind, flags) in [
        (longest.replace('L', "C").as_str(), "--backend custom --with-scale-subresource"),
        (longest.replace('L', "S").as_str(), "--schemaless"),
        ("Backend", "--backend custom --non-namespaced"),
        ("Value", "--schemaless --non-namespaced"),
        ("Scale", "--with-scale-subresource"),
    ] {
        succeed(&project.root, &format!("create resource --quiet --group demo --version v1 --kind {kind} {flags}"));
    }
    tidy(&project);
}

/// What `build config` writes is what a cluster takes, as far as can be told without one.
#[test]
#[ignore = "builds a project: ./scripts/test"]
fn a_project_is_deployed_as_crds() {
    let _turn = local::lock(&TURN);
    let project = Project::scaffold("versions");
    succeed(&project.root, "create webhook --quiet --group demo --version v1 --kind Bird --conversion");
    let build = || {
        let mut command = Command::new(local::common::PROGRAM);
        command.args(["build", "config", "--mode", "crd"]).current_dir(&project.root);
        project.set_environment(&mut command);
        let output = command.output().expect("apiserver-boot runs");
        assert!(output.status.success(), "{}", local::text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(build().contains("kubectl apply --server-side --kustomize config/crd"));
    let crds = std::fs::read_to_string(project.root.join("config/crd/crds.yaml")).unwrap();
    let crd: serde_yaml::Value = serde_yaml::from_str(crds.split_once("---\n").unwrap().1).unwrap();
    assert_eq!(crd["spec"]["conversion"]["webhook"]["clientConfig"]["service"]["name"], "webhook");
    let versions = crd["spec"]["versions"].as_sequence().unwrap();
    let stored: Vec<_> = versions.iter().filter(|version| version["storage"] == true).collect();
    assert_eq!((versions.len(), &stored[0]["name"]), (4, &"v1".into()));
    let (_, kubectl) = local::kubectls().pop().unwrap();
    let output = Command::new(kubectl).args(["kustomize", "config/crd"]).current_dir(&project.root).output().unwrap();
    assert!(output.status.success(), "{}", local::text(&output));
    let everything = String::from_utf8(output.stdout).unwrap();
    for kind in ["CustomResourceDefinition", "ClusterRole", "Deployment", "Service"] {
        assert!(everything.contains(&format!("\nkind: {kind}\n")), "{kind}:\n{everything}");
    }
    assert!(everything.contains("image: registry.example.com/versions:latest"), "{everything}");
    // It is written again without a change, and the tool's other commands leave it alone.
    let path = project.root.join("config/crd/kustomization.yaml");
    append(&path, "# mine\n");
    assert!(!build().contains("replace"));
    assert!(std::fs::read_to_string(path).unwrap().ends_with("# mine\n"));
    succeed(&project.root, "generate --check");
}

/// The hooks that a new project writes with a body, emptied one after the other.
#[test]
#[ignore = "builds a project: ./scripts/test"]
fn a_hook_that_is_emptied_fails_the_projects_tests() {
    let _turn = local::lock(&TURN);
    let project = Project::scaffold("aviary");
    let told: serde_json::Value = serde_json::from_str(&succeed(&project.root, "show --output json")).unwrap();
    let bird = &told["groups"][0]["kinds"][0];
    let hooks: Vec<&str> = bird["hooks"].as_array().unwrap().iter().map(|hook| hook.as_str().unwrap()).collect();
    assert_eq!(hooks, ["defaulting", "prepare_for_create", "validate", "validate_update", "canonicalize"]);
    let path = project.root.join(bird["files"]["strategy"]["path"].as_str().unwrap());
    let whole = std::fs::read_to_string(&path).unwrap();
    let tests = ["test", "--locked", "--test", "bird"];
    for hook in hooks {
        std::fs::write(&path, emptied(&whole, hook)).unwrap();
        let output = project.cargo(&tests);
        assert!(!output.status.success(), "nothing notices that `{hook}` is empty");
        assert!(local::text(&output).contains("test result: FAILED"), "{}", local::text(&output));
    }
    std::fs::write(&path, whole).unwrap();
    let output = project.cargo(&tests);
    assert!(output.status.success(), "{}", local::text(&output));
}

/// The source with nothing in the body of a function.
fn emptied(source: &str, function: &str) -> String {
    let start = source.find(&format!("fn {function}(")).unwrap();
    let open = start + source[start..].find('{').unwrap();
    // rustfmt puts the brace that ends a method at its own indent.
    let close = open + source[open..].find("\n    }\n").unwrap();
    format!("{}{}", &source[..=open], &source[close..])
}

/// `generate` finds a project as it should be after its user has worked in it.
#[test]
fn work_in_a_project_is_not_in_the_way() {
    let (_temporary, project) = local::common::scaffold("aviary");
    append(&project.join("src/apis/demo/bird.rs"), "// mine\n");
    append(&project.join("Cargo.toml"), "# mine\n");
    std::fs::create_dir_all(project.join("target/debug")).unwrap();
    succeed(&project, "generate --check");
    succeed(&project, "create resource --group demo --version v1 --kind Nest");
    assert!(std::fs::read_to_string(project.join("src/apis/demo/bird.rs")).unwrap().ends_with("// mine\n"));
    append(&project.join("src/apis/demo/mod.rs"), "// mine\n");
    fail(&project, "create resource --group demo --version v1 --kind Egg", 1);
}

fn append(path: &Path, text: &str) {
    let old = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, old + text).unwrap();
}
