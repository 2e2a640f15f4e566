//! The kinds Secret and ConfigMap: data by keys. Sources: `ValidateSecret` and `ValidateConfigMap` in
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go>,
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/v1/conversion.go>

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::{Map, Value};

use super::behaviour::Behaviour;
use super::columns::{ALWAYS, age, column, count, text};
use super::{Builtin, plain};
use crate::field;
use crate::kind::Kind;

/// Bytes of all data of one object. Source: `MaxSecretSize` in Kubernetes' core types.
const DATA_BYTES_MAX: usize = 1 << 20;

/// The kind Secret.
pub fn secrets() -> Builtin {
    Builtin::new(secret_kind).hooks(Arc::new(Behaviour {
        defaults: merge_string_data,
        check: |_, new, old, errors| check_secret(new, old, errors),
        ..Behaviour::default()
    }))
}

/// The kind ConfigMap.
pub fn config_maps() -> Builtin {
    let behaviour = Behaviour { check: |_, new, old, errors| check_map(new, old, errors), ..Behaviour::default() };
    Builtin::new(map_kind).hooks(Arc::new(behaviour))
}

fn secret_kind() -> Kind {
    let refine = |openapi: &mut Value| openapi["properties"]["type"]["default"] = "Opaque".into();
    let mut kind = plain::kind::<Secret>(refine, |openapi| {
        let about = |pointer| plain::description(openapi, pointer);
        vec![
            column("Type", ALWAYS, about("/properties/type"), |secret, _| text(&secret["type"]).into()),
            column("Data", ALWAYS, about("/properties/data"), |secret, _| count(&secret["data"]).into()),
            age(),
        ]
    });
    kind.versions[0].selectable_fields = vec![plain::selectable("type", ".type")];
    kind
}

fn map_kind() -> Kind {
    plain::kind::<ConfigMap>(
        |_| {},
        |openapi| {
            let about = plain::description(openapi, "/properties/data");
            let data = |map: &Value, _| (count(&map["data"]) + count(&map["binaryData"])).into();
            vec![column("Data", ALWAYS, about, data), age()]
        },
    )
}

/// What clients write as text becomes data, and is not kept as text.
fn merge_string_data(secret: &mut Value) {
    let Some(fields) = secret.as_object_mut() else { return };
    match fields.get("stringData") {
        Some(Value::Object(texts)) if texts.values().all(Value::is_string) => {}
        _ => return,
    }
    let Some(Value::Object(texts)) = fields.remove("stringData") else { return };
    if texts.is_empty() {
        return;
    }
    let data = fields.entry("data").or_insert_with(|| Map::new().into());
    let Some(data) = data.as_object_mut() else { return };
    for (key, text) in texts {
        data.insert(key, BASE64_STANDARD.encode(text.as_str().unwrap_or_default()).into());
    }
}

fn check_secret(secret: &Value, old: Option<&Value>, errors: &mut field::Errors) {
    if let Some(old) = old {
        if old["type"] != secret["type"] {
            errors.invalid("type", &secret["type"], "field is immutable");
        }
        check_immutable(secret, old, &["data"], errors);
    }
    let data = entries(secret, "data");
    let mut bytes = 0;
    for (key, value) in &data {
        check_key("data", key, errors);
        bytes += check_bytes("data", key, value, errors);
    }
    if bytes > DATA_BYTES_MAX {
        errors.too_long("data", DATA_BYTES_MAX);
    }
    check_type(secret, errors);
}

/// What a type of secret must have.
fn check_type(secret: &Value, errors: &mut field::Errors) {
    let value = |key: &str| secret["data"].get(key).and_then(Value::as_str);
    let required = |key: &str, errors: &mut field::Errors| errors.required(format!("data[{key}]"), "");
    match text(&secret["type"]) {
        "kubernetes.io/service-account-token" => {
            let name = "kubernetes.io/service-account.name";
            if secret["metadata"]["annotations"][name].as_str().is_none_or(str::is_empty) {
                errors.required(format!("metadata.annotations[{name}]"), "");
            }
        }
        "kubernetes.io/dockercfg" => check_json(".dockercfg", value(".dockercfg"), errors),
        "kubernetes.io/dockerconfigjson" => check_json(".dockerconfigjson", value(".dockerconfigjson"), errors),
        "kubernetes.io/basic-auth" if value("username").is_none() && value("password").is_none() => {
            required("username", errors);
            required("password", errors);
        }
        "kubernetes.io/ssh-auth" if value("ssh-privatekey").is_none_or(str::is_empty) => {
            required("ssh-privatekey", errors);
        }
        "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"].into_iter().filter(|key| value(key).is_none()) {
                required(key, errors);
            }
        }
        _ => {}
    }
}

