//! One kind in several versions. The storage version is the hub: every other version converts to it and from it.
//!
//! - `version` a version as a project declares it · `pair` two types that become each other
//! - `conversions` objects between the versions of a kind · [`kept`] what one version has and the other cannot hold

mod conversions;
pub mod kept;
mod pair;
mod version;

use serde_json::Value;

pub(crate) use conversions::Conversions;
pub(crate) use version::Further;
pub use version::{Spoke, Version};

use crate::kind::KindVersion;

/// Why an object cannot be shown in another version. Answered 500: the object is stored and cannot be read. In a write it
/// is the client's object that is not of its type, which is answered 422.
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

    /// Whether objects of the two differ in `apiVersion` alone.
    fn is_same_shape(&self, a: &KindVersion, b: &KindVersion) -> bool {
        std::ptr::eq(a, b)
    }

    /// The annotations in which conversions [keep](kept) what another version cannot hold. They are the server's, and no
    /// part of what a client writes.
    fn kept_annotations(&self) -> &[String] {
        &[]
    }
}

/// Versions of one shape: nothing changes but `apiVersion`, as with a CRD whose conversion strategy is `None`.
#[derive(Debug, Default)]
pub struct SameShape;

impl Conversion for SameShape {
    fn convert(&self, from: &KindVersion, to: &KindVersion, mut object: Value) -> Result<Value, ConversionError> {
        if !std::ptr::eq(from, to) {
            set_api_version(&mut object, to);
        }
        Ok(object)
    }

    fn is_same_shape(&self, _: &KindVersion, _: &KindVersion) -> bool {
        true
    }
}

fn set_api_version(object: &mut Value, version: &KindVersion) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert("apiVersion".into(), version.api_version().into());
    }
}
