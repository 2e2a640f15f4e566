//! Errors that say what to do about them. Everywhere in the CLI an error is an [`anyhow::Error`]; one that knows a way
//! out carries a hint, and `main` prints the chain once and the hint after it.

use std::fmt;

/// A failure at the root of a chain: what happened, and what to do.
///
/// # Examples
/// `return Err(failure("no project here").hint("run `apiserver-boot init repo --domain example.com` first").into())`
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    exit_code: u8,
}

/// A failure of the work itself: exit code 1.
pub fn failure(message: impl Into<String>) -> Failure {
    Failure { message: message.into(), hint: None, exit_code: 1 }
}

/// A command line that can never work, whatever is on the disk: exit code 2, as clap's own errors.
pub fn usage(message: impl Into<String>) -> Failure {
    Failure { message: message.into(), hint: None, exit_code: 2 }
}

impl Failure {
    /// Adds what the user can do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, not blamed on the command line: exit code 1.
    pub fn not_usage(self) -> Self {
        Self { exit_code: 1, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Adds a hint to an error that came from elsewhere, without adding a line to its chain.
pub trait WithHint<T> {
    /// What to do about the error, printed after `hint:`.
    fn with_hint<H: Into<String>>(self, hint: impl FnOnce() -> H) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> WithHint<T> for Result<T, E> {
    fn with_hint<H: Into<String>>(self, hint: impl FnOnce() -> H) -> anyhow::Result<T> {
        self.map_err(|error| anyhow::Error::new(Hinted { error: error.into(), hint: hint().into() }))
    }
}

/// The hint of an error: that of the outermost link which has one.
pub fn hint_of(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|link| match (link.downcast_ref::<Failure>(), link.downcast_ref::<Hinted>()) {
        (Some(failure), _) => failure.hint.clone(),
        (_, Some(hinted)) => Some(hinted.hint.clone()),
        _ => None,
    })
}

/// The exit code of an error: 2 when the command line is at fault, else 1.
pub fn exit_code_of(error: &anyhow::Error) -> u8 {
    error.chain().find_map(|link| link.downcast_ref::<Failure>()).map_or(1, |failure| failure.exit_code)
}

/// An error as `main` prints it: the first link behind `error:`, the others behind `cause:`, then the hint.
pub fn report(error: &anyhow::Error) -> String {
    let mut links: Vec<String> = Vec::new();
    for link in error.chain() {
        let text = link.to_string();
        // Some errors repeat their source in their own message; each fact is printed once.
        if !links.iter().any(|earlier| earlier.contains(&text)) {
            links.push(text);
        }
    }
    let mut text = String::new();
    for (index, link) in links.iter().enumerate() {
        text.push_str(if index == 0 { "error: " } else { "  cause: " });
        text.push_str(link);
        text.push('\n');
    }
    if let Some(hint) = hint_of(error) {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

struct Hinted {
    error: anyhow::Error,
    hint: String,
}

impl fmt::Debug for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for Hinted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.chain().nth(1)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[track_caller]
    fn check(error: anyhow::Error, expected: &str, code: u8) {
        assert_eq!(report(&error), expected);
        assert_eq!(exit_code_of(&error), code);
    }

    #[test]
    fn a_chain_is_printed_once_and_then_its_hint() {
        let io = || std::io::Error::other("disk full");
        check(failure("no project here").into(), "error: no project here\n", 1);
        check(usage("no such kind").hint("try Bird").into(), "error: no such kind\nhint: try Bird\n", 2);
        check(
            Err::<(), _>(io()).with_hint(|| "free some space").context("could not write PROJECT").unwrap_err(),
            "error: could not write PROJECT\n  cause: disk full\nhint: free some space\n",
            1,
        );
        check(
            Err::<(), _>(io()).context("could not write").with_hint(|| "free some space").unwrap_err(),
            "error: could not write\n  cause: disk full\nhint: free some space\n",
            1,
        );
    }
}
