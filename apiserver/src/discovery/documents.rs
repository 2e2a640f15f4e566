//! The discovery documents as JSON, made from the kinds.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::kind::{Kind, KindVersion, Verb};

/// A group with what is served in it.
pub(crate) struct Group<'a> {
    /// Empty for the core group.
    pub name: &'a str,
    /// By Kubernetes' version priority: stable before beta before alpha, higher first.
    pub versions: Vec<GroupVersion<'a>>,
}

/// One version of a group.
pub(crate) struct GroupVersion<'a> {
    pub group: &'a str,
    pub version: &'a str,
    /// Sorted by plural.
    pub kinds: Served<'a>,
}

type Served<'a> = Vec<(&'a Kind, &'a KindVersion)>;

impl GroupVersion<'_> {
    /// `demo.example.com/v1`, or `v1` in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `/apis/demo.example.com/v1`, or `/api/v1`.
    pub fn path(&self) -> String {
        let prefix = if self.group.is_empty() { "api" } else { "apis" };
        format!("/{prefix}/{}", self.api_version())
    }
}

const SUBRESOURCE_VERBS: [Verb; 3] = [Verb::Get, Verb::Patch, Verb::Update];

/// Sorts what is served by group, version and plural.
pub(crate) fn groups(kinds: &[Arc<Kind>]) -> Vec<Group<'_>> {
    let mut sorted: BTreeMap<&str, BTreeMap<&str, Served<'_>>> = BTreeMap::new();
    for kind in kinds {
        for version in kind.versions.iter().filter(|version| version.served) {
            sorted.entry(&version.group).or_default().entry(&version.version).or_default().push((kind, version));
        }
    }
    let mut groups = Vec::new();
    for (name, sorted) in sorted {
        let mut versions = Vec::new();
        for (version, mut kinds) in sorted {
            kinds.sort_by(|(a, _), (b, _)| a.plural.cmp(&b.plural));
            versions.push(GroupVersion { group: name, version, kinds });
        }
        versions.sort_by_cached_key(|v| Reverse(kube::core::Version::parse(v.version).priority()));
        groups.push(Group { name, versions });
    }
    groups
}

/// `/api`.
pub(crate) fn api_versions(versions: &[&str]) -> Value {
    json!({"kind": "APIVersions", "versions": versions, "serverAddressByClientCIDRs": []})
}

/// `/apis`.
pub(crate) fn group_list<'a>(groups: impl Iterator<Item = &'a Group<'a>>) -> Value {
    let groups: Vec<Value> = groups.map(group_fields).map(Value::Object).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub(crate) fn group(group: &Group<'_>) -> Value {
    let mut fields = group_fields(group);
    fields.insert("kind".into(), "APIGroup".into());
    fields.insert("apiVersion".into(), "v1".into());
    fields.into()
}

fn group_fields(group: &Group<'_>) -> Map<String, Value> {
    let version = |v: &GroupVersion<'_>| json!({"groupVersion": v.api_version(), "version": v.version});
    let versions: Vec<Value> = group.versions.iter().map(version).collect();
    let mut fields = Map::new();
    fields.insert("name".into(), group.name.into());
    fields.insert("preferredVersion".into(), versions.first().cloned().unwrap_or_default());
    fields.insert("versions".into(), versions.into());
    fields
}

/// `/apis/GROUP/VERSION` and `/api/VERSION`.
pub(crate) fn resource_list(version: &GroupVersion<'_>) -> Value {
    let mut resources = Vec::new();
    for (kind, served) in &version.kinds {
        let mut resource = json!({
            "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind,
            "verbs": names(&kind.verbs),
        });
        if kind.stored {
            let stored = kind.storage_version();
            let hash = storage_version_hash(&stored.group, &stored.version, &kind.kind);
            resource["storageVersionHash"] = hash.into();
        }
        add_names(&mut resource, kind);
        resources.push(resource);
        for subresource in subresources(kind, served) {
            let Gvk(group, api_version, kind_name) = subresource.gvk;
            let mut resource = json!({
                "name": format!("{}/{}", kind.plural, subresource.name), "singularName": "",
                "namespaced": kind.namespaced, "kind": kind_name, "verbs": names(&subresource.verbs),
            });
            // Named only where they are not those of the list.
            if (group, api_version) != (version.group, version.version) {
                resource["group"] = group.into();
                resource["version"] = api_version.into();
            }
            resources.push(resource);
        }
    }
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version.api_version(), "resources": resources,
    })
}

