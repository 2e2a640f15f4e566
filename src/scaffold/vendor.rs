//! The library in `vendor/apiserver`: the files of this repository's `apiserver/`, which this program carries with it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};

use super::{File, Owner, marker};

/// The version of the library that this program carries: its own.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the library goes in a project.
pub const FOLDER: &str = "vendor/apiserver";

/// The checksums of what was written there.
pub const SUMS: &str = "vendor/apiserver.sum";

static LIBRARY: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/apiserver");

const SUMS_HEADER: &str = "\
# Checksums of vendor/apiserver. Written by `apiserver-boot init repo` and `apiserver-boot update vendor`, which read
# them to tell whether a file was edited by hand.
";

/// The library's files as they go into a project, then the file of their checksums.
pub fn files() -> Vec<File> {
    let mut files = Vec::new();
    collect(&LIBRARY, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut sums = SUMS_HEADER.to_owned();
    for file in &files {
        sums.push_str(&format!("{}  {}\n", marker::checksum(&file.content), file.path));
    }
    files.push(File { path: SUMS.into(), content: Cow::Owned(sums.into_bytes()), owner: Owner::State });
    files
}

/// Reads the file of checksums: path to checksum. Lines that are none are skipped.
pub fn parse_sums(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once("  ")).map(|(sum, path)| (path, sum)).collect()
}

fn collect(folder: &'static Dir<'static>, files: &mut Vec<File>) {
    for file in folder.files() {
        let Some(path) = file.path().to_str() else { continue };
        if is_part(path) {
            let path = format!("{FOLDER}/{}", path.replace('\\', "/"));
            files.push(File { path, content: Cow::Borrowed(file.contents()), owner: Owner::Library });
        }
    }
    folder
        .dirs()
        .filter(|folder| folder.path().to_str().is_some_and(is_part))
        .for_each(|folder| collect(folder, files));
}

/// Whether a path of the library belongs into projects: its integration tests and what builds leave behind do not.
fn is_part(path: &str) -> bool {
    let first = path.split(['/', '\\']).next().unwrap_or_default();
    !["tests", "benches", "examples", "target", "Cargo.lock"].contains(&first)
        && !path.split(['/', '\\']).any(|segment| segment.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_comes_with_its_checksums() {
        let files = files();
        assert!(files.iter().any(|file| file.path == "vendor/apiserver/Cargo.toml"));
        assert!(files.iter().any(|file| file.path == "vendor/apiserver/src/lib.rs"));
        let sums = String::from_utf8(files.last().unwrap().content.to_vec()).unwrap();
        let sums = parse_sums(&sums);
        assert_eq!(sums.len(), files.len() - 1);
        for file in &files[..files.len() - 1] {
            assert_eq!(sums[file.path.as_str()], marker::checksum(&file.content));
        }
    }
}
