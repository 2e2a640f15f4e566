//! The definitions that kinds share: metadata, options, Status and the rest of `meta.k8s.io/v1`, and Scale.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::apimachinery::pkg::apis::meta::v1;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// Where version 3 documents keep their definitions.
pub(super) const V3_PREFIX: &str = "#/components/schemas/";

pub(super) const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
pub(super) const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
pub(super) const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
pub(super) const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
pub(super) const SCALE: &str = "io.k8s.api.autoscaling.v1.Scale";
pub(super) const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
pub(super) const WATCH_EVENT: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent";
pub(super) const API_GROUP_LIST: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroupList";
pub(super) const API_VERSIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.APIVersions";

const OWNER_REFERENCE: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference";

/// All definitions by their names, as version 3 writes them. Options and watch events are of every group and version
/// that uses them, so they name `group_versions`.
pub(super) fn definitions<'a>(group_versions: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, Value> {
    let mut generator = SchemaSettings::openapi3().into_generator();
    generator.subschema_for::<v1::ObjectMeta>();
    generator.subschema_for::<v1::ListMeta>();
    generator.subschema_for::<v1::Status>();
    generator.subschema_for::<v1::DeleteOptions>();
    generator.subschema_for::<v1::WatchEvent<RawExtension>>();
    generator.subschema_for::<v1::APIGroupList>();
    generator.subschema_for::<v1::APIVersions>();
    generator.subschema_for::<Scale>();
    let mut definitions: BTreeMap<String, Value> = generator.take_definitions(true).into_iter().collect();
    definitions.insert(
        PATCH.into(),
        json!({"type": "object", "description": "A change to an object, in one of the patch formats of Kubernetes."}),
    );
    // What the types do not tell: how lists merge.
    let object_meta = &mut definitions.entry(OBJECT_META.into()).or_default()["properties"];
    extend(&mut object_meta["finalizers"], &[("list-type", json!("set")), ("patch-strategy", json!("merge"))]);
    extend(&mut object_meta["managedFields"], &[("list-type", json!("atomic"))]);
    extend(
        &mut object_meta["ownerReferences"],
        &[
            ("list-type", json!("map")),
            ("list-map-keys", json!(["uid"])),
            ("patch-strategy", json!("merge")),
            ("patch-merge-key", json!("uid")),
        ],
    );
    extend(definitions.entry(OWNER_REFERENCE.into()).or_default(), &[("map-type", json!("atomic"))]);
    let mut own = |name: &str, gvks: Vec<Value>| {
        extend(definitions.entry(name.into()).or_default(), &[("group-version-kind", gvks.into())]);
    };
    let everywhere = |kind: &str, group_versions: &[(&str, &str)]| {
        group_versions.iter().map(|(group, version)| gvk(group, version, kind)).collect()
    };
    let mut group_versions: Vec<_> = group_versions.chain([("", "v1")]).collect();
    group_versions.sort_unstable();
    group_versions.dedup();
    own(DELETE_OPTIONS, everywhere("DeleteOptions", &group_versions));
    own(WATCH_EVENT, everywhere("WatchEvent", &group_versions));
    own(STATUS, vec![gvk("", "v1", "Status")]);
    own(API_GROUP_LIST, vec![gvk("", "v1", "APIGroupList")]);
    own(API_VERSIONS, vec![gvk("", "v1", "APIVersions")]);
    own(SCALE, vec![gvk("autoscaling", "v1", "Scale")]);
    definitions
}

/// An entry of `x-kubernetes-group-version-kind`.
pub(super) fn gvk(group: &str, version: &str, kind: &str) -> Value {
    json!({"group": group, "version": version, "kind": kind})
}

/// A reference to a definition, in version 3.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("{V3_PREFIX}{name}")})
}

/// A reference with a description, which version 3 does not allow beside `$ref`.
pub(super) fn described_reference(name: &str, description: &str) -> Value {
    json!({"allOf": [reference(name)], "description": description})
}

/// Keeps those of `definitions` that the values in `roots` refer to, directly or not.
pub(super) fn reachable<'a>(
    definitions: BTreeMap<String, Value>,
    roots: impl Iterator<Item = &'a Value>,
) -> BTreeMap<String, Value> {
    let mut found = Vec::new();
    for root in roots {
        references(root, &mut found);
    }
    let mut kept = BTreeMap::new();
    while let Some(name) = found.pop() {
        if let (false, Some(definition)) = (kept.contains_key(&name), definitions.get(&name)) {
            references(definition, &mut found);
            kept.insert(name, definition.clone());
        }
    }
    kept
}

fn references(node: &Value, found: &mut Vec<String>) {
    match node {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field.as_str().and_then(|text| text.strip_prefix(V3_PREFIX)).filter(|_| key == "$ref") {
                    Some(name) => found.push(name.to_owned()),
                    None => references(field, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn extend(schema: &mut Value, extensions: &[(&str, Value)]) {
    for (name, value) in extensions {
        schema[format!("x-kubernetes-{name}")] = value.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_can_be_explained() {
        let definitions = definitions([("demo.example.com", "v1")].into_iter());
        for name in [OBJECT_META, LIST_META, STATUS, DELETE_OPTIONS, WATCH_EVENT, SCALE, PATCH, OWNER_REFERENCE] {
            assert!(definitions[name]["description"].is_string(), "{name}");
        }
        for (name, field) in definitions[OBJECT_META]["properties"].as_object().unwrap() {
            assert!(field["description"].is_string(), "{name}");
        }
        assert_eq!(definitions[OBJECT_META]["properties"]["finalizers"]["x-kubernetes-list-type"], "set");
        assert_eq!(
            definitions[DELETE_OPTIONS]["x-kubernetes-group-version-kind"],
            json!([gvk("", "v1", "DeleteOptions"), gvk("demo.example.com", "v1", "DeleteOptions")])
        );
    }
}
