//! Who owns what after a write. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/merge/update.go>

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::compare::{Comparison, compare};
use super::error::Conflict;
use super::field_set::field_set;
use super::fields_v1;
use super::managers::{Identity, Manager, Managers};
use super::merge::merge;
use super::reconcile::reconcile;
use super::remove::remove;
use super::set::Set;
use super::types::Type;
use super::validate::{Duplicates, validate};
use crate::kind::{Kind, KindVersion};
use crate::versions::Conversion;

/// Fields that the server sets, or that tell what an object is, belong to nobody.
static UNTRACKED: LazyLock<Set> = LazyLock::new(|| {
    let fields = json!({
        "f:apiVersion": {},
        "f:kind": {},
        "f:metadata": {
            ".": {},
            "f:name": {},
            "f:namespace": {},
            "f:creationTimestamp": {},
            "f:selfLink": {},
            "f:uid": {},
            "f:clusterName": {},
            "f:generation": {},
            "f:managedFields": {},
            "f:resourceVersion": {},
        },
    });
    fields_v1::decode(&fields).expect("a constant set")
});

/// What there is to know about a kind.
pub(super) struct Updater {
    kind: Arc<Kind>,
    conversion: Arc<dyn Conversion>,
    /// The `apiVersion` and the type of each version, in the order of the kind's.
    versions: Vec<(String, Type)>,
}

/// A write, as far as the objects of one kind are concerned.
#[derive(Clone, Copy)]
pub(super) struct Endpoint<'a> {
    /// The place of its version among those of the kind.
    pub(super) version: usize,
    pub(super) subresource: &'a str,
}

/// What came of an apply.
pub(super) struct Applied {
    /// Without managedFields.
    pub(super) object: Value,
    /// Whether it is another object than before.
    pub(super) changed: bool,
    pub(super) managers: Managers,
}

/// Why nothing came of it.
pub(super) enum Failure {
    /// The fields that others own.
    Conflicts(Vec<(Identity, Set)>),
    /// In Kubernetes' words.
    Untyped(String),
}

impl Updater {
    pub(super) fn new(kind: Arc<Kind>, conversion: Arc<dyn Conversion>) -> Self {
        let versions =
            kind.versions.iter().map(|version| (version.api_version(), Type::of_kind(&version.openapi))).collect();
        Self { kind, conversion, versions }
    }

    /// The place of a version of this kind.
    pub(super) fn place(&self, version: &KindVersion) -> Option<usize> {
        let same = |known: &KindVersion| {
            std::ptr::eq(known, version) || (known.version == version.version && known.group == version.group)
        };
        self.kind.versions.iter().position(same)
    }

    /// The name of the kind.
    pub(super) fn kind_name(&self) -> &str {
        &self.kind.kind
    }

    /// The type of the objects of a version.
    pub(super) fn type_(&self, version: usize) -> &Type {
        &self.versions[version].1
    }

    /// The `apiVersion` of a version.
    pub(super) fn api_version(&self, version: usize) -> &str {
        &self.versions[version].0
    }

    /// Gives `identity` what a write changed, and takes it from all others. `None` is an object that was not there.
    ///
    /// # Errors
    /// Objects that are not of their type.
    pub(super) fn update(
        &self,
        at: Endpoint<'_>,
        identity: Identity,
        now: &str,
        old: Option<&Value>,
        new: &Value,
        managers: &mut Managers,
    ) -> Result<(), String> {
        let type_ = self.type_(at.version);
        for object in [Some(new), old].into_iter().flatten() {
            validate(type_, object, Duplicates::Allowed)?;
        }
        self.reconcile(managers);
        let comparisons = self.compare(at, old, new, managers);
        disown(managers, &comparisons, None);
        let mut own = comparisons.into_own();
        own.subtract(&UNTRACKED);
        if !own.is_empty() {
            let time = Some(now.to_owned());
            match managers.get_mut(&identity) {
                Some(manager) => {
                    manager.set_mut().unite(own);
                    manager.time = time;
                }
                None => managers.put(Manager::new(identity, time, own)),
            }
        }
        managers.retain(|manager| !manager.set.is_empty());
        Ok(())
    }

    /// Lays what is applied over an object, takes out what `identity` applied before and nobody wants any more, and says
    /// who owns what then. With `force`, fields move over from those who own them.
    pub(super) fn apply(
        &self,
        at: Endpoint<'_>,
        identity: &Identity,
        now: &str,
        live: &Value,
        applied: &Value,
        mut managers: Managers,
        force: bool,
    ) -> Result<Applied, Failure> {
        let type_ = self.type_(at.version);
        let untyped = |what: &str, object: &Value, error: String| {
            Failure::Untyped(format!("failed to create typed {what} object ({}): {error}", describe(object)))
        };
        validate(type_, applied, Duplicates::Refused).map_err(|error| untyped("patch", applied, error))?;
        validate(type_, live, Duplicates::Allowed).map_err(|error| untyped("live", live, error))?;
        self.reconcile(&mut managers);

        let mut object = merge(type_, live, applied);
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            metadata.remove("managedFields");
        }
        let mut set = field_set(type_, applied);
        set.drop_fields(self.reset_fields(at, at.version));
        let before = managers.take(identity);
        managers.put(Manager::new(identity.clone(), before.as_ref().and_then(|before| before.time.clone()), set));
        if let Some(before) = before
            && let Some(pruned) = self.prune(at, &object, &before, identity, &managers)?
        {
            object = pruned;
        }

