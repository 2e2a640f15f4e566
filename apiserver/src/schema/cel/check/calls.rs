//! Which function is called, and what of the call can be done already.

use std::sync::Arc;

use super::super::ast::Expr;
use super::super::error::CompileError;
use super::super::functions::{Definition, Overload, overloads};
use super::super::library::format_count;
use super::super::plan::{self, Step};
use super::super::time;
use super::super::types::Type;
use super::super::value::{List, Value};
use super::super::work::Work;
use super::{Checker, Typed};
use crate::schema::regexes;

impl<'s> Checker<'_, 's> {
    pub(super) fn no_overload(&self, at: usize, name: &str, args: &[Type<'s>]) -> CompileError {
        self.no_overload_on(at, name, "", args)
    }

    /// `target` is what a method is called on, with a dot.
    fn no_overload_on(&self, at: usize, name: &str, target: &str, args: &[Type<'s>]) -> CompileError {
        let args: Vec<_> = args.iter().map(|arg| self.bindings.resolve(arg).to_string()).collect();
        let problem = format!("found no matching overload for '{name}' applied to '{target}({})'", args.join(", "));
        self.error(at, problem)
    }

    pub(super) fn call(&mut self, expr: &Expr, name: &str, target: Option<&Expr>, args: &[Expr]) -> Typed<'s> {
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
}

/// How long a list is that is written out.
fn length(step: &Step) -> Option<usize> {
    match step {
        Step::List(items) => Some(items.len()),
        Step::Literal(Value::List(list)) => Some(list.len()),
        _ => None,
    }
}
