//! Objects: their fields and sizes.

use serde_json::{Map, Value};

use super::Validator;
use crate::field::ErrorKind;
use crate::field::path::Path;
use crate::schema::META_FIELDS;
use crate::schema::node::{Additional, Node};

impl Validator<'_> {
    pub(super) fn fields(
        &mut self,
        node: &Node,
        fields: &Map<String, Value>,
        old: Option<&Value>,
        path: &Path<'_>,
        is_root: bool,
    ) -> usize {
        if let Some(checks) = &node.checks {
            if let Some(min) = checks.min_properties.filter(|min| fields.len() < *min) {
                let message = format!("{} in body should have at least {min} properties", path.dotted());
                self.problem(ErrorKind::Invalid, path, Some(fields.len().into()), message);
            }
            if let Some(max) = checks.max_properties.filter(|max| fields.len() > *max) {
                self.too_many(path, fields.len(), max);
            }
        }
        let mut held = 0;
        for (name, value) in fields {
            let old = old.and_then(|old| old.get(name));
            if is_root && META_FIELDS.contains(&name.as_str()) {
                if let Some(node) = node.property("metadata").filter(|_| name == "metadata") {
                    held += self.names(node, value, &path.child(name));
                }
            } else if let Some(property) = node.properties.get(name) {
                held += self.node(property, value, old, &path.child(name));
            } else {
                match &node.additional {
                    Additional::Schema(node) => held += self.node(node, value, old, &path.key(name)),
                    Additional::Forbidden => {
                        let message = format!("{}.{name} in body is a forbidden property", path.dotted());
                        self.problem(ErrorKind::Invalid, path, Some(name.as_str().into()), message);
                    }
                    Additional::Any | Additional::None => {}
                }
            }
        }
        for name in node.checks.iter().flat_map(|checks| &checks.required) {
            if !fields.contains_key(name) {
                self.problem(ErrorKind::Required, &path.key(name), None, String::new());
            }
        }
        held
    }

    /// What a schema may say of metadata.
    fn names(&mut self, node: &Node, metadata: &Value, path: &Path<'_>) -> usize {
        let fields = node.properties.iter().filter_map(|(name, node)| Some((name, node, metadata.get(name)?)));
        fields.map(|(name, node, value)| self.node(node, value, None, &path.child(name))).sum()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::field::Errors;
    use crate::schema::Schema;

    #[test]
    fn metadata_is_checked_only_where_the_schema_names_it() {
        let schema = json!({
            "type": "object",
            "properties": {
                "apiVersion": {"type": "string", "maxLength": 1},
                "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 3}}},
            },
        });
        let schema = Schema::compile(&schema).expect("a schema");
        let mut errors = Errors::default();
        schema
            .validate(&json!({"apiVersion": "v1", "kind": 5, "metadata": {"name": "robin", "labels": 5}}), &mut errors);
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["metadata.name: Too long: may not be more than 3 bytes"]);
    }
}
