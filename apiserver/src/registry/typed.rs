//! Objects as the types of a project, and back.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::AddNullable;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::mismatch;
use crate::apply::carry_over::carry_over;
use crate::kind::{Kind, KindError};

pub use crate::kind::Typed;

/// Reads an object that came from a client, or from the store.
///
/// # Errors
/// [`Error::Invalid`] with the words of the type.
pub(super) fn read<K: Typed>(value: &Value) -> Result<K, Error> {
    K::deserialize(value).map_err(|error| mismatch(value, &error))
}

/// Writes an object, with the type that it is of.
///
/// # Errors
/// A type that does not make a JSON object.
pub(super) fn write<K: Typed>(object: &K) -> Result<Value, Error> {
    let mut value = serde_json::to_value(object).map_err(Error::internal)?;
    let Some(fields) = value.as_object_mut() else {
        return Err(Error::Internal(format!("{} is no JSON object", K::kind(&()))));
    };
    fields.insert("apiVersion".into(), K::api_version(&()).into());
    fields.insert("kind".into(), K::kind(&()).into());
    fields.entry("metadata").or_insert_with(|| json!({}));
    Ok(value)
}

/// Changes an object as `change` changes it as a type; what the type does not know stays as it is.
///
/// # Errors
/// An object that is not of the type, and what `change` refuses.
pub(super) fn change<K: Typed>(
    value: &Value,
    change: impl FnOnce(&mut K) -> Result<(), Error>,
) -> Result<Value, Error> {
    let mut object: K = read(value)?;
    let before = serde_json::to_value(&object).map_err(Error::internal)?;
    change(&mut object)?;
    let after = serde_json::to_value(&object).map_err(Error::internal)?;
    let mut value = value.clone();
    carry_over(&mut value, &before, &after);
    Ok(value)
}

/// What a type that is nobody's resource looks like: its names and its schema, in one version that is served and stored.
///
/// # Errors
/// A schema that is not structural.
pub(super) fn kind_of<K: Typed + JsonSchema>(namespaced: bool) -> Result<Kind, KindError> {
    let plural = K::plural(&());
    let crd = json!({
        "metadata": {},
        "spec": {
            "group": K::group(&()), "scope": if namespaced { "Namespaced" } else { "Cluster" },
            "names": { "plural": plural, "kind": K::kind(&()) },
            "versions": [{
                "name": K::version(&()), "served": true, "storage": true,
                "schema": { "openAPIV3Schema": schema_of::<K>() },
            }],
        },
    });
    let crd: CustomResourceDefinition = CustomResourceDefinition::deserialize(&crd)
        .map_err(|_| KindError::NoSchema { crd: plural.clone().into_owned(), version: K::version(&()).into_owned() })?;
    Kind::from_crd(&crd)
}

/// The schema of a type as its derive would put it into a CRD, without what all objects have.
fn schema_of<K: JsonSchema>() -> Value {
    let settings = SchemaSettings::openapi3().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let generator = settings
        .with_transform(AddNullable::default())
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .into_generator();
    let mut schema = generator.into_root_schema_for::<K>().to_value();
    let shared = ["apiVersion", "kind", "metadata"];
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("title");
        fields.remove("components");
        if let Some(required) = fields.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|name| !shared.iter().any(|shared| name == shared));
        }
        if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
            properties.retain(|name, _| !shared.contains(&name.as_str()));
        }
    }
    schema
}
