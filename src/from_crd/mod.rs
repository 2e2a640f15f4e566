//! Types of a kind from somebody's CustomResourceDefinition.
//!
//! - [`read`]: the definition, from YAML
//! - [`structure`]: whether a schema is one that Kubernetes takes
//! - [`model`]: a schema as a tree of what Rust has for it
//! - [`idents`]: names for types, fields and variants
//! - [`types`]: the tree as structs and enums, each with its name
//! - [`attributes`]: what a type does not say of its schema by itself
//! - [`docs`]: descriptions as comments
//! - [`literals`]: values as Rust writes them
//! - [`presence`]: which fields may be left out; [`items`] and [`uses`]: lines that depend on names
//! - [`write`]: the file of the types; [`untyped`]: what it has no types for
//! - [`sample`] and [`texts`]: an object that the schema takes, and [`wrong`]: what it refuses
//!
//! The schema that the written types yield is the one they were made from: what a type says by itself is known to
//! [`attributes`], which adds whatever else the schema has. Where Rust has no type, the field is any JSON, and the
//! attribute is the whole schema.

mod attributes;
mod docs;
mod idents;
mod items;
mod literals;
mod model;
mod presence;
mod read;
mod sample;
mod structure;
mod texts;
mod types;
mod untyped;
mod uses;
mod write;
mod wrong;

pub use read::{Definition, DefinitionVersion};
pub use write::write;

/// Files of a kind, and what its user should know of them.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Imported {
    /// The file of the types.
    pub types: String,
    /// The sample, as YAML.
    pub sample: String,
    /// A change that makes the sample one which the schema refuses.
    pub wrong: Option<wrong::Wrong>,
    /// Paths that have no type of their own, and why.
    #[serde(skip)]
    pub untyped: Vec<(String, &'static str)>,
    /// Paths in the sample with rules that could not be tried.
    #[serde(skip)]
    pub untried: Vec<String>,
}
