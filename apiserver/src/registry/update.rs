//! What an update means; a patch and an apply are updates too. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/registry/rest/update.go>
//!
//! Optimistic concurrency only: revisions are compared and nothing is locked, so a slow client costs nobody else. An
//! update that names the version it was made from fails when another writer was first; one that names none is made
//! again from what is there now.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::Error;
use super::hooks::{Draft, Spoken};
use super::metadata::{self, validation};
use super::object::Object;
use super::{Outcome, Registry, managers, mismatch};
use crate::admission::Operation;
use crate::apply::{self, FieldManager};
use crate::field;
use crate::kind::KindVersion;
use crate::request::context::RequestContext;
use crate::storage::{Revision, WriteError};

/// Gives the new object from the present one, both in the version of the request. Called again when another writer was
/// first. `None` is an object that does not exist.
pub type Transform<'a> = &'a mut (dyn FnMut(Option<&Value>) -> Result<Value, Error> + Send);

/// How the object of a subresource is seen in its parent, which keeps it.
pub trait View: Sync {
    /// What it is in a parent, in the version of the request.
    fn of(&self, parent: &Value) -> Value;

    /// Puts it into a parent.
    ///
    /// # Errors
    /// What the parent cannot hold.
    fn put(&self, object: &Value, parent: &mut Value) -> Result<(), Error>;
}

/// What makes a new object of the present one.
pub enum Change<'a> {
    /// An update or a patch: whatever comes out different is the writer's.
    Edit(Transform<'a>),
    /// The same, with managed fields that are up to date already.
    Tracked(Transform<'a>),
    /// The same, where the object of the request is a Scale: admission sees that.
    Scaled(Transform<'a>, &'a dyn View),
    /// Server-side apply. Creates an object that does not exist.
    Apply {
        /// What the writer wants of the object.
        applied: &'a Value,
        /// Whether to take what others own.
        force: bool,
        /// Looks at what comes out.
        check: &'a (dyn Fn(&Value) -> Result<(), Error> + Sync),
    },
}

impl Change<'_> {
    /// The new object, from the present one or from nothing.
    ///
    /// # Errors
    /// What the change refuses, and applies that cannot be merged.
    pub(super) fn make(
        &mut self,
        fields: &FieldManager,
        cx: &RequestContext,
        version: &KindVersion,
        old: Option<&Value>,
    ) -> Result<Value, Error> {
        match self {
            Self::Edit(transform) | Self::Tracked(transform) | Self::Scaled(transform, _) => transform(old),
            Self::Apply { applied, force, check } => {
                let merged = managers::merge(fields, cx, version, old, applied, *force)?;
                check(&merged)?;
                Ok(merged)
            }
        }
    }

    /// Whether the managed fields of what it makes are up to date.
    pub(super) fn is_tracked(&self) -> bool {
        !matches!(self, Self::Edit(_))
    }

    /// What admission sees in place of the object.
    pub(super) fn view(&self) -> Option<&dyn View> {
        match self {
            Self::Scaled(_, view) => Some(*view),
            _ => None,
        }
    }
}

/// What the store is to do.
enum Write {
    Update,
    Remove,
}

impl Registry {
    /// Changes the object called `cx.name`, or its status where `cx.subresource` says so.
    ///
    /// # Errors
    /// Missing and invalid objects, conflicts, refusals of admission, a store that fails, and what `change` refuses.
    /// [`Error::WouldCreate`] where the object would be created, and nobody has said that this is allowed.
    pub async fn update(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        mut change: Change<'_>,
    ) -> Result<Outcome, Error> {
        let applied = matches!(change, Change::Apply { .. });
        let key = self.key(if self.kind.namespaced { &cx.namespace } else { "" }, &cx.name);
        let mut base = self.base(cx, &key).await?;
        loop {
            let Some(object) = base.object.clone() else {
                if !(applied || self.hooks.allow_create_on_update()) || !cx.subresource.is_empty() {
                    return Err(Self::not_found(&cx.name));
                }
                if !cx.may_create {
                    return Err(Error::WouldCreate { name: cx.name.clone() });
                }
                let new = change.make(&self.fields, cx, version, None)?;
                let created = match applied {
                    true => self.create_new(cx, version, new, true).await,
                    false => self.create(cx, version, Self::for_creation(cx, new)?).await,
                };
                if let Err(Error::AlreadyExists { .. }) = created {
                    // Somebody else has just made it: then this is a change of what they made.
                    base = self.certain_base(&key).await?;
                    continue;
                }
                return created;
            };
            let (new, write) = match self.next(cx, version, &object, &mut change).await {
                Ok(Some(next)) => next,
                nothing => match self.newer_base(&key, &base).await? {
                    Some(newer) => {
                        base = newer;
                        continue;
                    }
                    None => return nothing.map(|_| Outcome { object, created: false }),
                },
            };
            let mut encoded = self.codec().encode(&new);
            let written = match write {
                _ if cx.dry_run => Ok(object.revision),
                Write::Update => match self.store_next(&key, &encoded, object.revision).await {
                    Err(WriteError::TooLarge { .. }) if !applied => {
                        encoded = self.without_managers(new);
                        self.store_next(&key, &encoded, object.revision).await
                    }
                    written => written,
                },
                // The answer keeps the version that was read: the object is gone at any later one.
                Write::Remove => self.store.delete(&key, object.revision).await.map(|_| object.revision),
            };
            match written {
                Ok(revision) => {
                    self.settle(revision).await;
                    let object = Arc::new(Object::written(self.codec(), &encoded, revision));
                    return Ok(Outcome { object, created: false });
                }
                Err(WriteError::Conflict { current }) => base = self.base_of(current),
                Err(error) => return Err(Error::from_write(error)),
            }
        }
    }

