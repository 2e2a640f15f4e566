//! The file `PROJECT`: the whole state of the tool. Equal `PROJECT` files give equal files of ours.

mod admission;
mod controller;
mod external;
mod kind;
mod subresource;
mod version;
mod webhooks;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

pub use admission::{Plugin, Target};
pub use controller::{Controlled, Controller, ExternalControllers, KindRef};
pub use external::ExternalKind;
pub use kind::{Backend, Kind, Scope};
pub use subresource::{Answers, Subresource};
pub use version::KindVersion;
pub use webhooks::{Certificates, ExternalWebhooks, Webhooks};

use crate::error::{Failure, WithHint, failure};

/// The name of the file.
pub const FILE: &str = "PROJECT";

/// The newest layout of the file that this program reads, and the one that it writes.
const LAYOUT: u64 = 1;

/// The way out of a file that is broken.
const RESTORE: &str = "restore the file from version control; apiserver-boot's commands are what should change it";

const HEADER: &str = "\
# What apiserver-boot knows of this project. Its commands write this file; `apiserver-boot generate` writes the
# files that follow from it.
";

/// What the tool knows of a project.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Project {
    /// The layout of this file: 1.
    pub version: u64,
    /// The package's name, and its binary's.
    pub name: String,
    /// What the API groups end in, for example `example.com`.
    pub domain: String,
    /// The version of the library in `vendor/apiserver`.
    pub vendor: String,
    /// The text that heads each source file which the user owns, without comment signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copyright: Option<String>,
    /// The API groups, in the order of their creation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// Controllers of kinds that are not the project's, in the order of the kinds' first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_controllers: Vec<ExternalControllers>,
    /// Webhooks for kinds that are not the project's, in the order of their creation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_webhooks: Vec<ExternalWebhooks>,
    /// Who makes the certificate of webhooks in a cluster.
    #[serde(default, skip_serializing_if = "Certificates::is_self_signed")]
    pub webhook_certificates: Certificates,
    /// The admission plugins, in the order in which they are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admission: Vec<Plugin>,
    /// The schedulers, in the order of their creation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedulers: Vec<String>,
}

/// An API group.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// The name without the domain, for example `demo`.
    pub name: String,
    /// The name as clients see it, where that is not the name before the project's domain: for kinds whose group somebody
    /// else has chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_group: Option<String>,
    /// The versions, in the order of their creation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// The kinds, in the order of their creation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
}

/// Whether a flag is left out of the file.
fn is_false(value: &bool) -> bool {
    !value
}

impl Project {
    /// A project without groups.
    pub fn new(name: String, domain: String, vendor: String, copyright: Option<String>) -> Self {
        Self {
            version: LAYOUT,
            name,
            domain,
            vendor,
            copyright,
            groups: Vec::new(),
            external_controllers: Vec::new(),
            external_webhooks: Vec::new(),
            webhook_certificates: Certificates::default(),
            admission: Vec::new(),
            schedulers: Vec::new(),
        }
    }

    /// Finds the project that the current folder is in, and reads it. Returns its root folder too.
    pub fn here() -> anyhow::Result<(PathBuf, Self)> {
        let here = std::env::current_dir().context("could not find out the current folder")?;
        let root = root_of(&here)?;
        let project = Self::read(&root)?;
        Ok((root, project))
    }

    /// Reads `PROJECT` in `root`.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let path = root.join(FILE);
        let text =
            std::fs::read_to_string(&path).map_err(anyhow::Error::from).or_else(|error| match error.downcast_ref() {
                Some(io) if std::io::Error::kind(io) == std::io::ErrorKind::InvalidData => {
                    Err(error).with_hint(|| RESTORE)
                }
                _ => Err(error),
            });
        text.and_then(|text| Self::parse(&text)).with_context(|| format!("could not read {}", path.display()))
    }

    /// Reads the text of a `PROJECT` file.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let broken = || RESTORE;
        let value: serde_yaml::Value = serde_yaml::from_str(text).context("it is not YAML").with_hint(broken)?;
        let Some(layout) = value.get("version") else {
            return Err(failure("it is not a PROJECT file of apiserver-boot: it has no `version`")
                .hint(broken())
                .into());
        };
        match layout.as_u64() {
            Some(LAYOUT) => {}
            Some(newer) if newer > LAYOUT => {
                let message =
                    format!("its layout is version {newer}, and this apiserver-boot knows versions up to {LAYOUT}");
                return Err(failure(message).hint("use a newer apiserver-boot for this project").into());
            }
            _ => {
                let message = format!("`version` must be {LAYOUT}, the version of the file's layout");
                return Err(failure(message).hint(broken()).into());
            }
        }
        let project: Self = serde_yaml::from_str(text)
            .context("it is not a PROJECT file that this apiserver-boot knows")
            .with_hint(broken)?;
        project.check().map_err(Failure::not_usage)?;
        Ok(project)
    }

    /// The text of the `PROJECT` file.
    pub fn to_text(&self) -> anyhow::Result<String> {
        Ok(format!("{HEADER}{}", serde_yaml::to_string(self).context("could not write PROJECT as YAML")?))
    }

    /// The name of the project's binary.
    pub fn binary(&self) -> &str {
        &self.name
    }

    /// The name of a group as clients see it, for example `demo.example.com`.
    pub fn api_group(&self, group: &str) -> String {
        let own = self.group(group).and_then(|group| group.api_group.clone());
        own.unwrap_or_else(|| format!("{group}.{}", self.domain))
    }

    /// The group of this name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// All kinds with their groups, in the order of the file.
    pub fn kinds(&self) -> impl Iterator<Item = (&Group, &Kind)> {
        self.groups.iter().flat_map(|group| group.kinds.iter().map(move |kind| (group, kind)))
    }
}

