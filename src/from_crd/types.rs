//! Which structs and enums a schema takes, and how they are called.
//!
//! Schemas that are equal but for what is said to people are one type when they are called alike: `livenessProbe` and
//! `readinessProbe` are both a `Probe`, while `username` and `password` stay two. A name that is taken gets that of the
//! type around it as its start.

use std::collections::{BTreeMap, VecDeque};

use super::idents;
use super::model::{Fields, Node, Shape};
use crate::names;

/// The types of a kind.
#[derive(Debug, Default)]
pub struct Types {
    /// In the order in which they are met, level by level.
    pub all: Vec<Type>,
    names: BTreeMap<Key, String>,
}

/// A struct or an enum.
#[derive(Debug)]
pub struct Type {
    pub name: String,
    pub node: Node,
    /// What is said of it where there is no field to say it of.
    pub description: Option<String>,
}

/// What is one type: a schema, and the last word of its name.
type Key = (String, String);

/// A schema that needs a type.
struct Use<'a> {
    node: &'a Node,
    key: Key,
    words: Vec<String>,
    /// The use of the type around it.
    parent: Option<usize>,
    /// Whether it is one of the values of a list or a map.
    is_inner: bool,
}

/// Names that mean something else where types are derived: what kube's and schemars' macros have in scope.
const TAKEN: [&str; 24] = [
    "AnyFields",
    "BTreeMap",
    "ByteString",
    "Cow",
    "CustomResource",
    "Deserialize",
    "IntOrString",
    "JsonSchema",
    "KubeSchema",
    "ListMerge",
    "Map",
    "MapMerge",
    "Message",
    "Quantity",
    "Reason",
    "Rule",
    "Schema",
    "SchemaGenerator",
    "Serialize",
    "StructMerge",
    "Time",
    "Type",
    "Validated",
    "Value",
];

/// Shapes that many definitions have, by their fields.
const KNOWN: [(&[&str], &str); 4] = [
    (&["matchExpressions", "matchLabels"], "LabelSelector"),
    (&["key", "operator", "values"], "SelectorRequirement"),
    (&["key", "name", "optional"], "KeySelector"),
    (&["apiGroup", "kind", "name"], "TypedLocalReference"),
];

impl Types {
    /// Finds all types below the given ones, whose names are settled. `taken` are further names that no type may have.
    pub fn of(roots: &[(&str, &Node)], taken: &[String]) -> Self {
        let uses = uses(roots);
        let mut of_key: BTreeMap<&Key, Vec<&Use<'_>>> = BTreeMap::new();
        uses.iter().for_each(|one| of_key.entry(&one.key).or_default().push(one));
        let mut types = Self::default();
        let mut taken = taken.to_vec();
        taken.extend(roots.iter().map(|(name, _)| (*name).to_owned()));
        for (index, one) in uses.iter().enumerate() {
            if types.names.contains_key(&one.key) {
                continue;
            }
            let all = of_key.get(&one.key).map(Vec::as_slice).unwrap_or_default();
            let name = match one.parent {
                None => roots[index].0.to_owned(),
                Some(parent) => {
                    let around = types.names.get(&uses[parent].key).cloned().unwrap_or_default();
                    let words = known(one.node).map_or_else(|| common_end(all), |name| vec![name.to_owned()]);
                    free_name(&words, &around, &taken)
                }
            };
            taken.push(name.clone());
            let inner = all.iter().filter(|one| one.is_inner).find_map(|one| one.node.description());
            let description = inner.or(one.node.description().filter(|_| one.parent.is_none()));
            let description = description.map(str::to_owned);
            types.names.insert(one.key.clone(), name.clone());
            types.all.push(Type { name, node: one.node.clone(), description });
        }
        types
    }

    /// The type of a schema in a field of this name, as code writes it.
    pub fn name(&self, node: &Node, field: &str) -> String {
        self.inner_name(node, &idents::words(field), field)
    }

    fn inner_name(&self, node: &Node, words: &[String], field: &str) -> String {
        match &node.shape {
            Shape::Bool => "bool".to_owned(),
            Shape::Int32 => "i32".to_owned(),
            Shape::Int64 => "i64".to_owned(),
            Shape::Float => "f64".to_owned(),
            Shape::Text => "String".to_owned(),
            Shape::Time => "Time".to_owned(),
            Shape::Bytes => "ByteString".to_owned(),
            Shape::IntOrString => "IntOrString".to_owned(),
            Shape::Quantity => "Quantity".to_owned(),
            Shape::Any => "Value".to_owned(),
            Shape::AnyObject => "Map<String, Value>".to_owned(),
            Shape::List(inner) => format!("Vec<{}>", self.value_name(inner, field)),
            Shape::Map(inner) => format!("BTreeMap<String, {}>", self.value_name(inner, field)),
            Shape::Struct(_) | Shape::Enum(_) => self.names.get(&key(node, words)).cloned().unwrap_or_default(),
        }
    }

    fn value_name(&self, inner: &Node, field: &str) -> String {
        let name = self.inner_name(inner, &idents::words(&idents::singular(field)), field);
        if inner.nullable() && !matches!(inner.shape, Shape::Any) { format!("Option<{name}>") } else { name }
    }
}

/// Whether a value of the type can be made from nothing.
pub fn has_default(node: &Node) -> bool {
    match &node.shape {
        Shape::Time | Shape::Enum(_) => false,
        Shape::Struct(fields) => fields_have_default(fields),
        _ => true,
    }
}

