//! The whole server inside a test: no port, no certificate, no cluster, and nothing left behind.
//!
//! - [`TestServer`]: passes every request through the same filters and handlers as a server that listens, and keeps its
//!   objects in memory. Its clients are ordinary [`kube::Client`]s over a connection within the process.
//! - [`Listening`]: a port and a kubeconfig, for those outside the test's process
//! - [`Faults`]: what goes wrong between it and controllers, on purpose · [`trials`]: one scenario under many of them
//! - [`WebhookTest`], [`WebhookServer`]: the webhooks of a project, asked as a cluster asks them
//! - [`round_trips`]: whether versions of a kind lose anything on their way to each other

mod builder;
mod client;
mod faults;
mod generate;
mod instance;
mod listening;
mod logs;
mod namespace;
mod pattern;
mod quiet;
mod round_trips;
mod schedulers;
mod server;
#[cfg(test)]
mod tests;
mod trials;
mod webhooks;
mod wire;
mod writes;

pub use self::builder::TestServerBuilder;
pub use self::faults::Faults;
pub use self::listening::Listening;
pub use self::round_trips::round_trips;
pub use self::server::TestServer;
pub use self::trials::{Trial, trials};
pub use self::webhooks::{Reviewed, WebhookServer, WebhookTest};
