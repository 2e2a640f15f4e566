//! A generic Kubernetes API server: serve your own kinds to kubectl, client-go and kube-rs.
//!
//! A kind derives [`kube::CustomResource`]; a [`Strategy`] says how it behaves; an [`App`] makes a program of them.
//!
//! A request passes through these modules from top to bottom, and `use` points only downwards, which a test checks:
//! - [`app`]: the program: flags, subcommands, what is started in which order
//! - [`testing`]: the server inside a test
//! - [`scheduler`]: which node gets a pod: schedulers of one's own
//! - [`webhook`]: the same kinds as CRDs of a cluster, which asks this program about each write
//! - [`manager`]: controllers beside the server
//! - [`standalone`]: what makes a server a system of its own, without a cluster
//! - [`apis`]: what a project serves, put together
//! - [`server`]: listeners, TLS, filters, health, metrics, shutdown
//! - [`delegation`]: the cluster that this server is part of says who asks, and whether they may
//! - [`follow`]: the objects of another server, as they change
//! - [`authentication`]: who asks
//! - [`authorization`]: whether they may
//! - [`builtin`]: the kinds of Kubernetes that a server offers when it stands alone
//! - [`endpoints`]: HTTP paths, verbs, media types, Tables, watch streams
//! - [`openapi`]: what the kinds look like, told to clients
//! - [`discovery`]: what is served, told to clients
//! - [`registry`]: what create, update and delete mean; knows no HTTP
//! - [`admission`]: may change or refuse an object before it is stored
//! - [`storage`]: bytes, keys and revisions, and the watch cache; knows no kinds
//! - [`apply`]: server-side apply: who owns which fields, and what becomes of them
//! - [`versions`]: one kind in several shapes
//! - [`kind`]: what a kind is, read from its CRD: the one description that all above read
//! - [`schema`]: structural schemas: pruning, defaults, validation
//! - [`request`]: what a request asks for: pure functions, no IO
//! - [`field`]: errors about fields
//! - [`body`]: bodies of requests and responses

pub mod admission;
pub mod apis;
pub mod app;
pub mod apply;
pub mod authentication;
pub mod authorization;
pub mod body;
pub mod builtin;
pub mod delegation;
pub mod discovery;
pub mod endpoints;
pub mod field;
pub mod follow;
pub mod kind;
pub mod manager;
pub mod openapi;
pub mod registry;
pub mod request;
pub mod scheduler;
pub mod schema;
pub mod server;
pub mod standalone;
pub mod storage;
pub mod testing;
pub mod versions;
pub mod webhook;

pub use admission::Admission;
pub use apis::Apis;
pub use app::App;
pub use async_trait::async_trait;
pub use body::Body;
#[cfg(feature = "ws")]
pub use endpoints::connect::websocket::{Message, WebSocket};
pub use endpoints::connect::{Connect, ConnectRequest};
pub use http;
pub use kind::Verb;
pub use manager::Manager;
/// An allocator for servers. Values of JSON are trees of small pieces of memory, and a write makes and drops hundreds:
/// with this one they take a fifth less time than with the C library's. It is used where a program says so:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: apiserver::Allocator = apiserver::Allocator;
/// ```
#[cfg(feature = "mimalloc")]
pub use mimalloc::MiMalloc as Allocator;
pub use registry::backend::Backend;
pub use registry::error::Error;
pub use registry::strategy::Strategy;
pub use registry::subresource::{Parent, Subresource};
pub use request::context::RequestContext;
pub use scheduler::Schedulers;
pub use schema::AnyFields;
pub use testing::TestServer;
pub use webhook::{Webhook, Webhooks};
