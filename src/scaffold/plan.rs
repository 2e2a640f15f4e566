//! Files as they shall be against files as they are. Everything that could be refused is refused here, before the
//! first byte is written.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;

use super::{File, Owner, marker, vendor};
use crate::error::failure;

/// What a command will do to the tree, file by file, in the order in which it will be done.
#[derive(Debug, Default)]
pub struct Plan {
    pub steps: Vec<Step>,
}

/// What happens to one file.
#[derive(Debug)]
pub struct Step {
    pub action: Action,
    pub file: File,
    /// What is on the disk now, if anything.
    pub old: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    Create,
    Replace,
    Remove,
    Leave,
}

/// What a plan may do to files that are not as this program wrote them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Replace files of ours that were edited by hand, and leave files of yours that are in the way.
    pub force: bool,
    /// Leave files of yours that are in the way without being asked: for a README or a licence that was there first.
    pub keep_yours: bool,
}

impl Plan {
    /// Compares files with what is in `root`.
    ///
    /// # Errors
    /// When a file cannot be read, is in the way, or was edited by hand: all such files are named.
    pub fn new(root: &Path, files: Vec<File>, rules: Rules) -> anyhow::Result<Self> {
        let sums =
            read(root, vendor::SUMS)?.map(|sums| String::from_utf8_lossy(&sums).into_owned()).unwrap_or_default();
        let sums = vendor::parse_sums(&sums);
        let mut conflicts = Conflicts::default();
        let mut plan = Self::default();
        let writes_library = files.iter().any(|file| file.owner == Owner::Library);
        let paths: BTreeSet<String> = files.iter().map(|file| file.path.clone()).collect();
        let is_library_pristine =
            |path: &str, old: &[u8]| sums.get(path).is_some_and(|sum| *sum == marker::checksum(old));
        for file in files {
            let old = read(root, &file.path)?;
            let action = match &old {
                None => Action::Create,
                Some(old) if *old == *file.content => Action::Leave,
                Some(old) => match file.owner {
                    Owner::Yours if rules.force || rules.keep_yours => Action::Leave,
                    Owner::Yours => {
                        conflicts.in_the_way.push(file.path.clone());
                        Action::Leave
                    }
                    Owner::Ours if !rules.force && !marker::is_pristine(old) => {
                        conflicts.edited.push(file.path.clone());
                        Action::Leave
                    }
                    Owner::Library if !rules.force && !is_library_pristine(&file.path, old) => {
                        conflicts.edited.push(file.path.clone());
                        Action::Leave
                    }
                    Owner::Ours | Owner::Library | Owner::State => Action::Replace,
                },
            };
            plan.steps.push(Step { action, file, old });
        }
        if writes_library {
            for path in sums.keys().filter(|path| !paths.contains(**path)) {
                let Some(old) = read(root, path)? else { continue };
                if !rules.force && !is_library_pristine(path, &old) {
                    conflicts.edited.push((*path).to_owned());
                }
                let file = File { path: (*path).into(), content: Vec::new().into(), owner: Owner::Library };
                plan.steps.push(Step { action: Action::Remove, file, old: Some(old) });
            }
        }
        // What tells later commands that the work is done comes last; a kill before that leaves the old state.
        plan.steps.sort_by_key(|step| step.file.owner == Owner::State);
        conflicts.into_result()?;
        Ok(plan)
    }

    /// The steps that change something.
    pub fn changes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.action != Action::Leave)
    }

    /// Whether everything is as it shall be.
    pub fn is_empty(&self) -> bool {
        self.changes().next().is_none()
    }
}

#[derive(Default)]
struct Conflicts {
    in_the_way: Vec<String>,
    edited: Vec<String>,
}

