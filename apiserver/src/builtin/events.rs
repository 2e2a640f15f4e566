//! The kind Event, in the core group and in `events.k8s.io`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde_json::Value;

use super::{event_columns, schemas};
use crate::kind::{Kind, KindVersion, SelectableField, Verb};
use crate::schema::Schema;
use crate::schema::json_path::JsonPath;

/// Events, stored in the shape of the core group, as Kubernetes stores them. [`EventShapes`](super::EventShapes)
/// converts between the two groups. They have no generation and no status, and live until they are deleted.
pub fn events() -> Kind {
    Kind {
        group: String::new(),
        kind: "Event".into(),
        list_kind: "EventList".into(),
        plural: "events".into(),
        singular: "event".into(),
        short_names: vec!["ev".into()],
        categories: Vec::new(),
        namespaced: true,
        generation: false,
        verbs: Verb::ALL.to_vec(),
        stored: true,
        native: true,
        versions: vec![
            version::<k8s_openapi::api::core::v1::Event>("", &CORE_FIELDS),
            version::<k8s_openapi::api::events::v1::Event>("events.k8s.io", &NAMED_FIELDS),
        ],
        storage: 0,
    }
}

/// What field selectors may name, and where it is.
/// Source: <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/v1/conversion.go>
const CORE_FIELDS: [(&str, &str); 11] = [
    ("involvedObject.kind", ".involvedObject.kind"),
    ("involvedObject.namespace", ".involvedObject.namespace"),
    ("involvedObject.name", ".involvedObject.name"),
    ("involvedObject.uid", ".involvedObject.uid"),
    ("involvedObject.apiVersion", ".involvedObject.apiVersion"),
    ("involvedObject.resourceVersion", ".involvedObject.resourceVersion"),
    ("involvedObject.fieldPath", ".involvedObject.fieldPath"),
    ("reason", ".reason"),
    ("reportingComponent", ".reportingComponent"),
    ("source", ".source.component"),
    ("type", ".type"),
];

/// The same for `events.k8s.io`.
/// Source: <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/events/v1/conversion.go>
const NAMED_FIELDS: [(&str, &str); 10] = [
    ("regarding.kind", ".regarding.kind"),
    ("regarding.namespace", ".regarding.namespace"),
    ("regarding.name", ".regarding.name"),
    ("regarding.uid", ".regarding.uid"),
    ("regarding.apiVersion", ".regarding.apiVersion"),
    ("regarding.resourceVersion", ".regarding.resourceVersion"),
    ("regarding.fieldPath", ".regarding.fieldPath"),
    ("reason", ".reason"),
    ("reportingController", ".reportingController"),
    ("type", ".type"),
];

fn version<T: JsonSchema>(group: &str, fields: &[(&str, &str)]) -> KindVersion {
    let mut openapi = schemas::openapi::<T>();
    allow_null(&mut openapi);
    let field = |(name, path): &(&str, &str)| SelectableField {
        name: (*name).to_owned(),
        path: JsonPath::parse(path).expect("a constant path"),
    };
    KindVersion {
        group: group.into(),
        version: "v1".into(),
        served: true,
        deprecation_warning: None,
        schema: Arc::new(Schema::compile(&openapi).expect("the schema of a type is structural")),
        openapi,
        columns: event_columns::columns(),
        selectable_fields: fields.iter().map(field).collect(),
        status: false,
        scale: None,
        subresources: Vec::new(),
    }
}

/// Clients in Go write `null` for a time that is not set, and Kubernetes reads it as absent.
fn allow_null(schema: &mut Value) {
    for property in
        schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(|all| all.values_mut())
    {
        property["nullable"] = true.into();
        allow_null(property);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoints::table::{IncludeObject, Rows, column_definitions};

    #[test]
    fn there_is_one_kind_in_two_groups() {
        let kind = events();
        let versions: Vec<String> = kind.versions.iter().map(KindVersion::api_version).collect();
        assert_eq!(versions, ["v1", "events.k8s.io/v1"]);
        assert_eq!(kind.storage_version().api_version(), "v1");
        assert_eq!(kind.storage_prefix(), "/registry/core/events/");
        assert!(!kind.generation);
    }

    #[test]
    fn schemas_describe_every_field() {
        for version in events().versions {
            let properties = version.openapi["properties"].as_object().unwrap();
            assert!(properties.values().all(|property| property["description"].is_string()));
            assert_eq!(version.openapi.get("$ref"), None);
            for (name, _) in CORE_FIELDS.iter().filter(|_| version.group.is_empty()) {
                let root = name.split('.').next().unwrap();
                assert!(properties.contains_key(root), "{name}");
            }
        }
        assert_eq!(events().versions[0].openapi["required"], json!(["involvedObject"]));
    }

    #[test]
    fn a_table_of_events_ends_with_the_name() {
        let kind = events();
        let definitions = column_definitions(kind.storage_version());
        let names: Vec<&str> = definitions.as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap()).collect();
        assert_eq!(
            names.join(", "),
            "Last Seen, Type, Reason, Object, Subobject, Source, Message, First Seen, Count, Name"
        );
        let mut out = Vec::new();
        let now = "2026-03-01T12:10:00Z".parse().unwrap();
        let event = json!({"metadata": {"name": "robin.1"}, "involvedObject": {"kind": "Bird", "name": "robin"}});
        Rows::new(kind.storage_version(), "v1", IncludeObject::None, now).write(&event, &mut out);
        let row: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(row["cells"].as_array().unwrap().len(), names.len());
        assert_eq!((&row["cells"][3], &row["cells"][9]), (&json!("bird/robin"), &json!("robin.1")));
    }
}
