//! The parts of the library that read what clients and CRDs say, each on its own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use apiserver::field;
use apiserver::request::decode::{self, Format};
use apiserver::request::info::RequestInfo;
use apiserver::request::media;
use apiserver::request::patch;
use apiserver::request::query::Query;
use apiserver::request::selectors::{FieldSelector, LabelSelector};
use apiserver::schema::Schema;
use apiserver::schema::json_path::JsonPath;
use http::Method;
use serde_json::{Value, json};

/// As deep as anything that is read may be, with room for what it is put into.
const DEPTH_MAX: usize = 300;

/// A path, and a query on the second line.
pub fn path(data: &[u8]) {
    let (path, query) = two(data);
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        if let Ok(info) = RequestInfo::new(&method, &path, &query) {
            assert!(!info.is_resource || !info.resource.is_empty() || info.name.is_empty(), "{info:?}");
        }
    }
}

/// A query string.
pub fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let query = Query::parse(&text);
    for name in ["labelSelector", "limit", "watch", "", "a"] {
        assert_eq!(query.get(name), query.all(name).next());
        let _ = (query.text(name), query.flag(name));
    }
    let _ = apiserver::request::media::pretty(&text, &text);
}

/// A selector for labels, and one for fields on the second line.
pub fn selectors(data: &[u8]) {
    let (labels, fields) = two(data);
    if let Ok(selector) = LabelSelector::parse(&labels) {
        let mut object = BTreeMap::new();
        let _ = selector.matches(&object);
        for requirement in selector.requirements() {
            object.insert(requirement.key.clone(), "1".to_owned());
        }
        let _ = selector.matches(&object);
        assert_eq!(selector.is_empty(), selector.requirements().is_empty());
    }
    if let Ok(selector) = FieldSelector::parse(&fields) {
        let _ = selector.matches(|_| None);
        let _ = selector.matches(|field| Some(Cow::Owned(field.to_owned())));
        for requirement in selector.requirements() {
            let _ = selector.required_value(&requirement.field);
        }
    }
}

/// The value of an Accept or Content-Type header.
pub fn media(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = media::negotiate(&text);
    let _ = media::content_type(Some(&text));
    let _ = media::patch_type(Some(&text), true);
}

/// A document, and a JSON patch on the second line.
pub fn json_patch(data: &[u8]) {
    let Some((document, patch)) = two_documents(data) else { return };
    let before = document.clone();
    let problems = patch::json_patch::problems(&patch, &[]);
    if let Ok(patched) = patch::json_patch::apply(&document, &patch) {
        assert!(patched.to_string().len() <= 16 << 20, "a patch makes much of little");
        if patch.as_array().is_some_and(Vec::is_empty) {
            assert_eq!(patched, document);
        }
    }
    assert!(problems.len() <= 100_000);
    assert_eq!(document, before);
}

/// A document, and a merge patch on the second line.
pub fn merge_patch(data: &[u8]) {
    let Some((document, patch)) = two_documents(data) else { return };
    if patch::merge_patch::check(&patch).is_err() {
        return;
    }
    let mut once = document.clone();
    patch::merge_patch::apply(&mut once, &patch);
    let mut twice = once.clone();
    patch::merge_patch::apply(&mut twice, &patch);
    assert_eq!(once, twice, "to merge twice is to merge once");
}

/// A body in JSON or YAML.
pub fn body(data: &[u8]) {
    let _ = decode::decode_patch(data);
    for format in [Format::Json, Format::Yaml] {
        let Ok(decoded) = decode::decode(data, format) else { continue };
        assert!(depth(&decoded.value) <= DEPTH_MAX);
        // What was read from either can be said in JSON, and read again.
        let again = decode::decode(decoded.value.to_string().as_bytes(), Format::Json);
        assert_eq!(again.map(|again| again.value), Ok(decoded.value));
    }
}

/// The schema of a CRD, and on the second line an object and, behind a comma, what it is changed into.
pub fn schema(data: &[u8]) {
    let Some((openapi, objects)) = two_documents(data) else { return };
    let Ok(schema) = Schema::compile(&openapi) else { return };
    let nothing = Vec::new();
    let objects = objects.as_array().unwrap_or(&nothing);
    let mut before: Option<Value> = None;
    for object in objects.iter().take(4) {
        let mut object = object.clone();
        let mut unknown = Vec::new();
        schema.prune(&mut object, &mut unknown);
        let mut again = object.clone();
        unknown.clear();
        schema.prune(&mut again, &mut unknown);
        assert!(again == object && unknown.is_empty(), "to prune twice is to prune once: {unknown:?}");
        schema.default(&mut object);
        let mut again = object.clone();
        schema.default(&mut again);
        assert_eq!(again, object, "to default twice is to default once");
        let mut errors = field::Errors::default();
        schema.validate(&object, &mut errors);
        if let Some(before) = &before {
            schema.validate_update(&object, before, &mut errors);
            schema.validate_status_update(&object, before, &mut errors);
        }
        errors.iter().for_each(|error| drop(error.to_string()));
        before = Some(object);
    }
}

/// A rule in CEL, and what it is asked about on the second line.
pub fn rules(data: &[u8]) {
    let (rule, object) = two(data);
    let Ok(object) = serde_json::from_str::<Value>(&object) else { return };
    let spec = json!({
        "type": "object",
        "x-kubernetes-validations": [{ "rule": rule, "message": "no" }],
        "properties": {
            "text": { "type": "string", "maxLength": 50 },
            "count": { "type": "integer" },
            "share": { "type": "number" },
            "flag": { "type": "boolean" },
            "when": { "type": "string", "format": "date-time" },
            "long": { "type": "string", "format": "duration" },
            "raw": { "type": "string", "format": "byte" },
            "either": { "x-kubernetes-int-or-string": true },
            "set": { "type": "array", "x-kubernetes-list-type": "set", "maxItems": 20, "items": { "type": "string" } },
            "list": { "type": "array", "maxItems": 20, "items": { "type": "integer" } },
            "map": { "type": "object", "maxProperties": 20, "additionalProperties": { "type": "string" } },
            "items": {
                "type": "array", "maxItems": 20,
                "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "type": "object", "required": ["name"],
                    "properties": { "name": { "type": "string" }, "value": { "type": "integer" } },
                },
            },
            "any": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        },
    });
    let openapi = json!({ "type": "object", "properties": { "spec": spec } });
    let Ok(schema) = Schema::compile(&openapi) else { return };
    let object = json!({ "spec": object });
    let mut errors = field::Errors::default();
    schema.validate(&object, &mut errors);
    schema.validate_update(&object, &object, &mut errors);
    errors.iter().for_each(|error| drop(error.to_string()));
}

/// A JSON path of a CRD, and what it is asked about on the second line.
pub fn json_path(data: &[u8]) {
    let (path, object) = two(data);
    let Ok(path) = JsonPath::parse(&path) else { return };
    let object: Value = serde_json::from_str(&object).unwrap_or_default();
    assert_eq!(path.first(&object), path.all(&object).first().copied());
    let _ = path.keys();
}

fn two(data: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(data);
    let (first, second) = text.split_once('\n').unwrap_or((&text, ""));
    (first.to_owned(), second.to_owned())
}

fn two_documents(data: &[u8]) -> Option<(Value, Value)> {
    let (first, second) = two(data);
    let first = decode::decode(first.as_bytes(), Format::Json).ok()?;
    let second = decode::decode_patch(second.as_bytes()).ok()?;
    Some((first.value, second.value))
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}
