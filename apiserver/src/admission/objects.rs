//! The other objects of this server, for plugins that decide by them.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::kind::Typed;

/// A type, as whoever keeps objects is asked for it.
macro_rules! wanted {
    ($type:ty) => {
        Wanted { group: &<$type>::group(&()), version: &<$type>::version(&()), kind: &<$type>::kind(&()) }
    };
}

/// Reads objects of this server: from memory, typed, and without asking whether the user of the request may see them.
#[derive(Clone, Default)]
pub struct Objects(Option<Arc<dyn Reader>>);

/// Why an object cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// This server does not keep the kind.
    #[error("this server keeps no {kind} of {group:?} in version {version}")]
    Unknown {
        /// The group of the type.
        group: String,
        /// The version of the type.
        version: String,
        /// The type.
        kind: String,
    },
    /// An object is not of the type, or not readable at all.
    #[error("{0}")]
    Unreadable(String),
}

/// Whoever keeps objects. `version` is that in which they are given.
#[async_trait]
pub trait Reader: Send + Sync + 'static {
    /// One object; `namespace` is ignored for kinds without.
    ///
    /// # Errors
    /// Kinds that are not kept, and objects that cannot be read.
    async fn get(&self, kind: Wanted<'_>, namespace: &str, name: &str) -> Result<Option<Value>, ReadError>;

    /// All objects in a namespace, or everywhere where it is empty, sorted by namespace and name.
    ///
    /// # Errors
    /// Kinds that are not kept, and objects that cannot be read.
    async fn list(&self, kind: Wanted<'_>, namespace: &str) -> Result<Vec<Value>, ReadError>;
}

/// A kind in one of its versions.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The API group.
    pub group: &'a str,
    /// The version.
    pub version: &'a str,
    /// The kind.
    pub kind: &'a str,
}

impl Objects {
    /// The objects of whoever keeps them.
    pub fn new(reader: Arc<dyn Reader>) -> Self {
        Self(Some(reader))
    }

    /// Reads one object; `namespace` is ignored for kinds without. What was acknowledged by this server before is seen.
    ///
    /// # Errors
    /// Kinds that this server does not store, and objects that are not of the type.
    pub async fn get<K: Typed>(&self, namespace: &str, name: &str) -> Result<Option<K>, ReadError> {
        let found = self.reader::<K>()?.get(wanted!(K), namespace, name).await?;
        found.as_ref().map(read).transpose()
    }

    /// Reads all objects of a kind in a namespace, or everywhere where that is empty.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn list<K: Typed>(&self, namespace: &str) -> Result<Vec<K>, ReadError> {
        self.reader::<K>()?.list(wanted!(K), namespace).await?.iter().map(read).collect()
    }

    fn reader<K: Typed>(&self) -> Result<&dyn Reader, ReadError> {
        self.0.as_deref().ok_or_else(|| unknown(wanted!(K)))
    }
}

/// A kind that is not kept.
pub fn unknown(kind: Wanted<'_>) -> ReadError {
    ReadError::Unknown { group: kind.group.into(), version: kind.version.into(), kind: kind.kind.into() }
}

fn read<K: Typed>(value: &Value) -> Result<K, ReadError> {
    K::deserialize(value).map_err(|error| ReadError::Unreadable(format!("an object is no {}: {error}", K::kind(&()))))
}
