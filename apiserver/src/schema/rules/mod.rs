//! Rules in CEL, `x-kubernetes-validations`: which of them run when, and what is said when one does not hold.
//!
//! A rule sees the value that it is written at as `self`. A rule that reads `oldSelf` runs only where there was a value
//! before; fields and entries are told apart by their names, items of map lists by their keys, items of other lists not
//! at all. What does not hold for a value that did not change is let pass, unless the rule is about the change.
//! Sources: <https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/apiserver/schema/cel/validation.go>,
//! <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules>

mod compile;
mod correlation;
mod field_path;

use serde_json::{Map, Value as Json};

pub(super) use self::compile::{Compiled, compile};
use self::correlation::{Correlation, OldItems};
use super::cel::{COST_MAX, Error, Shape, Value};
use super::node::{Additional, Node, Rule, Type};
use super::validate::PROBLEMS_MAX;
use crate::field::path::Path;
use crate::field::{self, ErrorKind, Errors};

/// What all rules may cost that run for one request.
/// Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/apis/cel/config.go>
const BUDGET: u64 = 10_000_000;

/// How long a message may be that an expression makes, in bytes.
const MESSAGE_BYTES_MAX: usize = 5 * 1024;

/// Reports every rule that does not hold for an object, given what it was before. Where types or sizes are wrong, which
/// `errors` tells by then, no rule runs.
pub(super) fn validate(root: &Node, new: &Json, old: Option<&Json>, errors: &mut Errors) {
    if !root.below.rules {
        return;
    }
    if errors.iter().any(|error| is_blocking(error.kind)) {
        let detail = "some validation rules were not checked because the object was invalid; correct the existing \
                      errors to complete validation";
        errors.invalid("", Json::Null, detail);
        return;
    }
    let correlation = Correlation::root(root, new, old);
    let mut run = Run { errors, budget: BUDGET };
    // Only that the budget is spent ends a run early, and it has been reported then.
    let _ = run.value(root, Shape::Resource(root), new, old, correlation, &Path::ROOT);
}

/// The first rule that does not hold for a value of its own, found at `field`, given what it was.
fn first_problem(node: &Node, field: &str, new: &Json, old: Option<&Json>) -> Option<field::Error> {
    let mut errors = Errors::default();
    let mut run = Run { errors: &mut errors, budget: BUDGET };
    let _ = run.value(node, Shape::of(node), new, old, Correlation::none(), &Path::ROOT.child(field));
    errors.into_iter().next()
}

fn is_blocking(kind: ErrorKind) -> bool {
    use ErrorKind::{NotSupported, Required, TooLong, TooMany, TypeInvalid};
    matches!(kind, NotSupported | Required | TooLong | TooMany | TypeInvalid)
}

struct Run<'e> {
    errors: &'e mut Errors,
    budget: u64,
}

/// No further rule may run.
struct Spent;

