//! A schema as a tree of what Rust has for it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{idents, structure};

/// One schema of a tree.
#[derive(Clone, Debug)]
pub struct Node {
    /// The schema as written.
    pub schema: Map<String, Value>,
    pub shape: Shape,
}

/// What a value is in Rust.
#[derive(Clone, Debug)]
pub enum Shape {
    Bool,
    Int32,
    Int64,
    Float,
    Text,
    Time,
    Bytes,
    IntOrString,
    Quantity,
    /// Any JSON.
    Any,
    /// An object with any fields.
    AnyObject,
    List(Box<Node>),
    /// An object whose fields are all alike.
    Map(Box<Node>),
    Struct(Fields),
    /// One of these texts.
    Enum(Vec<String>),
}

/// The fields of a struct.
#[derive(Clone, Debug)]
pub struct Fields {
    pub fields: Vec<(String, Node)>,
    pub required: BTreeSet<String>,
    /// Whether others than these are kept.
    pub open: bool,
}

/// Keywords that say something of one use of a type, and nothing of the type.
pub const OF_USE: [&str; 6] = ["default", "description", "example", "externalDocs", "nullable", "title"];

impl Node {
    /// Reads a structural schema. What cannot be told from it is any JSON.
    pub fn of(schema: &Value) -> Self {
        let schema = schema.as_object().cloned().unwrap_or_default();
        let shape = shape(&schema);
        Self { schema, shape }
    }

    /// Whether null is a value.
    pub fn nullable(&self) -> bool {
        self.says("nullable")
    }

    pub fn default(&self) -> Option<&Value> {
        self.schema.get("default")
    }

    pub fn description(&self) -> Option<&str> {
        self.text("description").filter(|text| !text.trim().is_empty())
    }

    pub fn text(&self, keyword: &str) -> Option<&str> {
        self.schema.get(keyword).and_then(Value::as_str)
    }

    pub fn says(&self, keyword: &str) -> bool {
        self.schema.get(keyword) == Some(&Value::Bool(true))
    }

    /// What the values of a list or a map are.
    pub fn inner(&self) -> Option<&Node> {
        match &self.shape {
            Shape::List(inner) | Shape::Map(inner) => Some(inner),
            _ => None,
        }
    }

    /// Equal for two schemas that can be one type: what is said of single uses does not count, nor what is said to people.
    pub fn key(&self) -> String {
        if let Shape::Enum(values) = &self.shape {
            return Value::from(values.clone()).to_string();
        }
        let mut schema = self.schema.clone();
        schema.retain(|keyword, _| !OF_USE.contains(&keyword.as_str()));
        schema.values_mut().for_each(drop_descriptions);
        without_descriptions(&mut schema);
        Value::Object(schema).to_string()
    }
}

impl Fields {
    /// The field of this name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.fields.iter().find(|(there, _)| there == name).map(|(_, node)| node)
    }
}

fn shape(schema: &Map<String, Value>) -> Shape {
    let says = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(true));
    let text = |keyword: &str| schema.get(keyword).and_then(Value::as_str);
    if says("x-kubernetes-int-or-string") {
        return if patterns(schema).any(|pattern| pattern.starts_with(QUANTITY)) {
            Shape::Quantity
        } else {
            Shape::IntOrString
        };
    }
    match text("type") {
        Some("boolean") => Shape::Bool,
        Some("integer") if text("format") == Some("int32") => Shape::Int32,
        Some("integer") => Shape::Int64,
        Some("number") => Shape::Float,
        Some("string") => match (schema.get("enum"), text("format")) {
            (Some(values), _) => variants(values).map_or(Shape::Text, Shape::Enum),
            (None, Some("date-time")) => Shape::Time,
            (None, Some("byte")) => Shape::Bytes,
            _ => Shape::Text,
        },
        Some("array") => schema.get("items").map_or(Shape::Any, |items| Shape::List(Box::new(inner(items)))),
        Some("object") => object(schema),
        _ => Shape::Any,
    }
}

/// A value of a list or a map. Bytes have no schema of their own, and there is no field to give them one.
fn inner(schema: &Value) -> Node {
    let node = Node::of(schema);
    match node.shape {
        Shape::Bytes => Node { shape: Shape::Text, ..node },
        _ => node,
    }
}

