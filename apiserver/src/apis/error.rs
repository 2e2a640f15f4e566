//! Why kinds cannot be served.

use crate::authentication::jwt::KeyError;
use crate::kind::KindError;

/// Why kinds cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A CRD contradicts itself, or its schema cannot be used.
    #[error("a kind cannot be served")]
    Kind(#[from] KindError),
    /// Two strategies for one resource, or two subresources of one name.
    #[error("{resource} is added twice; each kind has one strategy, and each subresource a name of its own")]
    Twice {
        /// The qualified resource, for example `birds.demo.example.com` or `birds.demo.example.com/feeding`.
        resource: String,
    },
    /// A version of a kind does not fit the others.
    #[error("{resource} cannot be served in {problem}")]
    Version {
        /// The qualified resource.
        resource: String,
        /// Which version, and what is wrong with it.
        problem: String,
    },
    /// The list of what is implemented contradicts itself.
    #[error("{resource} cannot be served: {problem}")]
    Verbs {
        /// The qualified resource.
        resource: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No key can be made for the tokens of service accounts.
    #[error("tokens of service accounts cannot be signed")]
    Key(#[source] KeyError),
}
