//! Whole projects, made by the commands that users type, against those in `testdata/golden`.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use common::{UPDATE, assert_golden, goldens, repository, scaffold, succeed, tree, update_golden};

/// Left out of goldens: the library, which is in this repository as `apiserver/`, and the lock file, which changes with
/// every dependency of it.
fn in_golden(path: &str) -> bool {
    !path.starts_with("vendor/") && path != "Cargo.lock"
}

#[test]
fn projects_are_as_expected_file_by_file() {
    let mut problems = String::new();
    for name in goldens() {
        let (_temporary, project) = scaffold(&name);
        let golden = repository("testdata/golden").join(&name).join("project");
        let actual: BTreeMap<String, Vec<u8>> =
            tree(&project).into_iter().filter(|(path, _)| in_golden(path)).collect();
        for (path, content) in &actual {
            let text = std::str::from_utf8(content).unwrap();
            problems.extend(assert_golden(&golden.join(path), text).err());
        }
        let expected = if golden.is_dir() { tree(&golden) } else { BTreeMap::new() };
        for path in expected.keys().filter(|path| !actual.contains_key(*path)) {
            if update_golden() {
                std::fs::remove_file(golden.join(path)).unwrap();
            } else {
                problems.push_str(&format!("{name}: {path} is not written any more; to accept: {UPDATE}\n"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn the_vendored_library_is_the_one_of_this_repository() {
    let (_temporary, project) = scaffold("fresh");
    let library = tree(&repository("apiserver"));
    let library: BTreeMap<&String, &Vec<u8>> = library.iter().filter(|(path, _)| is_library(path)).collect();
    let vendored = tree(&project.join("vendor/apiserver"));
    assert!(library.keys().copied().eq(vendored.keys()), "{:?}", difference(library.keys().copied(), vendored.keys()));
    for (path, content) in library {
        assert!(vendored[path] == *content, "{path} differs from apiserver/{path}");
    }
}

/// What only this repository needs stays in it.
fn is_library(path: &str) -> bool {
    let first = Path::new(path).iter().next().unwrap().to_str().unwrap();
    !["tests", "benches", "examples", "target", "Cargo.lock"].contains(&first) && !path.starts_with('.')
}

fn difference<'a>(a: impl Iterator<Item = &'a String>, b: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let (a, b): (Vec<_>, Vec<_>) = (a.collect(), b.collect());
    let only_a = a.iter().filter(|path| !b.contains(path));
    let only_b = b.iter().filter(|path| !a.contains(path));
    only_a.chain(only_b).copied().collect()
}

#[test]
fn the_manifests_go_together() {
    for name in goldens() {
        let (_temporary, project) = scaffold(&name);
        let kubectl = Command::new("kubectl").args(["kustomize", "config"]).current_dir(&project).output();
        let Ok(output) = kubectl else { return eprintln!("skipped: there is no kubectl here") };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let manifests = String::from_utf8(output.stdout).unwrap();
        assert!(manifests.contains("image: registry.example.com/"), "{manifests}");
        assert!(!manifests.contains("image: registry.example.com/registry"), "{manifests}");
        let controllers = project.join("src/controllers").read_dir().unwrap().count() > 1;
        assert_eq!(manifests.contains("name: controller-manager"), controllers, "{manifests}");
    }
}

#[test]
fn generate_finds_nothing_to_do_in_a_new_project() {
    for name in goldens() {
        let (_temporary, project) = scaffold(&name);
        let before = tree(&project);
        assert_eq!(succeed(&project, "generate --check"), "Everything is as PROJECT says.\n");
        assert_eq!(succeed(&project, "generate"), "Nothing to do: everything is as it should be.\n");
        assert_eq!(succeed(&project, "update vendor"), "Nothing to do: everything is as it should be.\n");
        assert!(tree(&project) == before);
    }
}

#[test]
fn equal_project_files_give_equal_files_of_ours() {
    for name in goldens() {
        let (_temporary, project) = scaffold(&name);
        let before = tree(&project);
        for (path, content) in &before {
            let ours = String::from_utf8_lossy(content).lines().next().unwrap_or_default().contains("DO NOT EDIT");
            if ours || path.starts_with("vendor/") {
                std::fs::remove_file(project.join(path)).unwrap();
            }
        }
        succeed(&project, "generate");
        assert!(tree(&project) == before, "{name}");
    }
}

#[test]
fn a_command_typed_again_changes_nothing_and_says_so() {
    for name in goldens() {
        let (_temporary, project) = scaffold(&name);
        let before = tree(&project);
        let commands = std::fs::read_to_string(repository("testdata/golden").join(&name).join("commands")).unwrap();
        for line in commands.lines().filter(|line| common::edit(line).is_none()) {
            let told = succeed(&project, line);
            assert!(told.starts_with("Nothing to do"), "`{line}`: {told}");
            assert!(tree(&project) == before, "`{line}` changed something");
        }
    }
}
