//! HTTP: listening, TLS, and the filters that every request passes before a handler sees it.
//!
//! A request passes, in this order: TLS ([`listener`], [`tls`]), the panic guard, request info, authentication,
//! impersonation, the limit of requests in flight ([`limits`]), authorization, the handler ([`Handler`]). The filters
//! are one function, [`chain::handle`], which needs no socket. [`lifecycle`] says how far a shutdown has come.

pub mod chain;
pub mod duration;
pub mod handler;
pub mod health;
mod index;
pub mod lifecycle;
pub mod limits;
pub mod listener;
pub mod metrics;
pub mod pki;
mod process;
mod query;
mod refusal;
pub mod reload;
pub mod signals;
pub mod tls;
pub mod version;

mod core;
#[cfg(test)]
mod tests;

pub use chain::handle;
pub use core::{Core, CoreBuilder};
pub use handler::Handler;
pub use listener::{Listening, ServeConfig, ServeError, Serving, listen, serve};