    /// The object as it shall be stored, and what that takes; `None` where it is stored like this already.
    async fn next(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        object: &Object,
        change: &mut Change<'_>,
    ) -> Result<Option<(Value, Write)>, Error> {
        let old = self.read_value(object)?;
        // Mostly what is stored is what is shown, and is large enough not to be copied for nothing.
        let shown = match self.is_stored(version) {
            true => Cow::Borrowed(&old),
            false => Cow::Owned(self.as_shown(old.clone(), version)?),
        };
        let mut new = change.make(&self.fields, cx, version, Some(&shown))?;
        for annotation in self.conversion.kept_annotations() {
            metadata::keep_annotation(&mut new, &shown, annotation);
        }
        Self::check_preconditions(cx, &new, &shown, object.revision, self.hooks.allow_unconditional_update())?;

        let tracked = change.is_tracked();
        if cx.subresource == "status" {
            metadata::keep_old(&mut new, &shown, tracked);
        } else {
            metadata::begin_update(&mut new, &shown, if self.kind.namespaced { &cx.namespace } else { "" });
        }
        Self::restrict(version, cx, &mut new, &shown);
        let has_stored_shape = self.has_stored_shape(version);
        let mut new = if !has_stored_shape && metadata::differ_by_server_alone(&new, &shown) {
            // Nothing is asked for, so nothing comes of it: types may write an equal object in other words.
            let mut draft = Draft::new(old.clone());
            draft.set_managed_fields(metadata::take_managed_fields(&mut new));
            draft
        } else {
            self.draft(new, version)?
        };
        if !tracked {
            self.track(cx, version, &mut new, Some(&shown))?;
        }
        let asking = self.asking(cx, Operation::Update, version, change.view());
        let seen = asking.as_ref().map(|asking| match asking.view() {
            Some(view) => view.of(&shown),
            None => shown.as_ref().clone(),
        });
        if let Some(asking) = &asking {
            new = self.admit(asking, cx, version, new, seen.as_ref()).await?;
        }
        self.deduplicate_owners(cx, &mut new, false);
        let mut old = match has_stored_shape {
            true => Draft::new(old),
            false => {
                let spoken = Spoken::new(shown.into_owned(), &version.schema);
                Draft::of_version(old, spoken)
            }
        };
        if asking.is_some() || !has_stored_shape {
            Self::restrict(version, cx, new.value_mut(), old.value());
        }
        self.run_update_hooks(cx, &mut new, &mut old)?;

        let is_new_in_its_version = self.is_new_generation_of(version, &new, &old);
        let mut new = new.into_value();
        let old = old.into_value();
        if cx.subresource == "status" {
            // Hooks see the whole object, but what they do to the rest of it is not this endpoint's to store.
            Self::restrict(version, cx, &mut new, &old);
        }
        let version_read = metadata::text(&old, "resourceVersion").to_owned();
        metadata::of_mut(&mut new).insert("resourceVersion".into(), version_read.into());
        if self.kind.generation && (is_new_in_its_version || is_new_generation(version, &new, &old)) {
            metadata::of_mut(&mut new).insert("generation".into(), (metadata::generation(&old) + 1).into());
        }
        apply::keep_times(&mut new, &old);
        self.validate(asking, version, &new, seen.as_ref()).await?;
        let may_go = metadata::is_terminating(&new) && metadata::grace(&new) == 0;
        let write = if may_go && metadata::finalizers(&new).is_empty() && !self.hooks.is_held(&new) {
            Write::Remove
        } else if new == old && object.is_stored_as(self.codec()) {
            return Ok(None);
        } else {
            Write::Update
        };
        Ok(Some((new, write)))
    }

