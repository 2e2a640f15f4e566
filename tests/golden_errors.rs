//! What the program says to bad input: transcripts in `testdata/errors`. Lines that start with `$ ` are run by `sh`, one
//! after the other in one folder; below each stands what it must print to stderr, and its exit code unless that is 0.

mod common;

use std::path::Path;
use std::process::Command;

use common::{PROGRAM, assert_golden, definitions, folder, repository};

#[test]
fn bad_input_is_told_what_is_wrong_and_what_to_do() {
    let mut problems = String::new();
    let mut count = 0;
    for entry in std::fs::read_dir(repository("testdata/errors")).unwrap().map(Result::unwrap) {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let (temporary, project) = folder("aviary");
        definitions(temporary.path());
        let mut actual = String::new();
        for line in text.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                actual.push_str(&format!("{line}\n{}", transcript(&project, command)));
                count += 1;
            } else if line.starts_with("# ") || line.is_empty() {
                actual.push_str(&format!("{line}\n"));
            }
        }
        problems.extend(assert_golden(&entry.path(), &actual).err());
    }
    assert!(problems.is_empty(), "{problems}");
    assert!(count > 50, "only {count} commands were tried");
}

/// What a command prints to stderr, and how it ends.
fn transcript(project: &Path, command: &str) -> String {
    let programs = Path::new(PROGRAM).parent().unwrap().to_str().unwrap();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).current_dir(project).env("PATH", path).env("COLUMNS", "100");
    let output = shell.output().unwrap();
    let mut text = String::from_utf8(output.stderr).unwrap();
    // The system may give the folder by another path than the one it was made by.
    for root in [project.canonicalize().unwrap().as_path(), project] {
        text = text.replace(root.parent().unwrap().to_str().unwrap(), "[TMP]");
    }
    let text: String = text.lines().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect();
    match output.status.code() {
        Some(0) => text,
        code => format!("{text}[exit {}]\n", code.map_or("by a signal".into(), |code| code.to_string())),
    }
}