/// Whether a struct of these fields can be made from nothing.
pub fn fields_have_default(fields: &Fields) -> bool {
    let optional =
        |name: &str, node: &Node| !fields.required.contains(name) || node.nullable() || node.default().is_some();
    fields.fields.iter().all(|(name, node)| optional(name, node) || has_default(node))
}

fn uses<'a>(roots: &[(&str, &'a Node)]) -> Vec<Use<'a>> {
    let mut uses: Vec<Use<'a>> = Vec::new();
    let root = |(name, node): &(&str, &'a Node)| Use {
        node,
        key: (format!("the root {name}"), String::new()),
        words: Vec::new(),
        parent: None,
        is_inner: false,
    };
    let mut waiting: VecDeque<Use<'a>> = roots.iter().map(root).collect();
    while let Some(one) = waiting.pop_front() {
        let index = uses.len();
        let children = match &one.node.shape {
            Shape::Struct(fields) => fields.fields.iter().map(|(name, node)| (name.as_str(), node)).collect(),
            // Only a root is one: others are met as what they hold.
            Shape::Map(inner) => vec![("entry", inner.as_ref())],
            _ => Vec::new(),
        };
        for (name, mut node) in children {
            let mut is_inner = false;
            while let Some(inner) = node.inner() {
                node = inner;
                is_inner = true;
            }
            if !matches!(node.shape, Shape::Struct(_) | Shape::Enum(_)) {
                continue;
            }
            // Where a root has a spec among other fields, it is called as those of other kinds are.
            let of_root = roots.get(index).and_then(|(root, _)| root.strip_suffix("Fields"));
            let words = if let Some(kind) = of_root.filter(|_| ["spec", "status"].contains(&name)) {
                [vec![kind.to_owned()], idents::words(name)].concat()
            } else if is_inner {
                idents::words(&idents::singular(name))
            } else {
                idents::words(name)
            };
            waiting.push_back(Use { node, key: key(node, &words), words, parent: Some(index), is_inner });
        }
        uses.push(one);
    }
    uses
}

fn key(node: &Node, words: &[String]) -> Key {
    let word = if known(node).is_some() { String::new() } else { words.last().cloned().unwrap_or_default() };
    (node.key(), word)
}

fn known(node: &Node) -> Option<&'static str> {
    let Shape::Struct(fields) = &node.shape else { return None };
    let is = |names: &[&str]| fields.fields.iter().map(|(name, _)| name.as_str()).eq(names.iter().copied());
    KNOWN.iter().find(|(names, _)| is(names)).map(|(_, name)| *name)
}

/// The words that all uses end in: of `livenessProbe` and `readinessProbe`, `Probe`.
fn common_end(uses: &[&Use<'_>]) -> Vec<String> {
    let Some((first, others)) = uses.split_first() else { return Vec::new() };
    let ends_alike = |count: usize| {
        others.iter().all(|other| first.words.iter().rev().take(count).eq(other.words.iter().rev().take(count)))
    };
    let count = (1..=first.words.len()).rev().find(|count| ends_alike(*count)).unwrap_or(first.words.len());
    first.words[first.words.len() - count..].to_vec()
}

fn free_name(words: &[String], around: &str, taken: &[String]) -> String {
    let plain = idents::type_name(words);
    let is_free =
        |name: &String| !taken.contains(name) && !names::is_type_of_rust(name) && !TAKEN.contains(&name.as_str());
    if is_free(&plain) {
        return plain;
    }
    let around = around.strip_suffix("Spec").unwrap_or(around);
    let longer = format!("{around}{plain}");
    let numbered = (2..).map(|number| format!("{longer}{number}"));
    std::iter::once(longer.clone()).chain(numbered).find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(properties: Value, expected: &[&str]) {
        let spec = Node::of(&json!({"type": "object", "properties": properties}));
        let types = Types::of(&[("BirdSpec", &spec)], &["Bird".to_owned()]);
        let names: Vec<&str> = types.all.iter().skip(1).map(|one| one.name.as_str()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn types_are_called_after_their_fields() {
        let thing = |field: &str| json!({"type": "object", "properties": {field: {"type": "string"}}});
        let list = |items: Value| json!({"type": "array", "items": items});
        check(json!({"nest": thing("a"), "eggs": list(thing("b"))}), &["Egg", "Nest"]);
        // Alike, and alike in name; alike, but called differently.
        check(json!({"leftWing": thing("a"), "rightWing": thing("a"), "tail": thing("a")}), &["Wing", "Tail"]);
        // Called alike, but different.
        let outer = json!({"type": "object", "properties": {"nest": thing("b")}});
        check(json!({"nest": thing("a"), "outer": outer}), &["Nest", "Outer", "OuterNest"]);
        // What Rust, kube or the kind itself has already.
        check(
            json!({"result": thing("a"), "bird": thing("b"), "rule": thing("c"), "3": thing("d")}),
            &["Type3", "BirdBird", "BirdResult", "BirdRule"],
        );
        let key = json!({"type": "object", "properties": {"key": {"type": "string"}, "name": {"type": "string"}, "optional": {"type": "boolean"}}});
        check(json!({"password": key, "username": key}), &["KeySelector"]);
        check(
            json!({"mode": {"type": "string", "enum": ["a"]}, "other": {"type": "string", "enum": ["b"]}}),
            &["Mode", "Other"],
        );
    }
}
