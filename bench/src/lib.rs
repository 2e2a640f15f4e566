//! Measures an API server beside the fastest server there could be: one that answers the same bytes without a thought.
//!
//! From top to bottom, and `use` points only downwards:
//! - [`build`]: what building and running a fresh project takes
//! - [`soak`]: all at once and for long: is every answer right, and does memory stop growing?
//! - [`plan`]: what is measured, as data
//! - [`run`]: the plan against several servers by turns, so that noise meets all of them alike
//! - [`phase`]: what is done to a server, and what is read from it
//! - [`peer`]: the servers: started, waited for, stopped
//! - [`bare`]: the bare server itself
//! - [`load`]: requests in a closed loop over many connections
//! - [`objects`]: the objects that are written
//! - [`client`]: one connection: TLS, HTTP/2 or HTTP/1.1
//! - [`report`]: the outcome as a table, as JSON, as a chart, and beside an earlier one
//! - [`process`]: what a process costs: CPU time and memory, from the kernel
//! - [`pki`]: certificates that live as long as a run

pub mod bare;
pub mod build;
pub mod client;
pub mod load;
pub mod objects;
pub mod peer;
pub mod phase;
pub mod pki;
pub mod plan;
pub mod process;
pub mod report;
pub mod run;
pub mod soak;
