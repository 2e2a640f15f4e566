//! `create resource` for a kind that is there: a further version of it, another version to be stored, and what is said of
//! a version.

use std::path::Path;

use anyhow::Context;
use clap::{ArgAction, Args};

use crate::conversions::model::Model;
use crate::conversions::write::{self, Source, Versions};
use crate::conversions::{copy, sample};
use crate::error::WithHint;
use crate::kind_versions::Flags;
use crate::names::Module;
use crate::project::{Group, Kind, Project};
use crate::scaffold::pair::{self, Pair};
use crate::scaffold::{File, Owner, render, views};

/// Flags of `create resource` about the version.
#[derive(Args, Clone, Debug)]
pub struct VersionFlags {
    /// Store the kind's objects in this version [default: its first one]
    #[arg(long)]
    pub storage_version: bool,

    /// Whether clients may use the version [default: true]
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    served: Option<bool>,

    /// Whether requests to the version are answered with a warning [default: false]
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    deprecated: Option<bool>,

    /// The text of the warning; needs --deprecated [default: that the version is deprecated]
    #[arg(long, value_name = "TEXT", requires = "deprecated")]
    warning: Option<String>,
}

impl VersionFlags {
    /// Whether the command says anything of the version.
    pub fn are_given(&self) -> bool {
        self.storage_version || self.served.is_some() || self.deprecated.is_some() || self.warning.is_some()
    }
}

/// Brings a version of a kind that is there to what the command says. Gives the files that this takes and that are the
/// user's from now on.
pub fn change(
    project: &mut Project,
    root: &Path,
    (group, kind, version): (&str, &str, &str),
    flags: &VersionFlags,
) -> anyhow::Result<Vec<File>> {
    let Some(before) = project.group(group).and_then(|group| group.kind(kind)).cloned() else { return Ok(Vec::new()) };
    let said = Flags { served: flags.served, deprecated: flags.deprecated, warning: flags.warning.clone() };
    if before.version(version).is_none() {
        project.add_kind_version(group, kind, version, flags.storage_version)?;
    }
    project.set_flags(group, kind, version, &said)?;
    if flags.storage_version {
        project.store_in(group, kind, version)?;
    }
    let Some((group, kind)) = project.kinds().find(|(there, k)| there.name == group && k.kind == kind) else {
        return Ok(Vec::new());
    };
    Changed { project, root, group, before: &before, kind }.files()
}

/// A kind whose versions are others than before.
struct Changed<'a> {
    project: &'a Project,
    root: &'a Path,
    group: &'a Group,
    before: &'a Kind,
    kind: &'a Kind,
}

impl Changed<'_> {
    fn files(&self) -> anyhow::Result<Vec<File>> {
        let mut files = Vec::new();
        let new = self.kind.versions.iter().find(|version| self.before.version(&version.name).is_none());
        let old = self.before.stored();
        let mut model = None;
        if let Some(new) = new {
            let path = views::types_path(self.group, self.before, old);
            let text = self.read(&path, "it is what the new version starts as")?;
            let read = Model::parse(&text, &path, &self.kind.kind, old)?;
            let path = views::types_path(self.group, self.kind, &new.name);
            files.push(yours(path, copy::file(&text, &read, old, &new.name)));
            if new.served {
                let path = views::version_sample_path(self.project, self.group, self.before, old);
                let text = self.read(&path, "it is what the sample of the new version starts as")?;
                let api_group = self.project.api_group(&self.group.name);
                let text = sample::file(&text, &path, &api_group, old, &new.name)?;
                files.push(yours(views::version_sample_path(self.project, self.group, self.kind, &new.name), text));
            }
            model = Some(read);
        }
        let missing = |pair: &Pair| {
            let before = self.before.version(&pair.spoke);
            !before.is_some_and(|version| version.conversions.contains(&pair.hub))
        };
        for version in &self.kind.versions {
            for pair in pair::of_version(self.kind, &version.name).filter(missing) {
                files.push(self.conversions(&pair, new.map(|new| new.name.as_str()), model.as_ref()));
            }
        }
        Ok(files)
    }

    /// The file of a pair that was not there before.
    fn conversions(&self, pair: &Pair, new: Option<&str>, model: Option<&Model>) -> File {
        let back = pair::of_version(self.before, &pair.hub).find(|back| back.hub == pair.spoke);
        let back = back.map(|back| back.path(self.group));
        let old = self.before.stored();
        let is_copied = |a: &str, b: &str| a == old && Some(b) == new;
        let copied = is_copied(&pair.spoke, &pair.hub) || is_copied(&pair.hub, &pair.spoke);
        let source = match (&back, model) {
            (Some(path), _) => Source::Elsewhere(path),
            (None, Some(model)) if copied => Source::Types(model),
            _ => Source::By(old),
        };
        let copyright = render::copyright_header(self.project);
        let versions = Versions {
            kind: &self.kind.kind,
            spoke: &pair.spoke,
            hub: &pair.hub,
            module: &Module::of(&self.kind.kind).ident,
            group: &Module::of(&self.group.name).ident,
            copyright: &copyright,
        };
        yours(pair.path(self.group), write::file(&versions, &source))
    }

    fn read(&self, path: &str, why: &str) -> anyhow::Result<String> {
        let full = self.root.join(path);
        std::fs::read_to_string(&full)
            .with_hint(|| format!("restore the file: {why}"))
            .with_context(|| format!("could not read {}", full.display()))
    }
}

fn yours(path: String, content: String) -> File {
    File { path, content: content.into_bytes().into(), owner: Owner::Yours }
}
