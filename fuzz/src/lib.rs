//! What is done with bytes from outside, and what must hold whatever they are. A function panics where it does not.
//!
//! Each is a target for cargo-fuzz, in `fuzz_targets/`; `apiserver/tests/fuzz/` includes this file and calls the same
//! functions for a few seconds with mutations of what is known to be interesting.

// The kinds that have a bit of everything. Their project has a width of its own.
#[rustfmt::skip]
#[path = "../../examples/aviary/src/apis/mod.rs"]
pub mod apis;
mod parsers;
mod server;

pub use parsers::{body, json_patch, json_path, media, merge_patch, path, query, rules, schema, selectors};
pub use server::{SEPARATOR, requests};

/// What is done with bytes from outside; it must not panic.
pub type Target = fn(&[u8]);

/// All targets by their names.
pub const TARGETS: [(&str, Target); 11] = [
    ("path", path),
    ("query", query),
    ("selectors", selectors),
    ("media", media),
    ("json_patch", json_patch),
    ("merge_patch", merge_patch),
    ("body", body),
    ("schema", schema),
    ("rules", rules),
    ("json_path", json_path),
    ("requests", requests),
];