    /// An object that an update shall create. What it was made from is no concern where there is nothing; that there was
    /// something is.
    pub(super) fn for_creation(cx: &RequestContext, mut object: Value) -> Result<Value, Error> {
        let uid = metadata::text(&object, "uid");
        if !uid.is_empty() {
            let cause = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: ");
            return Err(Error::Conflict { name: cx.name.clone(), cause, on_delete: false });
        }
        metadata::of_mut(&mut object).remove("resourceVersion");
        Ok(object)
    }

    pub(super) fn check_preconditions(
        cx: &RequestContext,
        new: &Value,
        old: &Value,
        stored: Revision,
        allow_unconditional: bool,
    ) -> Result<(), Error> {
        let name = cx.name.as_str();
        let conflict = |cause: String| Err(Error::Conflict { name: name.to_owned(), cause, on_delete: false });
        let (uid, stored_uid) = (metadata::text(new, "uid"), metadata::text(old, "uid"));
        // In a patch the uid is no precondition but a change of what cannot be changed.
        if cx.verb == "update" && !uid.is_empty() && uid != stored_uid {
            return conflict(format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {stored_uid}"
            ));
        }
        match metadata::text(new, "resourceVersion") {
            "" | "0" if allow_unconditional => Ok(()),
            "" | "0" => Err(Error::Unconditional { name: name.to_owned() }),
            version => match version.parse::<u64>() {
                Err(_) => Err(Error::BadRequest(format!(
                    "metadata.resourceVersion: Invalid value: {version:?}: must be an unsigned integer"
                ))),
                Ok(version) if Revision(version) == stored => Ok(()),
                Ok(_) => conflict(
                    "the object has been modified; please apply your changes to the latest version and try again"
                        .into(),
                ),
            },
        }
    }

    /// What this endpoint may not change is put back: everything but the status on `/status`, the status elsewhere.
    pub(crate) fn restrict(version: &KindVersion, cx: &RequestContext, new: &mut Value, old: &Value) {
        if !version.status {
            return;
        }
        let (Some(new), Some(old)) = (new.as_object_mut(), old.as_object()) else { return };
        if cx.subresource == "status" {
            let status = new.remove("status");
            let metadata = new.remove("metadata");
            *new = old.clone();
            put(new, "status", status);
            put(new, "metadata", metadata);
        } else {
            put(new, "status", old.get("status").cloned());
        }
    }

    fn run_update_hooks(&self, cx: &RequestContext, new: &mut Draft, old: &mut Draft) -> Result<(), Error> {
        let prepared = self.hooks.prepare_for_update(cx, new, old);
        let mut errors = field::Errors::default();
        // Metadata first: on update Kubernetes reports both together, in this order.
        validation::update(new.value(), old.value(), &mut errors);
        self.invalid(cx, new, Some(old), &mut errors)?;
        if !errors.is_empty() {
            return Err(Error::Invalid { name: metadata::text(new.value(), "name").to_owned(), errors });
        }
        let typed = |error| mismatch(&Value::Null, &error);
        prepared.map_err(typed)?;
        self.hooks.warnings_on_update(cx, new, old).map_err(typed)?.into_iter().for_each(|warning| cx.warn(warning));
        self.hooks.canonicalize(new).map_err(typed)
    }

    /// Whether anything changed in fields that only the version of the request has, and that are kept in an annotation.
    fn is_new_generation_of(&self, version: &KindVersion, new: &Draft, old: &Draft) -> bool {
        let (Some(new), Some(old)) = (new.spoken(), old.spoken()) else { return false };
        if self.conversion.kept_annotations().is_empty() {
            return false;
        }
        let mut before = old.object().clone();
        version.schema.default(&mut before);
        is_new_generation(version, new.object(), &before)
    }
}

/// Whether anything changed that a controller acts on: everything but metadata, and status where it is its own
/// subresource.
fn is_new_generation(version: &KindVersion, new: &Value, old: &Value) -> bool {
    let counted = |key: &str| key != "metadata" && key != "apiVersion" && !(version.status && key == "status");
    let empty = Map::new();
    let (new, old) = (new.as_object().unwrap_or(&empty), old.as_object().unwrap_or(&empty));
    let differs = |a: &Map<String, Value>, b: &Map<String, Value>| {
        a.iter().any(|(key, value)| counted(key) && b.get(key) != Some(value))
    };
    differs(new, old) || differs(old, new)
}

fn put(fields: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => fields.insert(key.into(), value),
        None => fields.remove(key),
    };
}
