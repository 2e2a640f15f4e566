//! Macros that bind a variable: folds over lists and maps, and those on optionals.

use super::super::ast::{Expr, Fold, FoldKind};
use super::super::error::CompileError;
use super::super::plan::{self, Step};
use super::super::types::Type;
use super::{Checker, Typed};

impl<'s> Checker<'_, 's> {
    pub(super) fn fold(&mut self, expr: &Expr, fold: &Fold) -> Typed<'s> {
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

    pub(super) fn opt_map(&mut self, expr: &Expr, target: &Expr, variable: &str, body: &Expr, flat: bool) -> Typed<'s> {
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

    pub(super) fn sort_by(&mut self, expr: &Expr, target: &Expr, variable: &str, key: &Expr) -> Typed<'s> {
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