impl Group {
    /// The kind of this name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.kind == name)
    }
}

/// The nearest folder from `folder` upwards that holds a `PROJECT`.
fn root_of(folder: &Path) -> anyhow::Result<PathBuf> {
    match folder.ancestors().find(|ancestor| ancestor.join(FILE).is_file()) {
        Some(root) => Ok(root.to_owned()),
        None => Err(failure(format!("there is no project in {} or above it", folder.display()))
            .hint("change into a project, or make one here with `apiserver-boot init repo --domain example.com`")
            .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bird() -> Project {
        let mut project = Project::new(
            "aviary".into(),
            "example.com".into(),
            "0.1.0".into(),
            Some("Copyright 2020\nAll of us".into()),
        );
        project.groups.push(Group {
            name: "demo".into(),
            api_group: Some("birds.example.org".into()),
            versions: vec!["v1alpha1".into(), "v1".into()],
            kinds: vec![Kind {
                kind: "Bird".into(),
                plural: "birds".into(),
                scope: Scope::Namespaced,
                versions: vec![
                    KindVersion {
                        deprecated: true,
                        warning: Some("use v1".into()),
                        served: false,
                        conversions: vec!["v1".into()],
                        ..KindVersion::new("v1alpha1")
                    },
                    KindVersion::stored("v1"),
                ],
                short_names: vec!["bd".into()],
                categories: Vec::new(),
                backend: Backend::Custom,
                schemaless: false,
                from_crd: true,
                status: true,
                scale: true,
                subresources: vec![Subresource { name: "song".into(), answers: Answers::Connect }],
                controllers: vec![Controller::named("bird")],
                webhooks: Webhooks::default(),
            }],
        });
        project
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Project::parse(&bird().to_text().unwrap()).unwrap(), bird());
    }

    #[test]
    fn the_guide_tells_of_every_field() {
        let guide = include_str!("../../docs/project-file.md");
        let (_, example) = guide.split_once("```yaml\n").unwrap();
        let (example, tables) = example.split_once("```\n").unwrap();
        let project = Project::parse(example).unwrap();
        // In the form that commands write.
        assert!(project.to_text().unwrap().ends_with(&format!("\n{example}")), "{}", project.to_text().unwrap());
        let told = format!("{}{}", bird().to_text().unwrap(), project.to_text().unwrap());
        for line in told.lines().filter(|line| !line.starts_with('#')) {
            if let Some((field, _)) = line.trim_start_matches([' ', '-']).split_once(':') {
                assert!(tables.contains(&format!("`{field}`")), "{field}");
            }
        }
    }

    #[track_caller]
    fn refused(text: &str, message: &str, hint: &str) {
        let error = Project::parse(text).unwrap_err();
        let report = crate::error::report(&error);
        assert!(report.contains(message), "{report}");
        assert!(report.contains(&format!("hint: {hint}")), "{report}");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_refused_with_a_way_out() {
        refused("{", "it is not YAML", "restore the file");
        refused("just words", "not a PROJECT file", "restore the file");
        refused("name: x", "it has no `version`", "restore the file");
        refused("version: 2", "its layout is version 2", "use a newer apiserver-boot");
        refused("version: '3-alpha'", "`version` must be 1", "restore the file");
        refused("version: 1\nname: x", "missing field `domain`", "restore the file");
        let text = bird().to_text().unwrap();
        refused(&format!("{text}colour: red\n"), "unknown field `colour`", "restore the file");
        refused(&text.replace("Namespaced", "Galactic"), "unknown variant `Galactic`", "restore the file");
        refused(&text.replace("Bird", "../../etc"), "is not a name for a kind", "kinds are letters");
        refused(&text.replace("  - v1alpha1", "  - v1beta1"), "has no version \"v1alpha1\"", "add it with");
        refused(&text.replace("- bd", "- bd\n    - bd"), "\"bd\" is named twice", "leave the second one out");
        refused(&text.replace("name: song", "name: Song"), "\"Song\" is not a subresource", "it starts with");
        refused(&text.replace("type: connect", "type: dance"), "unknown variant `dance`", "restore the file");
        refused(&format!("{text}schedulers:\n- Packer\n"), "is not a name for a scheduler", "it starts with");
        refused(&text.replace("backend: custom", "backend: disk"), "unknown variant `disk`", "restore the file");
        refused(&text.replace("status: true", "status: false"), "a scale needs a status", "leave out");
    }
}
