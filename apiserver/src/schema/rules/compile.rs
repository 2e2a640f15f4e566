//! From the rules of a schema to programs. Which rules are refused:
//! <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apis/apiextensions/validation/validation.go>

use std::sync::Arc;

use super::super::cel::{Program, Shape, Type};
use super::super::compile::SchemaError;
use super::super::node::{Additional, ListType, Node, Rule};
use super::field_path;

/// A rule that is ready to run.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(super) rule: Program,
    pub(super) message: Option<Program>,
    /// Which field to blame, relative to the value, as errors write it; may be empty.
    pub(super) field_path: String,
    /// Whether it is about the change from the old value.
    pub(super) reads_old: bool,
}

/// Why a rule may say what went wrong.
const REASONS: [&str; 4] = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/// Compiles all rules of a schema.
///
/// # Errors
/// The first rule that cannot be used, with its place.
pub(in super::super) fn compile(root: &mut Node) -> Result<(), SchemaError> {
    walk(root, "", true, None)
}

/// `loose` is the list around whose items cannot be told apart, if there is one.
fn walk(node: &mut Node, path: &str, is_root: bool, loose: Option<&str>) -> Result<(), SchemaError> {
    if !node.below.rules {
        return Ok(());
    }
    let at = |step: &str| if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") };
    if let Some(items) = &mut node.items {
        let here = if path.is_empty() { "<root>" } else { path };
        let loose = loose.or((node.list_type != ListType::Map).then_some(here));
        walk(items, &at("items"), false, loose)?;
    }
    for (name, property) in &mut node.properties {
        walk(property, &at(&format!("properties[{name}]")), false, loose)?;
    }
    if let Additional::Schema(values) = &mut node.additional {
        walk(values, &at("additionalProperties"), false, loose)?;
    }
    rules_of(node, path, is_root, loose)?;
    check_default(node, path)
}

/// A default holds as a new value, and as one that stays as it is.
fn check_default(node: &Node, path: &str) -> Result<(), SchemaError> {
    let Some(default) = &node.default else { return Ok(()) };
    for old in [Some(default), None] {
        if let Some(error) = super::first_problem(node, "default", default, old) {
            let path = if path.is_empty() { "default".to_owned() } else { format!("{path}.default") };
            return Err(SchemaError { path, problem: format!("is not valid itself: {error}") });
        }
    }
    Ok(())
}

/// Compiles the rules of one node.
fn rules_of(node: &mut Node, path: &str, is_root: bool, loose: Option<&str>) -> Result<(), SchemaError> {
    if node.rules.is_empty() {
        return Ok(());
    }
    let at = |step: &str| if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") };
    let shape = if is_root { Shape::Resource(node) } else { Shape::of(node) };
    let at = at("x-kubernetes-validations");
    let Some(type_) = Type::of(shape) else {
        let problem = "rules cannot be written for values of which the schema tells no type".to_owned();
        return Err(SchemaError { path: at, problem });
    };
    let rules = node.rules.iter().enumerate();
    let compiled: Vec<_> = rules
        .map(|(index, rule)| {
            one(node, rule, &type_, loose).map_err(|(keyword, problem)| {
                let path = format!("{at}[{index}].{keyword}");
                SchemaError { path, problem }
            })
        })
        .collect::<Result<_, _>>()?;
    node.compiled = Arc::from(compiled);
    Ok(())
}

type Refused = (&'static str, String);

fn one(node: &Node, rule: &Rule, type_: &Type<'_>, loose: Option<&str>) -> Result<Compiled, Refused> {
    check_texts(rule)?;
    let refused = |keyword: &'static str, problem: &str| (keyword, problem.to_owned());
    let old = if rule.optional_old_self { Type::optional(type_.clone()) } else { type_.clone() };
    let variables = [("self", type_.clone()), ("oldSelf", old)];
    let program = |source: &str, keyword: &'static str, what: &str| {
        Program::compile(source, &variables).map_err(|error| (keyword, format!("{what}compilation failed: {error}")))
    };
    let (program_of_rule, result) = program(&rule.rule, "rule", "")?;
    if result != Type::Bool {
        return Err(refused("rule", "cel expression must evaluate to a bool"));
    }
    let message = match rule.message_expression.as_str() {
        "" => None,
        source => match program(source, "messageExpression", "messageExpression ")? {
            (program, Type::Text) => Some(program),
            _ => return Err(refused("messageExpression", "messageExpression must evaluate to a string")),
        },
    };
    let reads_old = program_of_rule.reads(1);
    match loose {
        Some(list) if reads_old => {
            let problem = format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {list}");
            return Err(("rule", problem));
        }
        _ => {}
    }
    if rule.optional_old_self && !reads_old {
        return Err(refused("optionalOldSelf", "may not be set if oldSelf is not used in rule"));
    }
    let field_path = match rule.field_path.as_str() {
        "" => String::new(),
        path => field_path::read(path, node)
            .map_err(|problem| ("fieldPath", format!("{path:?} must be a valid path: {problem}")))?,
    };
    Ok(Compiled { rule: program_of_rule, message, field_path, reads_old })
}

fn check_texts(rule: &Rule) -> Result<(), Refused> {
    let refused = |keyword: &'static str, problem: &str| Err((keyword, problem.to_owned()));
    let (trimmed_rule, message) = (rule.rule.trim(), rule.message.trim());
    if trimmed_rule.is_empty() {
        return refused("rule", "rule is not specified");
    }
    if !rule.message.is_empty() && message.is_empty() {
        return refused("message", "must be non-empty if specified");
    }
    if message.contains('\n') {
        return refused("message", "must not contain line breaks");
    }
    if trimmed_rule.contains('\n') && message.is_empty() {
        return refused("message", "message must be specified if rule contains line breaks");
    }
    if !rule.message_expression.is_empty() && rule.message_expression.trim().is_empty() {
        return refused("messageExpression", "messageExpression must be non-empty if specified");
    }
    if !rule.reason.is_empty() && !REASONS.contains(&rule.reason.as_str()) {
        let problem =
            format!("{:?} is none of {}", rule.reason, REASONS.map(|reason| format!("{reason:?}")).join(", "));
        return Err(("reason", problem));
    }
    if !rule.field_path.is_empty() && rule.field_path.trim().is_empty() {
        return refused("fieldPath", "must be non-empty if specified");
    }
    if rule.field_path.contains('\n') {
        return refused("fieldPath", "must not contain line breaks");
    }
    Ok(())
}
