//! Moving from client-side to server-side apply: the annotation in which `kubectl apply` keeps what was applied last. Only
//! the manager `kubectl` is served in this way. Source:
//! <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/managedfields/internal/lastappliedmanager.go>

use serde_json::Value;

use super::compare::compare;
use super::field_set::field_set;
use super::set::Set;
use super::types::Type;
use super::validate::{Duplicates, validate};
use super::value::write_json;

/// The manager whose annotation counts.
pub(super) const MANAGER: &str = "kubectl";

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// All keys and values of annotations together. Source:
/// <https://github.com/kubernetes/apimachinery/blob/master/pkg/api/validation/objectmeta.go>
const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;

/// The fields of a live object that still hold what was applied last: they may be taken without a conflict. `None` is an
/// object without the annotation, or with one that is of no use.
pub(super) fn unchanged_since(type_: &Type, api_version: &str, live: &Value) -> Option<Set> {
    let last: Value = serde_json::from_str(annotation(live)?).ok()?;
    if last.get("apiVersion").and_then(Value::as_str) != Some(api_version) || last.get("kind") != live.get("kind") {
        return None;
    }
    validate(type_, live, Duplicates::Refused).ok()?;
    validate(type_, &last, Duplicates::Refused).ok()?;
    let mut set = field_set(type_, &last);
    let comparison = compare(type_, Some(&last), Some(live));
    for differing in [&comparison.modified, &comparison.added, &comparison.removed] {
        set.subtract(differing);
    }
    Some(set)
}

/// Where an object has the annotation, makes it say what was applied now. It goes away when that is too long.
pub(super) fn refresh(object: &mut Value, applied: &Value) {
    if annotation(object).is_none() {
        return;
    }
    let mut applied = applied.clone();
    if let Some(annotations) = annotations_of(&mut applied) {
        annotations.remove(ANNOTATION);
    }
    let mut text = String::new();
    write_json(&mut text, &applied);
    text.push('\n');
    let Some(annotations) = annotations_of(object) else { return };
    let others = annotations.iter().filter(|(key, _)| *key != ANNOTATION);
    let bytes: usize = others.map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum();
    if bytes + ANNOTATION.len() + text.len() > ANNOTATIONS_BYTES_MAX {
        annotations.remove(ANNOTATION);
    } else {
        annotations.insert(ANNOTATION.to_owned(), text.into());
    }
}

fn annotation(object: &Value) -> Option<&str> {
    object.get("metadata")?.get("annotations")?.get(ANNOTATION)?.as_str().filter(|text| !text.is_empty())
}

fn annotations_of(object: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    object.get_mut("metadata")?.get_mut("annotations")?.as_object_mut()
}
