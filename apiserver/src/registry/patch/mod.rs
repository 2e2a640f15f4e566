//! Patches: what they make of a document. They know nothing of kinds; the result is checked like any other object.

pub mod difference;
pub mod json_patch;
pub mod merge_patch;
pub mod strategic;