/// `/api` and `/apis` for clients that take all groups in one document.
pub(crate) fn aggregated<'a>(groups: impl Iterator<Item = &'a Group<'a>>) -> Value {
    let group = |group: &Group<'_>| {
        let versions: Vec<Value> = group.versions.iter().map(aggregated_version).collect();
        let metadata = if group.name.is_empty() { json!({}) } else { json!({"name": group.name}) };
        json!({"metadata": metadata, "versions": versions})
    };
    let items: Vec<Value> = groups.map(group).collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn aggregated_version(version: &GroupVersion<'_>) -> Value {
    let mut resources = Vec::new();
    for (kind, served) in &version.kinds {
        let own_kind = json!({"group": version.group, "version": version.version, "kind": kind.kind});
        let mut resource = json!({
            "resource": kind.plural, "responseKind": own_kind,
            "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": kind.singular, "verbs": names(&kind.verbs),
        });
        add_names(&mut resource, kind);
        let mut subresources = Vec::new();
        for Listed { name, gvk: Gvk(group, version, kind), verbs } in self::subresources(kind, served) {
            let response_kind = json!({"group": group, "version": version, "kind": kind});
            let verbs = names(&verbs);
            subresources.push(json!({"subresource": name, "responseKind": response_kind, "verbs": verbs}));
        }
        if !subresources.is_empty() {
            resource["subresources"] = subresources.into();
        }
        resources.push(resource);
    }
    json!({"version": version.version, "resources": resources, "freshness": "Current"})
}

/// A subresource as discovery lists it.
struct Listed<'a> {
    name: &'a str,
    gvk: Gvk<'a>,
    verbs: Vec<Verb>,
}

/// Group, version and kind.
struct Gvk<'a>(&'a str, &'a str, &'a str);

/// The subresources of a kind in one version, sorted by name.
fn subresources<'a>(kind: &'a Kind, served: &'a KindVersion) -> Vec<Listed<'a>> {
    let parent = || Gvk(&served.group, &served.version, &kind.kind);
    let offered = || SUBRESOURCE_VERBS.into_iter().filter(|verb| kind.verbs.contains(verb)).collect();
    let mut listed = Vec::new();
    if served.scale.is_some() {
        listed.push(Listed { name: "scale", gvk: Gvk("autoscaling", "v1", "Scale"), verbs: offered() });
    }
    if served.status {
        listed.push(Listed { name: "status", gvk: parent(), verbs: offered() });
    }
    for own in &served.subresources {
        let of = |object: &'a Arc<Kind>| Gvk(&object.group, &object.storage_version().version, &object.kind);
        let gvk = own.object.as_ref().map_or_else(parent, of);
        listed.push(Listed { name: &own.name, gvk, verbs: own.verbs.clone() });
    }
    listed.sort_by_key(|one| one.name);
    listed
}

fn names(verbs: &[Verb]) -> Vec<&'static str> {
    verbs.iter().map(|verb| verb.name()).collect()
}

fn add_names(resource: &mut Value, kind: &Kind) {
    if !kind.short_names.is_empty() {
        resource["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        resource["categories"] = json!(kind.categories);
    }
}

/// Tells clients when a kind's stored form changes; opaque to them.
pub(crate) fn storage_version_hash(group: &str, version: &str, kind: &str) -> String {
    BASE64_STANDARD.encode(&Sha256::digest(format!("{group}/{version}/{kind}"))[..8])
}
