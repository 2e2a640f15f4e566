//! How the server treats every Redis on its way into storage: its schema says it all.

use apiserver::Strategy;

use super::v1alpha1::redis::Redis;

/// The hooks of Redis: none.
pub struct RedisStrategy;

impl Strategy for RedisStrategy {
    type Object = Redis;
}
