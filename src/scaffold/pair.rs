//! Two versions of one kind with a file of conversions between them: the version that is stored, or once was, and
//! another one, in whose folder the file is.

use super::layout;
use crate::names::Module;
use crate::project::{Group, Kind, KindVersion};

/// A file of conversions.
pub struct Pair {
    /// The version in whose folder it is.
    pub spoke: String,
    /// The version that is stored, or once was.
    pub hub: String,
    /// `bird_to_v1`.
    pub module: Module,
}

impl Pair {
    pub fn new(kind: &Kind, spoke: &str, hub: &str) -> Self {
        let module = Module::of(&format!("{}-to-{hub}", kind.kind));
        Self { spoke: spoke.to_owned(), hub: hub.to_owned(), module }
    }

    /// Relative to the project's root.
    pub fn path(&self, group: &Group) -> String {
        format!("src/apis/{}/{}/{}.rs", Module::of(&group.name).file, self.spoke, self.module.file)
    }
}

/// All pairs of a kind whose files are in the folder of a version.
pub fn of_version(kind: &Kind, version: &str) -> impl Iterator<Item = Pair> {
    let conversions = kind.version(version).into_iter().flat_map(|version| &version.conversions);
    conversions.map(move |hub| Pair::new(kind, version, hub))
}

/// What registers the versions that are not stored: the argument of `.version(…)` for each.
pub fn calls(kind: &Kind) -> impl Iterator<Item = String> {
    let hub = kind.stored();
    kind.versions.iter().filter(|version| !version.storage).map(move |version| {
        let module = Pair::new(kind, &version.name, hub).module.ident;
        layout::chain_argument(4, &format!("{}::{module}::version()", version.name), &setters(version))
    })
}

fn setters(version: &KindVersion) -> Vec<String> {
    let mut setters = Vec::new();
    if version.deprecated {
        setters.push(format!(".deprecated({:?})", version.warning.as_deref().unwrap_or_default()));
    }
    if !version.served {
        setters.push(".unserved()".to_owned());
    }
    setters
}
