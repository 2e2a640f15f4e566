//! A further version of a kind: its types as a copy of those that are there, and the conversions between the two, which
//! the user goes on from.
//! - [`model`]: what the file of a kind's fields says of its types
//! - [`copy`]: the same file for another version
//! - [`sample`]: the sample for another version
//! - [`write`]: conversions between two files of the same types, and those through a third

pub mod copy;
pub mod model;
pub mod sample;
pub mod write;
