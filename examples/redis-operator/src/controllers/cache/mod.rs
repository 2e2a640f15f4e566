// placeholder
pub mod redis;
