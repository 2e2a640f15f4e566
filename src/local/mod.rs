//! `run local`: the project's own parts as child processes, with certificates, a kubeconfig and storage.
//!
//! - [`session`]: what runs, in which order it starts and stops, and what happens when a part ends
//! - [`build`]: cargo, and what its output means; [`watch`]: notices that sources changed
//! - [`process`]: one child and its events; [`probe`]: is a part ready; [`signals`]: Ctrl-C
//! - [`pki`], [`kubeconfig`]: how clients and the server know each other
//! - [`etcd`], [`ports`], [`lock`], [`files`]: small things the others stand on
//!
//! **Invariant:** everything that happens arrives as an event on one channel, and one thread decides. Nothing sleeps to
//! wait for a part: it is asked until it is ready.

pub mod build;
pub mod etcd;
pub mod files;
mod groups;
pub mod kubeconfig;
pub mod lock;
pub mod pki;
pub mod ports;
pub mod probe;
pub mod process;
pub mod session;
pub mod signals;
pub mod watch;
