//! Folds over lists and maps, and the macros on optionals.

use std::sync::Arc;

use super::super::ast::FoldKind;
use super::super::cost;
use super::super::equality::sort;
use super::super::error::{Error, Result};
use super::super::plan::{Fold, OptMap, Step};
use super::super::value::{List, MadeMap, Map, Value};
use super::{LIST, Machine, display, no_such_key};

impl<'a> Machine<'a, '_> {
    pub(super) fn fold(&mut self, fold: &'a Fold) -> Result<Value<'a>> {
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

    /// As the macro is written out: the optional is evaluated to be asked, and once more for its value.
    pub(super) fn opt_map(&mut self, opt_map: &'a OptMap) -> Result<Value<'a>> {
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

    /// A list in the order of what is computed of each of its items.
    pub(super) fn sort_by(&mut self, parts: &'a (Step, Step)) -> Result<Value<'a>> {
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
        let sorted = sort(&mut self.work, pairs, |pair| &pair.0)?;
        Ok(Value::list(sorted.into_iter().map(|(_, item)| item).collect()))
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
