//! Two types that become each other, with the types forgotten.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Result, Value};

use super::version::Spoke;

/// Converts between a version and the stored one. Values are whole objects; what comes out is as the type writes it.
pub(super) trait Pair: Send + Sync {
    /// The object of the version in the stored one.
    fn to_hub(&self, spoke: Value) -> Result<Value>;
    /// The object of the stored version in this one.
    fn to_spoke(&self, hub: Value) -> Result<Value>;
    /// The object of the version as its type writes it.
    fn as_spoke(&self, spoke: Value) -> Result<Value>;
    /// The object of the stored version as its type writes it.
    fn as_hub(&self, hub: Value) -> Result<Value>;
}

/// The pair of a version's type and that of the stored version.
pub(super) struct TypedPair<S, Hub>(PhantomData<fn() -> (S, Hub)>);

impl<S, Hub> Default for TypedPair<S, Hub> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<S: Spoke<Hub>, Hub: Serialize + DeserializeOwned + 'static> Pair for TypedPair<S, Hub> {
    fn to_hub(&self, spoke: Value) -> Result<Value> {
        serde_json::to_value(S::deserialize(&spoke)?.into_hub())
    }

    fn to_spoke(&self, hub: Value) -> Result<Value> {
        serde_json::to_value(S::from_hub(Hub::deserialize(&hub)?))
    }

    fn as_spoke(&self, spoke: Value) -> Result<Value> {
        serde_json::to_value(S::deserialize(&spoke)?)
    }

    fn as_hub(&self, hub: Value) -> Result<Value> {
        serde_json::to_value(Hub::deserialize(&hub)?)
    }
}
