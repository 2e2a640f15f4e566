//! What can be wrong with an expression, and what can go wrong while it is evaluated.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::ops::Deref;

/// Why an expression cannot be used, with the place in it. Displayed as CEL for Go does it, the place underlined.
///
/// Behind a pointer, because it goes through functions that call themselves, and their frames should be small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CompileError(Box<Problem>);

/// What an expression is refused for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What is wrong.
    pub(crate) problem: String,
    /// From 1, in characters.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    text: String,
}

/// Why an evaluation has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// Values are of types that an operator or function does not take; only where types are not known in advance.
    Overload,
    /// The expression costs more than it may. Nothing absorbs this one.
    Cost,
    /// Anything else, for example `division by zero`.
    Failed(Cow<'static, str>),
}

/// What an evaluation yields.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl CompileError {
    /// `at` is an offset in bytes.
    pub(super) fn new(source: &str, at: usize, problem: impl Into<String>) -> Self {
        let before = source.get(..at).unwrap_or(source);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let text = source[start..].lines().next().unwrap_or_default().to_owned();
        Self(Box::new(Problem {
            problem: problem.into(),
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
            text,
        }))
    }
}

impl Deref for CompileError {
    type Target = Problem;

    fn deref(&self) -> &Problem {
        &self.0
    }
}

impl Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { problem, line, column, text } = &*self.0;
        write!(f, "ERROR: <input>:{line}:{column}: {problem}\n | {text}\n | {}^", ".".repeat(column - 1))
    }
}

impl std::error::Error for CompileError {}

impl Error {
    pub(super) fn failed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Failed(message.into())
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overload => "no such overload",
            Self::Cost => "operation cancelled: actual cost limit exceeded",
            Self::Failed(message) => message,
        })
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_shown_where_it_is() {
        let source = "self.a ||\n  é.b";
        let error = CompileError::new(source, source.find(".b").expect("a place"), "undefined field 'b'");
        assert_eq!(error.to_string(), "ERROR: <input>:2:4: undefined field 'b'\n |   é.b\n | ...^");
        assert_eq!(CompileError::new("", 0, "nothing").to_string(), "ERROR: <input>:1:1: nothing\n | \n | ^");
        assert_eq!(CompileError::new("ab", 2, "end").to_string(), "ERROR: <input>:1:3: end\n | ab\n | ..^");
    }
}