fn check_json(key: &str, value: Option<&str>, errors: &mut field::Errors) {
    let at = format!("data[{key}]");
    let Some(value) = value else { return errors.required(at, "") };
    let Some(bytes) = decode(value) else { return };
    if let Err(error) = serde_json::from_slice::<Map<String, Value>>(&bytes) {
        errors.invalid(at, "<secret contents redacted>", error.to_string());
    }
}

fn check_map(map: &Value, old: Option<&Value>, errors: &mut field::Errors) {
    if let Some(old) = old {
        check_immutable(map, old, &["data", "binaryData"], errors);
    }
    let (data, binary) = (entries(map, "data"), entries(map, "binaryData"));
    let mut bytes = 0;
    for (field, entries, other, others) in
        [("data", &data, "binaryData", &binary), ("binaryData", &binary, "data", &data)]
    {
        for (key, value) in entries {
            check_key(field, key, errors);
            if others.iter().any(|(taken, _)| taken == key) {
                errors.invalid(format!("{field}[{key}]"), key, format!("duplicate of key present in {other}"));
            }
            bytes += if field == "data" { value.len() } else { check_bytes(field, key, value, errors) };
        }
    }
    if bytes > DATA_BYTES_MAX {
        errors.too_long("", DATA_BYTES_MAX);
    }
}

/// What was said to be immutable stays as it is, and immutable.
fn check_immutable(new: &Value, old: &Value, fields: &[&str], errors: &mut field::Errors) {
    if old["immutable"] != true {
        return;
    }
    let unchanged = |field: &str| match (&new[field], &old[field]) {
        // No data and empty data are one.
        (new, old) if count(new) == 0 && count(old) == 0 => true,
        (new, old) => new == old,
    };
    let changed = fields.iter().copied().filter(|field| !unchanged(field));
    for field in (new["immutable"] != true).then_some("immutable").into_iter().chain(changed) {
        errors.forbidden(field, "field is immutable when `immutable` is set");
    }
}

/// Source: `IsConfigMapKey` in <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/validation/validation.go>
fn check_key(field: &str, key: &str, errors: &mut field::Errors) {
    let at = || format!("{field}[{key}]");
    if key.len() > 253 {
        errors.invalid(at(), key, "must be no more than 253 bytes");
    }
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        errors.invalid(
            at(),
            key,
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
             'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        );
    }
    match key {
        "." | ".." => errors.invalid(at(), key, format!("must not be '{key}'")),
        _ if key.starts_with("..") => errors.invalid(at(), key, "must not start with '..'"),
        _ => {}
    }
}

fn entries<'a>(object: &'a Value, field: &str) -> Vec<(&'a str, &'a str)> {
    let entries = object[field].as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default())).collect()
}

/// How many bytes a text in base64 stands for. One that is none is refused, and not repeated: it may be a secret.
fn check_bytes(field: &str, key: &str, text: &str, errors: &mut field::Errors) -> usize {
    decode(text).map_or_else(
        || {
            errors.invalid_without_value(format!("{field}[{key}]"), "illegal base64 data");
            0
        },
        |bytes| bytes.len(),
    )
}

