//! How the server treats every Nest on its way into storage: as its schema says, and no other way.

use apiserver::Strategy;

use super::v1::nest::Nest;

pub struct NestStrategy;

impl Strategy for NestStrategy {
    type Object = Nest;
}
