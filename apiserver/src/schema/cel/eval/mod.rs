//! Evaluates a plan over the values of its variables.
//!
//! What a step costs is charged where it is taken, failed or not; the numbers are those of
//! <https://github.com/google/cel-go/blob/master/interpreter/runtimecost.go>, with the oddity that a name is free where it
//! is an index or the whole branch of a choice.

mod folds;

use std::sync::Arc;

use super::cost::tenth;
use super::error::{Error, Result};
use super::plan::{Call, Index, MapEntry, Select, Step};
use super::value::{MadeMap, Map, Value};
use super::work::Work;

/// What making a list and a map costs.
const LIST: u64 = 10;
const MAP: u64 = 30;

pub(super) struct Machine<'a, 'v> {
    pub(super) variables: &'v [Value<'a>],
    pub(super) locals: Vec<Value<'a>>,
    pub(super) work: Work,
}

impl<'a> Machine<'a, '_> {
    pub(super) fn eval(&mut self, step: &'a Step) -> Result<Value<'a>> {
        match step {
            Step::Literal(value) => Ok(value.clone()),
            Step::Variable(index) => {
                self.work.charge(1)?;
                Ok(self.variables[*index].clone())
            }
            Step::Local(index) => {
                self.work.charge(1)?;
                Ok(self.locals[*index].clone())
            }
            Step::Select(select) => self.select(select),
            Step::Has(select) => self.has(select),
            Step::Index(index) => self.index(index),
            Step::Call(call) => self.call(call),
            Step::Matches(parts) => self.matches(parts),
            Step::And(terms) => self.either(terms, false),
            Step::Or(terms) => self.either(terms, true),
            Step::If(parts) => self.choose(parts),
            Step::List(items) => self.list(items),
            Step::Map(entries) => self.map(entries),
            Step::Fold(fold) => self.fold(fold),
            Step::OptMap(opt_map) => self.opt_map(opt_map),
            Step::OrElse(parts) => self.or_else(parts),
            Step::SortBy(parts) => self.sort_by(parts),
        }
    }

    /// As [`eval`](Self::eval), where a name costs nothing.
    fn eval_free_name(&mut self, step: &'a Step) -> Result<Value<'a>> {
        match step {
            Step::Variable(index) => Ok(self.variables[*index].clone()),
            Step::Local(index) => Ok(self.locals[*index].clone()),
            step => self.eval(step),
        }
    }

    /// What something is selected from: walking on from a value that was computed costs one step more.
    fn operand(&mut self, step: &'a Step) -> Result<Value<'a>> {
        if !step.is_path() {
            self.work.charge(1)?;
        }
        self.eval(step)
    }

    fn select(&mut self, select: &'a Select) -> Result<Value<'a>> {
        let operand = self.operand(&select.operand)?;
        let found = match (&operand, select.optional) {
            (Value::Optional(None), _) => return Ok(operand),
            (Value::Optional(Some(inner)), _) => field(inner, &select.field)?,
            (value, true) => field(value, &select.field)?,
            (value, false) => {
                self.work.charge(1)?;
                return field(value, &select.field)?.ok_or_else(|| no_such_key(&select.field));
            }
        };
        self.optional(found)
    }

    /// What was looked for without being sure: only what is found costs something.
    fn optional(&mut self, found: Option<Value<'a>>) -> Result<Value<'a>> {
        self.work.charge(u64::from(found.is_some()))?;
        Ok(Value::optional(found))
    }

    fn has(&mut self, select: &'a Select) -> Result<Value<'a>> {
        let operand = self.operand(&select.operand)?;
        let found = match &operand {
            Value::Optional(None) => false,
            Value::Optional(Some(inner)) => field(inner, &select.field)?.is_some(),
            value => field(value, &select.field)?.is_some(),
        };
        Ok(Value::Bool(found))
    }

    fn index(&mut self, index: &'a Index) -> Result<Value<'a>> {
        let operand = self.operand(&index.operand)?;
        let key = self.eval_free_name(&index.index)?;
        let found = match (&operand, index.optional) {
            (Value::Optional(None), _) => return Ok(operand),
            (Value::Optional(Some(inner)), _) => item(inner, &key)?,
            (value, true) => item(value, &key)?,
            (value, false) => {
                self.work.charge(1)?;
                return item(value, &key)?.ok_or_else(|| missing(value, &key));
            }
        };
        self.optional(found)
    }

    fn call(&mut self, call: &'a Call) -> Result<Value<'a>> {
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            match self.eval(arg) {
                Ok(value) => args.push(value),
                Err(Error::Cost) => return Err(Error::Cost),
                Err(error) => {
                    self.work.charge(1)?;
                    return Err(error);
                }
            }
        }
        self.apply(call, &args)
    }

    fn apply(&mut self, call: &'a Call, args: &[Value<'a>]) -> Result<Value<'a>> {
        let mut result = Err(Error::Overload);
        let mut used = call.candidates.first();
        for candidate in &call.candidates {
            result = (candidate.native)(&mut self.work, args);
            used = Some(candidate);
            if !matches!(result, Err(Error::Overload)) {
                break;
            }
        }
        if let Some(used) = used.filter(|_| !call.free) {
            let cost = used.cost.of(args, result.as_ref().ok());
            self.work.charge(cost)?;
        }
        result
    }

    fn matches(&mut self, parts: &'a (Step, regex::Regex, Arc<str>)) -> Result<Value<'a>> {
        let (text, regex, pattern) = parts;
        let text = self.eval(text)?;
        let length = pattern.chars().count() as u64;
        self.work.charge(tenth(1 + text.size()) * length.div_ceil(4))?;
        let text = text.as_str()?;
        self.work.steps(text.len())?;
        Ok(Value::Bool(regex.is_match(text)))
    }

    /// `||` where `decisive` is true, else `&&`: one decisive term outweighs errors of the others.
    fn either(&mut self, terms: &'a [Step], decisive: bool) -> Result<Value<'a>> {
        let mut error = None;
        for term in terms {
            match self.eval(term) {
                Ok(Value::Bool(truth)) if truth == decisive => return Ok(Value::Bool(decisive)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => error = error.or(Some(Error::Overload)),
                Err(Error::Cost) => return Err(Error::Cost),
                Err(other) => error = error.or(Some(other)),
            }
        }
        error.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn choose(&mut self, parts: &'a [Step; 3]) -> Result<Value<'a>> {
        let [condition, yes, no] = parts;
        match self.eval(condition)? {
            Value::Bool(true) => self.eval_free_name(yes),
            Value::Bool(false) => self.eval_free_name(no),
            _ => Err(Error::Overload),
        }
    }

    fn list(&mut self, items: &'a [(Step, bool)]) -> Result<Value<'a>> {
        let mut values = Vec::with_capacity(items.len());
        for (item, optional) in items {
            let value = self.eval(item)?;
            match (value, optional) {
                (Value::Optional(None), true) => {}
                (Value::Optional(Some(value)), true) => values.push((*value).clone()),
                (value, false) => values.push(value),
                (_, true) => {
                    return Err(Error::failed("cannot initialize optional list element from non-optional value"));
                }
            }
        }
        self.work.charge(LIST)?;
        Ok(Value::list(values))
    }

    fn map(&mut self, entries: &'a [MapEntry]) -> Result<Value<'a>> {
        let mut map = MadeMap::default();
        for entry in entries {
            let key = self.eval(&entry.key)?;
            let value = match (self.eval(&entry.value)?, entry.optional) {
                (Value::Optional(None), true) => continue,
                (Value::Optional(Some(value)), true) => (*value).clone(),
                (value, false) => value,
                _ => return Err(Error::failed("cannot initialize optional entry from non-optional value")),
            };
            let name = display(&key);
            if !map.insert(key, value)? {
                return Err(Error::failed(format!("Failed with repeated key {name}")));
            }
        }
        self.work.charge(MAP)?;
        Ok(Value::Map(Map::Made(Arc::new(map))))
    }

    /// `or` and `orValue`: the alternative is looked at only where there is no value.
    fn or_else(&mut self, parts: &'a (Step, Step, bool)) -> Result<Value<'a>> {
        let (optional, alternative, unwrapped) = parts;
        match self.eval(optional)? {
            Value::Optional(None) => self.eval(alternative),
            Value::Optional(Some(value)) if *unwrapped => Ok((*value).clone()),
            optional @ Value::Optional(Some(_)) => Ok(optional),
            _ => Err(Error::Overload),
        }
    }
}

fn field<'a>(value: &Value<'a>, name: &str) -> Result<Option<Value<'a>>> {
    match value {
        Value::Map(map) => map.field(name),
        _ => Ok(None),
    }
}

fn item<'a>(value: &Value<'a>, key: &Value<'a>) -> Result<Option<Value<'a>>> {
    match value {
        Value::Map(map) => map.get(key),
        Value::List(list) => match position(key)? {
            Some(index) if index < list.len() => list.get(index).map(Some),
            _ => Ok(None),
        },
        _ => Err(Error::Overload),
    }
}

/// The place in a list that a number stands for.
pub(super) fn position(key: &Value<'_>) -> Result<Option<usize>> {
    match key {
        Value::Int(number) => Ok(usize::try_from(*number).ok()),
        Value::Uint(number) => Ok(usize::try_from(*number).ok()),
        Value::Double(number) if number.fract() == 0.0 => Ok((*number >= 0.0).then_some(*number as usize)),
        other => Err(Error::failed(format!("unsupported index type '{}' in list", other.type_name()))),
    }
}

fn missing(value: &Value<'_>, key: &Value<'_>) -> Error {
    match value {
        Value::List(_) => Error::failed(format!("index out of bounds: {}", display(key))),
        _ => no_such_key(&display(key)),
    }
}

fn no_such_key(name: &str) -> Error {
    Error::failed(format!("no such key: {name}"))
}

/// A key as messages show it.
fn display(key: &Value<'_>) -> String {
    match key {
        Value::Text(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Double(number) => crate::field::float_text(*number),
        other => other.type_name().to_owned(),
    }
}
