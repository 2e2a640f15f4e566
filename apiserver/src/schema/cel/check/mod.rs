//! From what is written to what is evaluated: names are resolved and types checked, as far as they are known.
//! Source: <https://github.com/google/cel-go/blob/master/checker/checker.go>

mod calls;
mod folds;

use std::sync::Arc;

use super::ast::{Entry, Expr, Item, Kind, Literal};
use super::error::CompileError;
use super::plan::{self, Step};
use super::types::{Bindings, Type};
use super::value::{MadeMap, Map, Value};

/// What an expression yields, and how it is computed.
pub(super) struct Checked<'s> {
    pub(super) type_: Type<'s>,
    pub(super) step: Step,
    /// Which variables it reads.
    pub(super) reads: Vec<bool>,
}

/// Checks an expression over named variables.
pub(super) fn check<'s>(
    source: &str,
    expr: &Expr,
    variables: &[(&str, Type<'s>)],
) -> Result<Checked<'s>, CompileError> {
    let reads = vec![false; variables.len()];
    let mut checker =
        Checker { source, variables, locals: Vec::new(), bindings: Bindings::default(), reads, mixed: false };
    let (type_, step) = checker.expr(expr)?;
    Ok(Checked { type_: checker.bindings.resolve(&type_), step, reads: checker.reads })
}

struct Checker<'c, 's> {
    source: &'c str,
    variables: &'c [(&'c str, Type<'s>)],
    /// Of folds, the innermost last.
    locals: Vec<(String, Type<'s>)>,
    bindings: Bindings<'s>,
    reads: Vec<bool>,
    /// Within the arguments of `format`, items of a list may be of several types.
    mixed: bool,
}

type Typed<'s> = Result<(Type<'s>, Step), CompileError>;

