//! Who asks: from a request and its connection to a [`UserInfo`].
//!
//! Certificates are judged here and not in the TLS handshake, so that a client with a bad one is told so (401) instead
//! of losing its connection, and so that a certificate authority can be replaced while connections live.

pub mod anonymous;
pub mod bearer;
pub mod client_certificate;
pub mod connection;
mod ecdsa;
pub mod front_proxy;
pub mod impersonation;
pub mod jwt;
pub mod service_account;
pub mod token_file;
pub mod union;

use std::sync::Arc;

use async_trait::async_trait;

use crate::request::user::UserInfo;

pub use anonymous::Anonymous;
pub use bearer::{BearerTokens, TokenReviewer};
pub use client_certificate::ClientCertificates;
pub use connection::ConnectionInfo;
pub use front_proxy::{FrontProxy, FrontProxyHeaders};
pub use service_account::ServiceAccountTokens;
pub use token_file::TokenFile;
pub use union::Authentication;

/// One way to find out who asks.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// `None` when the request carries nothing that this authenticator judges.
    ///
    /// # Errors
    /// The request carries such a thing and it is not good, or it could not be judged. Answered 401, unless another
    /// authenticator accepts the request.
    async fn authenticate(
        &self,
        request: &http::request::Parts,
        connection: &ConnectionInfo,
    ) -> Result<Option<Arc<UserInfo>>, AuthenticationError>;
}

/// Why credentials were not accepted. For the log: a client learns no more than "Unauthorized".
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// The client certificate is expired, of an unknown authority or not meant for clients.
    #[error("the client certificate is not good")]
    Certificate(#[source] rustls::Error),
    /// The client certificate is good, but who is meant cannot be read from it.
    #[error("the client certificate cannot be read: {0}")]
    Unreadable(String),
    /// The bearer token is not good.
    #[error("the bearer token is not good: {0}")]
    Token(String),
    /// A proxy of the right authority is not among those that are believed.
    #[error("the proxy {0:?} is not one of those whose headers are believed")]
    Proxy(String),
    /// Whoever decides could not be asked, or said no.
    #[error("credentials could not be reviewed")]
    Review(#[source] Box<dyn std::error::Error + Send + Sync>),
}
