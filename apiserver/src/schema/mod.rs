//! Structural schemas: what fields a kind has, what they default to, and what they may hold.
//!
//! A schema is compiled once, from the OpenAPI v3 of a CRD, into a tree of [`Node`]s; a schema that is not structural is
//! refused then. Afterwards an object goes through [`Schema::prune`], [`Schema::default`] and [`Schema::validate`], each a
//! walk over object and tree side by side. The root's `apiVersion`, `kind` and `metadata` are the same for all kinds and
//! are looked after elsewhere; only what a schema says of `metadata.name` and `metadata.generateName` counts here. Rules in
//! CEL are compiled with the schema and run once types and sizes are right; see `rules`.
//! Source: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema>

mod any_fields;
#[cfg(feature = "cel")]
mod cel;
mod compile;
#[cfg(feature = "cel")]
mod conditions;
#[cfg(not(feature = "cel"))]
#[path = "no_conditions.rs"]
mod conditions;
mod defaults;
pub mod derive;
mod embedded;
mod formats;
pub mod json_path;
mod list_types;
mod node;
mod prune;
mod quantity;
mod regexes;
#[cfg(feature = "cel")]
mod rules;
#[cfg(not(feature = "cel"))]
#[path = "no_rules.rs"]
mod rules;
mod sealed;
mod structure;
mod unset;
mod validate;

use serde_json::Value;

use self::sealed::Sealed;
pub use any_fields::AnyFields;
pub use compile::SchemaError;
pub(crate) use conditions::{Condition, Scene};
pub use node::{Additional, ListType, MapType, Node, Rule, Type};
pub use quantity::{Quantity, QuantityError};

use crate::field;

/// The schema of one version of a kind.
#[derive(Clone, Debug)]
pub struct Schema {
    root: Sealed<Node>,
}

/// Fields of the root, and of embedded objects, that do not follow the schema.
const META_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

impl Schema {
    /// Reads a schema in the form that CRDs have it: OpenAPI v3 with Kubernetes' extensions.
    ///
    /// # Errors
    /// A schema that is not structural, contradicts itself, or has a pattern or default that cannot be used.
    pub fn compile(openapi: &Value) -> Result<Self, SchemaError> {
        Ok(Self { root: Sealed::new(compile::root(openapi)?) })
    }

    /// The tree, for those who need more of it than what happens here.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Drops every field that the schema does not have and notes its path in `unknown`, such as `spec.items[0].x`:
    /// sorted, those in the metadata of embedded objects last.
    pub fn prune(&self, object: &mut Value, unknown: &mut Vec<String>) {
        prune::prune(&self.root, object, unknown);
    }

    /// Drops nulls where they mean nothing, then fills in defaults: what a create or an update does with what it reads.
    pub fn default(&self, object: &mut Value) {
        self.prune_nulls(object);
        self.apply_defaults(object);
    }

    /// Drops the null of every field that may not be null and has no default.
    pub fn prune_nulls(&self, object: &mut Value) {
        defaults::prune_nulls(&self.root, object);
    }

    /// Fills in every default whose field is absent, or null though it may not be. Leaves other nulls alone, as
    /// server-side apply does.
    pub fn apply_defaults(&self, object: &mut Value) {
        defaults::apply(&self.root, object);
    }

    /// Brings what a type writes into the form in which clients write objects: drops the null of every declared field that
    /// need not be there, and the fractions of whole numbers, as Kubernetes' own types do.
    pub fn drop_unset(&self, object: &mut Value) {
        unset::drop_unset(&self.root, object);
    }

    /// Reports everything that is wrong with a new object.
    pub fn validate(&self, object: &Value, errors: &mut field::Errors) {
        validate::object(&self.root, object, None, errors);
        embedded::validate(&self.root, object, errors);
        list_types::validate(&self.root, object, errors);
        rules::validate(&self.root, object, None, errors);
    }

    /// Reports everything that is wrong with a changed object. What was wrong already and did not change is let pass, so
    /// that a schema may become stricter without locking its users out. Source:
    /// <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting>
    pub fn validate_update(&self, new: &Value, old: &Value, errors: &mut field::Errors) {
        validate::object(&self.root, new, Some(old), errors);
        embedded::validate(&self.root, new, errors);
        self.validate_list_update(new, old, errors);
        rules::validate(&self.root, new, Some(old), errors);
    }

    /// As [`validate_update`](Self::validate_update) for a write to `/status`: whole objects, of which only the status is
    /// checked, but for rules: all of them run. Paths within messages start below the status, as in Kubernetes.
    pub fn validate_status_update(&self, new: &Value, old: &Value, errors: &mut field::Errors) {
        if let (Some(node), Some(status)) = (self.root.property("status"), new.get("status")) {
            validate::below(node, "status", status, old.get("status"), errors);
        }
        self.validate_list_update(new, old, errors);
        rules::validate(&self.root, new, Some(old), errors);
    }

    fn validate_list_update(&self, new: &Value, old: &Value, errors: &mut field::Errors) {
        let mut found = field::Errors::default();
        list_types::validate(&self.root, new, &mut found);
        if !found.is_empty() {
            let mut before = field::Errors::default();
            list_types::validate(&self.root, old, &mut before);
            if before.is_empty() {
                errors.extend(found);
            }
        }
    }
}

#[cfg(test)]
mod tests;
