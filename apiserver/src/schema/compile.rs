//! From the OpenAPI of a CRD to a tree, or to the reason why there is none.

use serde_json::{Map, Value};

use super::formats::Format;
use super::node::{Additional, Below, Checks, ListType, MapType, NamedFormat, Node, Rule, Type};
use super::regexes::Pattern;
use super::{defaults, prune, rules, structure, validate};
use crate::field;
use crate::request::decode::make_whole;

/// How deep a schema may nest, which is deeper than any object that it could describe.
const DEPTH_MAX: usize = 200;

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct SchemaError {
    /// Where in the schema, for example `properties[spec].items`.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

/// Where a schema stands within another.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    Root,
    Item,
    Field,
    /// In `allOf`, `anyOf`, `oneOf` or `not`: it adds conditions to a value that is described elsewhere.
    Condition,
    /// First in the `allOf` of `x-kubernetes-int-or-string`: may tell the two types once more, in its `anyOf`.
    IntOrStringFirst,
    /// One of those two types.
    IntOrStringType,
}

/// The keywords of OpenAPI that structural schemas do without.
const UNSUPPORTED: [&str; 7] =
    ["id", "$schema", "$ref", "patternProperties", "dependencies", "additionalItems", "definitions"];

pub(super) fn root(openapi: &Value) -> Result<Node, SchemaError> {
    let mut root = compile(openapi, "", Place::Root, 0)?;
    rules::compile(&mut root)?;
    Ok(root)
}

fn compile(openapi: &Value, path: &str, place: Place, depth: usize) -> Result<Node, SchemaError> {
    let source = Source { fields: object(openapi, path)?, path };
    if depth > DEPTH_MAX {
        return Err(source.error("", "is nested too deeply"));
    }
    for name in UNSUPPORTED {
        if source.get(name).is_some() {
            return Err(source.error(name, "is not supported"));
        }
    }
    let int_or_string = source.flag("x-kubernetes-int-or-string")?;
    let mut node = Node {
        type_: source.type_(int_or_string)?,
        nullable: source.flag("nullable")?,
        preserve_unknown: source.preserve_unknown()?,
        embedded: source.flag("x-kubernetes-embedded-resource")?,
        list_type: match source.text("x-kubernetes-list-type")? {
            None | Some("atomic") => ListType::Atomic,
            Some("set") => ListType::Set,
            Some("map") => ListType::Map,
            Some(_) => return Err(source.error("x-kubernetes-list-type", "must be atomic, set or map")),
        },
        list_map_keys: source.texts("x-kubernetes-list-map-keys")?,
        map_type: match source.text("x-kubernetes-map-type")? {
            None | Some("granular") => MapType::Granular,
            Some("atomic") => MapType::Atomic,
            Some(_) => return Err(source.error("x-kubernetes-map-type", "must be atomic or granular")),
        },
        rules: source.rules()?,
        default: source.get("default").cloned(),
        ..Node::default()
    };
    let inner = match place {
        Place::Root | Place::Item | Place::Field => (Place::Item, Place::Field),
        _ => (Place::Condition, Place::Condition),
    };
    if let Some(items) = source.get("items") {
        node.items = Some(Box::new(compile(items, &source.child("items"), inner.0, depth + 1)?));
    }
    if let Some(properties) = source.get("properties") {
        for (name, property) in object(properties, &source.child("properties"))? {
            let path = source.child(&format!("properties[{name}]"));
            node.properties.insert(name.clone(), compile(property, &path, inner.1, depth + 1)?);
        }
    }
    node.additional = match source.get("additionalProperties") {
        None => Additional::None,
        Some(Value::Bool(true)) => Additional::Any,
        Some(Value::Bool(false)) => Additional::Forbidden,
        Some(schema) => {
            let path = source.child("additionalProperties");
            Additional::Schema(Box::new(compile(schema, &path, inner.1, depth + 1)?))
        }
    };
    node.checks = source.checks(node.type_, place, depth)?.map(Box::new);
    structure::check(&node, &source, place)?;
    node.below = below(&node);
    finish_default(&mut node, &source)?;
    Ok(node)
}

