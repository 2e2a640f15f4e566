//! Evaluates a plan over the values of its variables.
//!
//! What a step costs is charged where it is taken, failed or not; the numbers are those of
//! <https://github.com/google/cel-go/blob/master/interpreter/runtimecost.go>, with the oddity that a name is free where it
//! is an index or the whole branch of a choice.

use std::sync::Arc;

use super::ast::FoldKind;
use super::cost::{self, tenth};
use super::error::{Error, Result};
use super::plan::{Call, Fold, Index, MapEntry, OptMap, Select, Step};
use super::value::{List, MadeMap, Map, Value};
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

    /// As the macro is written out: the optional is evaluated to be asked, and once more for its value.
    fn opt_map(&mut self, opt_map: &'a OptMap) -> Result<Value<'a>> {
        let before = self.work.cost();
        let target = self.eval(&opt_map.target)?;
        let cost = self.work.cost() - before;
        match target {
            Value::Optional(None) => {
                self.work.charge(2)?;
                Ok(Value::Optional(None))
            }
            Value::Optional(Some(value)) => {
                self.work.charge(cost + 2)?;
                self.locals.push((*value).clone());
                let result = self.eval(&opt_map.body);
                self.locals.pop();
                let result = result?;
                if opt_map.flat {
                    return Ok(result);
                }
                self.work.charge(1)?;
                Ok(Value::some(result))
            }
            _ => Err(Error::Overload),
        }
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

    /// A list in the order of what is computed of each of its items.
    fn sort_by(&mut self, parts: &'a (Step, Step)) -> Result<Value<'a>> {
        let (list, key) = parts;
        let Value::List(list) = self.eval(list)? else { return Err(Error::Overload) };
        self.work.steps(list.len())?;
        let mut pairs = Vec::with_capacity(list.len());
        for item in list.iter() {
            let item = item?;
            self.work.charge(1)?;
            self.locals.push(item.clone());
            let key = self.eval(key);
            self.locals.pop();
            pairs.push((key?, item));
            self.work.charge(LIST + 1)?;
        }
        let texts = matches!(pairs.first(), Some((Value::Text(_) | Value::Bytes(_), _)));
        self.work.charge(3 + cost::self_compare(pairs.len() as u64, texts))?;
        let sorted = super::equality::sort(&mut self.work, pairs, |pair| &pair.0)?;
        Ok(Value::list(sorted.into_iter().map(|(_, item)| item).collect()))
    }

    fn fold(&mut self, fold: &'a Fold) -> Result<Value<'a>> {
        let range = self.eval(&fold.range)?;
        let pairs = self.pairs(&range, fold.two)?;
        let depth = self.locals.len();
        let result = match fold.kind {
            FoldKind::All => self.fold_until(fold, &pairs, false),
            FoldKind::Exists => self.fold_until(fold, &pairs, true),
            FoldKind::ExistsOne => self.fold_count(fold, &pairs),
            FoldKind::List => self.fold_list(fold, &pairs),
            FoldKind::Map | FoldKind::Entries => self.fold_map(fold, &pairs),
        };
        self.locals.truncate(depth);
        let result = result?;
        self.work.charge(1)?;
        Ok(result)
    }

    /// What the variables of a fold will be, in turn.
    fn pairs(&mut self, range: &Value<'a>, two: bool) -> Result<Pairs<'a>> {
        let pairs = match (range, two) {
            (Value::List(list), _) => Pairs::List(list.clone()),
            (Value::Map(map), false) => Pairs::List(List::made(map.keys())),
            (Value::Map(map), true) => Pairs::Map(map.clone(), map.keys()),
            _ => return Err(Error::Overload),
        };
        self.work.steps(pairs.len())?;
        Ok(pairs)
    }

    /// Sets the variables to those of one turn.
    fn bind(&mut self, fold: &Fold, pairs: &Pairs<'a>, turn: usize) -> Result<()> {
        let (key, value) = pairs.get(turn)?;
        if fold.two {
            self.locals.push(key);
        }
        self.locals.push(value);
        Ok(())
    }

    fn unbind(&mut self, fold: &Fold) {
        self.locals.truncate(self.locals.len() - if fold.two { 2 } else { 1 });
    }

    /// Evaluates something for one turn.
    fn turn(&mut self, fold: &'a Fold, pairs: &Pairs<'a>, turn: usize, step: &'a Step) -> Result<Value<'a>> {
        self.bind(fold, pairs, turn)?;
        let result = self.eval(step);
        self.unbind(fold);
        result
    }

    /// `all` and `exists`: until one item decides it; errors of others do not matter then.
    fn fold_until(&mut self, fold: &'a Fold, pairs: &Pairs<'a>, decisive: bool) -> Result<Value<'a>> {
        let (condition, mut error) = (if decisive { 3 } else { 2 }, None);
        for turn in 0..pairs.len() {
            self.work.charge(condition + 1)?;
            match self.turn(fold, pairs, turn, &fold.body) {
                Ok(Value::Bool(truth)) if truth == decisive => {
                    if turn + 1 < pairs.len() {
                        self.work.charge(condition)?;
                    }
                    return Ok(Value::Bool(decisive));
                }
                Ok(Value::Bool(_)) => {}
                Ok(_) => error = error.or(Some(Error::Overload)),
                Err(Error::Cost) => return Err(Error::Cost),
                Err(other) => error = error.or(Some(other)),
            }
        }
        error.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn fold_count(&mut self, fold: &'a Fold, pairs: &Pairs<'a>) -> Result<Value<'a>> {
        let mut count = 0_usize;
        for turn in 0..pairs.len() {
            if self.holds(fold, pairs, turn, &fold.body)? {
                self.work.charge(2)?;
                count += 1;
            }
        }
        self.work.charge(1)?;
        Ok(Value::Bool(count == 1))
    }

    fn holds(&mut self, fold: &'a Fold, pairs: &Pairs<'a>, turn: usize, step: &'a Step) -> Result<bool> {
        match self.turn(fold, pairs, turn, step)? {
            Value::Bool(truth) => Ok(truth),
            _ => Err(Error::Overload),
        }
    }

    fn passes(&mut self, fold: &'a Fold, pairs: &Pairs<'a>, turn: usize) -> Result<bool> {
        match &fold.filter {
            Some(filter) => self.holds(fold, pairs, turn, filter),
            None => Ok(true),
        }
    }

    fn fold_list(&mut self, fold: &'a Fold, pairs: &Pairs<'a>) -> Result<Value<'a>> {
        let mut items = Vec::new();
        for turn in 0..pairs.len() {
            if self.passes(fold, pairs, turn)? {
                self.work.charge(1)?;
                items.push(self.turn(fold, pairs, turn, &fold.body)?);
                self.work.charge(LIST + 1)?;
            }
        }
        Ok(Value::list(items))
    }

    fn fold_map(&mut self, fold: &'a Fold, pairs: &Pairs<'a>) -> Result<Value<'a>> {
        let mut map = MadeMap::default();
        let mut insert = |key: Value<'a>, value| {
            let name = display(&key);
            match map.insert(key, value)? {
                true => Ok(()),
                false => Err(Error::failed(format!("insert failed: key {name} already exists"))),
            }
        };
        for turn in 0..pairs.len() {
            if !self.passes(fold, pairs, turn)? {
                continue;
            }
            let made = self.turn(fold, pairs, turn, &fold.body)?;
            self.work.charge(2)?;
            if fold.kind == FoldKind::Map {
                self.work.charge(1)?;
                insert(pairs.get(turn)?.0, made)?;
                continue;
            }
            let Value::Map(entries) = made else { return Err(Error::Overload) };
            self.work.steps(entries.len())?;
            for key in entries.keys() {
                if let Some(value) = entries.get(&key)? {
                    insert(key, value)?;
                }
            }
        }
        Ok(Value::Map(Map::Made(Arc::new(map))))
    }
}

/// What a fold walks over.
enum Pairs<'a> {
    List(List<'a>),
    Map(Map<'a>, Vec<Value<'a>>),
}

impl<'a> Pairs<'a> {
    fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Map(_, keys) => keys.len(),
        }
    }

    fn get(&self, turn: usize) -> Result<(Value<'a>, Value<'a>)> {
        match self {
            Self::List(list) => Ok((Value::Int(turn as i64), list.get(turn)?)),
            Self::Map(map, keys) => {
                let key = keys[turn].clone();
                let value = map.get(&key)?.ok_or_else(|| no_such_key(&display(&key)))?;
                Ok((key, value))
            }
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