impl Run<'_> {
    fn value(
        &mut self,
        node: &Node,
        shape: Shape<'_>,
        new: &Json,
        old: Option<&Json>,
        correlation: Correlation<'_>,
        path: &Path<'_>,
    ) -> Result<(), Spent> {
        if !node.below.rules || new.is_null() {
            return Ok(());
        }
        let old = old.filter(|old| !old.is_null());
        if !node.compiled.is_empty() {
            self.rules(node, shape, new, old, correlation, path)?;
        }
        match new {
            Json::Object(fields) => self.fields(node, fields, old, correlation, path),
            Json::Array(items) => self.items(node, items, old, correlation, path),
            _ => Ok(()),
        }
    }

    fn fields(
        &mut self,
        node: &Node,
        fields: &Map<String, Json>,
        old: Option<&Json>,
        correlation: Correlation<'_>,
        path: &Path<'_>,
    ) -> Result<(), Spent> {
        for (name, value) in fields {
            let old = old.and_then(|old| old.get(name));
            if let Additional::Schema(values) = &node.additional {
                let correlation = correlation.field(name);
                self.value(values, Shape::of(values), value, old, correlation, &path.key(name))?;
            } else if let Some(property) = node.properties.get(name) {
                let correlation = correlation.field(name);
                self.value(property, Shape::of(property), value, old, correlation, &path.child(name))?;
            }
        }
        Ok(())
    }

    fn items(
        &mut self,
        node: &Node,
        items: &[Json],
        old: Option<&Json>,
        correlation: Correlation<'_>,
        path: &Path<'_>,
    ) -> Result<(), Spent> {
        let Some(of_items) = node.items().filter(|node| node.below.rules) else { return Ok(()) };
        let old = OldItems::new(node, old);
        for (index, item) in items.iter().enumerate() {
            let old = old.like(item);
            self.value(of_items, Shape::of(of_items), item, old, correlation.item(item, old), &path.index(index))?;
        }
        Ok(())
    }

    /// The rules of one value.
    fn rules(
        &mut self,
        node: &Node,
        shape: Shape<'_>,
        new: &Json,
        old: Option<&Json>,
        correlation: Correlation<'_>,
        path: &Path<'_>,
    ) -> Result<(), Spent> {
        if self.budget == 0 {
            return self.out_of_budget(node, path);
        }
        for (rule, compiled) in node.rules.iter().zip(node.compiled.iter()) {
            if compiled.reads_old && old.is_none() && !rule.optional_old_self {
                continue;
            }
            let values = match variables(shape, new, old, rule.optional_old_self) {
                Ok(values) => values,
                Err(error) => {
                    self.failed(node, rule, &error, path)?;
                    continue;
                }
            };
            let outcome = compiled.rule.eval(&values, COST_MAX);
            if !self.pay(outcome.cost) {
                return self.out_of_budget(node, path);
            }
            match outcome.result {
                Ok(Value::Bool(true)) => {}
                Ok(_) => {
                    let report = self.refusal(node, rule, compiled, &values, new, path)?;
                    if (compiled.reads_old || !correlation.is_unchanged()) && self.errors.len() < PROBLEMS_MAX {
                        self.errors.push(report);
                    }
                }
                Err(error) => self.failed(node, rule, &error, path)?,
            }
        }
        Ok(())
    }

    /// False when there is not that much left.
    fn pay(&mut self, cost: u64) -> bool {
        let left = self.budget.checked_sub(cost);
        self.budget = left.unwrap_or_default();
        left.is_some()
    }

    fn out_of_budget(&mut self, node: &Node, path: &Path<'_>) -> Result<(), Spent> {
        let detail = "validation failed due to running out of cost budget, no further validation rules will be run";
        self.errors.invalid(path.bracketed(), type_name(node), detail);
        Err(Spent)
    }

    /// A rule that could not be evaluated.
    fn failed(&mut self, node: &Node, rule: &Rule, error: &Error, path: &Path<'_>) -> Result<(), Spent> {
        let name = rule_text(rule);
        let (detail, result) = match error {
            Error::Overload => {
                let what = "call arguments did not match a supported operator, function or macro signature";
                (format!("'{error}': {what} for rule: {name}"), Ok(()))
            }
            Error::Cost => {
                let what = "no further validation rules will be run due to call cost exceeds limit";
                (format!("'{error}': {what} for rule: {name}"), Err(Spent))
            }
            Error::Failed(_) => (format!("{error} evaluating rule: {name}"), Ok(())),
        };
        if self.errors.len() < PROBLEMS_MAX {
            self.errors.invalid(path.bracketed(), type_name(node), detail);
        }
        result
    }

    /// What is said of a rule that does not hold.
    fn refusal(
        &mut self,
        node: &Node,
        rule: &Rule,
        compiled: &Compiled,
        values: &[Value<'_>; 2],
        new: &Json,
        path: &Path<'_>,
    ) -> Result<field::Error, Spent> {
        let mut field = path.bracketed();
        if !compiled.field_path.is_empty() {
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(&compiled.field_path);
        }
        let detail = match &compiled.message {
            Some(program) => match self.message(program, rule, values) {
                Ok(message) => message,
                Err(problem) => {
                    self.errors.invalid(field, type_name(node), problem);
                    return Err(Spent);
                }
            },
            None => None,
        };
        let detail = detail.unwrap_or_else(|| match rule.message.trim() {
            "" => format!("failed rule: {}", rule_text(rule)),
            message => message.to_owned(),
        });
        let value = (!matches!(node.type_, Type::Object | Type::Array)).then(|| new.clone());
        Ok(match rule.reason.as_str() {
            "FieldValueForbidden" => field::Error { kind: ErrorKind::Forbidden, field, value: None, detail },
            "FieldValueRequired" => field::Error { kind: ErrorKind::Required, field, value: None, detail },
            "FieldValueDuplicate" => field::Error { kind: ErrorKind::Duplicate, field, value, detail: String::new() },
            _ => field::Error { kind: ErrorKind::Invalid, field, value, detail },
        })
    }

    /// The message that an expression makes; none where it makes none that can be used.
    fn message(
        &mut self,
        program: &super::cel::Program,
        rule: &Rule,
        values: &[Value<'_>; 2],
    ) -> Result<Option<String>, String> {
        let outcome = program.eval(values, COST_MAX);
        if !self.pay(outcome.cost) {
            return Err(
                "messageExpression evaluation failed due to running out of cost budget, no further validation \
                        rules will be run"
                    .into(),
            );
        }
        let text = match outcome.result {
            Ok(value) => value.into_text(),
            Err(Error::Cost) => {
                let name = field::quoted(&rule.message_expression);
                return Err(format!(
                    "no further validation rules will be run due to call cost exceeds limit for messageExpression: \
                     {name}"
                ));
            }
            Err(_) => None,
        };
        let usable = |text: &str| !text.is_empty() && text.len() <= MESSAGE_BYTES_MAX && !text.contains('\n');
        Ok(text.map(|text| text.trim().to_owned()).filter(|text| usable(text)))
    }
}

/// `self` and `oldSelf`; the latter is null where it is not there and not read.
fn variables<'a>(
    shape: Shape<'a>,
    new: &'a Json,
    old: Option<&'a Json>,
    optional: bool,
) -> Result<[Value<'a>; 2], Error> {
    let old = old.map(|old| Value::view(old, shape)).transpose()?;
    let old = match (optional, old) {
        (true, old) => Value::optional(old),
        (false, old) => old.unwrap_or(Value::Null),
    };
    Ok([Value::view(new, shape)?, old])
}

/// A rule as errors name it.
fn rule_text(rule: &Rule) -> &str {
    match rule.message.trim() {
        "" => rule.rule.trim(),
        message => message,
    }
}

/// What stands for a value that is not repeated.
fn type_name(node: &Node) -> &'static str {
    match node.type_ {
        Type::IntOrString => "",
        type_ => type_.names(),
    }
}