        let comparisons = self.compare(at, Some(live), &object, &managers);
        if !force {
            let conflicts = conflicts(&managers, &comparisons, identity);
            if !conflicts.is_empty() {
                return Err(Failure::Conflicts(conflicts));
            }
        }
        disown(&mut managers, &comparisons, Some(identity));
        let changed = !same_object(live, &object);
        if let Some(manager) = managers.get_mut(identity) {
            manager.subtract(&UNTRACKED);
            if changed {
                manager.time = Some(now.to_owned());
            }
        }
        managers.retain(|manager| !manager.set.is_empty());
        Ok(Applied { object, changed, managers })
    }

    /// The merged object without what `before` had and nobody has now; `None` where that is nothing.
    fn prune(
        &self,
        at: Endpoint<'_>,
        merged: &Value,
        before: &Manager,
        identity: &Identity,
        managers: &Managers,
    ) -> Result<Option<Value>, Failure> {
        let Some(version) = self.find(&before.identity.api_version) else { return Ok(None) };
        let now = managers.iter().find(|manager| manager.identity.is(identity));
        let kept = |now: &Manager| version == at.version && before.set.is_subset(&now.set);
        if before.set.is_empty() || now.is_some_and(kept) {
            return Ok(None);
        }
        let convert = |object: &Value, from: usize, to: usize| {
            self.convert(object, from, to).map(Cow::into_owned).map_err(Failure::Untyped)
        };
        let type_ = self.type_(version);
        let merged = convert(merged, at.version, version)?;
        let last = before.set.clone().with_named_fields(Some(type_));
        let pruned = self.keep_owned(version, &merged, remove(type_, &merged, &last), managers);

        // What went away with its parents, but was not this manager's, stays.
        let rest = field_set(type_, &pruned).with_named_fields(Some(type_));
        let mut gone = field_set(type_, &merged).with_named_fields(Some(type_));
        gone.subtract(&rest);
        let object = remove(type_, &merged, &gone.intersection(&last));
        convert(&object, version, at.version).map(Some)
    }

    /// Gives back to a pruned object what is owned by anyone, in whichever version. Objects carry the fields from version
    /// to version, since only they can be converted.
    fn keep_owned(&self, version: usize, merged: &Value, mut pruned: Value, managers: &Managers) -> Value {
        let mut owned: Vec<(usize, Set)> = vec![(version, Set::default())];
        for manager in managers.iter() {
            let Some(version) = self.find(&manager.identity.api_version) else { continue };
            match owned.iter_mut().find(|(known, _)| *known == version) {
                Some((_, set)) => set.unite(manager.set.clone()),
                None => owned.push((version, manager.set.clone())),
            }
        }
        for (other, owned) in owned {
            // An object that lacks so much that it cannot be converted says nothing about the other version: the paths
            // are then taken to be the same in both.
            let converted = (other != version)
                .then(|| {
                    Some((self.convert(merged, version, other).ok()?, self.convert(&pruned, version, other).ok()?))
                })
                .flatten();
            let kept = match &converted {
                Some((merged, pruned)) => self.keep(other, merged, pruned, owned),
                None => self.keep(version, merged, &pruned, owned),
            };
            pruned = match converted {
                None => kept,
                Some(_) => match self.convert(&kept, other, version) {
                    Ok(kept) => kept.into_owned(),
                    Err(_) => pruned,
                },
            };
        }
        pruned
    }

    fn keep(&self, version: usize, merged: &Value, pruned: &Value, owned: Set) -> Value {
        let type_ = self.type_(version);
        let named = |set: Set| set.with_named_fields(Some(type_));
        let mut gone = named(field_set(type_, merged));
        gone.subtract(&named(field_set(type_, pruned)));
        gone.subtract(&named(owned));
        remove(type_, merged, &gone)
    }

    /// Drops managers of versions that are no more, and brings the others in line with the schema.
    fn reconcile(&self, managers: &mut Managers) {
        managers.retain(|manager| self.find(&manager.identity.api_version).is_some());
        for manager in managers.iter_mut() {
            if let Some(version) = self.find(&manager.identity.api_version) {
                manager.change(|set| reconcile(self.type_(version), set));
            }
        }
    }

    /// Compares two objects in every version that someone owns fields in.
    fn compare(&self, at: Endpoint<'_>, old: Option<&Value>, new: &Value, managers: &Managers) -> Comparisons {
        let mut own = compare(self.type_(at.version), old, Some(new));
        own.drop_fields(self.reset_fields(at, at.version));
        let mut others: Vec<(String, Comparison)> = Vec::new();
        for manager in managers.iter() {
            let api_version = &manager.identity.api_version;
            if api_version == self.api_version(at.version) || others.iter().any(|(known, _)| known == api_version) {
                continue;
            }
            let Some(version) = self.find(api_version) else { continue };
            let convert = |object: &Value| self.convert(object, at.version, version).map(Cow::into_owned);
            let mut comparison = match (old.map(convert).transpose(), convert(new)) {
                (Ok(old), Ok(new)) => compare(self.type_(version), old.as_ref(), Some(&new)),
                (Err(error), _) | (_, Err(error)) => {
                    // It will hardly pass validation either; until then, paths are taken to be the same in both.
                    tracing::debug!(error, api_version, "an object cannot be converted to see who owns what");
                    own.clone()
                }
            };
            comparison.drop_fields(self.reset_fields(at, version));
            others.push((api_version.clone(), comparison));
        }
        Comparisons { own_version: self.api_version(at.version).to_owned(), own, others }
    }

    /// What this endpoint does not store, in a version.
    fn reset_fields(&self, at: Endpoint<'_>, version: usize) -> &'static [&'static str] {
        match at.subresource {
            _ if !self.kind.versions[version].status => &[],
            "" if version == at.version => &["status"],
            "status" => &["metadata", "spec"],
            _ => &[],
        }
    }

    fn find(&self, api_version: &str) -> Option<usize> {
        self.versions.iter().position(|(known, _)| known == api_version)
    }

    fn convert<'a>(&self, object: &'a Value, from: usize, to: usize) -> Result<Cow<'a, Value>, String> {
        if from == to {
            return Ok(Cow::Borrowed(object));
        }
        let versions = &self.kind.versions;
        let mut bare = object.clone();
        if let Some(Value::Object(metadata)) = bare.get_mut("metadata") {
            metadata.remove("managedFields");
        }
        let converted = self.conversion.convert(&versions[from], &versions[to], bare);
        converted.map(Cow::Owned).map_err(|error| error.to_string())
    }
}