impl<'s> Checker<'_, 's> {
    fn error(&self, at: usize, problem: impl Into<String>) -> CompileError {
        CompileError::new(self.source, at, problem)
    }

    fn expr(&mut self, expr: &Expr) -> Typed<'s> {
        match &*expr.kind {
            Kind::Literal(literal) => Ok(self::literal(literal)),
            Kind::Ident(name) => self.ident(expr, name),
            Kind::Select { operand, field, optional } => self.select(expr, operand, field, *optional),
            Kind::Has { operand, field } => self.has(expr, operand, field),
            Kind::Index { operand, index, optional } => self.index(expr, operand, index, *optional),
            Kind::Call { function, target, args } => self.call(expr, function, target.as_ref(), args),
            Kind::And(terms) => Ok((Type::Bool, Step::And(self.terms(expr, "_&&_", terms)?))),
            Kind::Or(terms) => Ok((Type::Bool, Step::Or(self.terms(expr, "_||_", terms)?))),
            Kind::If(parts) => self.ternary(expr, parts),
            Kind::List(items) => self.list(items),
            Kind::Map(entries) => self.map(entries),
            Kind::Fold(fold) => self.fold(expr, fold),
            Kind::OptMap { target, variable, body, flat } => self.opt_map(expr, target, variable, body, *flat),
            Kind::SortBy { target, variable, key } => self.sort_by(expr, target, variable, key),
        }
    }

    fn ident(&mut self, expr: &Expr, name: &str) -> Typed<'s> {
        self.lookup(name)
            .ok_or_else(|| self.error(expr.at, format!("undeclared reference to '{name}' (in container '')")))
    }

    /// A variable, or a type as a value.
    fn lookup(&mut self, name: &str) -> Option<(Type<'s>, Step)> {
        if let Some(index) = self.locals.iter().rposition(|(local, _)| local == name) {
            return Some((self.locals[index].1.clone(), Step::Local(index)));
        }
        if let Some(index) = self.variables.iter().position(|(variable, _)| *variable == name) {
            self.reads[index] = true;
            return Some((self.variables[index].1.clone(), Step::Variable(index)));
        }
        let type_ = Type::named(name)?;
        let value = Value::Type(type_name(&type_));
        Some((Type::Meta(Arc::new(type_)), Step::Literal(value)))
    }

    fn select(&mut self, expr: &Expr, operand: &Expr, field: &str, optional: bool) -> Typed<'s> {
        if let Some(name) = expr.qualified_name()
            && !optional
            && Type::named(&name).is_some()
            && let Some(found) = self.lookup(&name)
        {
            return Ok(found);
        }
        let (type_, step) = self.expr(operand)?;
        let result = self.field(expr, &type_, field)?;
        let select = plan::Select { operand: step, field: field.to_owned(), optional };
        let result = match (optional, result) {
            (true, inner @ Type::Optional(_)) | (false, inner) => inner,
            (true, inner) => Type::optional(inner),
        };
        Ok((result, Step::Select(Box::new(select))))
    }

    fn has(&mut self, expr: &Expr, operand: &Expr, field: &str) -> Typed<'s> {
        let (type_, step) = self.expr(operand)?;
        self.field(expr, &type_, field)?;
        let select = plan::Select { operand: step, field: field.to_owned(), optional: false };
        Ok((Type::Bool, Step::Has(Box::new(select))))
    }

    /// The type of a field.
    fn field(&mut self, expr: &Expr, type_: &Type<'s>, field: &str) -> Result<Type<'s>, CompileError> {
        match self.bindings.resolve(type_) {
            Type::Dyn | Type::Param(_) => Ok(Type::Dyn),
            Type::Object(shape) => {
                let found = shape.field_of_expression(field).and_then(Type::of);
                found.ok_or_else(|| self.error(expr.at, format!("undefined field '{field}'")))
            }
            Type::Map(of) => Ok(of.1.clone()),
            Type::Optional(inner) => match self.field(expr, &inner, field)? {
                inner @ Type::Optional(_) => Ok(inner),
                inner => Ok(Type::optional(inner)),
            },
            other => Err(self.error(expr.at, format!("type '{other}' does not support field selection"))),
        }
    }

    fn index(&mut self, expr: &Expr, operand: &Expr, index: &Expr, optional: bool) -> Typed<'s> {
        let (operand_type, operand) = self.expr(operand)?;
        let (index_type, index) = self.expr(index)?;
        let known = self.bindings.resolve(&operand_type);
        let (inner, through) = match &known {
            Type::Optional(inner) => ((**inner).clone(), true),
            known => (known.clone(), false),
        };
        let item = match &inner {
            Type::Dyn | Type::Param(_) => Some(Type::Dyn),
            Type::List(item) => self.bindings.fits(&Type::Int, &index_type).then(|| (**item).clone()),
            Type::Map(of) => self.bindings.fits(&of.0, &index_type).then(|| of.1.clone()),
            _ => None,
        };
        let name = if optional { "_[?_]" } else { "_[_]" };
        let item = item.ok_or_else(|| self.no_overload(expr.at, name, &[known.clone(), index_type.clone()]))?;
        let result = match item {
            item @ Type::Optional(_) if through || optional => item,
            item if through || optional => Type::optional(item),
            item => item,
        };
        Ok((result, Step::Index(Box::new(plan::Index { operand, index, optional }))))
    }

    fn terms(&mut self, expr: &Expr, name: &str, terms: &[Expr]) -> Result<Box<[Step]>, CompileError> {
        let mut steps = Vec::with_capacity(terms.len());
        for term in terms {
            let (type_, step) = self.expr(term)?;
            if !self.bindings.fits(&Type::Bool, &type_) {
                let mut types = [Type::Bool, type_];
                if steps.is_empty() {
                    types.swap(0, 1);
                }
                return Err(self.no_overload(expr.at, name, &types));
            }
            steps.push(step);
        }
        Ok(steps.into())
    }

    fn ternary(&mut self, expr: &Expr, parts: &[Expr; 3]) -> Typed<'s> {
        let [condition, yes, no] = parts;
        let (condition_type, condition) = self.expr(condition)?;
        let (yes_type, yes) = self.expr(yes)?;
        let (no_type, no) = self.expr(no)?;
        let fits = self.bindings.fits(&Type::Bool, &condition_type) && self.bindings.fits(&yes_type, &no_type);
        if !fits {
            return Err(self.no_overload(expr.at, "_?_:_", &[condition_type, yes_type, no_type]));
        }
        let type_ = self.wider(yes_type, no_type);
        Ok((type_, Step::If(Box::new([condition, yes, no]))))
    }

    /// Of two types that fit, the one that says less.
    fn wider(&self, a: Type<'s>, b: Type<'s>) -> Type<'s> {
        match (self.bindings.resolve(&a), self.bindings.resolve(&b)) {
            (Type::Dyn, _) | (_, Type::Dyn) => Type::Dyn,
            (Type::Null, _) => b,
            _ => a,
        }
    }

    /// The type of all items of a list or map, which must be one.
    fn join(&mut self, joined: Option<Type<'s>>, type_: Type<'s>, at: usize) -> Result<Type<'s>, CompileError> {
        let Some(joined) = joined else { return Ok(type_) };
        if !self.bindings.fits(&joined, &type_) {
            if self.mixed {
                return Ok(Type::Dyn);
            }
            let (wanted, found) = (self.bindings.resolve(&joined), self.bindings.resolve(&type_));
            return Err(self.error(at, format!("expected type '{wanted}' but found '{found}'")));
        }
        Ok(self.wider(joined, type_))
    }

    /// The type within an optional item of a list or map.
    fn unwrapped(&mut self, type_: Type<'s>, at: usize) -> Result<Type<'s>, CompileError> {
        match self.bindings.resolve(&type_) {
            Type::Optional(inner) => Ok((*inner).clone()),
            Type::Dyn => Ok(Type::Dyn),
            other => Err(self.error(at, format!("expected type 'optional_type({other})' but found '{other}'"))),
        }
    }

    fn list(&mut self, items: &[Item]) -> Typed<'s> {
        let mut joined = None;
        let mut steps = Vec::with_capacity(items.len());
        for item in items {
            let (mut type_, step) = self.expr(&item.value)?;
            if item.optional {
                type_ = self.unwrapped(type_, item.value.at)?;
            }
            joined = Some(self.join(joined, type_, item.value.at)?);
            steps.push((step, item.optional));
        }
        let type_ = Type::list(joined.unwrap_or_else(|| self.bindings.fresh()));
        let constants: Option<Vec<_>> = steps.iter().map(|(step, optional)| constant(step, *optional)).collect();
        // Sharing the constants, an evaluation need not make them again.
        Ok((type_, constants.map_or_else(|| Step::List(steps.into()), |items| Step::Literal(Value::list(items)))))
    }

    fn map(&mut self, entries: &[Entry]) -> Typed<'s> {
        let (mut keys, mut values) = (None, None);
        let mut steps = Vec::with_capacity(entries.len());
        for entry in entries {
            let (key_type, key) = self.expr(&entry.key)?;
            let (mut value_type, value) = self.expr(&entry.value)?;
            if entry.optional {
                value_type = self.unwrapped(value_type, entry.value.at)?;
            }
            keys = Some(self.join(keys, key_type, entry.key.at)?);
            values = Some(self.join(values, value_type, entry.value.at)?);
            steps.push(plan::MapEntry { key, value, optional: entry.optional });
        }
        let key = keys.unwrap_or_else(|| self.bindings.fresh());
        let value = values.unwrap_or_else(|| self.bindings.fresh());
        let step = constant_map(&steps).map_or_else(|| Step::Map(steps.into()), Step::Literal);
        Ok((Type::map(key, value), step))
    }
}

