//! Server-side apply, and who owns which fields of an object: `metadata.managedFields`.
//!
//! Every write names its manager. A write that is no apply makes its manager the owner of what it changes
//! ([`FieldManager::update`]). An apply says all that its manager wants ([`FieldManager::apply`]): what it wanted before and
//! wants no more goes away, unless somebody else wants it, and what others own it may only change by force.
//!
//! Pure functions of objects: what is stored, and when, is decided above. The algorithm and its words are those of
//! Kubernetes. Source: <https://kubernetes.io/docs/reference/using-api/server-side-apply/>

pub(crate) mod carry_over;
mod changes;
mod compare;
mod element;
mod error;
mod field_set;
mod fields_v1;
mod items;
mod last_applied;
mod managers;
mod merge;
mod object;
mod prune;
mod reconcile;
mod remove;
pub mod scale;
mod set;
mod times;
mod types;
mod updater;
mod validate;
mod value;

use std::sync::Arc;

use serde_json::{Value, json};

use self::managers::{Identity, Managers, Operation};
use self::object::{managed_fields, metadata_text, type_text};
use self::set::Set;
use self::updater::{Applied, Failure, Updater, Write};
use crate::kind::{Kind, KindVersion};
use crate::versions::Conversion;

pub use error::{ApplyError, Conflict};
pub use times::keep_times;

/// So many managers that are no appliers are told apart; the oldest become one.
/// Source: <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/managedfields/internal/fieldmanager.go>
const UPDATERS_MAX: usize = 10;

/// Who owned the fields of an object that was not tracked until the first apply.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Keeps managedFields of the objects of one kind.
pub struct FieldManager {
    updater: Updater,
}

/// Who writes, where and when.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// The field manager; empty is `unknown`.
    pub manager: &'a str,
    /// Empty, `status` or `scale`.
    pub subresource: &'a str,
    /// The version of the request, and of the objects that come with it.
    pub version: &'a KindVersion,
    /// The present time: RFC 3339 in UTC, whole seconds.
    pub now: &'a str,
}

/// Whether managedFields of an object can be read. Absent ones can.
pub fn is_valid(object: &Value) -> bool {
    check(object).is_ok()
}

/// As [`is_valid`], and tells why not.
///
/// # Errors
/// What is wrong with them.
pub fn check(object: &Value) -> Result<(), String> {
    Managers::decode(managed_fields(object)).map(|_| ())
}

impl FieldManager {
    /// Reads the schemas of a kind. Done once for each kind.
    pub fn new(kind: Arc<Kind>, conversion: Arc<dyn Conversion>) -> Self {
        Self { updater: Updater::new(kind, conversion) }
    }

    /// Sets managedFields of an object that is about to be stored: for creates, updates, and patches other than apply.
    /// `live` is the object as it was, `None` for a create. Both are in the version of the writer. What `new` has for
    /// managedFields is what the client sent; on a subresource it does not count.
    ///
    /// Never fails: when who owns what cannot be said, nobody owns anything.
    pub fn update(&self, writer: &Writer<'_>, live: Option<&Value>, new: &mut Value) {
        let kept = self.updater.kept_annotations();
        if kept.is_empty() {
            return self.update_tracked(writer, live, new);
        }
        // What conversions keep is the server's, and nobody owns it.
        let live = live.map(|live| object::without_annotations(live, kept));
        let taken = object::take_annotations(new, kept);
        self.update_tracked(writer, live.as_ref(), new);
        object::put_annotations(new, taken);
    }

    fn update_tracked(&self, writer: &Writer<'_>, live: Option<&Value>, new: &mut Value) {
        let Some(Value::Object(metadata)) = new.get_mut("metadata") else { return };
        let sent = metadata.remove("managedFields");
        let mut managers = live_or_sent(writer, live, sent);
        // Whoever wants no tracking clears managedFields once, and is left in peace until the next apply.
        let is_known = live.is_some_and(|live| !metadata_text(live, "uid").is_empty());
        if managers.is_empty() && is_known {
            return;
        }
        if let Err(error) = self.track(writer, writer.manager, live, new, &mut managers) {
            let (name, namespace) = (metadata_text(new, "name"), metadata_text(new, "namespace"));
            tracing::warn!(error, name, namespace, "cannot say who owns the fields of an object");
            return;
        }
        set_managed_fields(new, managers);
    }

    /// Applies an object to the live one, `None` if there is none: gives the object that is to be stored, in the version
    /// of the writer, with its managedFields and with defaults in place of what is gone.
    ///
    /// # Errors
    /// Conflicts with other managers unless `force`, and bodies that cannot be applied.
    pub fn apply(
        &self,
        writer: &Writer<'_>,
        live: Option<&Value>,
        applied: &Value,
        force: bool,
    ) -> Result<Value, ApplyError> {
        let kept = self.updater.kept_annotations();
        if kept.is_empty() {
            return self.apply_tracked(writer, live, applied, force);
        }
        let mut bare = live.cloned();
        let taken = bare.as_mut().map(|live| object::take_annotations(live, kept)).unwrap_or_default();
        let applied = object::without_annotations(applied, kept);
        let mut object = self.apply_tracked(writer, bare.as_ref(), &applied, force)?;
        object::put_annotations(&mut object, taken);
        Ok(object)
    }

