//! Kinds of Kubernetes by their types alone: stored as they come, with no one behind them.

use std::any::TypeId;
use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::schemas;
use crate::kind::{Column, Kind, KindVersion, Typed, Verb};
use crate::schema::Schema;

/// A type of `k8s-openapi` that is a resource.
pub trait Native: Typed + JsonSchema + k8s_openapi::Resource<Scope: 'static> {}

impl<K> Native for K where K: Typed + JsonSchema + k8s_openapi::Resource<Scope: 'static> {}

/// A type as a kind: its schema, and what can be told from it. Objects with a status have `/status`.
///
/// # Panics
/// If the schema of the type is not structural, which those of Kubernetes are.
pub fn native<K: Native>() -> Kind {
    let mut openapi = schemas::openapi::<K>();
    let has = |field: &str| openapi["properties"].get(field).is_some();
    let (spec, status) = (has("spec"), has("status"));
    tell_list_keys(&mut openapi);
    let plural = K::plural(&()).into_owned();
    Kind {
        group: K::GROUP.into(),
        kind: K::KIND.into(),
        list_kind: format!("{}List", K::KIND),
        singular: K::KIND.to_lowercase(),
        short_names: short_names(&plural),
        categories: if in_all(K::GROUP, &plural) { vec!["all".into()] } else { Vec::new() },
        plural,
        namespaced: TypeId::of::<<K as k8s_openapi::Resource>::Scope>() == TypeId::of::<NamespaceResourceScope>(),
        // The kinds of the core group kept none for long, and clients do not count on it there.
        generation: spec && status && !K::GROUP.is_empty(),
        verbs: Verb::ALL.to_vec(),
        stored: true,
        native: true,
        versions: vec![KindVersion {
            group: K::GROUP.into(),
            version: K::VERSION.into(),
            served: true,
            deprecation_warning: None,
            schema: Arc::new(Schema::compile(&openapi).expect("the schema of a type is structural")),
            openapi,
            columns: vec![Column::age()],
            selectable_fields: Vec::new(),
            status,
            scale: None,
            subresources: Vec::new(),
        }],
        storage: 0,
    }
}

/// By which fields the items of a list are told apart. The types do not say; Kubernetes' markers do. Source: the markers
/// `+listMapKey` and `+patchMergeKey` in <https://github.com/kubernetes/api/blob/master/core/v1/types.go>
const LIST_KEYS: [(&str, &[&str]); 12] = [
    ("conditions", &["type"]),
    ("containers", &["name"]),
    ("env", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("hostAliases", &["ip"]),
    ("imagePullSecrets", &["name"]),
    ("initContainers", &["name"]),
    ("secrets", &["name"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    ("volumeDevices", &["devicePath"]),
    ("volumeMounts", &["mountPath"]),
    ("volumes", &["name"]),
];

/// Writes into a schema which lists are maps, so that they are merged by key and not replaced.
fn tell_list_keys(schema: &mut Value) {
    for (name, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        tell_list_keys(property);
        let Some(items) = property.get_mut("items").filter(|items| items["type"] == "object") else { continue };
        tell_list_keys(items);
        let keys: &[&str] = match name.as_str() {
            // Those of containers and of services have different keys.
            "ports" => ["containerPort", "port"]
                .into_iter()
                .find(|key| items["properties"].get(*key).is_some())
                .map_or(&[], |key| if key == "port" { &["port", "protocol"] } else { &["containerPort", "protocol"] }),
            _ => LIST_KEYS.iter().find(|(list, _)| list == name).map_or(&[], |(_, keys)| keys),
        };
        if keys.is_empty() || !keys.iter().all(|key| items["properties"].get(*key).is_some()) {
            continue;
        }
        if keys.contains(&"protocol") {
            items["properties"]["protocol"]["default"] = "TCP".into();
        }
        // A key is there: by itself, or by its default.
        let mut required = items["required"].as_array().cloned().unwrap_or_default();
        for key in keys.iter().filter(|key| **key != "protocol") {
            if !required.iter().any(|there| there == key) {
                required.push((*key).into());
            }
        }
        items["required"] = required.into();
        property["x-kubernetes-list-type"] = "map".into();
        property["x-kubernetes-list-map-keys"] = json!(keys);
    }
}

/// Source: `kubectl api-resources` of a cluster.
fn short_names(plural: &str) -> Vec<String> {
    let name = match plural {
        "configmaps" => "cm",
        "cronjobs" => "cj",
        "daemonsets" => "ds",
        "deployments" => "deploy",
        "endpoints" => "ep",
        "horizontalpodautoscalers" => "hpa",
        "ingresses" => "ing",
        "limitranges" => "limits",
        "namespaces" => "ns",
        "networkpolicies" => "netpol",
        "nodes" => "no",
        "persistentvolumeclaims" => "pvc",
        "persistentvolumes" => "pv",
        "poddisruptionbudgets" => "pdb",
        "pods" => "po",
        "priorityclasses" => "pc",
        "replicasets" => "rs",
        "replicationcontrollers" => "rc",
        "resourcequotas" => "quota",
        "serviceaccounts" => "sa",
        "services" => "svc",
        "statefulsets" => "sts",
        "storageclasses" => "sc",
        _ => return Vec::new(),
    };
    vec![name.into()]
}

/// Whether `kubectl get all` shows the kind.
fn in_all(group: &str, plural: &str) -> bool {
    match group {
        "" => matches!(plural, "pods" | "replicationcontrollers" | "services"),
        "apps" => matches!(plural, "daemonsets" | "deployments" | "replicasets" | "statefulsets"),
        "autoscaling" => plural == "horizontalpodautoscalers",
        "batch" => matches!(plural, "cronjobs" | "jobs"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::StatefulSet;
    use k8s_openapi::api::core::v1::{Node, Pod, Service};

    use super::*;

    #[test]
    fn a_type_tells_what_its_kind_is() {
        check(&native::<StatefulSet>(), "statefulsets.apps sts all namespaced generation status");
        check(&native::<Pod>(), "pods po all namespaced status");
        check(&native::<Node>(), "nodes no status");
        check(&native::<Service>(), "services svc all namespaced status");
    }

    #[test]
    fn lists_are_maps_where_kubernetes_says_so() {
        let kind = native::<Pod>();
        let containers = &kind.storage_version().openapi["properties"]["spec"]["properties"]["containers"];
        assert_eq!(containers["x-kubernetes-list-map-keys"], json!(["name"]));
        let ports = &containers["items"]["properties"]["ports"];
        assert_eq!(ports["x-kubernetes-list-map-keys"], json!(["containerPort", "protocol"]));
        let ports = &native::<Service>().versions[0].openapi["properties"]["spec"]["properties"]["ports"].clone();
        assert_eq!(ports["x-kubernetes-list-map-keys"], json!(["port", "protocol"]));
    }

    #[track_caller]
    fn check(kind: &Kind, expected: &str) {
        let mut told = vec![kind.qualified_resource()];
        told.extend(kind.short_names.iter().chain(&kind.categories).cloned());
        let facts = [
            (kind.namespaced, "namespaced"),
            (kind.generation, "generation"),
            (kind.storage_version().status, "status"),
        ];
        told.extend(facts.iter().filter(|(holds, _)| *holds).map(|(_, fact)| (*fact).to_owned()));
        assert_eq!(told.join(" "), expected);
    }
}