/// The bytes of a text in base64, which may have line breaks.
fn decode(text: &str) -> Option<Vec<u8>> {
    if text.contains(['\n', '\r']) {
        return BASE64_STANDARD.decode(text.replace(['\n', '\r'], "")).ok();
    }
    BASE64_STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(check: fn(&Value, Option<&Value>, &mut field::Errors), new: &Value, old: Option<&Value>) -> String {
        let mut errors = field::Errors::default();
        check(new, old, &mut errors);
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn texts_become_data() {
        let mut secret = json!({ "data": { "a": "YQ==", "b": "Yg==" }, "stringData": { "b": "c", "d": "é" } });
        merge_string_data(&mut secret);
        assert_eq!(secret, json!({ "data": { "a": "YQ==", "b": "Yw==", "d": "w6k=" } }));
        let mut odd = json!({ "stringData": { "a": 1 } });
        merge_string_data(&mut odd);
        assert_eq!(odd, json!({ "stringData": { "a": 1 } }), "the schema tells what is wrong with it");
    }

    #[test]
    fn a_secret_has_what_its_type_asks_for() {
        let check = |type_: &str, data: Value, expect: &str| {
            assert_eq!(told(check_secret, &json!({ "type": type_, "data": data }), None), expect, "{type_}");
        };
        check("Opaque", json!({ "a": "YQ==" }), "");
        check("kubernetes.io/tls", json!({ "tls.crt": "" }), "data[tls.key]: Required value");
        check("kubernetes.io/basic-auth", json!({}), "data[username]: Required value; data[password]: Required value");
        check("kubernetes.io/basic-auth", json!({ "password": "" }), "");
        check("kubernetes.io/ssh-auth", json!({ "ssh-privatekey": "" }), "data[ssh-privatekey]: Required value");
        check("kubernetes.io/dockercfg", json!({}), "data[.dockercfg]: Required value");
        check("kubernetes.io/dockerconfigjson", json!({ ".dockerconfigjson": "e30=" }), "");
        let account = "metadata.annotations[kubernetes.io/service-account.name]: Required value";
        check("kubernetes.io/service-account-token", json!({}), account);
        check("example.com/mine", json!({}), "");
        check("Opaque", json!({ "a": "Y\nQ==", "b": "" }), "");
        check("Opaque", json!({ "a": "no base64" }), "data[a]: Invalid value: illegal base64 data");
    }

    #[test]
    fn secrets_keep_their_type_and_may_be_immutable() {
        let old = json!({ "type": "Opaque", "immutable": true, "data": { "a": "YQ==" } });
        let check = |new: Value, expect: &str| assert_eq!(told(check_secret, &new, Some(&old)), expect);
        check(old.clone(), "");
        check(
            json!({ "type": "example.com/mine", "immutable": true, "data": { "a": "YQ==" } }),
            "type: Invalid value: \"example.com/mine\": field is immutable",
        );
        check(
            json!({ "type": "Opaque", "data": {} }),
            "immutable: Forbidden: field is immutable when `immutable` is set; data: Forbidden: field is immutable when \
             `immutable` is set",
        );
    }

    #[test]
    fn keys_are_names_of_files() {
        let check = |key: &str, expect: &str| {
            let text = told(check_map, &json!({ "data": { key: "" } }), None);
            assert!(if expect.is_empty() { text.is_empty() } else { text.contains(expect) }, "{key}: {text}");
        };
        for good in ["a", "A_b.c-d", ".hidden", "x..y"] {
            check(good, "");
        }
        check("a b", "data[a b]: Invalid value: \"a b\": a valid config key must consist of");
        check("..", "data[..]: Invalid value: \"..\": must not be '..'");
        check("..a", "must not start with '..'");
        check("", "a valid config key");
        check(&"a".repeat(254), "must be no more than 253 bytes");
    }

    #[test]
    fn a_map_has_each_key_once_and_is_not_too_large() {
        let both = json!({ "data": { "a": "" }, "binaryData": { "a": "" } });
        assert_eq!(
            told(check_map, &both, None),
            "data[a]: Invalid value: \"a\": duplicate of key present in binaryData; binaryData[a]: Invalid value: \"a\": \
             duplicate of key present in data"
        );
        let large = json!({ "data": { "a": "x".repeat(DATA_BYTES_MAX) }, "binaryData": { "b": "YQ==" } });
        assert_eq!(told(check_map, &large, None), "<nil>: Too long: may not be more than 1048576 bytes");
        let large = json!({ "data": { "a": BASE64_STANDARD.encode(vec![0; DATA_BYTES_MAX + 1]) } });
        assert_eq!(told(check_secret, &large, None), "data: Too long: may not be more than 1048576 bytes");
    }
}