    fn apply_tracked(
        &self,
        writer: &Writer<'_>,
        live: Option<&Value>,
        applied: &Value,
        force: bool,
    ) -> Result<Value, ApplyError> {
        let write = self.write(writer, writer.manager, Operation::Apply).map_err(ApplyError::Untyped)?;
        let empty = self.empty_object(&write);
        if type_text(applied) != type_text(&empty) {
            return Err(ApplyError::BadRequest(format!("invalid object type: {}", type_text(applied))));
        }
        if managed_fields(applied).is_some_and(Value::is_array) {
            return Err(ApplyError::BadRequest("metadata.managedFields must be nil".into()));
        }
        let live = live.unwrap_or(&empty);
        let mut managers = Managers::decode(managed_fields(live))
            .map_err(|error| ApplyError::Untyped(format!("failed to decode managed fields: {error}")))?;
        if managers.is_empty() {
            self.track(writer, BEFORE_FIRST_APPLY, None, live, &mut managers).map_err(|error| {
                ApplyError::Untyped(format!("failed to create manager for existing fields: {error}"))
            })?;
        }

        let is_kubectl = writer.manager == last_applied::MANAGER;
        let attempt = |managers, force| self.updater.apply(&write, live, applied, managers, force);
        let done = if is_kubectl && !force {
            match attempt(managers.clone(), false) {
                Err(Failure::Conflicts(conflicts)) => match self.without_unchanged(&write, live, conflicts) {
                    conflicts if conflicts.is_empty() => attempt(managers, true),
                    conflicts => Err(Failure::Conflicts(conflicts)),
                },
                done => done,
            }
        } else {
            attempt(managers, force)
        };
        let Applied { mut object, changed, managers } = done.map_err(|failure| match failure {
            Failure::Conflicts(conflicts) => ApplyError::Conflict(changes::told(conflicts)),
            Failure::Untyped(error) => ApplyError::Untyped(error),
        })?;
        if changed {
            writer.version.schema.apply_defaults(&mut object);
        }
        if is_kubectl {
            last_applied::refresh(&mut object, applied);
        }
        set_managed_fields(&mut object, managers);
        Ok(object)
    }

    /// Gives a manager what is new in an object.
    fn track(
        &self,
        writer: &Writer<'_>,
        manager: &str,
        live: Option<&Value>,
        new: &Value,
        managers: &mut Managers,
    ) -> Result<(), String> {
        self.updater.update(&self.write(writer, manager, Operation::Update)?, live, new, managers)?;
        managers.cap(UPDATERS_MAX);
        Ok(())
    }

    /// Takes out the conflicts about fields that nobody touched since kubectl applied them from the client's side.
    fn without_unchanged(
        &self,
        write: &Write<'_>,
        live: &Value,
        mut conflicts: Vec<(Identity, Set)>,
    ) -> Vec<(Identity, Set)> {
        let (type_, api_version) = (self.updater.type_(write.version), self.updater.api_version(write.version));
        if let Some(unchanged) = last_applied::unchanged_since(type_, api_version, live) {
            for (_, set) in &mut conflicts {
                set.subtract(&unchanged);
            }
            conflicts.retain(|(_, set)| !set.is_empty());
        }
        conflicts
    }

    fn write<'a>(&self, writer: &Writer<'a>, manager: &str, operation: Operation) -> Result<Write<'a>, String> {
        let version = self.updater.place(writer.version);
        let version = version.ok_or_else(|| format!("no version {} of this kind", writer.version.api_version()))?;
        let identity = Identity {
            manager: if manager.is_empty() { "unknown".into() } else { manager.to_owned() },
            operation,
            api_version: self.updater.api_version(version).to_owned(),
            subresource: writer.subresource.to_owned(),
        };
        Ok(Write { version, identity, now: writer.now })
    }

    /// An object of which nothing is known but its type.
    fn empty_object(&self, write: &Write<'_>) -> Value {
        json!({"apiVersion": self.updater.api_version(write.version), "kind": self.updater.kind_name()})
    }
}

/// The managers that a client sent, or those of the live object where it sent none that can be read.
fn live_or_sent(writer: &Writer<'_>, live: Option<&Value>, sent: Option<Value>) -> Managers {
    let live = live.and_then(managed_fields);
    if let Some(sent) = sent.filter(|_| writer.subresource.is_empty()) {
        if Some(&sent) == live {
            return Managers::decode_written(sent).unwrap_or_default();
        }
        if is_reset(&sent) {
            return Managers::default();
        }
        if let Ok(managers) = Managers::decode(Some(&sent))
            && !managers.is_empty()
        {
            return managers;
        }
    }
    live.and_then(|live| Managers::decode_written(live.clone()).ok()).unwrap_or_default()
}

/// An empty list, and a list of one empty entry, which survives a merge patch, ask for managedFields to be cleared.
fn is_reset(sent: &Value) -> bool {
    let Some(entries) = sent.as_array() else { return false };
    match entries.as_slice() {
        [] => true,
        [Value::Object(entry)] => entry.values().all(|value| value.is_null() || value == ""),
        _ => false,
    }
}

fn set_managed_fields(object: &mut Value, managers: Managers) {
    let Some(entries) = managers.encode() else { return };
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.insert("managedFields".to_owned(), entries);
    } else if let Some(fields) = object.as_object_mut() {
        fields.insert("metadata".to_owned(), json!({ "managedFields": entries }));
    }
}

#[cfg(test)]
mod tests;
