//! The life of an object: default, admit, validate, store. Nothing here knows HTTP: objects go in, objects or a typed
//! error come out.

pub mod context;
pub mod kind;
pub mod strategy;
