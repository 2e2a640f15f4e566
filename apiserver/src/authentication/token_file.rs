//! Tokens that were given out by hand and are listed in a file. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file>

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::AuthenticationError;
use super::bearer::{Reviewed, TokenReviewer, common};
use crate::request::user::UserInfo;

/// The tokens of a file with the columns token, user, uid and, in quotes, groups with commas between.
pub struct TokenFile {
    users: HashMap<String, Arc<UserInfo>>,
    audiences: Vec<String>,
}

/// A line that makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TokenFileError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl TokenFile {
    /// Reads a file. Its tokens are good for these audiences.
    ///
    /// # Errors
    /// The first line that makes no sense.
    pub fn parse(text: &str, audiences: Vec<String>) -> Result<Self, TokenFileError> {
        let mut users = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let failed = |problem| TokenFileError { line: index + 1, problem };
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let columns = columns(line).ok_or_else(|| failed("a quote is not closed"))?;
            let [token, user, uid, groups @ ..] = &columns[..] else {
                return Err(failed("there must be at least a token, a user and a uid"));
            };
            if token.is_empty() || user.is_empty() {
                return Err(failed("the token and the user cannot be empty"));
            }
            let groups = groups.first().map(String::as_str).unwrap_or_default();
            let groups = groups.split(',').map(str::trim).filter(|group| !group.is_empty()).map(str::to_owned);
            let user = UserInfo { uid: uid.clone(), ..UserInfo::authenticated(user, groups) };
            users.insert(token.clone(), Arc::new(user));
        }
        Ok(Self { users, audiences })
    }
}

#[async_trait]
impl TokenReviewer for TokenFile {
    async fn review(&self, token: &str, audiences: &[String]) -> Result<Option<Reviewed>, AuthenticationError> {
        let Some(user) = self.users.get(token) else { return Ok(None) };
        Ok(common(audiences, &self.audiences).map(|audiences| Reviewed { user: user.clone(), audiences }))
    }
}

/// The columns of a line; those in quotes may hold commas, and quotes by doubling them.
fn columns(line: &str) -> Option<Vec<String>> {
    let mut columns = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        let column = columns.last_mut()?;
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                column.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if column.trim().is_empty() => {
                column.clear();
                quoted = true;
            }
            ',' if !quoted => columns.push(String::new()),
            char => column.push(char),
        }
    }
    (!quoted).then(|| columns.iter().map(|column| column.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_of_a_user() {
        let text = "# who is who\nt1,alice,7,\"crew, deck\"\n\n t2 , bob , \nt3,carol,,crew\n\"t,\"\"4\",dora,9,\n";
        let file = TokenFile::parse(text, vec!["here".into(), "there".into()]).expect("a file");
        let check = async |token: &str, audiences: &[&str], expected: &str| {
            let audiences: Vec<String> = audiences.iter().map(|audience| (*audience).to_owned()).collect();
            let found = match file.review(token, &audiences).await.expect("reviewed") {
                None => "nobody".into(),
                Some(Reviewed { user, audiences }) => {
                    format!("{} {} in {} for {}", user.username, user.uid, user.groups.join(","), audiences.join(","))
                }
            };
            assert_eq!(found, expected, "{token}");
        };
        check("t1", &[], "alice 7 in crew,deck,system:authenticated for ").await;
        check("t2", &["there", "else"], "bob  in system:authenticated for there").await;
        check("t3", &[], "carol  in crew,system:authenticated for ").await;
        check("t,\"4", &[], "dora 9 in system:authenticated for ").await;
        check("t1", &["else"], "nobody").await;
        check("t5", &[], "nobody").await;
        check("", &[], "nobody").await;
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        let check = |text: &str, expected: &str| {
            let error = TokenFile::parse(text, Vec::new()).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some(expected), "{text:?}");
        };
        check("t,u,1\nt2,u2", "line 2: there must be at least a token, a user and a uid");
        check(",u,1", "line 1: the token and the user cannot be empty");
        check("t,u,1,\"crew", "line 1: a quote is not closed");
    }
}
