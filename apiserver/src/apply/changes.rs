//! What a write changes, in the eyes of those who own fields.

use serde_json::Value;

use super::compare::{Comparison, compare};
use super::error::Conflict;
use super::managers::{Identity, Managers};
use super::set::Set;
use super::updater::{Updater, Write};

/// What a write changes, as each version sees it.
pub(super) struct Changes {
    own: Comparison,
    /// By `apiVersion`, where it is not that of the write.
    others: Vec<(String, Comparison)>,
}

impl Changes {
    /// Compares two objects in every version that someone owns fields in; `None` is an object that was not there. What the
    /// endpoint does not store is no change.
    pub(super) fn between(
        updater: &Updater,
        write: &Write<'_>,
        old: Option<&Value>,
        new: &Value,
        managers: &Managers,
    ) -> Self {
        let mut own = compare(updater.type_(write.version), old, Some(new));
        own.drop_fields(updater.reset_fields(write, write.version));
        let mut others: Vec<(String, Comparison)> = Vec::new();
        for manager in managers.iter() {
            let api_version = &manager.identity.api_version;
            let Some(version) = updater.find(api_version) else { continue };
            if version == write.version || others.iter().any(|(known, _)| known == api_version) {
                continue;
            }
            let convert = |object| updater.convert(object, write.version, version);
            let mut comparison = match (old.map(convert).transpose(), convert(new)) {
                (Ok(old), Ok(new)) => compare(updater.type_(version), old.as_deref(), Some(&new)),
                (Err(error), _) | (_, Err(error)) => {
                    // It will hardly be found valid either; until then, paths are taken to be the same in both.
                    tracing::debug!(error, api_version, "an object cannot be converted to see who owns what");
                    own.clone()
                }
            };
            comparison.drop_fields(updater.reset_fields(write, version));
            others.push((api_version.clone(), comparison));
        }
        Self { own, others }
    }

    /// Takes from everyone but the writer what was changed.
    pub(super) fn disown(&self, managers: &mut Managers, except: &Identity) {
        for manager in managers.iter_mut().filter(|manager| !manager.identity.is(except)) {
            let comparison = self.seen_by(&manager.identity);
            for set in [&comparison.modified, &comparison.added, &comparison.removed] {
                manager.subtract(set);
            }
        }
    }

    /// What was changed, though others own it.
    pub(super) fn conflicts(&self, managers: &Managers, except: &Identity) -> Vec<(Identity, Set)> {
        let mut conflicts = Vec::new();
        for manager in managers.iter().filter(|manager| !manager.identity.is(except)) {
            let comparison = self.seen_by(&manager.identity);
            let mut set = manager.set.intersection(&comparison.modified);
            set.unite(manager.set.intersection(&comparison.added));
            if !set.is_empty() {
                conflicts.push((manager.identity.clone(), set));
            }
        }
        conflicts
    }

    /// What the writer changed or added, and what it removed.
    pub(super) fn into_own(self) -> (Set, Set) {
        let mut set = self.own.modified;
        set.unite(self.own.added);
        (set, self.own.removed)
    }

    fn seen_by(&self, identity: &Identity) -> &Comparison {
        let other = self.others.iter().find(|(version, _)| *version == identity.api_version);
        other.map_or(&self.own, |(_, comparison)| comparison)
    }
}

/// Tells clients of conflicts, in the order of the managers.
pub(super) fn told(mut conflicts: Vec<(Identity, Set)>) -> Vec<Conflict> {
    conflicts.sort_by_cached_key(|(identity, _)| identity.sort_key());
    let tell = |(identity, set): (Identity, Set)| {
        let manager = identity.to_string();
        set.paths().into_iter().map(move |field| Conflict { manager: manager.clone(), field })
    };
    conflicts.into_iter().flat_map(tell).collect()
}
