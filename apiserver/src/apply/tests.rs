//! Stories of objects and their managers, as a real server tells them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::versions::SameShape;

/// `MANAGER OPERATION VERSION SUBRESOURCE TIME FIELDS`: an entry of managedFields. Without a subresource it says `""`,
/// without a time `-`.
pub(super) fn entry(row: &str) -> Value {
    let mut words = row.splitn(6, ' ');
    let mut word = || words.next().expect("six words");
    let (manager, operation, version, subresource, time) = (word(), word(), word(), word(), word());
    let mut entry = json!({
        "manager": manager,
        "operation": operation,
        "apiVersion": format!("demo.example.com/{version}"),
        "fieldsType": "FieldsV1",
        "fieldsV1": serde_json::from_str::<Value>(word()).expect("fields"),
    });
    if subresource != "\"\"" {
        entry["subresource"] = subresource.into();
    }
    if time != "-" {
        entry["time"] = time.into();
    }
    entry
}

/// A kind with everything that matters here, in two versions of one shape.
pub(super) fn birds() -> Kind {
    let string = json!({"type": "string"});
    let schema = json!({"openAPIV3Schema": {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "species": string,
                    "color": {"type": "string", "default": "brown"},
                    "wingspanCm": {"type": "integer"},
                    "hatched": {"type": "string", "format": "date-time"},
                    "songs": {"type": "array", "x-kubernetes-list-type": "set", "items": string},
                    "perches": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name"],
                        "items": {
                            "type": "object",
                            "required": ["name"],
                            "properties": {
                                "name": string,
                                "heightM": {"type": "number"},
                                "occupied": {"type": "boolean", "default": false},
                            },
                        },
                    },
                    "tags": {"type": "object", "additionalProperties": string},
                    "diet": {
                        "type": "object",
                        "x-kubernetes-map-type": "atomic",
                        "properties": {"primary": string, "secondary": string},
                    },
                    "schedule": {"type": "array", "items": {"type": "object", "properties": {"day": string}}},
                    "replicas": {"type": "integer", "default": 1},
                    "size": {"x-kubernetes-int-or-string": true},
                    "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                },
            },
            "status": {"type": "object", "properties": {"phase": string, "replicas": {"type": "integer"}}},
        },
    }});
    let version = |name: &str, storage: bool| {
        json!({
            "name": name, "served": true, "storage": storage, "schema": schema,
            "subresources": {
                "status": {},
                "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
            },
        })
    };
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "birds"},
        "spec": {
            "group": "demo.example.com", "scope": "Namespaced", "names": {"kind": "Bird", "plural": "birds"},
            "versions": [version("v1", true), version("v1alpha1", false)],
        },
    });
    Kind::from_crd(&serde_json::from_value(crd).expect("a CRD")).expect("a kind")
}
