//! The Common Expression Language, as Kubernetes 1.36 has it.
//!
//! An expression is read, checked against the types of its variables, and becomes a [`Program`], which is evaluated over
//! values of objects as often as one likes. Nothing here knows which expressions there are: rules in schemas are in
//! `schema::rules`. Sources: <https://github.com/google/cel-spec/blob/master/doc/langdef.md>,
//! <https://github.com/kubernetes/apiserver/tree/master/pkg/cel>
//!
//! Assumptions: expressions are written by those who define kinds, values by anybody. So an expression of any depth and
//! any length ends with an error at worst, and an evaluation stops where it costs more than it may.

mod ast;
mod check;
mod cost;
mod equality;
mod error;
mod escaping;
mod eval;
mod functions;
mod lexer;
mod library;
mod macros;
mod operators;
mod parser;
mod plan;
mod shape;
mod time;
mod types;
mod value;
mod view;
mod work;

#[cfg(test)]
mod tests;

pub(crate) use error::{CompileError, Error};
pub(crate) use shape::Shape;
pub(crate) use types::Type;
pub(crate) use value::Value;

/// What one evaluation may cost, in Kubernetes.
/// Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/apis/cel/config.go>
pub(crate) const COST_MAX: u64 = 1_000_000;

/// An expression that is ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Program {
    step: plan::Step,
    reads: Vec<bool>,
}

/// What an evaluation came to.
pub(crate) struct Outcome<'a> {
    /// The value, or why there is none.
    pub(crate) result: Result<Value<'a>, Error>,
    /// What it cost, found or not.
    pub(crate) cost: u64,
}

impl Program {
    /// Reads an expression over named variables; tells its type, too.
    ///
    /// # Errors
    /// What is no expression, or uses names or types wrongly as far as is known.
    pub(crate) fn compile<'s>(source: &str, variables: &[(&str, Type<'s>)]) -> Result<(Self, Type<'s>), CompileError> {
        let checked = check::check(source, &parser::parse(source)?, variables)?;
        Ok((Self { step: checked.step, reads: checked.reads }, checked.type_))
    }

    /// Whether it reads a variable, by its place among the declared ones.
    pub(crate) fn reads(&self, variable: usize) -> bool {
        self.reads.get(variable).copied().unwrap_or_default()
    }

    /// Evaluates it over the values of its variables, in the order in which they were declared.
    pub(crate) fn eval<'a>(&'a self, variables: &[Value<'a>], cost_max: u64) -> Outcome<'a> {
        debug_assert_eq!(variables.len(), self.reads.len());
        let work = work::Work::new(cost_max);
        let mut machine = eval::Machine { variables, locals: Vec::new(), work };
        let result = machine.eval(&self.step);
        Outcome { result, cost: machine.work.cost() }
    }
}
