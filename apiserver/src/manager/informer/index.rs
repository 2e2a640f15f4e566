//! The objects of a kind by namespace, name and owner.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use kube::ResourceExt;

use super::Change;
use crate::manager::Object;

/// Objects in memory. Lookups allocate nothing.
pub(in crate::manager) struct Index<K> {
    /// By namespace (empty where there is none) and name.
    objects: BTreeMap<String, BTreeMap<String, Arc<K>>>,
    /// Namespaces and names of the objects that an owner has, by the owner's uid.
    owned: HashMap<String, BTreeSet<(String, String)>>,
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), owned: HashMap::new() }
    }
}

impl<K: Object> Index<K> {
    /// All objects, by namespace and name.
    pub(in crate::manager) fn all(&self) -> impl Iterator<Item = &Arc<K>> {
        self.objects.values().flat_map(BTreeMap::values)
    }

    /// The objects of a namespace, by name; all for the empty one.
    pub(in crate::manager) fn namespace(&self, namespace: &str) -> impl Iterator<Item = &Arc<K>> {
        let range = match namespace {
            "" => self.objects.range::<str, _>(..),
            one => self.objects.range::<str, _>((std::ops::Bound::Included(one), std::ops::Bound::Included(one))),
        };
        range.flat_map(|(_, names)| names.values())
    }

    pub(in crate::manager) fn get(&self, namespace: &str, name: &str) -> Option<&Arc<K>> {
        self.objects.get(namespace)?.get(name)
    }

    /// The objects with an owner reference to this uid, by namespace and name.
    pub(in crate::manager) fn owned_by(&self, uid: &str) -> impl Iterator<Item = &Arc<K>> {
        let names = self.owned.get(uid).into_iter().flatten();
        names.filter_map(|(namespace, name)| self.get(namespace, name))
    }

    pub(super) fn insert(&mut self, object: Arc<K>) -> Change<K> {
        let (namespace, name) = key(&*object);
        let names = self.objects.entry(namespace.clone()).or_default();
        let old = names.insert(name.clone(), object.clone());
        if let Some(old) = &old {
            self.forget_owners(old, &namespace, &name);
        }
        for owner in object.owner_references() {
            self.owned.entry(owner.uid.clone()).or_default().insert((namespace.clone(), name.clone()));
        }
        Change { old, new: Some(object) }
    }

    pub(super) fn remove(&mut self, object: &K) -> Option<Change<K>> {
        let (namespace, name) = key(object);
        let names = self.objects.get_mut(&namespace)?;
        let old = names.remove(&name)?;
        if names.is_empty() {
            self.objects.remove(&namespace);
        }
        self.forget_owners(&old, &namespace, &name);
        Some(Change { old: Some(old), new: None })
    }

    /// Holds these and no others. Tells what was different.
    pub(super) fn replace(&mut self, objects: Vec<Arc<K>>) -> Vec<Change<K>> {
        let mut before = std::mem::take(self);
        let mut changes = Vec::new();
        for object in objects {
            let old = before.remove(&object).and_then(|change| change.old);
            let new = self.insert(object).new;
            let version = |object: &Option<Arc<K>>| object.as_ref().and_then(|object| object.resource_version());
            if old.is_none() || version(&old) != version(&new) {
                changes.push(Change { old, new });
            }
        }
        changes.extend(before.all().map(|gone| Change { old: Some(gone.clone()), new: None }));
        changes
    }

    fn forget_owners(&mut self, object: &K, namespace: &str, name: &str) {
        for owner in object.owner_references() {
            if let Some(names) = self.owned.get_mut(&owner.uid) {
                names.remove(&(namespace.to_owned(), name.to_owned()));
                if names.is_empty() {
                    self.owned.remove(&owner.uid);
                }
            }
        }
    }
}

fn key<K: Object>(object: &K) -> (String, String) {
    let meta = object.meta();
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

    use super::*;

    /// `namespace/name@version<owner`, the last two of which may be left out.
    fn object(text: &str) -> Arc<ConfigMap> {
        let (text, owner) = text.split_once('<').map_or((text, None), |(text, owner)| (text, Some(owner)));
        let (text, version) = text.split_once('@').unwrap_or((text, "1"));
        let (namespace, name) = text.split_once('/').unwrap();
        let mut map = ConfigMap::default();
        map.metadata.namespace = Some(namespace.to_owned());
        map.metadata.name = Some(name.to_owned());
        map.metadata.resource_version = Some(version.to_owned());
        map.metadata.owner_references =
            owner.map(|uid| vec![OwnerReference { uid: uid.to_owned(), ..OwnerReference::default() }]);
        Arc::new(map)
    }

    fn names<'a>(objects: impl Iterator<Item = &'a Arc<ConfigMap>>) -> String {
        let name = |map: &Arc<ConfigMap>| format!("{}/{}", map.namespace().unwrap(), map.name_any());
        objects.map(name).collect::<Vec<_>>().join(" ")
    }

    fn told(changes: &[Change<ConfigMap>]) -> String {
        let line = |change: &Change<ConfigMap>| match (&change.old, &change.new) {
            (None, Some(new)) => format!("+{}", new.name_any()),
            (Some(old), None) => format!("-{}", old.name_any()),
            (Some(old), Some(_)) => format!("~{}", old.name_any()),
            (None, None) => "?".to_owned(),
        };
        changes.iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn objects_are_found_by_namespace_name_and_owner() {
        let mut index = Index::default();
        for text in ["b/fern<oak", "a/moss<oak", "a/fern<elm", "b/lichen"] {
            index.insert(object(text));
        }
        assert_eq!(names(index.all()), "a/fern a/moss b/fern b/lichen");
        assert_eq!(names(index.namespace("a")), "a/fern a/moss");
        assert_eq!(names(index.namespace("")), "a/fern a/moss b/fern b/lichen");
        assert_eq!(names(index.namespace("c")), "");
        assert_eq!(names(index.owned_by("oak")), "a/moss b/fern");
        assert_eq!(names(index.get("b", "lichen").into_iter()), "b/lichen");
        index.insert(object("b/fern@2<elm"));
        assert_eq!(
            (names(index.owned_by("oak")), names(index.owned_by("elm"))),
            ("a/moss".into(), "a/fern b/fern".into())
        );
        index.remove(&object("a/fern"));
        assert_eq!(names(index.owned_by("elm")), "b/fern");
    }

    #[test]
    fn a_new_list_tells_what_was_missed() {
        let mut index = Index::default();
        let list = |texts: &[&str]| texts.iter().map(|text| object(text)).collect();
        assert_eq!(told(&index.replace(list(&["a/fern", "a/moss", "a/oak"]))), "+fern +moss +oak");
        assert_eq!(told(&index.replace(list(&["a/fern", "a/moss@2", "a/elm"]))), "~moss +elm -oak");
        assert_eq!(names(index.all()), "a/elm a/fern a/moss");
    }
}
