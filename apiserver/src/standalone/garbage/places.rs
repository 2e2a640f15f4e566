//! Where objects are: from what an owner reference says to a key, and from a key to who keeps the object.

use std::collections::HashMap;
use std::sync::Arc;

use super::facts::{Facts, OwnerReference};
use super::graph::{Id, Owners};
use crate::kind::{KindVersion, Verb};
use crate::registry::rest::Rest;

/// The kinds that are served.
pub struct Places {
    kinds: Vec<Kept>,
    /// By `apiVersion`, then by kind.
    by_kind: HashMap<String, HashMap<String, usize>>,
}

struct Kept {
    rest: Arc<dyn Rest>,
    prefix: String,
}

/// An object's place, taken apart.
pub struct Place<'a> {
    /// Who keeps it.
    pub rest: &'a Arc<dyn Rest>,
    /// Its namespace; empty for cluster-scoped kinds.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl Places {
    /// The places of these kinds. Those whose objects cannot be read one by one are left out.
    pub fn new(rests: impl IntoIterator<Item = Arc<dyn Rest>>) -> Self {
        let mut kinds = Vec::new();
        let mut by_kind: HashMap<String, HashMap<String, usize>> = HashMap::new();
        for rest in rests.into_iter().filter(|rest| rest.kind().verbs.contains(&Verb::Get)) {
            let kind = rest.kind();
            for api_version in kind.versions.iter().filter(|version| version.served).map(KindVersion::api_version) {
                by_kind.entry(api_version).or_default().insert(kind.kind.clone(), kinds.len());
            }
            kinds.push(Kept { prefix: kind.storage_prefix(), rest });
        }
        Self { kinds, by_kind }
    }

    /// Who keeps the objects of each kind.
    pub fn rests(&self) -> impl Iterator<Item = &Arc<dyn Rest>> {
        self.kinds.iter().map(|kept| &kept.rest)
    }

    /// Which object a reference names in an object of this namespace. `None` for what cannot be told: kinds that are not
    /// served here, namespaced owners of cluster-scoped objects, and what is no name.
    pub fn resolve(&self, reference: &OwnerReference, namespace: &str) -> Option<Id> {
        let kept = &self.kinds[*self.by_kind.get(&reference.api_version)?.get(&reference.kind)?];
        if reference.uid.is_empty() || reference.name.is_empty() || reference.name.contains('/') {
            return None;
        }
        let namespaced = kept.rest.kind().namespaced;
        if namespaced && namespace.is_empty() {
            return None;
        }
        let place = key(&kept.prefix, if namespaced { namespace } else { "" }, &reference.name);
        Some(Id { place: place.into(), uid: reference.uid.as_str().into() })
    }

    /// The owners of an object that can be told. One that is named twice blocks if one of the two does.
    pub fn owners(&self, facts: &Facts, namespace: &str) -> Owners {
        let mut owners = Owners::new();
        for reference in &facts.owners {
            if let Some(id) = self.resolve(reference, namespace) {
                *owners.entry(id).or_default() |= reference.blocks;
            }
        }
        owners
    }

    /// Takes a key apart; `None` for one of no kind.
    pub fn locate<'a>(&'a self, place: &'a str) -> Option<Place<'a>> {
        let (rest, path) = self.kinds.iter().find_map(|kept| Some((&kept.rest, place.strip_prefix(&*kept.prefix)?)))?;
        let (namespace, name) = if rest.kind().namespaced { path.split_once('/')? } else { ("", path) };
        Some(Place { rest, namespace, name })
    }
}

/// The key of an object. `namespace` is empty for cluster-scoped kinds.
fn key(prefix: &str, namespace: &str, name: &str) -> String {
    let mut key = String::new();
    write_key(&mut key, prefix, namespace, name);
    key
}

/// The same, in place of what was there.
pub fn write_key(key: &mut String, prefix: &str, namespace: &str, name: &str) {
    key.clear();
    key.push_str(prefix);
    if !namespace.is_empty() {
        key.push_str(namespace);
        key.push('/');
    }
    key.push_str(name);
}
