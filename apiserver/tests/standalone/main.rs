//! A server as a system of its own: what works behind its kinds.

#[path = "../common/mod.rs"]
mod common;
mod garbage;
mod namespace_deletion;
mod world;
