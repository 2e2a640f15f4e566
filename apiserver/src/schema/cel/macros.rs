//! Calls that are not calls: their arguments are looked at before they are evaluated.

use super::ast::{Expr, Fold, FoldKind, Kind};
use super::error::CompileError;
use super::parser::Parser;

/// `has(a.b)`, or a call of a function.
pub(super) fn expand_function(
    parser: &Parser<'_>,
    at: usize,
    function: String,
    mut args: Vec<Expr>,
) -> Result<Expr, CompileError> {
    let depth = depth(&args);
    if function == "has" && args.len() == 1 {
        let arg = args.remove(0);
        return match *arg.kind {
            Kind::Select { operand, field, optional: false } => parser.make(at, Kind::Has { operand, field }, depth),
            _ => Err(parser.error(arg.at, "invalid argument to has() macro")),
        };
    }
    parser.make(at, Kind::Call { function, target: None, args }, depth)
}

/// A macro that walks over a list or map, one on optionals, or a call of a method.
pub(super) fn expand_method(
    parser: &Parser<'_>,
    at: usize,
    target: Expr,
    method: String,
    mut args: Vec<Expr>,
) -> Result<Expr, CompileError> {
    let depth = depth(&args).max(target.depth);
    let (kind, variables) = match (method.as_str(), args.len()) {
        ("all", 2 | 3) => (FoldKind::All, args.len() - 1),
        ("exists", 2 | 3) => (FoldKind::Exists, args.len() - 1),
        ("exists_one" | "existsOne", 2 | 3) => (FoldKind::ExistsOne, args.len() - 1),
        ("map", 2 | 3) | ("filter", 2) => (FoldKind::List, 1),
        ("transformList", 3 | 4) => (FoldKind::List, 2),
        ("transformMap", 3 | 4) => (FoldKind::Map, 2),
        ("transformMapEntry", 3 | 4) => (FoldKind::Entries, 2),
        ("optMap" | "optFlatMap" | "sortBy", 2) => return of_two(parser, at, target, &method, args),
        _ => {
            let kind = Kind::Call { function: method, target: Some(target), args };
            return parser.make(at, kind, depth);
        }
    };
    let rest = args.split_off(variables);
    let variables = args.into_iter().map(|arg| name(parser, arg)).collect::<Result<Vec<_>, _>>()?;
    if let [first, second] = &*variables
        && first == second
    {
        return Err(parser.error(at, format!("duplicate variable name: {first}")));
    }
    let mut rest = rest.into_iter();
    let (Some(first), second) = (rest.next(), rest.next()) else { return Err(parser.error(at, "missing argument")) };
    let (filter, body) = match second {
        Some(body) => (Some(first), body),
        None if method == "filter" => {
            let item = Expr { at: first.at, depth: 1, kind: Box::new(Kind::Ident(variables[0].clone())) };
            (Some(first), item)
        }
        None => (None, first),
    };
    parser.make(at, Kind::Fold(Fold { kind, range: target, variables, filter, body }), depth)
}

/// Macros of a variable and what is made of it.
fn of_two(
    parser: &Parser<'_>,
    at: usize,
    target: Expr,
    method: &str,
    mut args: Vec<Expr>,
) -> Result<Expr, CompileError> {
    let depth = depth(&args).max(target.depth);
    let body = args.remove(1);
    let variable = name(parser, args.remove(0))?;
    let kind = match method {
        "sortBy" => Kind::SortBy { target, variable, key: body },
        _ => Kind::OptMap { target, variable, body, flat: method == "optFlatMap" },
    };
    parser.make(at, kind, depth)
}

fn name(parser: &Parser<'_>, arg: Expr) -> Result<String, CompileError> {
    match *arg.kind {
        // What CEL for Go calls the result of a fold while it is being made.
        Kind::Ident(name) if name == "__result__" => {
            Err(parser.error(arg.at, "iteration variable overwrites accumulator variable"))
        }
        Kind::Ident(name) => Ok(name),
        _ => Err(parser.error(arg.at, "argument must be a simple name")),
    }
}

fn depth(args: &[Expr]) -> usize {
    args.iter().map(|arg| arg.depth).max().unwrap_or_default()
}
