//! Schemas of Kubernetes' own types, in the form that a CRD has them.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of a type, without what all objects have.
pub(super) fn openapi<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::openapi3();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("title");
        if let Some(required) = fields.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|name| name != "metadata");
        }
        if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
            for metadata in ["apiVersion", "kind", "metadata"] {
                properties.remove(metadata);
            }
        }
    }
    schema
}
