//! What goes away because its only manager applies it no more. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/merge/update.go>

use serde_json::Value;

use super::field_set::field_set;
use super::managers::{Manager, Managers};
use super::remove::remove;
use super::set::Set;
use super::updater::{Updater, Write};

impl Updater {
    /// The merged object without what the writer had `before` and nobody has now; `None` where that is nothing.
    ///
    /// # Errors
    /// An object that cannot be expressed in the version of the last apply, or not in that of this one.
    pub(super) fn prune(
        &self,
        write: &Write<'_>,
        merged: &Value,
        before: &Manager,
        managers: &Managers,
    ) -> Result<Option<Value>, String> {
        let Some(version) = self.find(&before.identity.api_version) else { return Ok(None) };
        let now = managers.iter().find(|manager| manager.identity.is(&write.identity));
        // The common case, at the price of one comparison.
        let is_kept = |now: &Manager| version == write.version && before.set.is_subset(&now.set);
        if before.set.is_empty() || now.is_some_and(is_kept) {
            return Ok(None);
        }
        let type_ = self.type_(version);
        let merged = self.convert(merged, write.version, version)?;
        let last = before.set.clone().with_named_fields(Some(type_));
        let pruned = self.keep_owned(version, &merged, remove(type_, &merged, &last), managers);

        // What went away with its parents, but was not this manager's, stays.
        let mut gone = field_set(type_, &merged).with_named_fields(Some(type_));
        gone.subtract(&field_set(type_, &pruned).with_named_fields(Some(type_)));
        let object = remove(type_, &merged, &gone.intersection(&last));
        Ok(Some(self.convert(&object, version, write.version)?.into_owned()))
    }

    /// Gives back to a pruned object what is owned by anyone, in whichever version. Objects carry the fields from version
    /// to version, since only objects can be converted.
    fn keep_owned(&self, version: usize, merged: &Value, mut pruned: Value, managers: &Managers) -> Value {
        // Its own version comes first: without the fields that are applied now, there may be too little to be converted.
        let mut owned: Vec<(usize, Set)> = vec![(version, Set::default())];
        for manager in managers.iter() {
            let Some(version) = self.find(&manager.identity.api_version) else { continue };
            match owned.iter_mut().find(|(known, _)| *known == version) {
                Some((_, set)) => set.unite(manager.set.clone()),
                None => owned.push((version, manager.set.clone())),
            }
        }
        for (other, owned) in owned {
            pruned = self
                .keep_in(other, version, merged, &pruned, &owned)
                // What cannot be converted says nothing about the other version: paths are taken to be the same in both.
                .unwrap_or_else(|| self.keep(version, merged, &pruned, &owned));
        }
        pruned
    }

    /// As [`keep`](Self::keep), by way of another version.
    fn keep_in(&self, other: usize, version: usize, merged: &Value, pruned: &Value, owned: &Set) -> Option<Value> {
        let merged = self.convert(merged, version, other).ok()?;
        let pruned = self.convert(pruned, version, other).ok()?;
        let kept = self.keep(other, &merged, &pruned, owned);
        Some(self.convert(&kept, other, version).ok()?.into_owned())
    }

    /// The merged object without what is neither in the pruned one nor owned.
    fn keep(&self, version: usize, merged: &Value, pruned: &Value, owned: &Set) -> Value {
        let type_ = self.type_(version);
        let named = |set: Set| set.with_named_fields(Some(type_));
        let mut gone = named(field_set(type_, merged));
        gone.subtract(&named(field_set(type_, pruned)));
        gone.subtract(&named(owned.clone()));
        remove(type_, merged, &gone)
    }
}
