// placeholder
//! The controllers.

pub mod cache;

/// Adds every controller to a manager.
pub fn install(manager: &mut apiserver::Manager) {
    manager.add("redis", cache::redis::run);
}