fn literal<'s>(literal: &Literal) -> (Type<'s>, Step) {
    let (type_, value) = match literal {
        Literal::Null => (Type::Null, Value::Null),
        Literal::Bool(truth) => (Type::Bool, Value::Bool(*truth)),
        Literal::Int(number) => (Type::Int, Value::Int(*number)),
        Literal::Uint(number) => (Type::Uint, Value::Uint(*number)),
        Literal::Double(number) => (Type::Double, Value::Double(*number)),
        Literal::Text(text) => (Type::Text, Value::text(text.clone())),
        Literal::Bytes(bytes) => (Type::Bytes, Value::Bytes(bytes.clone())),
    };
    (type_, Step::Literal(value))
}

fn constant(step: &Step, optional: bool) -> Option<Value<'static>> {
    match step {
        Step::Literal(value) if !optional => Some(value.clone()),
        _ => None,
    }
}

fn constant_map(entries: &[plan::MapEntry]) -> Option<Value<'static>> {
    let mut map = MadeMap::default();
    for entry in entries {
        let (key, value) = (constant(&entry.key, false)?, constant(&entry.value, entry.optional)?);
        map.insert(key, value).ok().filter(|fresh| *fresh)?;
    }
    Some(Value::Map(Map::Made(Arc::new(map))))
}

/// The name by which a type knows itself.
fn type_name(type_: &Type<'_>) -> &'static str {
    match type_ {
        Type::Null => "null_type",
        Type::Bool => "bool",
        Type::Int => "int",
        Type::Uint => "uint",
        Type::Double => "double",
        Type::Text => "string",
        Type::Bytes => "bytes",
        Type::Timestamp => "google.protobuf.Timestamp",
        Type::Duration => "google.protobuf.Duration",
        Type::List(_) => "list",
        Type::Map(_) | Type::Object(_) => "map",
        Type::Optional(_) => "optional_type",
        Type::Meta(_) => "type",
        Type::Opaque(opaque) => opaque.name(),
        Type::Dyn | Type::Param(_) => "dyn",
    }
}
