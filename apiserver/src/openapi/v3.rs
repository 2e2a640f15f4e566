//! The documents of OpenAPI v3: one per group and version, and a few for what belongs to none.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::definitions::{API_GROUP_LIST, API_VERSIONS, WATCH_EVENT, definitions, reachable, reference};
use super::{operations, schemas};
use crate::discovery::documents::{GroupVersion, groups};
use crate::kind::{Kind, Verb};

/// What is served, as `apiVersion` writes it: `demo.example.com/v1`, or `v1` in the core group.
pub fn group_versions(kinds: &[Arc<Kind>]) -> Vec<String> {
    groups(kinds).iter().flat_map(|group| &group.versions).map(GroupVersion::api_version).collect()
}

/// The document of one group and version, named as in [`group_versions`]; `None` where nothing is served.
pub fn document(kinds: &[Arc<Kind>], api_version: &str) -> Option<Value> {
    let groups = groups(kinds);
    let version = groups.iter().flat_map(|group| &group.versions).find(|v| v.api_version() == api_version)?;
    Some(of_version(version))
}

/// The names of all documents: their paths below `/openapi/v3/`.
pub(super) fn names(kinds: &[Arc<Kind>]) -> Vec<String> {
    let groups = groups(kinds);
    let mut names = vec!["apis".to_owned(), "version".to_owned()];
    names.extend(groups.iter().any(|group| group.name.is_empty()).then(|| "api".to_owned()));
    let versions = groups.iter().flat_map(|group| &group.versions);
    names.extend(versions.map(|version| version.path().trim_start_matches('/').to_owned()));
    names
}

/// The document of this name; an empty one where there is none.
pub(super) fn named(kinds: &[Arc<Kind>], name: &str) -> Value {
    let get = |path: &str, id: &str, description: &str, tag: &str, schema: Value| {
        let operation = operations::simple_get(id, description, tag, schema);
        let mut paths = Map::new();
        paths.insert(path.into(), json!({"get": operation}));
        finish(paths, Map::new(), &[])
    };
    match name {
        "api" => {
            get("/api/", "getCoreAPIVersions", "list the versions of the core group", "core", reference(API_VERSIONS))
        }
        "apis" => get("/apis/", "getAPIVersions", "list the groups that are served", "apis", reference(API_GROUP_LIST)),
        "version" => get("/version/", "getCodeVersion", "tell the version of this server", "version", version_info()),
        _ => {
            let groups = groups(kinds);
            let versions = groups.iter().flat_map(|group| &group.versions);
            let version = versions.into_iter().find(|version| version.path().trim_start_matches('/') == name);
            version.map_or_else(|| finish(Map::new(), Map::new(), &[]), of_version)
        }
    }
}

fn of_version(version: &GroupVersion<'_>) -> Value {
    let mut paths = Map::new();
    let mut components = Map::new();
    for (kind, served) in &version.kinds {
        operations::add_paths(kind, served, &version.path(), &mut paths);
        let name = |kind: &str| schemas::name(version.group, version.version, kind);
        components.insert(name(&kind.kind), schemas::kind(kind, served));
        if kind.verbs.contains(&Verb::List) {
            components.insert(name(&kind.list_kind), schemas::list(kind, served));
        }
        for object in served.subresources.iter().filter_map(|own| own.object.as_ref()) {
            let version = object.storage_version();
            let name = schemas::name(&object.group, &version.version, &object.kind);
            components.entry(name).or_insert_with(|| schemas::kind(object, version));
        }
    }
    finish(paths, components, &[(version.group, version.version)])
}

/// Adds the shared definitions that are referred to.
fn finish(paths: Map<String, Value>, mut components: Map<String, Value>, group_versions: &[(&str, &str)]) -> Value {
    let paths = Value::Object(paths);
    // No path refers to watch events, yet clients look for them beside the kinds that can be watched.
    let watched = if components.is_empty() { Value::Null } else { reference(WATCH_EVENT) };
    let shared = definitions(group_versions.iter().copied());
    let shared = reachable(shared, components.values().chain([&paths, &watched]));
    components.extend(shared);
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes-style API", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "components": {"schemas": components},
    })
}

/// What `/version` answers.
fn version_info() -> Value {
    let fields =
        ["major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"];
    let properties: Map<String, Value> =
        fields.iter().map(|field| ((*field).into(), json!({"type": "string"}))).collect();
    json!({"type": "object", "description": "The version of a server.", "required": fields, "properties": properties})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::tests::kinds;

    #[test]
    fn a_document_has_the_kinds_of_its_version_and_what_they_need() {
        let document = document(&kinds(), "demo.example.com/v1").unwrap();
        let names: Vec<&String> = document["components"]["schemas"].as_object().unwrap().keys().collect();
        let own: Vec<&&String> = names.iter().filter(|name| name.starts_with("com.example")).collect();
        assert_eq!(
            own,
            [
                &"com.example.demo.v1.Bird",
                &"com.example.demo.v1.BirdList",
                &"com.example.demo.v1.Nest",
                &"com.example.demo.v1.NestList"
            ]
        );
        let meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
        for name in
            ["ObjectMeta", "ListMeta", "Status", "DeleteOptions", "Patch", "WatchEvent", "Time", "OwnerReference"]
        {
            assert!(names.contains(&&format!("{meta}.{name}")), "{name}");
        }
        assert!(names.contains(&&"io.k8s.api.autoscaling.v1.Scale".to_owned()));
        assert!(!names.contains(&&format!("{meta}.APIGroupList")), "nothing that is not needed");
        assert_eq!(document["openapi"], "3.0.0");
    }

    #[test]
    fn versions_are_named_as_in_api_version() {
        assert_eq!(group_versions(&kinds()), ["demo.example.com/v1", "demo.example.com/v1alpha1"]);
        assert!(document(&kinds(), "demo.example.com/v0").is_none());
    }
}
