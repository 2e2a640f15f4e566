//! Structural schemas.

pub mod json_path;
pub(crate) mod path;
