//! A plan carried out as a whole or not at all. New contents are written to a staging folder first: a full disk is met
//! there, before the tree has changed. Then each file is moved into place, which is one step for the file system, and a
//! failure moves everything back. A kill in between leaves only whole files and the old `PROJECT`, so that the same
//! command, typed again, completes the work.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::plan::{Action, Plan};
use crate::error::WithHint;

/// The tool's folder in a project; git ignores it.
const FOLDER: &str = ".apiserver-boot";

/// Where new contents wait and old ones are kept until the end.
const STAGING: &str = ".apiserver-boot/staging";

/// Carries out a plan. `tick` is called after each file.
///
/// # Errors
/// What could not be written; the tree is then as it was.
pub fn carry_out(root: &Path, plan: &Plan, mut tick: impl FnMut()) -> anyhow::Result<()> {
    let hint = || "nothing was changed; check that the folder can be written to and that the disk has room";
    let staging = root.join(STAGING);
    let mut undo = Undo { root: root.to_owned(), done: Vec::new(), committed: false };
    (|| {
        clear(&staging)?;
        undo.create_folder(&staging)?;
        for (index, step) in plan.steps.iter().enumerate() {
            if matches!(step.action, Action::Create | Action::Replace) {
                stage(&staging.join(format!("{index}.new")), &step.file.content)
                    .with_context(|| format!("could not write {}", root.join(&step.file.path).display()))?;
            }
        }
        for (index, step) in plan.steps.iter().enumerate() {
            let path = root.join(&step.file.path);
            let failed = || format!("could not write {}", path.display());
            let (new, old) = (staging.join(format!("{index}.new")), staging.join(format!("{index}.old")));
            match step.action {
                Action::Leave => continue,
                Action::Create => undo.create(&new, &path).with_context(failed)?,
                Action::Replace => undo.replace(&new, &old, &path).with_context(failed)?,
                Action::Remove => {
                    undo.remove(&old, &path).with_context(|| format!("could not remove {}", path.display()))?;
                }
            }
            tick();
        }
        anyhow::Ok(())
    })()
    .with_hint(hint)?;
    undo.committed = true;
    Ok(())
}

/// Removes what a command that was killed left behind.
fn clear(staging: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(staging) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", staging.display()))
        }
        _ => Ok(()),
    }
}

fn stage(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(content)
}

/// What was done so far. Dropped uncommitted, it takes everything back, last step first.
struct Undo {
    root: PathBuf,
    done: Vec<Done>,
    committed: bool,
}

enum Done {
    CreatedFolder(PathBuf),
    Created(PathBuf),
    /// The old file is kept under the first path.
    Moved(PathBuf, PathBuf),
}

impl Undo {
    fn create_folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        let missing: Vec<&Path> = folder.ancestors().take_while(|ancestor| !ancestor.is_dir()).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder).with_context(|| format!("could not create the folder {}", folder.display()))?;
            self.done.push(Done::CreatedFolder(folder.to_owned()));
        }
        Ok(())
    }

    fn create(&mut self, new: &Path, path: &Path) -> anyhow::Result<()> {
        if let Some(folder) = path.parent() {
            self.create_folder(folder)?;
        }
        // Not a rename: that would silently replace a file which someone else made after the plan.
        fs::hard_link(new, path).or_else(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Err(error),
            _ => fs::rename(new, path),
        })?;
        self.done.push(Done::Created(path.to_owned()));
        Ok(())
    }

    fn replace(&mut self, new: &Path, old: &Path, path: &Path) -> anyhow::Result<()> {
        fs::set_permissions(new, fs::metadata(path)?.permissions())?;
        // The old file stays where it is until the new one takes its place in one step.
        fs::hard_link(path, old).or_else(|_| fs::copy(path, old).map(drop))?;
        self.done.push(Done::Moved(old.to_owned(), path.to_owned()));
        fs::rename(new, path)?;
        Ok(())
    }

    fn remove(&mut self, old: &Path, path: &Path) -> anyhow::Result<()> {
        fs::rename(path, old)?;
        self.done.push(Done::Moved(old.to_owned(), path.to_owned()));
        Ok(())
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        if !self.committed {
            for done in self.done.iter().rev() {
                // Nothing can be done about a failure here; what caused the rollback is what the user is told.
                let _ = match done {
                    Done::Created(path) => fs::remove_file(path),
                    Done::Moved(old, path) => fs::rename(old, path),
                    // The staging folder may still hold files; it goes below.
                    Done::CreatedFolder(folder) => fs::remove_dir(folder),
                };
            }
        }
        let _ = fs::remove_dir_all(self.root.join(STAGING));
        // Only if it is empty: a local run keeps its data there.
        let _ = fs::remove_dir(self.root.join(FOLDER));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::plan::Rules;
    use super::super::{File, Owner};
    use super::*;

    fn file(path: &str, content: &str) -> File {
        File { path: path.into(), content: content.as_bytes().to_vec().into(), owner: Owner::State }
    }

    fn tree(root: &Path) -> BTreeMap<String, String> {
        let files = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
        files
            .map(|entry| {
                let path = entry.path().strip_prefix(root).unwrap().display().to_string();
                (path, fs::read_to_string(entry.path()).unwrap_or_default())
            })
            .collect()
    }

    #[test]
    fn all_files_are_written_and_nothing_else_stays() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), "old").unwrap();
        let files = vec![file("a", "new"), file("deep/er/b", "b")];
        carry_out(root.path(), &Plan::new(root.path(), files, Rules::default()).unwrap(), || {}).unwrap();
        let paths: Vec<_> = tree(root.path()).into_iter().collect();
        let expected = [("", ""), ("a", "new"), ("deep", ""), ("deep/er", ""), ("deep/er/b", "b")];
        assert_eq!(paths, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_failure_takes_everything_back() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), "old").unwrap();
        fs::write(root.path().join("b"), "gone soon").unwrap();
        let before = tree(root.path());
        let files = vec![file("a", "new"), file("deep/er/b", "b"), file("blocked", "x")];
        let mut plan = Plan::new(root.path(), files, Rules::default()).unwrap();
        plan.steps.iter_mut().filter(|step| step.file.path == "blocked").for_each(|step| {
            // A path that a folder cannot be made for: `a` is a file.
            step.file.path = "a/blocked".into();
        });
        let error = carry_out(root.path(), &plan, || {}).unwrap_err();
        assert!(format!("{error:#}").contains("a/blocked"), "{error:#}");
        assert_eq!(tree(root.path()), before);
    }

    #[test]
    fn what_a_killed_command_left_is_cleared() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join(STAGING)).unwrap();
        fs::write(root.path().join(STAGING).join("3.new"), "half").unwrap();
        fs::write(root.path().join(FOLDER).join("data"), "kept").unwrap();
        carry_out(root.path(), &Plan::new(root.path(), vec![file("a", "new")], Rules::default()).unwrap(), || {})
            .unwrap();
        assert!(!root.path().join(STAGING).exists());
        assert!(root.path().join(FOLDER).join("data").exists());
    }
}
