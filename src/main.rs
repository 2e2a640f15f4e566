//! Scaffolds Kubernetes-style API servers.
#![allow(dead_code)]

mod error;
mod project;
mod ui;

fn main() {}
