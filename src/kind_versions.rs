//! The versions of a kind: how one is added, which one is stored, and what may be said of the others.

use crate::additions::known_kinds;
use crate::error::{Failure, usage};
use crate::names;
use crate::project::{Backend, Kind, KindVersion, Project};

/// The longest warning that Kubernetes takes, in bytes.
/// Source: <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apis/apiextensions/validation/validation.go>
const WARNING_MAX: usize = 256;

const CLASH: &str = "a further version needs a file of this name: rename the other one, or choose another version";

/// What a command says of a version. What it does not say stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub served: Option<bool>,
    pub deprecated: Option<bool>,
    pub warning: Option<String>,
}

impl Project {
    /// Adds a version to a kind that is there. Objects are stored in it from now on, or it has conversions to the version
    /// in which they are.
    pub fn add_kind_version(&mut self, group: &str, kind: &str, version: &str, stored: bool) -> Result<(), Failure> {
        names::check_version(version)?;
        let mut next = self.clone();
        next.add_version(group, version)?;
        let there = next.kind_mut(group, kind)?;
        if there.backend == Backend::Custom {
            return Err(usage(format!("{kind} has a backend of your own, which keeps its objects in one version"))
                .hint("leave its version as it is, or make another kind without `--backend custom`"));
        }
        let conversions = if stored { Vec::new() } else { vec![there.stored().to_owned()] };
        there.versions.push(KindVersion { conversions, ..KindVersion::new(version) });
        if stored {
            next.store_in(group, kind, version)?;
        }
        next.check_files().map_err(|clash| clash.hint(CLASH))?;
        *self = next;
        Ok(())
    }

    /// Stores the objects of a kind in another of its versions. Versions that have no conversions for it get them.
    pub fn store_in(&mut self, group: &str, kind: &str, hub: &str) -> Result<(), Failure> {
        let mut next = self.clone();
        let there = next.kind_mut(group, kind)?;
        check_stays_usable(there, hub)?;
        for version in &mut there.versions {
            version.storage = version.name == hub;
            if !version.storage && !version.conversions.iter().any(|there| there == hub) {
                version.conversions.push(hub.to_owned());
            }
        }
        next.check_files().map_err(|clash| clash.hint(CLASH))?;
        *self = next;
        Ok(())
    }

    /// Changes what is said of a version of a kind.
    pub fn set_flags(&mut self, group: &str, kind: &str, version: &str, flags: &Flags) -> Result<(), Failure> {
        let there = self.kind_mut(group, kind)?;
        let mut next = there.clone();
        let Some(changed) = next.versions.iter_mut().find(|there| there.name == version) else {
            return Err(no_version(there, group, version));
        };
        changed.served = flags.served.unwrap_or(changed.served);
        changed.deprecated = flags.deprecated.unwrap_or(changed.deprecated);
        if flags.deprecated == Some(false) {
            changed.warning = None;
        }
        changed.warning = flags.warning.clone().or(changed.warning.take());
        check(&next)?;
        *there = next;
        Ok(())
    }

    /// Checks that a kind has a version.
    pub fn check_kind_has(&self, group: &str, version: &str, kind: &str) -> Result<(), Failure> {
        match self.group(group).and_then(|group| group.kind(kind)) {
            Some(there) if there.version(version).is_some() => Ok(()),
            Some(there) => Err(no_version(there, group, version)),
            None => Err(usage(format!("the group {group:?} has no kind {kind:?}")).hint(known_kinds(self))),
        }
    }
}

/// Checks that the versions of a kind go together.
pub fn check(kind: &Kind) -> Result<(), Failure> {
    let name = &kind.kind;
    let take_out = "take one of them out; each version is there once";
    for (index, version) in kind.versions.iter().enumerate() {
        names::check_version(&version.name)?;
        let twice = |list: &[String], name: &String| list.contains(name);
        if kind.versions[..index].iter().any(|other| other.name == version.name) {
            return Err(usage(format!("the kind {name} has the version {} twice", version.name)).hint(take_out));
        }
        for (index, hub) in version.conversions.iter().enumerate() {
            if *hub == version.name || kind.version(hub).is_none() {
                return Err(usage(format!(
                    "the kind {name} has no other version {hub} for {} to convert to",
                    version.name
                ))
                .hint("`conversions` lists other versions of the kind"));
            }
            if twice(&version.conversions[..index], hub) {
                return Err(usage(format!("{name} in {} has conversions to {hub} twice", version.name)).hint(take_out));
            }
        }
        check_warning(version)?;
    }
    let stored: Vec<&str> = kind.versions.iter().filter(|v| v.storage).map(|v| v.name.as_str()).collect();
    let [hub] = stored[..] else {
        let what = if stored.is_empty() { "no version".to_owned() } else { format!("both {}", stored.join(" and ")) };
        return Err(usage(format!("the kind {name} is stored in {what}"))
            .hint("exactly one of its versions has `storage: true`"));
    };
    check_stays_usable(kind, hub)?;
    for version in kind.versions.iter().filter(|version| !version.storage) {
        if !version.conversions.iter().any(|to| to == hub) {
            return Err(usage(format!("{name} in {} has no conversions to {hub}, which is stored", version.name))
                .hint(format!(
                    "`conversions` lists {hub} once there are some: `apiserver-boot create resource` writes them"
                )));
        }
    }
    Ok(())
}

/// The version that is stored is the one that hooks see: it is served, and not on its way out.
fn check_stays_usable(kind: &Kind, hub: &str) -> Result<(), Failure> {
    let Some(version) = kind.version(hub) else { return Ok(()) };
    let problem = match (version.served, version.deprecated) {
        (false, _) => "is stored, and so it is served",
        (_, true) => "is stored, and so it is not deprecated",
        _ => return Ok(()),
    };
    let undo = match (version.served, version.deprecated) {
        (false, true) => "`--served --deprecated=false`",
        (false, false) => "`--served`",
        _ => "`--deprecated=false`",
    };
    Err(usage(format!("{hub} of {} {problem}", kind.kind))
        .hint(format!("store another version with `--storage-version` first, or pass {undo} too")))
}

fn check_warning(version: &KindVersion) -> Result<(), Failure> {
    let Some(text) = &version.warning else { return Ok(()) };
    if !version.deprecated {
        return Err(usage(format!("{} has a warning and is not deprecated", version.name)).hint("add `--deprecated`"));
    }
    if text.is_empty()
        || text.len() > WARNING_MAX
        || text.chars().any(|c| c.is_control() || c.is_whitespace() && c != ' ')
    {
        return Err(usage(format!("{text:?} is not a warning"))
            .hint(format!("it is one line of 1 to {WARNING_MAX} bytes; leave it out for the standard text")));
    }
    Ok(())
}

fn no_version(kind: &Kind, group: &str, version: &str) -> Failure {
    let there: Vec<&str> = kind.versions.iter().map(|there| there.name.as_str()).collect();
    let (message, hint) = match there[..] {
        [only] => (format!("has the version {only}, not {version}"), format!("use `--version {only}`")),
        _ => (
            format!("has the versions {}, not {version}", there.join(", ")),
            format!("use `--version {}`", kind.stored()),
        ),
    };
    usage(format!("{} in {group} {message}", kind.kind)).hint(hint)
}
