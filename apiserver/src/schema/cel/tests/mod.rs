//! Expressions and what they come to. Many facts are those of Kubernetes' and CEL's own test cases.

mod costs;
mod random;
mod refusals;
mod results;
mod schemas;

use super::{COST_MAX, Program, Type, Value};

/// Evaluates an expression without variables, and shows what it comes to.
fn shown(source: &str) -> String {
    let (program, _) = Program::compile(source, &[]).unwrap_or_else(|error| panic!("{source}: {error}"));
    match program.eval(&[], COST_MAX).result {
        Ok(Value::Bool(truth)) => truth.to_string(),
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    }
}

/// Expressions that hold.
#[track_caller]
fn hold(sources: &[&str]) {
    for source in sources {
        assert_eq!(shown(source), "true", "{source}");
    }
}

/// An expression that cannot be evaluated, and why.
#[track_caller]
fn fails(source: &str, expect: &str) {
    assert_eq!(shown(source), expect, "{source}");
}

/// An expression that cannot be used, and why.
#[track_caller]
fn refuses(source: &str, expect: &str) {
    let error = Program::compile(source, &[("dyn_", Type::Dyn)]).map(|_| ()).expect_err(source);
    assert!(error.problem.starts_with(expect), "{source}: {}", error.problem);
}
