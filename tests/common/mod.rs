//! What the tests of the program share: running it, and reading trees.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_apiserver-boot");

/// The command that makes the tests write what they would have compared with.
pub const UPDATE: &str = "UPDATE_GOLDEN=1 cargo test -p apiserver-boot";

/// Whether the tests shall write goldens instead of comparing with them.
pub fn update_golden() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1")
}

/// A folder of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A folder of this name in a new temporary one.
pub fn folder(name: &str) -> (TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    (temporary, folder)
}

/// The program, ready to be run in a folder, in an environment that does not depend on whose machine this is.
pub fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(folder).env_remove("NO_COLOR").env("COLUMNS", "100");
    command
}

/// Runs the program with the words of a line, which may start with its name.
pub fn run(folder: &Path, line: &str) -> Output {
    let words = words(line);
    let words = words.strip_prefix(&["apiserver-boot"]).unwrap_or(&words);
    program(folder, words).output().unwrap()
}

/// The words of a line; what stands between single quotes is part of one.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 { words.push(part) } else { words.extend(part.split_whitespace()) }
    }
    words
}

/// Runs the program and gives what it printed to stdout.
#[track_caller]
pub fn succeed(folder: &Path, line: &str) -> String {
    let output = run(folder, line);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{line}` failed:\n{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the program, which must fail with this exit code, and gives what it printed to stderr.
#[track_caller]
pub fn fail(folder: &Path, line: &str, code: i32) -> String {
    let output = run(folder, line);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "`{line}`:\n{stderr}");
    stderr
}

/// A project made by the commands of a golden one, in a folder of that name.
pub fn scaffold(golden: &str) -> (TempDir, PathBuf) {
    let (temporary, project) = folder(golden);
    let source = repository("testdata/golden").join(golden);
    for entry in std::fs::read_dir(&source).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), temporary.path().join(entry.file_name())).unwrap();
    }
    definitions(temporary.path());
    for line in std::fs::read_to_string(source.join("commands")).unwrap().lines() {
        match edit(line) {
            Some(edit) => copy(&source.join(edit), &project),
            None => drop(succeed(&project, line)),
        }
    }
    (temporary, project)
}

/// Puts the definitions of `testdata/crds` beside a project.
pub fn definitions(folder: &Path) {
    std::fs::create_dir(folder.join("crds")).unwrap();
    for entry in std::fs::read_dir(repository("testdata/crds")).unwrap().map(Result::unwrap) {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), folder.join("crds").join(entry.file_name())).unwrap();
        }
    }
}

/// What the user of a golden project does between the commands: `cp -r ../edits/NAME/. .` gives their files the contents
/// that are in that folder beside `commands`.
pub fn edit(line: &str) -> Option<&str> {
    line.strip_prefix("cp -r ../")?.strip_suffix("/. .")
}

fn copy(from: &Path, to: &Path) {
    let files = tree(from);
    assert!(!files.is_empty(), "{} has no files", from.display());
    for (path, content) in files {
        // An edit changes what a command has written; anything else is a path that is wrong.
        assert!(to.join(&path).is_file(), "{path} is not in the project yet");
        std::fs::write(to.join(path), content).unwrap();
    }
}

/// The names of the golden projects.
pub fn goldens() -> Vec<String> {
    let entries = std::fs::read_dir(repository("testdata/golden")).unwrap().map(Result::unwrap);
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All files below a folder, by their paths with `/`.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    entries
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
            (path, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// Compares a text with a file of this repository, or writes the file.
pub fn assert_golden(path: &Path, actual: &str) -> Result<(), String> {
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    if update_golden() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, actual).unwrap();
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(expected.as_str(), actual);
    let diff = diff.unified_diff().header("expected", "actual").to_string();
    Err(format!("{} differs:\n{diff}to accept: {UPDATE}\n", path.display()))
}