/// A default is pruned and defaulted like any value, and must be valid as such.
fn finish_default(node: &mut Node, source: &Source<'_>) -> Result<(), SchemaError> {
    let Some(mut default) = node.default.take() else { return Ok(()) };
    // Where null means nothing, it is no default either: Kubernetes reads it as one that was not given.
    if default.is_null() && !node.nullable {
        return Ok(());
    }
    make_whole(&mut default);
    let given = default.clone();
    prune::prune_value(node, &mut default);
    if default != given {
        return Err(source.error("default", "must not have unknown fields"));
    }
    defaults::prune_value(node, &mut default);
    defaults::apply_below(node, &mut default);
    let mut errors = field::Errors::default();
    validate::below(node, "default", &default, None, &mut errors);
    if let Some(error) = errors.iter().next() {
        return Err(source.error("default", format!("is not valid itself: {error}")));
    }
    node.default = Some(default);
    node.below.defaults = true;
    Ok(())
}

fn below(node: &Node) -> Below {
    let mut below = Below {
        defaults: false,
        keyed_lists: node.list_type != ListType::Atomic,
        embedded: node.embedded,
        rules: !node.rules.is_empty(),
    };
    let additional = match &node.additional {
        Additional::Schema(node) => Some(&**node),
        _ => None,
    };
    for child in node.properties.values().chain(additional).chain(node.items.as_deref()) {
        below.defaults |= child.below.defaults;
        below.keyed_lists |= child.below.keyed_lists;
        below.embedded |= child.below.embedded;
        below.rules |= child.below.rules;
    }
    below
}

/// Whether conditions are no more than `x-kubernetes-int-or-string` in other words.
fn tells_both_types(any_of: &Value) -> bool {
    *any_of == serde_json::json!([{"type": "integer"}, {"type": "string"}])
}

fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, SchemaError> {
    value.as_object().ok_or_else(|| SchemaError {
        path: if path.is_empty() { "schema".into() } else { path.into() },
        problem: "must be an object".into(),
    })
}

/// One schema as written.
pub(super) struct Source<'a> {
    fields: &'a Map<String, Value>,
    path: &'a str,
}

