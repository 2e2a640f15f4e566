//! Service accounts that this server keeps, and what their tokens can be bound to.

use std::sync::OnceLock;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{Node, Pod, Secret, ServiceAccount};

use crate::admission::{Objects, ReadError};
use crate::authentication::service_account::Accounts;
use crate::kind::Typed;

/// Reads accounts from this server's own objects, which are there once kinds are put together.
#[derive(Default)]
pub struct StoredAccounts(OnceLock<Objects>);

impl StoredAccounts {
    /// Reads from these objects from now on.
    pub fn read_from(&self, objects: Objects) {
        // It is called once, when the server starts.
        let _ = self.0.set(objects);
    }
}

#[async_trait]
impl Accounts for StoredAccounts {
    async fn uid(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<String>, Box<dyn std::error::Error + Send + Sync>> {
        let Some(objects) = self.0.get() else { return Ok(None) };
        let found = match kind {
            "ServiceAccount" => uid::<ServiceAccount>(objects, namespace, name).await,
            "Secret" => uid::<Secret>(objects, namespace, name).await,
            "Pod" => uid::<Pod>(objects, namespace, name).await,
            "Node" => uid::<Node>(objects, "", name).await,
            _ => Ok(None),
        };
        match found {
            // A kind that is not served has no objects.
            Err(ReadError::Unknown { .. }) => Ok(None),
            found => Ok(found?),
        }
    }
}

async fn uid<K: Typed>(objects: &Objects, namespace: &str, name: &str) -> Result<Option<String>, ReadError> {
    Ok(objects.get::<K>(namespace, name).await?.and_then(|object| object.meta().uid.clone()))
}
