//! A subresource that the user's own code answers for.

use serde::{Deserialize, Serialize};

/// A subresource that the user's own code answers for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subresource {
    /// The last segment of its path, for example `feeding`.
    pub name: String,
    /// What it answers with.
    #[serde(rename = "type")]
    pub answers: Answers,
}

/// What a subresource answers with.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Answers {
    /// An object of a type of its own, which can be read and written.
    Arbitrary,
    /// Whatever it likes, to any method and path below it: streams and upgraded connections too.
    Connect,
}

impl Answers {
    /// As `PROJECT`, the command line and `show` have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arbitrary => "arbitrary",
            Self::Connect => "connect",
        }
    }
}
