//! One kind in several versions. The storage version is the hub: every other version converts to it and from it.

mod version;

use serde_json::Value;

pub use version::Version;

use crate::kind::KindVersion;

/// Why an object cannot be shown in another version. Answered 500: the object is stored and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot convert from {from} to {to}: {message}")]
pub struct ConversionError {
    /// The `apiVersion` of the object.
    pub from: String,
    /// The `apiVersion` that was asked for.
    pub to: String,
    /// What is wrong with it.
    pub message: String,
}

/// Turns an object of one version into the same object in another.
pub trait Conversion: Send + Sync + 'static {
    /// Gives the object in version `to`, its `apiVersion` changed as well.
    ///
    /// # Errors
    /// An object that cannot be expressed in `to`.
    fn convert(&self, from: &KindVersion, to: &KindVersion, object: Value) -> Result<Value, ConversionError>;
}

/// Versions of one shape: nothing changes but `apiVersion`, as with a CRD whose conversion strategy is `None`.
#[derive(Debug, Default)]
pub struct SameShape;

impl Conversion for SameShape {
    fn convert(&self, from: &KindVersion, to: &KindVersion, mut object: Value) -> Result<Value, ConversionError> {
        if !std::ptr::eq(from, to)
            && let Some(fields) = object.as_object_mut()
        {
            fields.insert("apiVersion".into(), to.api_version().into());
        }
        Ok(object)
    }
}
