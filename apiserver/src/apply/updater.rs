//! Who owns what after a write. Source:
//! <https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/merge/update.go>

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::changes::Changes;
use super::field_set::field_set;
use super::fields_v1;
use super::managers::{Identity, Manager, Managers};
use super::merge::merge;
use super::object::{describe, same_object};
use super::reconcile::reconcile;
use super::set::Set;
use super::types::Type;
use super::validate::{Duplicates, validate};
use crate::kind::{Kind, KindVersion};
use crate::versions::Conversion;

/// Fields that the server sets, or that tell what an object is, belong to nobody. Source:
/// <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/managedfields/internal/stripmeta.go>
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

/// A write by one manager.
pub(super) struct Write<'a> {
    /// The place of its version among those of the kind.
    pub(super) version: usize,
    pub(super) identity: Identity,
    /// The present time, as managedFields have it.
    pub(super) now: &'a str,
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

    /// Gives the writer what the write changed, and takes it from all others. `None` is an object that was not there.
    ///
    /// # Errors
    /// Objects that are not of their type.
    pub(super) fn update(
        &self,
        write: &Write<'_>,
        old: Option<&Value>,
        new: &Value,
        managers: &mut Managers,
    ) -> Result<(), String> {
        let type_ = self.type_(write.version);
        for object in [Some(new), old].into_iter().flatten() {
            validate(type_, object, Duplicates::Allowed)?;
        }
        self.reconcile(managers);
        let changes = Changes::between(self, write, old, new, managers);
        changes.disown(managers, &write.identity);
        let (mut own, removed) = changes.into_own();
        let untracked = own.intersection(&UNTRACKED);
        own.subtract(&UNTRACKED);
        let time = Some(write.now.to_owned());
        match managers.get_mut(&write.identity) {
            Some(manager) => {
                manager.subtract(&removed);
                manager.subtract(&untracked);
                if !own.is_empty() {
                    manager.time = time;
                    // Who writes the same fields again and again has them already.
                    manager.change(|set| {
                        let is_new = !own.is_subset(set);
                        if is_new {
                            set.unite(own);
                        }
                        is_new
                    });
                }
            }
            None if own.is_empty() => {}
            None => managers.put(Manager::new(write.identity.clone(), time, own)),
        }
        managers.retain(|manager| !manager.set.is_empty());
        Ok(())
    }

    /// Lays what is applied over an object, takes out what the writer applied before and nobody wants any more, and says
    /// who owns what then. With `force`, fields move over from those who own them.
    pub(super) fn apply(
        &self,
        write: &Write<'_>,
        live: &Value,
        applied: &Value,
        mut managers: Managers,
        force: bool,
    ) -> Result<Applied, Failure> {
        let type_ = self.type_(write.version);
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
        set.drop_fields(self.reset_fields(write, write.version));
        let before = managers.take(&write.identity);
        let time = before.as_ref().and_then(|before| before.time.clone());
        managers.put(Manager::new(write.identity.clone(), time, set));
        if let Some(before) = before
            && let Some(pruned) = self.prune(write, &object, &before, &managers).map_err(Failure::Untyped)?
        {
            object = pruned;
        }

        let changes = Changes::between(self, write, Some(live), &object, &managers);
        if !force {
            let conflicts = changes.conflicts(&managers, &write.identity);
            if !conflicts.is_empty() {
                return Err(Failure::Conflicts(conflicts));
            }
        }
        changes.disown(&mut managers, &write.identity);
        let changed = !same_object(live, &object);
        if let Some(manager) = managers.get_mut(&write.identity) {
            manager.subtract(&UNTRACKED);
            if changed {
                manager.time = Some(write.now.to_owned());
            }
        }
        managers.retain(|manager| !manager.set.is_empty());
        Ok(Applied { object, changed, managers })
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

    /// What the endpoint of a write does not store, in a version. Source:
    /// <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/registry/customresource/strategy.go>
    pub(super) fn reset_fields(&self, write: &Write<'_>, version: usize) -> &'static [&'static str] {
        match write.identity.subresource.as_str() {
            _ if !self.kind.versions[version].status => &[],
            "" if version == write.version => &["status"],
            "status" => &["metadata", "spec"],
            _ => &[],
        }
    }

    /// Annotations that are the server's own.
    pub(super) fn kept_annotations(&self) -> &[String] {
        self.conversion.kept_annotations()
    }

    /// The name of the kind.
    pub(super) fn kind_name(&self) -> &str {
        &self.kind.kind
    }

    /// The place of a version of this kind.
    pub(super) fn place(&self, version: &KindVersion) -> Option<usize> {
        let same = |known: &KindVersion| {
            std::ptr::eq(known, version) || (known.version == version.version && known.group == version.group)
        };
        self.kind.versions.iter().position(same)
    }

    /// The place of the version with this `apiVersion`.
    pub(super) fn find(&self, api_version: &str) -> Option<usize> {
        self.versions.iter().position(|(known, _)| known == api_version)
    }

    /// The type of the objects of a version.
    pub(super) fn type_(&self, version: usize) -> &Type {
        &self.versions[version].1
    }

    /// The `apiVersion` of a version.
    pub(super) fn api_version(&self, version: usize) -> &str {
        &self.versions[version].0
    }

    /// An object in another version, without managedFields, which no conversion needs to know.
    ///
    /// # Errors
    /// An object that cannot be expressed there.
    pub(super) fn convert<'a>(&self, object: &'a Value, from: usize, to: usize) -> Result<Cow<'a, Value>, String> {
        if from == to {
            return Ok(Cow::Borrowed(object));
        }
        let mut bare = object.clone();
        if let Some(Value::Object(metadata)) = bare.get_mut("metadata") {
            metadata.remove("managedFields");
        }
        let versions = &self.kind.versions;
        let converted = self.conversion.convert(&versions[from], &versions[to], bare);
        converted.map(Cow::Owned).map_err(|error| error.to_string())
    }
}
