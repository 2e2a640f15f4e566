//! The order of the library's modules, as its documentation tells it, is the order in which they may use each other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn modules_use_only_what_is_below_them() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = std::fs::read_to_string(sources.join("lib.rs")).expect("lib.rs");
    let order: HashMap<&str, usize> =
        lib.lines().filter_map(|line| line.strip_prefix("//! - [`")?.split('`').next()).zip(0..).collect();
    let declared = lib.lines().filter(|line| line.starts_with("pub mod ")).count();
    assert_eq!(order.len(), declared, "the documentation of lib.rs names each module once");

    let mut found = Vec::new();
    files(&sources, &mut found);
    let mut upward = Vec::new();
    for file in found {
        let inside = file.strip_prefix(&sources).expect("below src").to_string_lossy().into_owned();
        let module = inside.split(['/', '.']).next().unwrap_or_default();
        let Some(place) = order.get(module) else { continue };
        let text = std::fs::read_to_string(&file).expect("a source");
        // Tests may use whatever helps them.
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        if inside.contains("/tests") || inside.contains("/testing") {
            continue;
        }
        for used in text.split("crate::").skip(1) {
            let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            if order.get(used).is_some_and(|used| used < place) {
                upward.push(format!("{inside} uses {used}"));
            }
        }
    }
    assert!(upward.is_empty(), "these point upwards: {upward:#?}");
}
