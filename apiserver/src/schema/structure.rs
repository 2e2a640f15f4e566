//! What makes a schema structural: every value is described in one place, with a type, and conditions only add to it.
//! Source: <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/schema/validation.go>

use serde_json::Value;

use super::META_FIELDS;
use super::compile::{Place, SchemaError, Source};
use super::node::{Additional, Checks, ListType, MapType, Node, Type};

/// Checks one node, whose children have been checked already.
pub(super) fn check(node: &Node, source: &Source<'_>, place: Place) -> Result<(), SchemaError> {
    match place {
        Place::Root => check_root(node, source)?,
        Place::Item | Place::Field => {}
        _ => return check_condition(node, source, place),
    }
    check_type(node, source, place)?;
    check_embedded(node, source)?;
    check_additional(node, source)?;
    check_lists(node, source)?;
    if let Some(checks) = &node.checks {
        for condition in conditions(checks) {
            check_described(condition, Some(node), source)?;
        }
    }
    Ok(())
}

/// A condition says nothing about shape, since the same value would have two.
fn check_condition(node: &Node, source: &Source<'_>, place: Place) -> Result<(), SchemaError> {
    for (keyword, wanted) in [
        ("default", "undefined"),
        ("title", "empty"),
        ("description", "empty"),
        ("nullable", "false"),
        ("additionalProperties", "undefined"),
        ("x-kubernetes-preserve-unknown-fields", "false"),
        ("x-kubernetes-embedded-resource", "false"),
        ("x-kubernetes-int-or-string", "false"),
        ("x-kubernetes-list-type", "undefined"),
        ("x-kubernetes-list-map-keys", "empty"),
        ("x-kubernetes-map-type", "undefined"),
        ("x-kubernetes-validations", "empty"),
    ] {
        if source.get(keyword).is_some_and(|value| !is_nothing(value)) {
            return Err(source.error(keyword, format!("must be {wanted} to be structural")));
        }
    }
    let may_have_type = place == Place::IntOrStringType && matches!(node.type_, Type::Integer | Type::String);
    if node.type_ != Type::Any && !may_have_type {
        return Err(source.error("type", "must be empty to be structural"));
    }
    if node.properties.contains_key("metadata") {
        return Err(source.error("properties[metadata]", "must not be specified in a nested context"));
    }
    Ok(())
}

/// What a keyword may hold and be as good as absent.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => !truth,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn check_root(node: &Node, source: &Source<'_>) -> Result<(), SchemaError> {
    if node.type_ != Type::Object && !(node.type_ == Type::Any && node.preserve_unknown) {
        return Err(source.error("type", "must be object at the root"));
    }
    if !matches!(node.additional, Additional::None) {
        return Err(source.error("additionalProperties", "must not be used at the root"));
    }
    if node.nullable {
        return Err(source.error("nullable", "cannot be true at the root"));
    }
    for name in META_FIELDS {
        let property = node.properties.get(name);
        if property.is_some_and(|property| property.below.defaults) {
            return Err(
                source.error(&format!("properties[{name}].default"), format!("must not be set in top-level {name}"))
            );
        }
    }
    let plain = |node: &Node| node.checks.is_none() && node.rules.is_empty() && node.items.is_none();
    if let Some(metadata) = node.properties.get("metadata") {
        let only_names = metadata.properties.keys().all(|name| name == "name" || name == "generateName");
        if !only_names || !plain(metadata) || !matches!(metadata.additional, Additional::None) {
            let problem =
                "must not specify anything other than name and generateName, but metadata is implicitly specified";
            return Err(source.error("properties[metadata]", problem));
        }
    }
    Ok(())
}

fn check_type(node: &Node, source: &Source<'_>, place: Place) -> Result<(), SchemaError> {
    if node.type_ == Type::Any && !node.preserve_unknown && !node.embedded {
        return Err(source.error(
            "type",
            match place {
                Place::Item => "must not be empty for specified array items",
                Place::Root => "must not be empty at the root",
                _ => "must not be empty for specified object fields",
            },
        ));
    }
    if node.type_ == Type::Array && node.items.is_none() {
        return Err(source.error("items", "must be specified"));
    }
    if node.type_ == Type::IntOrString && node.preserve_unknown {
        let problem = "must be false if x-kubernetes-int-or-string is true";
        return Err(source.error("x-kubernetes-preserve-unknown-fields", problem));
    }
    Ok(())
}

