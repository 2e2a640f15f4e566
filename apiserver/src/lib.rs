//! A generic Kubernetes API server: serve your own kinds to kubectl, client-go and kube-rs.
//!
//! A kind derives [`kube::CustomResource`]; a [`Strategy`] says how it behaves; an [`App`] makes a program of them.
//!
//! A request passes through these modules from top to bottom, and `use` points only downwards:
//! - [`app`]: the program: flags, subcommands, what is started in which order
//! - [`manager`], [`testing`]: controllers beside the server, and the server inside a test
//! - [`apis`]: what a project serves, put together
//! - [`server`]: listeners, TLS, filters, health, metrics, shutdown
//! - [`authentication`], [`authorization`]: who asks, and whether they may
//! - [`endpoints`]: HTTP paths, verbs, media types, Tables, watch streams
//! - [`discovery`], [`openapi`]: what is served, told to clients; they read the registry's description of kinds
//! - [`builtin`]: the kinds of Kubernetes that a server offers when it stands alone
//! - [`registry`]: what create, update and delete mean; knows no HTTP
//! - [`admission`]: may change or refuse an object before it is stored
//! - [`versions`]: one kind in several shapes
//! - [`storage`]: bytes, keys and revisions, and the watch cache; knows no kinds
//! - [`schema`]: structural schemas: pruning, defaults, validation
//! - [`request`], [`field`]: what a request asks for, and errors about fields: pure functions that all may use

pub mod admission;
pub mod apis;
pub mod app;
pub mod authentication;
pub mod authorization;
pub mod builtin;
pub mod discovery;
pub mod endpoints;
pub mod field;
pub mod manager;
pub mod openapi;
pub mod registry;
pub mod request;
pub mod schema;
pub mod server;
pub mod storage;
pub mod testing;
pub mod versions;

pub use apis::Apis;
pub use app::App;
pub use manager::Manager;
pub use registry::context::RequestContext;
pub use registry::strategy::Strategy;
pub use testing::TestServer;
