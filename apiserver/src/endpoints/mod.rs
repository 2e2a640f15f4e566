//! One handler per verb: HTTP in, HTTP out. Everything that decides is in [`crate::registry`].

pub mod body;