fn check_embedded(node: &Node, source: &Source<'_>) -> Result<(), SchemaError> {
    if !node.embedded {
        return Ok(());
    }
    if node.type_ != Type::Object {
        return Err(source.error("type", "must be object if x-kubernetes-embedded-resource is true"));
    }
    if !matches!(node.additional, Additional::None) {
        let problem = "must not be used if x-kubernetes-embedded-resource is set";
        return Err(source.error("additionalProperties", problem));
    }
    if !node.preserve_unknown && node.properties.is_empty() {
        return Err(source.error(
            "properties",
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
        ));
    }
    for (name, type_) in META_FIELDS.iter().zip([Type::String, Type::String, Type::Object]) {
        if node.properties.get(*name).is_some_and(|property| property.type_ != type_) {
            return Err(source.error(&format!("properties[{name}].type"), format!("must be {}", type_.names())));
        }
    }
    Ok(())
}

fn check_additional(node: &Node, source: &Source<'_>) -> Result<(), SchemaError> {
    let exclusive = matches!(node.additional, Additional::Forbidden | Additional::Schema(_));
    if exclusive && !node.properties.is_empty() {
        return Err(source.error("additionalProperties", "additionalProperties and properties are mutual exclusive"));
    }
    Ok(())
}

fn check_lists(node: &Node, source: &Source<'_>) -> Result<(), SchemaError> {
    if source.get("x-kubernetes-map-type").is_some() && node.type_ != Type::Object {
        return Err(source.error("type", "must be object if x-kubernetes-map-type is specified"));
    }
    if source.get("x-kubernetes-list-type").is_some() && node.type_ != Type::Array {
        return Err(source.error("type", "must be array if x-kubernetes-list-type is specified"));
    }
    let items = node.items.as_deref();
    if node.list_type != ListType::Atomic && items.is_some_and(|items| items.nullable) {
        let kind = if node.list_type == ListType::Set { "set" } else { "map" };
        let problem = format!("cannot be nullable when x-kubernetes-list-type is {kind}");
        return Err(source.error("items.nullable", problem));
    }
    match node.list_type {
        ListType::Set => {
            let atomic = items.is_none_or(|items| match items.type_ {
                Type::Object => items.map_type == MapType::Atomic,
                Type::Array => items.list_type == ListType::Atomic,
                _ => true,
            });
            if !atomic {
                return Err(source.error("items", "must be atomic as item of a list with x-kubernetes-list-type=set"));
            }
        }
        ListType::Map => {
            const KEYS: &str = "x-kubernetes-list-map-keys";
            if node.list_map_keys.is_empty() {
                return Err(source.error(KEYS, "must not be empty if x-kubernetes-list-type is map"));
            }
            let items = items.filter(|items| items.type_ == Type::Object);
            let problem = "must be object if parent array's x-kubernetes-list-type is map";
            let items = items.ok_or_else(|| source.error("items.type", problem))?;
            for (index, key) in node.list_map_keys.iter().enumerate() {
                let Some(property) = items.properties.get(key) else {
                    return Err(source.error(KEYS, "entries must all be names of item properties"));
                };
                if property.nullable {
                    let problem = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
                    return Err(source.error(&format!("items.properties[{key}].nullable"), problem));
                }
                if matches!(property.type_, Type::Array | Type::Object) {
                    let problem = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                    return Err(source.error(&format!("items.properties[{key}].type"), problem));
                }
                if node.list_map_keys[..index].contains(key) {
                    return Err(source.error(KEYS, "must not contain duplicate entries"));
                }
                let required = items.checks.as_ref().is_some_and(|checks| checks.required.contains(key));
                if !required && property.default.is_none() {
                    let problem = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a \
                                   required property";
                    return Err(source.error(&format!("items.properties[{key}].default"), problem));
                }
            }
        }
        ListType::Atomic if !node.list_map_keys.is_empty() => {
            let problem = "must be map if x-kubernetes-list-map-keys is non-empty";
            return Err(source.error("x-kubernetes-list-type", problem));
        }
        ListType::Atomic => {}
    }
    Ok(())
}

/// A condition may speak only of values that are described outside of conditions.
fn check_described(condition: &Node, described: Option<&Node>, source: &Source<'_>) -> Result<(), SchemaError> {
    let Some(node) = described else {
        return Err(source.error("", "a condition speaks of items or properties that are not described outside of it"));
    };
    if let Some(items) = &condition.items {
        check_described(items, node.items.as_deref(), source)?;
    }
    for (name, property) in &condition.properties {
        if !node.properties.contains_key(name) {
            let problem = "must be specified, because a condition speaks of it";
            return Err(source.error(&format!("properties[{name}]"), problem));
        }
        check_described(property, node.properties.get(name), source)?;
    }
    if let Some(checks) = &condition.checks {
        for inner in conditions(checks) {
            check_described(inner, described, source)?;
        }
    }
    Ok(())
}

fn conditions(checks: &Checks) -> impl Iterator<Item = &Node> {
    checks.all_of.iter().chain(&checks.any_of).chain(&checks.one_of).chain(&checks.not)
}
