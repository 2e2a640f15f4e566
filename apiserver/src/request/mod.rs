//! What a request asks for and in which form: its path, its options, its media types. Pure functions, no IO.
//! [`clock`] alone is none.

pub mod clock;
pub mod context;
pub mod decode;
pub mod info;
pub mod media;
pub mod patch;
pub mod protobuf;
pub mod query;
pub mod selectors;
pub mod user;
