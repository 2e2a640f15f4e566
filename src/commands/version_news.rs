//! What a user does after the versions of a kind have changed: files to edit, and lines of files of theirs that name
//! the version which was stored until now.

use std::path::Path;

use crate::names::Module;
use crate::project::{Group, Kind, KindVersion, Project};
use crate::scaffold::{pair, views};

/// What is new of the versions of one kind.
#[derive(Default)]
pub struct VersionNews {
    /// In a few words each: what matters, and the rest of the sentence.
    pub titles: Vec<(String, String)>,
    /// Files to edit.
    pub edit: Vec<String>,
    /// What has to be done by hand.
    pub by_hand: Vec<String>,
    /// Commands to try.
    pub run: Vec<String>,
}

impl VersionNews {
    pub fn new(before: &Kind, next: &Project, group: &Group, kind: &Kind, root: &Path) -> Self {
        let mut news = Self::default();
        let api_group = next.api_group(&group.name);
        let is_old = |version: &&KindVersion| before.version(&version.name).is_some();
        let (old, new): (Vec<_>, Vec<_>) = kind.versions.iter().partition(is_old);
        for version in new.into_iter().chain(old) {
            match before.version(&version.name) {
                None => {
                    let title = format!("A new version: {}", kind.kind);
                    news.titles.push((title, format!(" in {api_group}/{}", version.name)));
                    let types = views::types_path(group, kind, &version.name);
                    news.edit.push(format!("  {types}  # its fields"));
                    if version.served {
                        let sample = views::version_sample_path(next, group, kind, &version.name);
                        news.run.push("  apiserver-boot run local".to_owned());
                        news.run.push(format!("  kubectl --kubeconfig kubeconfig create -f {sample}"));
                    }
                }
                Some(old) => news.flags(old, version, next, group, kind),
            }
            let had = |hub: &String| before.version(&version.name).is_some_and(|old| old.conversions.contains(hub));
            for pair in pair::of_version(kind, &version.name).filter(|pair| !had(&pair.hub)) {
                news.edit.push(format!(
                    "  {}  # how {} and {} become each other",
                    pair.path(group),
                    pair.spoke,
                    pair.hub
                ));
            }
        }
        if before.stored() != kind.stored() {
            let title = format!("{} is stored in {}", kind.kind, kind.stored());
            news.titles.push((title, format!(" now, and not in {} any more", before.stored())));
            news.by_hand.push(moved(before.stored(), next, group, kind, root));
            news.run
                .push(format!("  cargo run -- migrate-storage --help  # what is stored, brought to {}", kind.stored()));
        }
        news
    }

    fn flags(&mut self, old: &KindVersion, new: &KindVersion, next: &Project, group: &Group, kind: &Kind) {
        let title = || format!("{} in {}/{}", kind.kind, next.api_group(&group.name), new.name);
        match (old.served, new.served) {
            (true, false) => {
                self.titles.push((title(), " is not served any more".into()));
                let sample = views::version_sample_path(next, group, kind, &new.name);
                let mut text = format!("No client can use {} now: remove {sample}", new.name);
                match views::further(next, group, kind, &new.name) {
                    Some(further) => text.push_str(&format!(" and tests/{}.rs.", further.test)),
                    None => text.push_str(", and let your tests use another version."),
                }
                self.by_hand.push(text);
            }
            (false, true) => self.titles.push((title(), " is served again".into())),
            _ => {}
        }
        match (old.deprecated, new.deprecated) {
            (false, true) => {
                self.titles.push((title(), " is deprecated: each request to it is answered with a warning".into()))
            }
            (true, false) => self.titles.push((title(), " is not deprecated any more".into())),
            _ if old.warning != new.warning => self.titles.push((title(), " has another warning".into())),
            _ => {}
        }
    }
}

/// A line that names a version of a kind.
struct Line {
    path: String,
    number: usize,
    text: String,
}

/// What to change after objects are stored in another version than `old`.
fn moved(old: &str, next: &Project, group: &Group, kind: &Kind, root: &Path) -> String {
    let (module, new) = (Module::of(&kind.kind).ident, kind.stored());
    let (old_path, new_path) = (format!("{old}::{module}"), format!("{new}::{module}"));
    let view = views::kind(next, group, kind);
    let own = kind.subresources.iter().map(|own| views::subresource(next, group, kind, own).path);
    let behaviour: Vec<String> = std::iter::once(view.strategy_path.clone()).chain(own).collect();
    let mut text = String::new();
    let lines: Vec<Line> = behaviour.iter().flat_map(|path| lines(root, path, &old_path)).collect();
    if lines.is_empty() {
        text.push_str(&format!("Let `type Object` in {} be the {} of {new}.", view.strategy_path, kind.kind));
    } else {
        text.push_str(
            "Your code still sees objects as of the old version; until these lines change, the compiler says so:\n",
        );
        for line in &lines {
            let changed = replace(&line.text, &old_path, &new_path);
            text.push_str(&format!("  {}:{}\n    - {}\n    + {changed}\n", line.path, line.number, line.text));
        }
    }
    let further = kind.versions.iter().filter_map(|version| views::further(next, group, kind, &version.name));
    let further: Vec<String> = further.map(|further| format!("tests/{}.rs", further.test)).collect();
    let mut others = Vec::new();
    for folder in ["src/controllers", "tests"] {
        let entries = walkdir::WalkDir::new(root.join(folder)).sort_by_file_name().into_iter().flatten();
        for entry in entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs")) {
            let Some(path) = entry.path().strip_prefix(root).ok().and_then(Path::to_str) else { continue };
            // What was written for two versions of the kind is about just these.
            if further.contains(&path.to_owned()) {
                continue;
            }
            others.extend(self::lines(root, path, &old_path).into_iter().take(1));
        }
    }
    if !others.is_empty() {
        let list: Vec<String> = others.iter().map(|line| format!("  {}:{}\n", line.path, line.number)).collect();
        text.push_str(&format!(
            "These are clients, and may use {old} for as long as it is served, or {new}:\n{}",
            list.concat()
        ));
    }
    text.trim_end().to_owned()
}

/// The lines of a file that name a module of a version.
fn lines(root: &Path, path: &str, module: &str) -> Vec<Line> {
    let text = std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let numbered = text.lines().enumerate();
    let named =
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//") && replace(line, module, "") != **line);
    named.map(|(index, line)| Line { path: path.to_owned(), number: index + 1, text: line.trim().to_owned() }).collect()
}

/// Puts another module in the place of one, where it stands as a path of its own.
fn replace(line: &str, old: &str, new: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(old) {
        let alone = !before.ends_with(is_word) && !after.starts_with(is_word);
        text.push_str(before);
        text.push_str(if alone { new } else { old });
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_module_itself_is_replaced() {
        for (line, expected) in [
            ("use super::v1::bird::{Bird, BirdStatus};", "use super::v2::bird::{Bird, BirdStatus};"),
            ("use super::v1::bird_to_v2::version;", "use super::v1::bird_to_v2::version;"),
            (
                "use crate::apis::demo::{v1::bird::Bird, v1::bird};",
                "use crate::apis::demo::{v2::bird::Bird, v2::bird};",
            ),
            ("use xv1::bird::Bird;", "use xv1::bird::Bird;"),
        ] {
            assert_eq!(replace(line, "v1::bird", "v2::bird"), expected);
        }
    }
}