fn object(schema: &Map<String, Value>) -> Shape {
    let says = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(true));
    let open = says("x-kubernetes-preserve-unknown-fields");
    match schema.get("additionalProperties") {
        Some(Value::Bool(true)) => return Shape::Map(Box::new(Node { schema: Map::new(), shape: Shape::Any })),
        Some(values @ Value::Object(_)) => return Shape::Map(Box::new(inner(values))),
        _ => {}
    }
    let fields: Vec<_> =
        structure::properties(schema).map(|(name, property)| (name.clone(), Node::of(property))).collect();
    if says("x-kubernetes-embedded-resource") {
        // Its type is said by the object itself.
        return if fields.is_empty() && open { Shape::AnyObject } else { Shape::Any };
    }
    if fields.is_empty() && open {
        return Shape::AnyObject;
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let required = required.filter_map(Value::as_str).map(str::to_owned).collect();
    Shape::Struct(Fields { fields, required, open })
}

/// The values of an enum, when each can be the name of a variant.
fn variants(values: &Value) -> Option<Vec<String>> {
    let values: Option<Vec<String>> =
        values.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect();
    let mut values = values?;
    let mut seen = BTreeSet::new();
    values.retain(|value| seen.insert(value.clone()));
    let named = |value: &String| value.is_empty() || !idents::words(value).is_empty();
    (!values.is_empty() && values.iter().all(named)).then_some(values)
}

/// How the pattern of a quantity starts, in definitions that controller-gen wrote.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))";

/// The patterns of a schema and of what must hold beside it.
fn patterns(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let all = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let all = all.filter_map(|condition| condition.get("pattern"));
    schema.get("pattern").into_iter().chain(all).filter_map(Value::as_str)
}

/// Drops the descriptions within the values of keywords: schemas, and maps of schemas.
fn drop_descriptions(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.values_mut().for_each(drop_descriptions);
        without_descriptions(fields);
    }
}

/// A field may be called `description` too; its schema is an object.
fn without_descriptions(fields: &mut Map<String, Value>) {
    if fields.get("description").is_some_and(Value::is_string) {
        fields.remove("description");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(schema: Value, expected: &str) {
        let told = format!("{:?}", Node::of(&schema).shape);
        let told = told.split(['(', ' ']).next().unwrap();
        assert_eq!(told, expected, "{schema}");
    }

    #[test]
    fn schemas_have_shapes() {
        check(json!({"type": "boolean"}), "Bool");
        check(json!({"type": "integer"}), "Int64");
        check(json!({"type": "integer", "format": "int32"}), "Int32");
        check(json!({"type": "integer", "format": "uint32"}), "Int64");
        check(json!({"type": "number", "format": "float"}), "Float");
        check(json!({"type": "string", "format": "uri"}), "Text");
        check(json!({"type": "string", "format": "date-time"}), "Time");
        check(json!({"type": "string", "enum": ["a", "A", ""]}), "Enum");
        check(json!({"type": "string", "enum": ["<", ">"]}), "Text");
        check(json!({"type": "string", "enum": ["a", null]}), "Text");
        check(json!({"type": "array", "items": {"type": "string"}}), "List");
        check(json!({"type": "object", "additionalProperties": true}), "Map");
        check(json!({"type": "object"}), "Struct");
        check(json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}), "AnyObject");
        check(json!({"x-kubernetes-preserve-unknown-fields": true}), "Any");
        check(json!({"x-kubernetes-int-or-string": true}), "IntOrString");
        check(json!({"x-kubernetes-int-or-string": true, "pattern": format!("{QUANTITY}$")}), "Quantity");
    }

    #[test]
    fn types_are_one_where_only_words_differ() {
        let key = |schema| Node::of(&schema).key();
        let a = json!({"type": "object", "description": "a", "properties": {"description": {"type": "string"}}});
        let b = json!({"type": "object", "default": {}, "properties": {"description": {"type": "string", "description": "b"}}});
        let c = json!({"type": "object", "properties": {"description": {"type": "string", "default": "c"}}});
        assert_eq!(key(a.clone()), key(b));
        assert_ne!(key(a), key(c));
    }
}
