//! Notices that the project's sources changed. It asks for the files' times five times a second: a project is a few
//! hundred files, asking costs about a millisecond, and works on every file system, also those of containers and network
//! shares that send no notifications.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use walkdir::WalkDir;

const INTERVAL: Duration = Duration::from_millis(200);
/// How long sources must be still. Whoever saves a file waits for it, so it is no longer than saving several takes.
const STILL: Duration = Duration::from_millis(100);
/// What a build reads, relative to the project. Not `Cargo.lock`: the build writes it, and would set off the next one.
const SOURCES: [&str; 4] = ["Cargo.toml", "build.rs", "src", "vendor"];

/// When each source was last written, and its size.
type Fingerprint = BTreeMap<PathBuf, (SystemTime, u64)>;

/// Calls `changed` with one of the files, relative to `root`, whenever the sources changed and have been still since for
/// a moment. Ends when `changed` returns false.
pub fn spawn(root: PathBuf, mut changed: impl FnMut(PathBuf) -> bool + Send + 'static) {
    let mut known = fingerprint(&root);
    thread::spawn(move || {
        loop {
            thread::sleep(INTERVAL);
            let mut now = fingerprint(&root);
            let Some(first) = difference(&known, &now) else { continue };
            // An editor or a checkout may be in the middle of its work.
            loop {
                thread::sleep(STILL);
                let later = fingerprint(&root);
                if later == now {
                    break;
                }
                now = later;
            }
            known = now;
            if !changed(first) {
                return;
            }
        }
    });
}

fn fingerprint(root: &Path) -> Fingerprint {
    let mut files = Fingerprint::new();
    for source in SOURCES {
        let entries = WalkDir::new(root.join(source)).into_iter().filter_entry(|entry| !is_noise(entry.file_name()));
        // What vanishes while we look is gone at the next look too.
        for entry in entries.flatten().filter(|entry| entry.file_type().is_file()) {
            if let Some(metadata) = entry.metadata().ok()
                && let Ok(modified) = metadata.modified()
                && let Ok(path) = entry.path().strip_prefix(root)
            {
                files.insert(path.to_owned(), (modified, metadata.len()));
            }
        }
    }
    files
}

/// Editors' swap and backup files, which no build reads.
fn is_noise(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') || name.ends_with('~') || name.starts_with('#') || name == "4913" || name == "target"
}

fn difference(old: &Fingerprint, new: &Fingerprint) -> Option<PathBuf> {
    let written = new.iter().find(|(path, stamp)| old.get(*path) != Some(stamp));
    let removed = || old.iter().find(|(path, _)| !new.contains_key(*path));
    written.or_else(removed).map(|(path, _)| path.clone())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What changed, as `spawn` would tell, after `edit` in a small project.
    #[track_caller]
    fn check(edit: impl FnOnce(&Path), expected: Option<&str>) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("src/apis")).unwrap();
        for file in ["Cargo.toml", "src/main.rs", "src/apis/bird.rs", "README.md"] {
            fs::write(root.join(file), "old").unwrap();
        }
        let before = fingerprint(root);
        edit(root);
        let changed = difference(&before, &fingerprint(root));
        assert_eq!(changed.as_deref(), expected.map(Path::new));
    }

    #[test]
    fn sources_count_and_nothing_else_does() {
        let write = |file: &'static str| move |root: &Path| fs::write(root.join(file), "newer").unwrap();
        check(|_| {}, None);
        check(write("src/main.rs"), Some("src/main.rs"));
        check(write("src/apis/bird.rs"), Some("src/apis/bird.rs"));
        check(write("src/apis/nest.rs"), Some("src/apis/nest.rs"));
        check(write("Cargo.toml"), Some("Cargo.toml"));
        check(write("Cargo.lock"), None);
        check(|root| fs::remove_file(root.join("src/apis/bird.rs")).unwrap(), Some("src/apis/bird.rs"));
        check(write("README.md"), None);
        check(write("kubeconfig"), None);
        check(write("src/.main.rs.swp"), None);
        check(write("src/main.rs~"), None);
    }

    #[test]
    fn a_change_is_told() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("src")).unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        spawn(dir.path().to_owned(), move |path| sender.send(path).is_ok());
        fs::write(dir.path().join("src/a b.rs"), "").unwrap();
        let changed = receiver.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(changed, Path::new("src/a b.rs"));
    }
}
