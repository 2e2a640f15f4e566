//! The worked projects in `examples/`: what the tool owns of them is as the tool writes it, and they are sound. The tests that
//! build them are run by `scripts/test`, or by `cargo test --test examples -- --ignored`.

#[path = "common/mod.rs"]
mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{folder, repository, succeed, tree};

fn examples() -> Vec<PathBuf> {
    let folders = repository("examples").read_dir().unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|folder| folder.join("PROJECT").is_file()).collect()
}

#[test]
fn what_the_tool_owns_is_as_it_writes_it() {
    for example in examples() {
        let name = example.file_name().unwrap().to_str().unwrap();
        let (_temporary, copy) = folder(name);
        let committed = tree(&example);
        let committed = committed.iter().filter(|(path, _)| !path.starts_with("target/"));
        for (path, content) in committed.clone() {
            let path = copy.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        // They stand on the library of this repository and carry no copy of it.
        succeed(&copy, "generate");
        let mut generated = tree(&copy);
        generated.retain(|path, _| !path.starts_with("vendor/"));
        for (path, content) in committed.clone() {
            assert!(generated[path] == *content, "examples/{name}/{path} is not as `generate` writes it");
        }
        assert_eq!(generated.len(), committed.count(), "`generate` adds a file to examples/{name}");
    }
}

/// The commands in an example's README make a project whose `PROJECT` is that of the example.
#[test]
fn the_commands_that_made_them_still_do() {
    for example in examples() {
        let name = example.file_name().unwrap().to_str().unwrap();
        let readme = std::fs::read_to_string(example.join("README.md")).unwrap();
        let commands = readme.lines().filter(|line| line.starts_with("apiserver-boot "));
        let (_temporary, fresh) = folder(name);
        for command in commands {
            succeed(&fresh, command);
        }
        let project = |root: &Path| std::fs::read_to_string(root.join("PROJECT")).unwrap();
        assert_eq!(project(&fresh), project(&example), "{name}");
    }
}

/// How much a user writes, which wardle's README tells beside what the same takes in Go.
#[test]
fn the_lines_of_a_user_are_as_many_as_is_said() {
    let files = tree(&repository("examples/wardle/src"));
    let texts = files.values().map(|content| std::str::from_utf8(content).unwrap());
    let lines: usize = texts.filter(|text| !text.contains("DO NOT EDIT")).map(|text| text.lines().count()).sum();
    let readme = std::fs::read_to_string(repository("examples/wardle/README.md")).unwrap();
    assert!(readme.contains(&format!("owns | {lines} |")), "{lines}");
}

#[test]
#[ignore = "builds projects: ./scripts/test"]
fn they_are_sound() {
    for example in examples() {
        cargo(&example, &["fmt", "--check"]);
        cargo(&example, &["clippy", "--locked", "--all-targets", "--", "-D", "warnings"]);
        cargo(&example, &["test", "--locked"]);
    }
}

/// The operator of docs/testing-operators.md, which is no project of the tool's.
#[test]
#[ignore = "builds a project and needs kubectl: ./scripts/test"]
fn the_operator_of_the_guide_is_sound() {
    let operator = repository("testdata/operator");
    cargo(&operator, &["fmt", "--check"]);
    cargo(&operator, &["clippy", "--locked", "--all-targets", "--", "-D", "warnings"]);
    cargo(&operator, &["test", "--locked"]);
}

#[track_caller]
fn cargo(project: &Path, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(project);
    if let Some(target) = std::env::var_os("APISERVER_BOOT_SCAFFOLD_TARGET") {
        command.env("CARGO_TARGET_DIR", target);
    }
    // What describes this package must not be taken for the project's: build scripts look at it.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "OUT_DIR" {
            command.env_remove(name);
        }
    }
    let output = command.output().expect("cargo runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "cargo {}:\n{stdout}{stderr}", arguments.join(" "));
}
