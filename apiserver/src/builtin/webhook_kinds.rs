//! The kinds MutatingWebhookConfiguration and ValidatingWebhookConfiguration. Source:
//! <https://github.com/kubernetes/api/blob/master/admissionregistration/v1/types.go>

use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use serde_json::{Value, json};

use super::schemas;
use crate::kind::{Column, Kind, KindVersion, Verb};
use crate::schema::Schema;
use crate::schema::json_path::JsonPath;

/// Webhooks that may change objects.
pub fn mutating_webhooks() -> Kind {
    let mut openapi = schemas::openapi::<MutatingWebhookConfiguration>();
    webhooks(&mut openapi)["reinvocationPolicy"]["default"] = "Never".into();
    kind("MutatingWebhookConfiguration", openapi)
}

/// Webhooks that may refuse objects.
pub fn validating_webhooks() -> Kind {
    kind("ValidatingWebhookConfiguration", schemas::openapi::<ValidatingWebhookConfiguration>())
}

fn kind(kind: &str, mut openapi: Value) -> Kind {
    complete(&mut openapi);
    // What is required is checked with the rest, in Kubernetes' words.
    let mut checked = openapi.clone();
    let hook = &mut checked["properties"]["webhooks"]["items"];
    hook["required"] = json!(["name"]);
    for path in [
        "/clientConfig/properties/service",
        "/namespaceSelector/properties/matchExpressions",
        "/objectSelector/properties/matchExpressions",
        "/rules",
    ] {
        if let Some(schema) = hook["properties"].pointer_mut(path) {
            forget_required(schema);
        }
    }
    let singular = kind.to_lowercase();
    let version = KindVersion {
        group: super::ADMISSION_REGISTRATION.into(),
        version: "v1".into(),
        served: true,
        deprecation_warning: None,
        schema: Arc::new(Schema::compile(&checked).expect("the schema of a type is structural")),
        openapi,
        columns: vec![count(), Column::age()],
        selectable_fields: Vec::new(),
        status: false,
        scale: None,
        subresources: Vec::new(),
    };
    Kind {
        group: version.group.clone(),
        kind: kind.into(),
        list_kind: format!("{kind}List"),
        plural: format!("{singular}s"),
        singular,
        short_names: Vec::new(),
        categories: vec!["api-extensions".into()],
        namespaced: false,
        generation: true,
        native: true,
        verbs: Verb::ALL.to_vec(),
        stored: true,
        native: true,
        versions: vec![version],
        storage: 0,
    }
}

/// Adds what the types do not tell: defaults, and who owns what in a list. Sources:
/// <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/admissionregistration/v1/defaults.go>, and the markers
/// in the types.
fn complete(openapi: &mut Value) {
    openapi["properties"]["webhooks"]["x-kubernetes-list-type"] = "map".into();
    openapi["properties"]["webhooks"]["x-kubernetes-list-map-keys"] = json!(["name"]);
    let hook = webhooks(openapi);
    for (field, default) in [
        ("failurePolicy", json!("Fail")),
        ("matchPolicy", json!("Equivalent")),
        ("namespaceSelector", json!({})),
        ("objectSelector", json!({})),
        ("timeoutSeconds", json!(10)),
    ] {
        hook[field]["default"] = default;
    }
    for selector in ["namespaceSelector", "objectSelector"] {
        hook[selector]["x-kubernetes-map-type"] = "atomic".into();
    }
    hook["matchConditions"]["x-kubernetes-list-type"] = "map".into();
    hook["matchConditions"]["x-kubernetes-list-map-keys"] = json!(["name"]);
    hook["rules"]["items"]["properties"]["scope"]["default"] = "*".into();
    hook["clientConfig"]["properties"]["service"]["properties"]["port"]["default"] = 443.into();
}

fn webhooks(openapi: &mut Value) -> &mut Value {
    &mut openapi["properties"]["webhooks"]["items"]["properties"]
}

/// Takes out what is required of an object, or of the items of a list.
fn forget_required(schema: &mut Value) {
    let schema = if schema["items"].is_object() { &mut schema["items"] } else { schema };
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("required");
    }
}

fn count() -> Column {
    Column {
        name: "Webhooks".into(),
        type_: "integer".into(),
        format: String::new(),
        description: "How many webhooks there are in it.".into(),
        priority: 0,
        path: JsonPath::default(),
        cell: Some(|configuration, _| configuration["webhooks"].as_array().map_or(0, Vec::len).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_has_the_defaults_of_kubernetes() {
        let kind = mutating_webhooks();
        let mut object = json!({ "webhooks": [{
            "name": "a.b.c", "rules": [{ "resources": ["birds"] }],
            "clientConfig": { "service": { "name": "a", "namespace": "b" } },
        }] });
        kind.storage_version().schema.default(&mut object);
        let expected = json!({ "webhooks": [{
            "name": "a.b.c", "rules": [{ "resources": ["birds"], "scope": "*" }], "failurePolicy": "Fail",
            "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}, "timeoutSeconds": 10,
            "reinvocationPolicy": "Never",
            "clientConfig": { "service": { "name": "a", "namespace": "b", "port": 443 } },
        }] });
        assert_eq!(object, expected);
        assert_eq!(kind.storage_prefix(), "/registry/admissionregistration.k8s.io/mutatingwebhookconfigurations/");
    }

    #[test]
    fn clients_are_told_what_is_required() {
        let openapi = validating_webhooks().storage_version().openapi.clone();
        let required = &openapi["properties"]["webhooks"]["items"]["required"];
        assert_eq!(required, &json!(["admissionReviewVersions", "clientConfig", "name", "sideEffects"]));
    }
}
