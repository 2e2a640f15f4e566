//! Without the language that rules are written in, a schema that has some is refused.

use serde_json::Value;

use super::compile::SchemaError;
use super::node::Node;
use crate::field::Errors;

pub(super) fn compile(root: &mut Node) -> Result<(), SchemaError> {
    if !root.below.rules {
        return Ok(());
    }
    let problem = "this server was built without the feature `cel`, which rules need".into();
    Err(SchemaError { path: "x-kubernetes-validations".into(), problem })
}

pub(super) fn validate(_: &Node, _: &Value, _: Option<&Value>, _: &mut Errors) {}