/// What a write changes, as each version sees it.
struct Comparisons {
    own_version: String,
    own: Comparison,
    others: Vec<(String, Comparison)>,
}

impl Comparisons {
    fn of(&self, identity: &Identity) -> &Comparison {
        let other = self.others.iter().find(|(version, _)| *version == identity.api_version);
        other.map_or(&self.own, |(_, comparison)| comparison)
    }

    /// What the writer changed or added.
    fn into_own(self) -> Set {
        let mut set = self.own.modified;
        set.unite(self.own.added);
        set
    }
}

/// Takes from everyone what was changed.
fn disown(managers: &mut Managers, comparisons: &Comparisons, except: Option<&Identity>) {
    for manager in managers.iter_mut().filter(|manager| except.is_none_or(|except| !manager.identity.is(except))) {
        let comparison = comparisons.of(&manager.identity);
        for set in [&comparison.modified, &comparison.added, &comparison.removed] {
            manager.subtract(set);
        }
    }
}

fn conflicts(managers: &Managers, comparisons: &Comparisons, except: &Identity) -> Vec<(Identity, Set)> {
    let mut conflicts = Vec::new();
    for manager in managers.iter().filter(|manager| !manager.identity.is(except)) {
        let comparison = comparisons.of(&manager.identity);
        let mut set = manager.set.intersection(&comparison.modified);
        set.unite(manager.set.intersection(&comparison.added));
        if !set.is_empty() {
            conflicts.push((manager.identity.clone(), set));
        }
    }
    conflicts
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

/// Whether nothing but managedFields differs.
fn same_object(a: &Value, b: &Value) -> bool {
    let same = super::value::equal;
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return same(a, b) };
    a.len() == b.len()
        && a.iter().all(|(name, a)| match (name.as_str(), a, b.get(name)) {
            (_, _, None) => false,
            ("metadata", Value::Object(a), Some(Value::Object(b))) => {
                let own = |fields: &serde_json::Map<String, Value>| {
                    fields.len() - usize::from(fields.contains_key("managedFields"))
                };
                own(a) == own(b)
                    && a.iter().all(|(name, a)| name == "managedFields" || b.get(name).is_some_and(|b| same(a, b)))
            }
            (_, a, Some(b)) => same(a, b),
        })
}

/// `NAMESPACE/NAME; GROUP/VERSION, Kind=KIND`: how messages name an object.
fn describe(object: &Value) -> String {
    let text =
        |name: &str| object.get("metadata").and_then(|metadata| metadata.get(name)?.as_str()).unwrap_or_default();
    format!("{}/{}; {}", text("namespace"), text("name"), type_text(object))
}

/// `GROUP/VERSION, Kind=KIND`: how messages name a type.
pub(super) fn type_text(object: &Value) -> String {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("apiVersion").split_once('/') {
        // Kubernetes reads no type at all where it cannot read the version.
        Some((_, version)) if version.contains('/') => "/, Kind=".to_owned(),
        Some((group, version)) => format!("{group}/{version}, Kind={}", text("kind")),
        None => format!("/{}, Kind={}", text("apiVersion"), text("kind")),
    }
}