impl<'a> Source<'a> {
    /// A keyword; null is as good as absent.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn error(&self, keyword: &str, problem: impl Into<String>) -> SchemaError {
        let path = match (self.path, keyword) {
            ("", "") => "schema".to_owned(),
            (path, "") => path.to_owned(),
            _ => self.child(keyword),
        };
        SchemaError { path, problem: problem.into() }
    }

    fn child(&self, step: &str) -> String {
        if self.path.is_empty() { step.to_owned() } else { format!("{}.{step}", self.path) }
    }

    fn flag(&self, name: &str) -> Result<bool, SchemaError> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.error(name, "must be true or false")),
        }
    }

    fn preserve_unknown(&self) -> Result<bool, SchemaError> {
        const NAME: &str = "x-kubernetes-preserve-unknown-fields";
        match self.get(NAME) {
            Some(Value::Bool(false)) => Err(self.error(NAME, "must be true or undefined")),
            _ => self.flag(NAME),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, SchemaError> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| self.error(name, "must be a string"))).transpose()
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, SchemaError> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(value) => {
                let texts = value.as_array().and_then(|values| values.iter().map(text).collect());
                texts.ok_or_else(|| self.error(name, "must be a list of strings"))
            }
        }
    }

    fn number(&self, name: &str) -> Result<Option<f64>, SchemaError> {
        self.get(name).map(|value| value.as_f64().ok_or_else(|| self.error(name, "must be a number"))).transpose()
    }

    fn count(&self, name: &str) -> Result<Option<usize>, SchemaError> {
        let count = self.number(name)?;
        match count {
            Some(count) if count < 0.0 || count.fract() != 0.0 => {
                Err(self.error(name, "must be a whole number that is not negative"))
            }
            count => Ok(count.map(|count| count as usize)),
        }
    }

    fn type_(&self, int_or_string: bool) -> Result<Type, SchemaError> {
        match self.text("type")? {
            _ if int_or_string => Ok(Type::IntOrString),
            None | Some("") => Ok(Type::Any),
            Some("object") => Ok(Type::Object),
            Some("array") => Ok(Type::Array),
            Some("string") => Ok(Type::String),
            Some("integer") => Ok(Type::Integer),
            Some("number") => Ok(Type::Number),
            Some("boolean") => Ok(Type::Boolean),
            Some("null") => Err(self.error("type", "cannot be set to null, use nullable as an alternative")),
            Some(other) => Err(self.error(
                "type",
                format!("{other:?} is none of \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\""),
            )),
        }
    }

    fn rules(&self) -> Result<Vec<Rule>, SchemaError> {
        const NAME: &str = "x-kubernetes-validations";
        let Some(value) = self.get(NAME) else { return Ok(Vec::new()) };
        let sources = value.as_array().ok_or_else(|| self.error(NAME, "must be a list"))?;
        let mut rules = Vec::with_capacity(sources.len());
        for (index, value) in sources.iter().enumerate() {
            let path = self.child(&format!("{NAME}[{index}]"));
            let source = Source { fields: object(value, &path)?, path: &path };
            let text = |name: &str| source.text(name).map(|text| text.unwrap_or_default().to_owned());
            let rule = Rule {
                rule: text("rule")?,
                message: text("message")?,
                message_expression: text("messageExpression")?,
                reason: text("reason")?,
                field_path: text("fieldPath")?,
                optional_old_self: source.flag("optionalOldSelf")?,
            };
            if rule.rule.trim().is_empty() {
                return Err(source.error("rule", "is not specified"));
            }
            rules.push(rule);
        }
        Ok(rules)
    }

    fn checks(&self, type_: Type, place: Place, depth: usize) -> Result<Option<Checks>, SchemaError> {
        let mut checks = Checks {
            format: self.format(type_)?,
            minimum: self.number("minimum")?,
            exclusive_minimum: self.flag("exclusiveMinimum")?,
            maximum: self.number("maximum")?,
            exclusive_maximum: self.flag("exclusiveMaximum")?,
            multiple_of: self.number("multipleOf")?,
            min_length: self.count("minLength")?,
            max_length: self.count("maxLength")?,
            pattern: self.pattern()?,
            min_items: self.count("minItems")?,
            max_items: self.count("maxItems")?,
            min_properties: self.count("minProperties")?,
            max_properties: self.count("maxProperties")?,
            required: self.texts("required")?,
            enum_: match self.get("enum") {
                None => Vec::new(),
                Some(Value::Array(values)) => values.clone(),
                Some(_) => return Err(self.error("enum", "must be a list")),
            },
            ..Checks::default()
        };
        if self.flag("uniqueItems")? {
            return Err(
                self.error("uniqueItems", "cannot be set to true since the runtime complexity becomes quadratic")
            );
        }
        if checks.multiple_of.is_some_and(|factor| factor <= 0.0) {
            return Err(self.error("multipleOf", "must be positive"));
        }
        let outermost = matches!(place, Place::Root | Place::Item | Place::Field);
        checks.all_of = self.conditions("allOf", depth, |index| match index {
            0 if outermost => Place::IntOrStringFirst,
            _ => Place::Condition,
        })?;
        let twice = self.get("anyOf").is_some_and(tells_both_types);
        let of_types = twice && (outermost || place == Place::IntOrStringFirst);
        let any_of = if of_types { Place::IntOrStringType } else { Place::Condition };
        checks.any_of = self.conditions("anyOf", depth, |_| any_of)?;
        checks.one_of = self.conditions("oneOf", depth, |_| Place::Condition)?;
        if let Some(not) = self.get("not") {
            checks.not = Some(compile(not, &self.child("not"), Place::Condition, depth + 1)?);
        }
        Ok((!checks.is_empty()).then_some(checks))
    }

    /// `place` tells from an index what a condition may be.
    fn conditions(&self, name: &str, depth: usize, place: impl Fn(usize) -> Place) -> Result<Vec<Node>, SchemaError> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let sources = value.as_array().ok_or_else(|| self.error(name, "must be a list"))?;
        let node = |(index, source)| {
            let path = self.child(&format!("{name}[{index}]"));
            compile(source, &path, place(index), depth + 1)
        };
        sources.iter().enumerate().map(node).collect()
    }

    fn format(&self, type_: Type) -> Result<Option<NamedFormat>, SchemaError> {
        let Some(name) = self.text("format")? else { return Ok(None) };
        let format = Format::find(name, type_);
        Ok(format.map(|format| NamedFormat { name: name.to_owned(), format }))
    }

    fn pattern(&self) -> Result<Option<Pattern>, SchemaError> {
        let Some(pattern) = self.text("pattern")?.filter(|pattern| !pattern.is_empty()) else { return Ok(None) };
        Pattern::new(pattern)
            .map(Some)
            .map_err(|error| self.error("pattern", format!("must be a valid regular expression, but isn't: {error}")))
    }
}

