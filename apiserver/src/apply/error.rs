//! Why an apply is refused.

/// Why an apply is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Answered 409, with a cause for each conflict.
    #[error("{}", conflict_message(.0))]
    Conflict(Vec<Conflict>),
    /// Answered 400: the body is of another type, or says who owns what.
    #[error("{0}")]
    BadRequest(String),
    /// Answered 500, as Kubernetes does: the body does not fit the schema, or what is stored does not.
    #[error("{0}")]
    Untyped(String),
}

/// A field that the apply would change and another manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The other manager, as messages name it: `"m"`, or `"m" with subresource "status" using example.com/v1`.
    pub manager: String,
    /// For example `.spec.perches[name="oak"].heightM`.
    pub field: String,
}

impl Conflict {
    /// The message of its cause.
    pub fn message(&self) -> String {
        format!("conflict with {}", self.manager)
    }
}

/// The conflicts are in the order of their managers.
fn conflict_message(conflicts: &[Conflict]) -> String {
    if let [conflict] = conflicts {
        return format!("Apply failed with 1 conflict: {}: {}", conflict.message(), conflict.field);
    }
    let mut lines = Vec::with_capacity(conflicts.len() + 1);
    for group in conflicts.chunk_by(|a, b| a.manager == b.manager) {
        lines.push(format!("conflicts with {}:", group[0].manager));
        lines.extend(group.iter().map(|conflict| format!("- {}", conflict.field)));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(conflicts: &[(&str, &str)], expect: &str) {
        let conflict =
            |(manager, field): &(&str, &str)| Conflict { manager: (*manager).into(), field: (*field).into() };
        assert_eq!(ApplyError::Conflict(conflicts.iter().map(conflict).collect()).to_string(), expect);
    }

    #[test]
    fn conflicts_are_told_by_manager() {
        check(&[("\"a\"", ".x")], "Apply failed with 1 conflict: conflict with \"a\": .x");
        check(
            &[("\"a\"", ".x"), ("\"a\"", ".y"), ("\"b\" using v1", ".x")],
            "Apply failed with 3 conflicts: conflicts with \"a\":\n- .x\n- .y\nconflicts with \"b\" using v1:\n- .x",
        );
    }
}
