//! What metadata must satisfy before it is stored.

use serde_json::{Map, Value};

use super::{finalizers, text};
use crate::field::{Errors, labels};

/// Bytes of all annotations together. Source: `TotalAnnotationSizeLimitB` in Kubernetes' objectmeta.go.
const ANNOTATIONS_MAX: usize = 256 << 10;

/// Checks the metadata of a new object. Its name is given or made by now; `name_problems` tells why it cannot be that of
/// an object of the kind.
pub fn create(object: &Value, name_problems: impl Fn(&str) -> Vec<String>, errors: &mut Errors) {
    for (field, cut) in [("generateName", true), ("name", false)] {
        let name = text(object, field);
        // A prefix may end in a dash: the suffix follows.
        let checked = if cut { name.trim_end_matches('-') } else { name };
        if name.is_empty() {
            if !cut {
                errors.required("metadata.name", "name or generateName is required");
            }
            continue;
        }
        for problem in name_problems(checked) {
            errors.invalid(format!("metadata.{field}"), name, problem);
        }
    }
    // No other place holds a namespace to this: there need not be an object for it.
    let namespace = text(object, "namespace");
    if !namespace.is_empty() {
        for problem in labels::dns_label(namespace) {
            errors.invalid("metadata.namespace", namespace, problem);
        }
    }
    common(object, errors);
}

/// Checks changed metadata against what was there.
pub fn update(new: &Value, old: &Value, errors: &mut Errors) {
    common(new, errors);
    let empty = Map::new();
    let of = |object| Value::get(object, "metadata").and_then(Value::as_object).unwrap_or(&empty);
    let (new_fields, old_fields) = (of(new), of(old));
    for field in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        let value = new_fields.get(field);
        if value != old_fields.get(field) {
            errors.invalid(format!("metadata.{field}"), value.unwrap_or(&Value::Null), "field is immutable");
        }
    }
    if old_fields.contains_key("deletionTimestamp") {
        let before = finalizers(old);
        let added: Vec<&str> = finalizers(new).into_iter().filter(|finalizer| !before.contains(finalizer)).collect();
        if !added.is_empty() {
            let list: Vec<String> = added.iter().map(|finalizer| format!("{finalizer:?}")).collect();
            errors.forbidden(
                "metadata.finalizers",
                format!(
                    "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                    list.join(", ")
                ),
            );
        }
    }
}

fn common(object: &Value, errors: &mut Errors) {
    let Some(metadata) = object.get("metadata").and_then(Value::as_object) else { return };
    for (key, value) in texts(metadata, "labels") {
        for problem in labels::qualified_name(key) {
            errors.invalid("metadata.labels", key, problem);
        }
        for problem in labels::label_value(value) {
            errors.invalid("metadata.labels", value, problem);
        }
    }
    let mut bytes = 0;
    for (key, value) in texts(metadata, "annotations") {
        // Old clients wrote keys in mixed case, so only their lower-case form is held to the rule.
        for problem in labels::qualified_name(&key.to_lowercase()) {
            errors.invalid("metadata.annotations", key, problem);
        }
        bytes += key.len() + value.len();
    }
    if bytes > ANNOTATIONS_MAX {
        errors.too_long("metadata.annotations", ANNOTATIONS_MAX);
    }
    owner_references(metadata, errors);
    let all = finalizers(object);
    for finalizer in &all {
        for problem in labels::qualified_name(finalizer) {
            errors.invalid("metadata.finalizers", finalizer, problem);
        }
    }
    if all.contains(&"orphan") && all.contains(&"foregroundDeletion") {
        errors.invalid("metadata.finalizers", &all, "finalizer orphan and foregroundDeletion cannot be both set");
    }
}

fn owner_references(metadata: &Map<String, Value>, errors: &mut Errors) {
    let Some(references) = metadata.get("ownerReferences").and_then(Value::as_array) else { return };
    let field =
        |reference: &Value, name: &str| reference.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut controller: Option<String> = None;
    for reference in references {
        if field(reference, "apiVersion").is_empty() {
            errors.invalid("metadata.ownerReferences.apiVersion", "", "version must not be empty");
        }
        for name in ["kind", "name", "uid"] {
            if field(reference, name).is_empty() {
                errors.invalid(format!("metadata.ownerReferences.{name}"), "", "must not be empty");
            }
        }
        if field(reference, "apiVersion") == "v1" && field(reference, "kind") == "Event" {
            let problem = format!("{}: /v1, Kind=Event is disallowed from being an owner", in_go_order(reference));
            errors.invalid_without_value("metadata.ownerReferences", problem);
        }
        if reference.get("controller") == Some(&Value::Bool(true)) {
            let this = format!("{}/{}", field(reference, "kind"), field(reference, "name"));
            match &controller {
                None => controller = Some(this),
                Some(other) => {
                    let shown: Vec<String> = references.iter().map(in_go_order).collect();
                    let problem = format!(
                        "[{}]: Only one reference can have Controller set to true. Found \"true\" in references for \
                         {other} and {this}",
                        shown.join(",")
                    );
                    errors.invalid_without_value("metadata.ownerReferences", problem);
                }
            }
        }
    }
}

/// Messages print a reference with its fields in the order of the Go type.
fn in_go_order(reference: &Value) -> String {
    let members: Vec<String> = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"]
        .iter()
        .filter_map(|key| Some(format!("\"{key}\":{}", reference.get(key)?)))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn texts<'a>(metadata: &'a Map<String, Value>, field: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let map = metadata.get(field).and_then(Value::as_object);
    map.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}