impl Checks {
    fn is_empty(&self) -> bool {
        self.format.is_none()
            && self.minimum.is_none()
            && self.maximum.is_none()
            && self.multiple_of.is_none()
            && self.min_length.is_none()
            && self.max_length.is_none()
            && self.pattern.is_none()
            && self.min_items.is_none()
            && self.max_items.is_none()
            && self.min_properties.is_none()
            && self.max_properties.is_none()
            && self.required.is_empty()
            && self.enum_.is_empty()
            && self.all_of.is_empty()
            && self.any_of.is_empty()
            && self.one_of.is_empty()
            && self.not.is_none()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Schema;
    use super::*;

    #[track_caller]
    fn refuses(spec: Value, expect: &str) {
        let schema = json!({"type": "object", "properties": {"spec": spec}});
        assert_eq!(Schema::compile(&schema).expect_err("a schema that is refused").to_string(), expect);
    }

    #[track_caller]
    fn accepts(spec: Value) {
        Schema::compile(&json!({"type": "object", "properties": {"spec": spec}})).expect("a schema");
    }

    #[test]
    fn schemas_that_are_not_structural_are_refused() {
        refuses(json!({}), "properties[spec].type: must not be empty for specified object fields");
        refuses(json!({"type": "array"}), "properties[spec].items: must be specified");
        refuses(
            json!({"type": "array", "items": {}}),
            "properties[spec].items.type: must not be empty for specified array items",
        );
        refuses(
            json!({"type": "object", "additionalProperties": {"type": "string"}, "properties": {"a": {"type": "string"}}}),
            "properties[spec].additionalProperties: additionalProperties and properties are mutual exclusive",
        );
        refuses(json!({"$ref": "#/x"}), "properties[spec].$ref: is not supported");
        refuses(
            json!({"type": "string", "anyOf": [{"type": "string"}]}),
            "properties[spec].anyOf[0].type: must be empty to be structural",
        );
        refuses(
            json!({"type": "object", "allOf": [{"properties": {"a": {"default": 1}}}]}),
            "properties[spec].allOf[0].properties[a].default: must be undefined to be structural",
        );
        refuses(
            json!({"type": "object", "oneOf": [{"properties": {"a": {"minimum": 1}}}]}),
            "properties[spec].properties[a]: must be specified, because a condition speaks of it",
        );
        refuses(
            json!({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}),
            "properties[spec].x-kubernetes-list-map-keys: must not be empty if x-kubernetes-list-type is map",
        );
        refuses(
            json!({"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}},
                "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"]}),
            "properties[spec].items.properties[a].default: this property is in x-kubernetes-list-map-keys, so it must \
             have a default or be a required property",
        );
        refuses(
            json!({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "set"}),
            "properties[spec].items: must be atomic as item of a list with x-kubernetes-list-type=set",
        );
        refuses(
            json!({"type": "object", "x-kubernetes-embedded-resource": true}),
            "properties[spec].properties: must not be empty if x-kubernetes-embedded-resource is true without \
             x-kubernetes-preserve-unknown-fields",
        );
    }

