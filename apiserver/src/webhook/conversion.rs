//! `ConversionReview`: objects of one version into another, all of them or none. Source:
//! <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-request-and-response>

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Malformed, expect_type};
use crate::kind::{Kind, KindVersion};
use crate::registry::metadata;
use crate::versions::Conversion;

/// The version that is spoken.
pub(super) const API_VERSION: &str = "apiextensions.k8s.io/v1";

/// A kind whose objects can be converted.
pub(super) struct Convertible {
    pub kind: Arc<Kind>,
    pub conversion: Arc<dyn Conversion>,
}

/// Answers a review.
///
/// # Errors
/// What is none. Objects that cannot be converted are a failure told in the answer.
pub(super) fn review(kinds: &[Convertible], mut document: Value) -> Result<Value, Malformed> {
    expect_type(&document, API_VERSION, "ConversionReview")?;
    let mut request = document.get_mut("request").map(Value::take).unwrap_or_default();
    let text = |name: &str| match request.get(name).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(Malformed(format!("request.{name} is missing"))),
    };
    let (uid, desired) = (text("uid")?, text("desiredAPIVersion")?);
    let objects = match request.get_mut("objects").map(Value::take) {
        Some(Value::Array(objects)) => objects,
        None | Some(Value::Null) => Vec::new(),
        Some(_) => return Err(Malformed("request.objects is no list".into())),
    };
    let converted: Result<Vec<Value>, String> = objects.into_iter().map(|one| convert(kinds, one, &desired)).collect();
    let mut response = Map::new();
    response.insert("uid".into(), uid.into());
    match converted {
        Ok(objects) => {
            response.insert("convertedObjects".into(), objects.into());
            response.insert("result".into(), json!({ "status": "Success" }));
        }
        Err(message) => {
            tracing::warn!(message, "objects could not be converted");
            response.insert("convertedObjects".into(), json!([]));
            response.insert("result".into(), json!({ "status": "Failure", "message": message }));
        }
    }
    Ok(json!({ "apiVersion": API_VERSION, "kind": "ConversionReview", "response": response }))
}

/// One object; or a list, whose items are converted in their places.
fn convert(kinds: &[Convertible], mut object: Value, desired: &str) -> Result<Value, String> {
    let text = |object: &Value, name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&object, "apiVersion"), text(&object, "kind"));
    let group = |api_version: &str| api_version.rsplit_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default();
    let (own_group, wanted_group) = (group(&api_version), group(desired));
    let found = kinds.iter().find(|one| {
        one.kind.group == own_group
            && (one.kind.kind == kind || one.kind.list_kind == kind && object.get("items").is_some())
    });
    let Some(convertible) = found else {
        return Err(format!("{api_version:?} {kind:?} is no kind that is converted here"));
    };
    if own_group != wanted_group {
        return Err(format!("{kind} of {api_version} cannot become one of another group, {desired}"));
    }
    let to = convertible.version(desired)?;
    if convertible.kind.list_kind == kind {
        if let Some(items) = object.get_mut("items").and_then(Value::as_array_mut) {
            for item in items {
                *item = convertible.one(item.take(), to)?;
            }
        }
        if let Some(fields) = object.as_object_mut() {
            fields.insert("apiVersion".into(), desired.into());
        }
        return Ok(object);
    }
    convertible.one(object, to)
}

impl Convertible {
    fn version(&self, api_version: &str) -> Result<&KindVersion, String> {
        let mut versions = self.kind.versions.iter();
        versions
            .find(|version| version.api_version() == api_version)
            .ok_or_else(|| format!("{} has no version {api_version:?}", self.kind.qualified_kind()))
    }

    fn one(&self, object: Value, to: &KindVersion) -> Result<Value, String> {
        let from = self.version(object.get("apiVersion").and_then(Value::as_str).unwrap_or_default())?;
        if std::ptr::eq(from, to) {
            return Ok(object);
        }
        let original = object.get("metadata").cloned();
        let mut converted = self.conversion.convert(from, to, object).map_err(|error| error.to_string())?;
        keep_metadata(&mut converted, original)?;
        Ok(converted)
    }
}

/// A conversion may change labels and annotations; who the object is stays, and the server puts back all else. Source:
/// <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/conversion/webhook_converter.go>
fn keep_metadata(converted: &mut Value, original: Option<Value>) -> Result<(), String> {
    let original = json!({ "metadata": original.unwrap_or_else(|| json!({})) });
    for field in ["name", "namespace", "uid"] {
        let (was, is) = (metadata::text(&original, field), metadata::text(converted, field));
        if was != is {
            return Err(format!("a conversion must not change metadata.{field}: {was:?} became {is:?}"));
        }
    }
    let made = std::mem::take(metadata::of_mut(converted));
    let mut kept = original;
    let fields = metadata::of_mut(&mut kept);
    for field in ["labels", "annotations"] {
        match made.get(field) {
            Some(value) if !value.is_null() => fields.insert(field.into(), value.clone()),
            _ => fields.remove(field),
        };
    }
    *metadata::of_mut(converted) = std::mem::take(metadata::of_mut(&mut kept));
    Ok(())
}
