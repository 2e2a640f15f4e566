//! Keeps the objects of Sighting: in memory, for as long as the server runs. Keep them wherever you like.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apiserver::registry::backend::{self, Event};
use apiserver::{Error, RequestContext, Verb, field};
use kube::ResourceExt;

use super::v1::sighting::Sighting;

/// How many of the latest changes are kept, for watches that come back after a while.
const CHANGES_MAX: usize = 1000;

/// Reads and writes the objects of Sighting.
pub struct SightingBackend {
    /// By namespace and name.
    objects: Mutex<Objects>,
    /// What happened to them, and the number of the latest change: the resourceVersion.
    history: Arc<backend::History<Sighting>>,
}

type Objects = BTreeMap<(String, String), Sighting>;

impl Default for SightingBackend {
    fn default() -> Self {
        let history = Arc::new(backend::History::new(1, CHANGES_MAX));
        let objects = Mutex::default();
        Self { objects, history }
    }
}

impl apiserver::Backend for SightingBackend {
    type Object = Sighting;
    /// What is implemented below; an object is never changed. To list and to delete is to delete
    /// all, too.
    const VERBS: &'static [Verb] = &[
        Verb::Create,
        Verb::Delete,
        Verb::Get,
        Verb::List,
        Verb::Watch,
    ];

    async fn get(&self, cx: &RequestContext, name: &str) -> Result<Self::Object, Error> {
        let key = (cx.namespace.clone(), name.to_owned());
        let object = self.objects().get(&key).cloned();
        object.ok_or_else(|| Error::not_found(name))
    }

    /// To give more than the filter says does no harm: the server looks at each object.
    async fn list(
        &self,
        _cx: &RequestContext,
        _filter: &backend::Filter,
    ) -> Result<backend::List<Self::Object>, Error> {
        let objects = self.objects();
        let version = self.history.version();
        Ok(backend::List::at(version, objects.values().cloned()))
    }

    async fn watch(
        &self,
        _cx: &RequestContext,
        _filter: &backend::Filter,
        after: u64,
    ) -> Result<backend::Events<Self::Object>, Error> {
        self.history.after(after)
    }

    async fn create(
        &self,
        cx: &RequestContext,
        mut object: Self::Object,
    ) -> Result<Self::Object, Error> {
        complete(&mut object);
        let mut objects = self.objects();
        let key = key(&object);
        if objects.contains_key(&key) {
            return Err(Error::already_exists(object.name_any()));
        }
        if !cx.dry_run {
            self.history.add(|version| {
                object.metadata.resource_version = Some(version.to_string());
                Event::Added(object.clone())
            });
            objects.insert(key, object.clone());
        }
        Ok(object)
    }

    async fn delete(&self, cx: &RequestContext, object: &Self::Object) -> Result<(), Error> {
        let mut objects = self.objects();
        check_unchanged(&objects, object)?;
        if !cx.dry_run {
            objects.remove(&key(object));
            self.history.add(|version| {
                let mut gone = object.clone();
                gone.metadata.resource_version = Some(version.to_string());
                Event::Deleted(gone)
            });
        }
        Ok(())
    }

    /// Reports every invalid field that the schema lets pass.
    fn validate(&self, _cx: &RequestContext, object: &Self::Object, errors: &mut field::Errors) {
        if object.spec.message.trim().is_empty() {
            errors.invalid("spec.message", &object.spec.message, "must not be blank");
        }
    }
}

impl SightingBackend {
    /// The objects, for as long as the guard is held. Changes are noted under it, so that lists and
    /// watches agree.
    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fills in what the client left out, and brings equal objects into one form.
fn complete(object: &mut Sighting) {
    object.spec.replicas.get_or_insert(1);
    object.spec.tags.sort();
    object.spec.tags.dedup();
}

/// Refuses a write when another one was first.
fn check_unchanged(objects: &Objects, object: &Sighting) -> Result<(), Error> {
    match objects.get(&key(object)) {
        None => Err(Error::not_found(object.name_any())),
        Some(there) if there.resource_version() != object.resource_version() => {
            Err(Error::conflict("the object has been modified"))
        }
        Some(_) => Ok(()),
    }
}

fn key(object: &Sighting) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}
