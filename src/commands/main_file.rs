//! `src/main.rs`, which is the user's: what it lacks is told, and not written.

use std::path::Path;

use crate::builtin_kinds::BuiltinKind;
use crate::names;
use crate::project::Project;

/// The user's file that makes a program of the project.
const MAIN: &str = "src/main.rs";

/// How to have a server alone keep kinds of Kubernetes that it does not keep by itself, where `main.rs` does not say so.
pub fn missing_kinds(root: &Path, kinds: &[&BuiltinKind]) -> Option<String> {
    let main = std::fs::read_to_string(root.join(MAIN)).ok()?;
    let line = |kind: &&BuiltinKind| {
        let BuiltinKind { group, version, kind, .. } = kind;
        let named = main.contains(&format!("native::<{kind}>")) || main.contains(&format!("::{kind}>"));
        (!named).then(|| format!("            apis.native::<k8s_openapi::api::{group}::{version}::{kind}>();"))
    };
    let lines: Vec<String> = kinds.iter().filter_map(line).collect();
    if lines.is_empty() {
        return None;
    }
    Some(format!(
        "A server that runs alone, as with `run local`, keeps such objects once {MAIN} says so, before `.main()`:\n\n        \
         .standalone(|apis| {{\n{}\n        }})\n",
        lines.join("\n")
    ))
}

/// What `main.rs` lacks for the modules of this name, and how to add it. `what` is behind `is yours and`.
pub fn missing_line(root: &Path, project: &Project, module: &str, what: &str) -> Option<String> {
    let main = std::fs::read_to_string(root.join(MAIN)).ok()?;
    // A comment that speaks of them does not serve them.
    let code = main.lines().map(|line| line.split("//").next().unwrap_or_default());
    if code.collect::<String>().contains(&format!(".{module}(")) {
        return None;
    }
    Some(format!(
        "{MAIN} is yours and {what}. Add this line to it, before `.main()`:\n\n        .{module}({}::{module}::install)",
        names::crate_name(&project.name)
    ))
}