    #[test]
    fn what_a_crd_may_not_say_is_refused() {
        let of = |keyword: &str, value: Value| {
            let mut condition = json!({});
            condition[keyword] = value;
            json!({"type": "object", "not": condition})
        };
        for (keyword, value, wanted) in [
            ("title", json!("a"), "empty"),
            ("description", json!("a"), "empty"),
            ("nullable", json!(true), "false"),
            ("additionalProperties", json!({}), "undefined"),
            ("x-kubernetes-int-or-string", json!(true), "false"),
            ("x-kubernetes-list-type", json!("set"), "undefined"),
            ("x-kubernetes-list-map-keys", json!(["a"]), "empty"),
            ("x-kubernetes-validations", json!([{"rule": "true"}]), "empty"),
        ] {
            let expect = format!("properties[spec].not.{keyword}: must be {wanted} to be structural");
            refuses(of(keyword, value), &expect);
        }
        accepts(of("description", json!("")));
        refuses(
            json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true}),
            "properties[spec].uniqueItems: cannot be set to true since the runtime complexity becomes quadratic",
        );
        refuses(
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": false}),
            "properties[spec].x-kubernetes-preserve-unknown-fields: must be true or undefined",
        );
        refuses(
            json!({"type": "null"}),
            "properties[spec].type: cannot be set to null, use nullable as an alternative",
        );
        let set = json!({"type": "string", "nullable": true});
        refuses(
            json!({"type": "array", "items": set, "x-kubernetes-list-type": "set"}),
            "properties[spec].items.nullable: cannot be nullable when x-kubernetes-list-type is set",
        );
        let keyed =
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "nullable": true}}});
        refuses(
            json!({"type": "array", "items": keyed, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"]}),
            "properties[spec].items.properties[a].nullable: this property is in x-kubernetes-list-map-keys, so it cannot \
             be nullable",
        );
        refuses(
            json!({"type": "object", "default": {"x": 1}}),
            "properties[spec].default: must not have unknown fields",
        );
        // Both types may be told once more, in these words only.
        accepts(json!({"type": "string", "anyOf": [{"type": "integer"}, {"type": "string"}]}));
        refuses(
            json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "string"}, {"type": "integer"}]}),
            "properties[spec].anyOf[0].type: must be empty to be structural",
        );
        refuses(
            json!({"x-kubernetes-int-or-string": true, "allOf": [{}, {"anyOf": [{"type": "integer"}, {"type": "string"}]}]}),
            "properties[spec].allOf[1].anyOf[0].type: must be empty to be structural",
        );
    }

    #[test]
    fn schemas_that_contradict_themselves_are_refused() {
        refuses(json!(5), "properties[spec]: must be an object");
        refuses(
            json!({"type": "text"}),
            "properties[spec].type: \"text\" is none of \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\"",
        );
        refuses(
            json!({"type": "string", "maxLength": -1}),
            "properties[spec].maxLength: must be a whole number that is not negative",
        );
        refuses(json!({"type": "string", "required": "a"}), "properties[spec].required: must be a list of strings");
        refuses(json!({"type": "number", "multipleOf": 0}), "properties[spec].multipleOf: must be positive");
        refuses(
            json!({"type": "string", "default": 5}),
            "properties[spec].default: is not valid itself: default: Invalid value: \"integer\":  in body must be of type \
             string: \"integer\"",
        );
        refuses(
            json!({"type": "string", "x-kubernetes-validations": [{}]}),
            "properties[spec].x-kubernetes-validations[0].rule: is not specified",
        );
        let error =
            Schema::compile(&json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "(?<!x)"}}}));
        let error = error.expect_err("a pattern that is none").to_string();
        assert!(
            error.starts_with(
                "properties[a].pattern: must be a valid regular expression, but isn't: error parsing regexp: "
            ),
            "{error}"
        );
        let nested = (0..300).fold(json!({"type": "string"}), |items, _| json!({"type": "array", "items": items}));
        assert!(Schema::compile(&json!({"type": "object", "properties": {"a": nested}})).is_err());
    }

    #[test]
    fn the_root_is_an_object_and_leaves_metadata_alone() {
        let refuses = |schema: Value, expect: &str| {
            assert_eq!(Schema::compile(&schema).expect_err("a schema that is refused").to_string(), expect);
        };
        refuses(json!({}), "type: must be object at the root");
        refuses(json!({"type": "string"}), "type: must be object at the root");
        refuses(json!([]), "schema: must be an object");
        refuses(
            json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}}),
            "properties[metadata]: must not specify anything other than name and generateName, but metadata is implicitly \
             specified",
        );
        assert!(Schema::compile(&json!({"x-kubernetes-preserve-unknown-fields": true})).is_ok());
        refuses(json!({"type": "object", "nullable": true}), "nullable: cannot be true at the root");
        refuses(
            json!({"type": "object", "properties": {"kind": {"type": "string", "default": "Bird"}}}),
            "properties[kind].default: must not be set in top-level kind",
        );
    }

    #[test]
    fn structural_schemas_are_accepted() {
        accepts(json!({"x-kubernetes-int-or-string": true}));
        accepts(json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}));
        accepts(json!({
            "x-kubernetes-int-or-string": true,
            "allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"pattern": "^[0-9]+$"}],
        }));
        accepts(json!({"type": "object", "additionalProperties": true}));
        accepts(json!({"type": "string", "nullable": true, "default": null, "pattern": "^[a-z](\\.[a-z0-9\\-/]+)*$"}));
        accepts(
            json!({"type": "array", "default": [], "items": {"type": "integer", "format": "uint32", "minimum": 0.0}}),
        );
    }

    #[test]
    fn the_tree_can_be_read() {
        let schema = json!({"type": "object", "properties": {"spec": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "x-kubernetes-validations": [{"rule": "self.size() < 5", "message": "too many", "reason": "FieldValueForbidden"}],
            "items": {
                "type": "object", "x-kubernetes-map-type": "atomic",
                "properties": {"name": {"type": "string", "default": "a", "unknown": 1}},
                "additionalProperties": null,
            },
        }}});
        let schema = Schema::compile(&schema).expect("a schema");
        let list = schema.root().property("spec").expect("a list");
        assert_eq!(
            (list.type_(), list.list_type(), list.list_map_keys()),
            (Type::Array, ListType::Map, &["name".into()][..])
        );
        let rule = Rule {
            rule: "self.size() < 5".into(),
            message: "too many".into(),
            reason: "FieldValueForbidden".into(),
            ..Rule::default()
        };
        assert_eq!(list.rules(), [rule]);
        let item = list.items().expect("items");
        assert_eq!(item.map_type(), MapType::Atomic);
        assert_eq!(item.field("name").and_then(Node::default_value), Some(&json!("a")));
        assert!(item.field("other").is_none());
    }

    #[test]
    fn defaults_are_defaulted_themselves() {
        let schema = json!({"type": "object", "properties": {"spec": {
            "type": "object", "default": {}, "required": ["y"],
            "properties": {"y": {"type": "integer", "default": 2}},
        }}});
        let schema = Schema::compile(&schema).expect("a schema");
        assert_eq!(schema.root().property("spec").and_then(Node::default_value), Some(&json!({"y": 2})));
    }
}
