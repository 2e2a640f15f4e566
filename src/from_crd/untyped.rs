//! Where a schema says what Rust has no type for.

use super::model::{Node, Shape};

/// Adds the paths below `path` that have no type of their own, and why.
pub fn find(node: &Node, path: &str, untyped: &mut Vec<(String, &'static str)>) {
    match &node.shape {
        Shape::Any if node.schema.contains_key("properties") => {
            let embedded = node.says("x-kubernetes-embedded-resource");
            let why = if embedded { "it is an object of any kind" } else { "it is an object only perhaps" };
            untyped.push((path.to_owned(), why));
        }
        Shape::Text if node.schema.contains_key("enum") => {
            untyped.push((path.to_owned(), "its values are no names, so that it is a String"));
        }
        Shape::Bool | Shape::Int32 | Shape::Int64 | Shape::Float if node.schema.contains_key("enum") => {
            untyped.push((path.to_owned(), "its values are no texts, so that it is a number or a bool"));
        }
        Shape::Struct(fields) => {
            for (name, node) in &fields.fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                find(node, &path, untyped);
            }
        }
        Shape::List(inner) => find(inner, &format!("{path}[]"), untyped),
        Shape::Map(inner) => find(inner, &format!("{path}.*"), untyped),
        _ => {}
    }
}
