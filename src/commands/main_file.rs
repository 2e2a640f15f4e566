//! `src/main.rs`, which is the user's: what it lacks is told, and not written.

use std::path::Path;

use crate::names;
use crate::project::Project;

/// The user's file that makes a program of the project.
const MAIN: &str = "src/main.rs";

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
