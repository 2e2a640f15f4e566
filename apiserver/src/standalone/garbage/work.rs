//! Works off tasks: reads what is stored now, and writes as any client would, with preconditions.
//!
//! Nothing is deleted because the graph says so. Each object is read first, then each of its owners, with nothing missing
//! that was acknowledged before; and it is deleted only if it is still what was read.

use futures::{StreamExt, stream};
use serde_json::Value;

use super::super::caller::Caller;
use super::decide::{self, Owner, Step};
use super::facts::{FOREGROUND, Facts, ORPHAN, OwnerReference};
use super::graph::{Id, View};
use super::places::{Place, Places};
use crate::kind::Verb;
use crate::registry::delete::{DeleteOptions, Propagation};
use crate::registry::error::Error;
use crate::registry::metadata;
use crate::registry::read::Freshness;
use crate::registry::update::Change;

/// How many dependents of one object are let go at the same time.
const ORPHANED_AT_ONCE: usize = 20;

/// Who works.
pub struct Worker {
    /// Where objects are.
    pub places: Places,
    /// As whom.
    pub caller: Caller,
}

/// What working off a task has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The object is there.
    Found,
    /// The same, and it must be looked at again.
    Again,
    /// The object is not there.
    Absent,
    /// The same, and it is in another namespace than those who name it as their owner.
    Elsewhere,
}

impl Worker {
    /// Does what is to be done about an object.
    ///
    /// # Errors
    /// Whatever reads and writes are refused with. Then the task is to be tried again.
    pub async fn examine(&self, id: &Id, view: &View) -> Result<Effect, Error> {
        let Some(place) = self.places.locate(&id.place) else { return Ok(Effect::Absent) };
        let stored = self.read(&place).await?;
        let step = match (decide::at_once(view, &id.uid, stored.as_ref()), &stored) {
            (Some(step), _) => step,
            (None, Some(stored)) => decide::by_owners(view, stored, &self.owners(stored, place.namespace).await?),
            (None, None) => Step::Absent,
        };
        let done = match step {
            Step::Nothing => Ok(()),
            Step::Absent => {
                let elsewhere = view.claimed && self.is_elsewhere(id, &place).await?;
                return Ok(if elsewhere { Effect::Elsewhere } else { Effect::Absent });
            }
            Step::Release => self.drop_finalizer(id, &place, FOREGROUND).await,
            Step::Unblock => {
                self.edit(id, &place, unblock).await?;
                return Ok(Effect::Again);
            }
            Step::Forget(owners) => self.forget(id, &place, &owners).await,
            Step::Delete(propagation) => self.delete(&place, &stored.unwrap_or_default(), propagation).await,
        };
        match done {
            Err(Error::NotFound { .. } | Error::WouldCreate { .. }) => Ok(Effect::Absent),
            done => done.map(|()| Effect::Found),
        }
    }

    /// Lets all dependents of an object forget it, and then the object go.
    ///
    /// # Errors
    /// As for [`examine`](Self::examine).
    pub async fn orphan(&self, id: &Id, dependents: Vec<Id>) -> Result<Effect, Error> {
        let Some(place) = self.places.locate(&id.place) else { return Ok(Effect::Absent) };
        let orphaned = stream::iter(dependents).map(|dependent| self.let_go(dependent, id));
        let orphaned: Vec<Result<(), Error>> = orphaned.buffer_unordered(ORPHANED_AT_ONCE).collect().await;
        orphaned.into_iter().collect::<Result<(), Error>>()?;
        match self.drop_finalizer(id, &place, ORPHAN).await {
            Err(Error::NotFound { .. } | Error::WouldCreate { .. }) => Ok(Effect::Absent),
            done => done.map(|()| Effect::Found),
        }
    }

    async fn let_go(&self, dependent: Id, owner: &Id) -> Result<(), Error> {
        let Some(place) = self.places.locate(&dependent.place) else { return Ok(()) };
        let Some(stored) = self.read(&place).await?.filter(|stored| *stored.uid == *dependent.uid) else {
            return Ok(());
        };
        let named =
            |reference: &&OwnerReference| self.places.resolve(reference, place.namespace).as_ref() == Some(owner);
        let references: Vec<OwnerReference> = stored.owners.iter().filter(named).cloned().collect();
        match self.forget(&dependent, &place, &references).await {
            Err(Error::NotFound { .. } | Error::WouldCreate { .. }) => Ok(()),
            done => done,
        }
    }

