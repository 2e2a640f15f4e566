//! The definitions of served kinds, made from their schemas.

use serde_json::{Value, json};

use super::definitions::{LIST_META, OBJECT_META, described_reference, gvk, reference};
use crate::kind::{Kind, KindVersion};

const API_VERSION: &str = "The group and version that this representation of the object is in. More info: https://kubernetes.io/docs/reference/using-api/";
const KIND: &str = "What this object is, in CamelCase. It cannot be changed. More info: \
                    https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";

/// The name of a kind's definition: the group reversed, then version and kind, for example `com.example.demo.v1.Bird`.
/// Kinds of Kubernetes itself have the names that they have there.
pub(super) fn name(group: &str, version: &str, kind: &str) -> String {
    if group.is_empty() {
        return format!("io.k8s.api.core.{version}.{kind}");
    }
    if BUILTIN_GROUPS.contains(&group) {
        let first = group.split('.').next().unwrap_or_default();
        return format!("io.k8s.api.{first}.{version}.{kind}");
    }
    let reversed: Vec<&str> = group.rsplit('.').collect();
    format!("{}.{version}.{kind}", reversed.join("."))
}

/// Groups of Kubernetes itself. Their definitions are called after the packages of their types, which have the first word
/// of the group. Source: the folders of <https://github.com/kubernetes/api>
const BUILTIN_GROUPS: [&str; 16] = [
    "admissionregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// The definition of a kind in one version.
pub(super) fn kind(kind: &Kind, version: &KindVersion) -> Value {
    let mut schema = version.openapi.clone();
    if !schema.is_object() {
        schema = json!({});
    }
    extend(&mut schema);
    schema["type"] = "object".into();
    add_object_properties(&mut schema);
    finish(&mut schema, version, &kind.kind);
    schema
}

/// The definition of a kind's list in one version.
pub(super) fn list(kind: &Kind, version: &KindVersion) -> Value {
    let item = name(&version.group, &version.version, &kind.kind);
    let mut schema = json!({
        "type": "object",
        "description": format!("{} is a list of {}.", kind.list_kind, kind.kind),
        "required": ["items"],
        "properties": {
            "apiVersion": api_version(),
            "kind": kind_property(),
            "metadata": described_reference(LIST_META, "What is known of the list as a whole."),
            "items": {
                "type": "array", "items": reference(&item), "description": format!("The {} of this list.", kind.plural),
            },
        },
    });
    finish(&mut schema, version, &kind.list_kind);
    schema
}

fn finish(schema: &mut Value, version: &KindVersion, kind: &str) {
    schema["x-kubernetes-group-version-kind"] = json!([gvk(&version.group, &version.version, kind)]);
    if !version.selectable_fields.is_empty() {
        let fields = version.selectable_fields.iter().map(|field| json!({"fieldPath": field.name}));
        schema["x-kubernetes-selectable-fields"] = fields.collect();
    }
}

/// Says in plain OpenAPI what two of Kubernetes' extensions mean, for clients that do not know them.
fn extend(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    for (key, field) in fields.iter_mut() {
        match (key.as_str(), field) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(extend),
            ("items" | "additionalProperties", field) => extend(field),
            _ => {}
        }
    }
    let is = |extension: &str| fields.get(extension) == Some(&Value::Bool(true));
    let (embedded, either) = (is("x-kubernetes-embedded-resource"), is("x-kubernetes-int-or-string"));
    if either && !fields.contains_key("anyOf") && !fields.contains_key("allOf") {
        fields.insert("anyOf".into(), json!([{"type": "integer"}, {"type": "string"}]));
    }
    if embedded {
        add_object_properties(schema);
        let mut required = schema["required"].as_array().cloned().unwrap_or_default();
        for name in ["kind", "apiVersion"] {
            if !required.iter().any(|already| already == name) {
                required.push(name.into());
            }
        }
        schema["required"] = required.into();
    }
}

fn add_object_properties(schema: &mut Value) {
    let properties = &mut schema["properties"];
    properties["apiVersion"] = api_version();
    properties["kind"] = kind_property();
    properties["metadata"] = described_reference(
        OBJECT_META,
        "The object's name and everything else that is not particular to its kind. More info: \
         https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
    );
}

fn api_version() -> Value {
    json!({"type": "string", "description": API_VERSION})
}

fn kind_property() -> Value {
    json!({"type": "string", "description": KIND})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::tests::kinds;

    #[test]
    fn names_are_reversed_groups() {
        assert_eq!(name("demo.example.com", "v1", "Bird"), "com.example.demo.v1.Bird");
        assert_eq!(name("", "v1", "Event"), "io.k8s.api.core.v1.Event");
        assert_eq!(name("events.k8s.io", "v1", "Event"), "io.k8s.api.events.v1.Event");
    }

    #[test]
    fn a_kind_keeps_its_schema_and_gains_metadata() {
        let kinds = kinds();
        let bird = kinds.iter().find(|kind| kind.kind == "Bird").unwrap();
        let schema = kind(bird, bird.storage_version());
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["description"], "A bird of the aviary.");
        assert_eq!(schema["required"], json!(["spec"]));
        assert_eq!(schema["x-kubernetes-group-version-kind"], json!([gvk("demo.example.com", "v1", "Bird")]));
        assert_eq!(schema["x-kubernetes-selectable-fields"], json!([{"fieldPath": "spec.color"}]));
        assert_eq!(schema["properties"]["metadata"]["allOf"], json!([reference(OBJECT_META)]));
        let spec = &schema["properties"]["spec"];
        assert_eq!(spec["properties"]["color"], json!({"type": "string", "default": "brown"}));
        assert_eq!(spec["properties"]["songs"]["x-kubernetes-list-type"], "set");
        assert_eq!(spec["x-kubernetes-validations"][0]["rule"], "true");
        assert_eq!(spec["properties"]["weight"]["anyOf"], json!([{"type": "integer"}, {"type": "string"}]));
    }

    #[test]
    fn a_list_requires_its_items() {
        let kinds = kinds();
        let bird = kinds.iter().find(|kind| kind.kind == "Bird").unwrap();
        let schema = list(bird, bird.storage_version());
        assert_eq!(schema["required"], json!(["items"]));
        assert_eq!(schema["x-kubernetes-group-version-kind"], json!([gvk("demo.example.com", "v1", "BirdList")]));
        assert_eq!(schema["properties"]["items"]["items"], reference("com.example.demo.v1.Bird"));
    }

    #[test]
    fn embedded_objects_are_objects() {
        let mut schema =
            json!({"properties": {"template": {"type": "object", "x-kubernetes-embedded-resource": true}}});
        extend(&mut schema);
        assert_eq!(schema["properties"]["template"]["required"], json!(["kind", "apiVersion"]));
        assert!(schema["properties"]["template"]["properties"]["metadata"].is_object());
    }
}
