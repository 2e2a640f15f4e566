//! Errors as logs tell them.

use std::error::Error;
use std::fmt;

/// An error and its causes.
pub(super) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// An error with its causes, leaving out those that its own text tells already.
pub(in crate::manager) struct Chain<'a>(pub(in crate::manager) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = String::new();
        for error in chain(self.0) {
            let separator = if told.is_empty() { "" } else { ": " };
            if let Some(kube::Error::Api(status)) = error.downcast_ref() {
                // kube's own text holds the debug form as well, and its cause says the same once more.
                told = format!("{told}{separator}{} ({} {})", status.message, status.code, status.reason);
                break;
            }
            let text = error.to_string();
            if !told.contains(&text) {
                told = format!("{told}{separator}{text}");
            }
        }
        f.write_str(&told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::fake::api_error;

    #[derive(Debug, thiserror::Error)]
    #[error("no perch")]
    struct Wrapped(#[source] kube::Error);

    #[test]
    fn an_error_is_told_once_with_its_causes() {
        assert_eq!(Chain(&Wrapped(api_error(403, "Forbidden"))).to_string(), "no perch: Forbidden (403 Forbidden)");
        assert_eq!(Chain(&api_error(404, "NotFound")).to_string(), "NotFound (404 NotFound)");
    }
}