    /// An object as it is stored now; `None` where there is none.
    ///
    /// # Errors
    /// As for any read.
    pub async fn read(&self, place: &Place<'_>) -> Result<Option<Facts>, Error> {
        let cx = self.caller.request(place.rest.kind(), Verb::Get, place.namespace, place.name);
        match place.rest.get(&cx, Freshness::Consistent).await {
            Ok(object) => {
                let unreadable = || Error::Corrupt { key: place.name.into(), message: "its metadata is none".into() };
                Facts::of(&object).ok_or_else(unreadable).map(Some)
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn owners(&self, stored: &Facts, namespace: &str) -> Result<Vec<Owner>, Error> {
        let mut owners = Vec::with_capacity(stored.owners.len());
        for reference in &stored.owners {
            let resolved = self.places.resolve(reference, namespace);
            let owner = match resolved.as_ref().and_then(|id| self.places.locate(&id.place)) {
                None => Owner::Unknown,
                Some(place) => match self.read(&place).await? {
                    Some(owner) if owner.uid != reference.uid => Owner::Absent,
                    Some(owner) if owner.is_foreground() => Owner::Waiting,
                    Some(_) => Owner::Solid,
                    None => Owner::Absent,
                },
            };
            owners.push(owner);
        }
        Ok(owners)
    }

    /// Whether an object that is not where it was looked for is there in another namespace.
    async fn is_elsewhere(&self, id: &Id, place: &Place<'_>) -> Result<bool, Error> {
        if place.namespace.is_empty() {
            return Ok(false);
        }
        let is_namespaces = |kind: &crate::kind::Kind| kind.group.is_empty() && kind.plural == "namespaces";
        let Some(namespaces) = self.places.rests().find(|rest| is_namespaces(rest.kind())) else { return Ok(false) };
        let cx = self.caller.request(namespaces.kind(), Verb::List, "", "");
        for namespace in namespaces.list(&cx, &Default::default()).await?.objects {
            let other = Place { namespace: &namespace.summary.name, ..*place };
            if other.namespace != place.namespace && self.read(&other).await?.is_some_and(|found| *found.uid == *id.uid)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn delete(&self, place: &Place<'_>, stored: &Facts, propagation: Propagation) -> Result<(), Error> {
        let kind = place.rest.kind();
        let delete = async |resource_version: Option<String>| {
            let cx = self.caller.request(kind, Verb::Delete, place.namespace, place.name);
            let options = DeleteOptions {
                uid: Some(stored.uid.clone()),
                resource_version,
                propagation: Some(propagation),
                grace_period_seconds: None,
            };
            place.rest.delete(&cx, kind.storage_version(), &options).await.map(drop)
        };
        let deleted = delete(Some(stored.resource_version.clone())).await;
        let Err(Error::Conflict { .. }) = deleted else { return deleted };
        // Whoever writes to it all the time does not keep it from being deleted, as long as its owners are the same.
        match self.read(place).await? {
            Some(now) if now.uid == stored.uid && now.owners == stored.owners => delete(None).await,
            _ => deleted,
        }
    }

    async fn forget(&self, id: &Id, place: &Place<'_>, owners: &[OwnerReference]) -> Result<(), Error> {
        let is_left = |entry: &Value| !owners.iter().any(|owner| owner.is_named_by(entry));
        self.edit(id, place, |object| retain(object, "ownerReferences", is_left)).await
    }

    async fn drop_finalizer(&self, id: &Id, place: &Place<'_>, finalizer: &str) -> Result<(), Error> {
        self.edit(id, place, |object| retain(object, "finalizers", |entry| entry != finalizer)).await
    }

    /// Changes an object, if it is still the one that is meant.
    async fn edit(&self, id: &Id, place: &Place<'_>, change: impl Fn(&mut Value) + Send + Sync) -> Result<(), Error> {
        let kind = place.rest.kind();
        let cx = self.caller.request(kind, Verb::Patch, place.namespace, place.name);
        let mut edit = |stored: Option<&Value>| {
            let mut object = match stored {
                Some(object) if *metadata::text(object, "uid") == *id.uid => object.clone(),
                _ => return Err(Error::NotFound { name: place.name.to_owned() }),
            };
            change(&mut object);
            Ok(object)
        };
        place.rest.update(&cx, kind.storage_version(), Change::Edit(&mut edit)).await.map(drop)
    }
}

fn unblock(object: &mut Value) {
    let references = metadata::of_mut(object).get_mut("ownerReferences").and_then(Value::as_array_mut);
    for reference in references.into_iter().flatten().filter_map(Value::as_object_mut) {
        reference.insert("blockOwnerDeletion".into(), false.into());
    }
}

/// Keeps some entries of a list in an object's metadata, and the list only if some are left.
fn retain(object: &mut Value, list: &str, is_left: impl Fn(&Value) -> bool) {
    let fields = metadata::of_mut(object);
    let Some(entries) = fields.get_mut(list).and_then(Value::as_array_mut) else { return };
    entries.retain(is_left);
    if entries.is_empty() {
        fields.remove(list);
    }
}
