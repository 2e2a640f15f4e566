//! From what is written to what is evaluated: names are resolved and types checked, as far as they are known.
//! Source: <https://github.com/google/cel-go/blob/master/checker/checker.go>

use std::sync::Arc;

use super::ast::{Entry, Expr, Fold, FoldKind, Item, Kind, Literal};
use super::error::CompileError;
use super::functions::{Definition, Overload, overloads};
use super::library::format_count;
use super::plan::{self, Step};
use super::time;
use super::types::{Bindings, Type};
use super::value::{List, MadeMap, Map, Value};
use super::work::Work;
use crate::schema::regexes;

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

    fn no_overload(&self, at: usize, name: &str, args: &[Type<'s>]) -> CompileError {
        self.no_overload_on(at, name, "", args)
    }

    /// `target` is what a method is called on, with a dot.
    fn no_overload_on(&self, at: usize, name: &str, target: &str, args: &[Type<'s>]) -> CompileError {
        let args: Vec<_> = args.iter().map(|arg| self.bindings.resolve(arg).to_string()).collect();
        let problem = format!("found no matching overload for '{name}' applied to '{target}({})'", args.join(", "));
        self.error(at, problem)
    }

    fn call(&mut self, expr: &Expr, name: &str, target: Option<&Expr>, args: &[Expr]) -> Typed<'s> {
        // What looks like a method of a variable may be a function whose name has dots.
        if let Some(target) = target
            && let Some(prefix) = target.qualified_name()
            && !self.is_variable(&prefix)
        {
            let qualified = format!("{prefix}.{name}");
            let candidates: Vec<_> = overloads(&qualified).iter().filter(|overload| !overload.method).collect();
            if !candidates.is_empty() {
                return self.resolve(expr, &qualified, &candidates, args.iter());
            }
        }
        let method = target.is_some();
        let candidates: Vec<_> = overloads(name).iter().filter(|overload| overload.method == method).collect();
        if candidates.is_empty() {
            // What is wrong before the name of the function is told first.
            for part in target.into_iter().chain(args) {
                self.expr(part)?;
            }
            let problem = format!("undeclared reference to '{name}' (in container '')");
            return Err(self.error(expr.at, problem));
        }
        self.resolve(expr, name, &candidates, target.into_iter().chain(args))
    }

    fn is_variable(&self, name: &str) -> bool {
        let first = name.split('.').next().unwrap_or_default();
        self.locals.iter().any(|(local, _)| local == first)
            || self.variables.iter().any(|(variable, _)| *variable == first)
    }

    /// Finds the overloads that take these arguments.
    fn resolve<'e>(
        &mut self,
        expr: &Expr,
        name: &str,
        candidates: &[&'static Overload],
        args: impl Iterator<Item = &'e Expr>,
    ) -> Typed<'s> {
        let mut types = Vec::new();
        let mut steps = Vec::new();
        let mut places = Vec::new();
        for (index, arg) in args.enumerate() {
            let outer = self.mixed;
            self.mixed |= name == "format" && index > 0;
            let checked = self.expr(arg);
            self.mixed = outer;
            let (type_, step) = checked?;
            types.push(type_);
            steps.push(step);
            places.push(arg.at);
        }
        let mut result: Option<Type<'s>> = None;
        let mut definitions: Vec<&'static Definition> = Vec::new();
        for candidate in candidates {
            let Some(type_) = candidate.result(&types, &mut self.bindings) else { continue };
            result = match result {
                None => Some(type_),
                Some(known) if self.bindings.resolve(&known) == self.bindings.resolve(&type_) => Some(known),
                Some(_) => Some(Type::Dyn),
            };
            if !definitions.iter().any(|known| std::ptr::eq(*known, candidate.definition)) {
                definitions.push(candidate.definition);
            }
        }
        let result = result.ok_or_else(|| match types.split_first() {
            Some((target, args)) if candidates.iter().any(|candidate| candidate.method) => {
                let target = format!("{}.", self.bindings.resolve(target));
                self.no_overload_on(expr.at, name, &target, args)
            }
            _ => self.no_overload(expr.at, name, &types),
        })?;
        let step = self.planned(name, definitions, steps, &places)?;
        Ok((result, step))
    }

    /// A call, or what can be said of it already: patterns are compiled, constants computed.
    fn planned(
        &self,
        name: &str,
        candidates: Vec<&'static Definition>,
        mut args: Vec<Step>,
        places: &[usize],
    ) -> Result<Step, CompileError> {
        let text = |step: &Step| match step {
            Step::Literal(Value::Text(text)) => Some(Arc::<str>::from(&**text)),
            _ => None,
        };
        let place = |index: usize| places.get(index).copied().unwrap_or_default();
        if let Some(pattern) = args.get(1).and_then(text)
            && matches!(name, "matches" | "find" | "findAll")
        {
            let compiled = regexes::compile(&pattern);
            let regex = compiled.map_err(|_| self.error(place(1), format!("invalid {name} argument")))?;
            if name == "matches" {
                return Ok(Step::Matches(Box::new((args.swap_remove(0), regex, pattern))));
            }
        }
        if let ([arg], "timestamp" | "duration") = (&*args, name)
            && let Some(text) = text(arg)
        {
            let valid = match name {
                "timestamp" => time::Timestamp::parse(&text).is_some(),
                _ => time::go_duration(&text).is_some(),
            };
            if !valid {
                return Err(self.error(place(0), format!("invalid {name} argument")));
            }
        }
        if let (Some(format), Some(count), "format") = (args.first().and_then(text), args.get(1).and_then(length), name)
        {
            let wanted = format_count(&format);
            if count > wanted {
                let problem = format!("too many arguments supplied to string.format (expected {wanted}, got {count})");
                return Err(self.error(place(0), problem));
            }
        }
        if let (2, "or" | "orValue") = (args.len(), name)
            && let (Some(alternative), Some(optional)) = (args.pop(), args.pop())
        {
            return Ok(Step::OrElse(Box::new((optional, alternative, name == "orValue"))));
        }
        if let (Some(Step::Literal(Value::Int(seconds))), "timestamp") = (args.first(), name)
            && time::Timestamp::new(*seconds, 0).is_none()
        {
            return Err(self.error(place(0), "invalid timestamp argument"));
        }
        let converts =
            matches!(name, "timestamp" | "duration" | "int" | "uint" | "double" | "string" | "bytes" | "bool");
        if let ([Step::Literal(value)], [definition], true) = (&*args, &*candidates, converts)
            && let Ok(value) = (definition.native)(&mut Work::new(u64::MAX), std::slice::from_ref(value))
        {
            return Ok(Step::Literal(value));
        }
        let free = name == "_in_" && matches!(&args[1], Step::Literal(Value::List(List::Made(_))));
        Ok(Step::Call(Box::new(plan::Call { candidates, args: args.into(), free })))
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

    fn fold(&mut self, expr: &Expr, fold: &Fold) -> Typed<'s> {
        let (range_type, range) = self.expr(&fold.range)?;
        let (key, value) = match self.bindings.resolve(&range_type) {
            Type::List(item) => (Type::Int, (*item).clone()),
            Type::Map(of) => of.as_ref().clone(),
            Type::Dyn | Type::Param(_) => (Type::Dyn, Type::Dyn),
            other => {
                let problem = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                return Err(self.error(fold.range.at, problem));
            }
        };
        let two = fold.variables.len() == 2;
        let is_map = matches!(self.bindings.resolve(&range_type), Type::Map(_));
        let types = if two { vec![key.clone(), value] } else { vec![if is_map { key.clone() } else { value }] };
        let depth = self.locals.len();
        self.locals.extend(fold.variables.iter().cloned().zip(types));
        let inner = self.fold_parts(expr, fold);
        self.locals.truncate(depth);
        let (filter, (body_type, body)) = inner?;
        let type_ = match fold.kind {
            FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne => Type::Bool,
            FoldKind::List => Type::list(body_type),
            FoldKind::Map => Type::map(key, body_type),
            FoldKind::Entries => match self.bindings.resolve(&body_type) {
                type_ @ (Type::Map(_) | Type::Dyn | Type::Param(_)) => type_,
                other => {
                    let accumulator = Type::map(Type::Dyn, Type::Dyn);
                    return Err(self.no_overload(expr.at, "cel.@mapInsert", &[accumulator, other]));
                }
            },
        };
        Ok((type_, Step::Fold(Box::new(plan::Fold { kind: fold.kind, range, two, filter, body }))))
    }

    fn fold_parts(&mut self, expr: &Expr, fold: &Fold) -> Result<(Option<Step>, (Type<'s>, Step)), CompileError> {
        let filter = fold.filter.as_ref().map(|filter| self.condition(expr, "_?_:_", filter)).transpose()?;
        let body = match fold.kind {
            FoldKind::All => (Type::Bool, self.condition(expr, "_&&_", &fold.body)?),
            FoldKind::Exists => (Type::Bool, self.condition(expr, "_||_", &fold.body)?),
            FoldKind::ExistsOne => (Type::Bool, self.condition(expr, "_?_:_", &fold.body)?),
            FoldKind::List | FoldKind::Map | FoldKind::Entries => self.expr(&fold.body)?,
        };
        Ok((filter, body))
    }

    fn condition(&mut self, expr: &Expr, name: &str, condition: &Expr) -> Result<Step, CompileError> {
        let (type_, step) = self.expr(condition)?;
        if self.bindings.fits(&Type::Bool, &type_) {
            return Ok(step);
        }
        let types = if name == "_?_:_" { vec![type_, Type::Int, Type::Int] } else { vec![Type::Bool, type_] };
        Err(self.no_overload(expr.at, name, &types))
    }

    fn opt_map(&mut self, expr: &Expr, target: &Expr, variable: &str, body: &Expr, flat: bool) -> Typed<'s> {
        let (target_type, target) = self.expr(target)?;
        let inner = match self.bindings.resolve(&target_type) {
            Type::Optional(inner) => (*inner).clone(),
            Type::Dyn | Type::Param(_) => Type::Dyn,
            other => return Err(self.no_overload(expr.at, "hasValue", &[other])),
        };
        self.locals.push((variable.to_owned(), inner));
        let checked = self.expr(body);
        self.locals.pop();
        let (body_type, body) = checked?;
        let type_ = match (flat, self.bindings.resolve(&body_type)) {
            (false, body) => Type::optional(body),
            (true, body @ (Type::Optional(_) | Type::Dyn)) => body,
            (true, other) => {
                let types = [Type::Bool, other.clone(), Type::optional(other)];
                return Err(self.no_overload(expr.at, "_?_:_", &types));
            }
        };
        Ok((type_, Step::OptMap(Box::new(plan::OptMap { target, body, flat }))))
    }

    fn sort_by(&mut self, expr: &Expr, target: &Expr, variable: &str, key: &Expr) -> Typed<'s> {
        let (target_type, target) = self.expr(target)?;
        let item = match self.bindings.resolve(&target_type) {
            Type::List(item) => (*item).clone(),
            Type::Dyn | Type::Param(_) => Type::Dyn,
            other => return Err(self.no_overload(expr.at, "sortBy", &[other])),
        };
        self.locals.push((variable.to_owned(), item));
        let checked = self.expr(key);
        self.locals.pop();
        let (key_type, key) = checked?;
        let sortable = matches!(
            self.bindings.resolve(&key_type),
            Type::Int
                | Type::Uint
                | Type::Double
                | Type::Bool
                | Type::Duration
                | Type::Timestamp
                | Type::Text
                | Type::Bytes
                | Type::Dyn
                | Type::Param(_)
        );
        if !sortable {
            return Err(self.no_overload(expr.at, "sortBy", &[target_type, Type::list(key_type)]));
        }
        Ok((target_type, Step::SortBy(Box::new((target, key)))))
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

/// How long a list is that is written out.
fn length(step: &Step) -> Option<usize> {
    match step {
        Step::List(items) => Some(items.len()),
        Step::Literal(Value::List(list)) => Some(list.len()),
        _ => None,
    }
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