impl Conflicts {
    fn into_result(self) -> anyhow::Result<()> {
        let list = |paths: &[String]| paths.iter().map(|path| format!("\n  {path}")).collect::<String>();
        if !self.edited.is_empty() {
            let message = format!(
                "{} of apiserver-boot {} edited by hand:{}",
                if self.edited.len() == 1 { "a file" } else { "files" },
                if self.edited.len() == 1 { "was" } else { "were" },
                list(&self.edited)
            );
            let hint = "move your edits into files of your own, then pass `--force` to have these written again";
            return Err(failure(message).hint(hint).into());
        }
        if !self.in_the_way.is_empty() {
            let message = format!("there already, with other content:{}", list(&self.in_the_way));
            let hint = "move them away to have them written, or pass `--force` to keep yours as they are";
            return Err(failure(message).hint(hint).into());
        }
        Ok(())
    }
}

/// What is at a path now. A folder in the place of a file is an error, as is a file in the place of a folder.
fn read(root: &Path, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let full = root.join(path);
    match std::fs::read(&full) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("could not read {}", full.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(owner: Owner, path: &str, content: &str) -> File {
        File { path: path.into(), content: content.as_bytes().to_vec().into(), owner }
    }

    /// Plans one file against what is there, and tells the action or the first line of the refusal.
    #[track_caller]
    fn check(owner: Owner, there: Option<&str>, rules: Rules, expected: &str) {
        let root = tempfile::tempdir().unwrap();
        let content =
            if owner == Owner::Ours { marker::seal(&format!("// {}\nnew\n", marker::blank())) } else { "new".into() };
        if let Some(there) = there {
            std::fs::write(root.path().join("file"), there).unwrap();
        }
        let told = match Plan::new(root.path(), vec![file(owner, "file", &content)], rules) {
            Ok(plan) => format!("{:?}", plan.steps[0].action),
            Err(error) => error.to_string().lines().next().unwrap().to_owned(),
        };
        assert_eq!(told, expected);
    }

    const PLAIN: Rules = Rules { force: false, keep_yours: false };
    const FORCE: Rules = Rules { force: true, keep_yours: false };
    const KEEP: Rules = Rules { force: false, keep_yours: true };

    #[test]
    fn yours_is_written_once() {
        check(Owner::Yours, None, PLAIN, "Create");
        check(Owner::Yours, Some("new"), PLAIN, "Leave");
        check(Owner::Yours, Some("mine"), PLAIN, "there already, with other content:");
        check(Owner::Yours, Some("mine"), FORCE, "Leave");
        check(Owner::Yours, Some("mine"), KEEP, "Leave");
    }

    #[test]
    fn ours_is_replaced_unless_it_was_edited() {
        let old = marker::seal(&format!("// {}\nold\n", marker::blank()));
        check(Owner::Ours, None, PLAIN, "Create");
        check(Owner::Ours, Some(&old), PLAIN, "Replace");
        check(Owner::Ours, Some(&old.replace("old", "edited")), PLAIN, "a file of apiserver-boot was edited by hand:");
        check(Owner::Ours, Some("someone's own"), PLAIN, "a file of apiserver-boot was edited by hand:");
        check(Owner::Ours, Some("someone's own"), FORCE, "Replace");
        check(Owner::State, Some("old"), PLAIN, "Replace");
    }

    #[test]
    fn the_library_is_replaced_by_its_checksums() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("vendor/apiserver")).unwrap();
        let write = |path: &str, text: &str| std::fs::write(root.path().join(path), text).unwrap();
        let paths = ["vendor/apiserver/a", "vendor/apiserver/gone", "vendor/apiserver/yours"];
        paths.iter().for_each(|path| write(path, "old"));
        let sum = marker::checksum(b"old");
        write(vendor::SUMS, &format!("# comment\n{sum}  vendor/apiserver/a\n{sum}  vendor/apiserver/gone\n"));
        let plan = || Plan::new(root.path(), vec![file(Owner::Library, "vendor/apiserver/a", "new")], PLAIN);
        let told: Vec<_> = plan().unwrap().steps.iter().map(|step| (step.file.path.clone(), step.action)).collect();
        assert_eq!(
            told,
            [("vendor/apiserver/a".to_owned(), Action::Replace), ("vendor/apiserver/gone".to_owned(), Action::Remove)]
        );
        write("vendor/apiserver/gone", "edited");
        assert!(plan().unwrap_err().to_string().contains("vendor/apiserver/gone"));
    }
}
