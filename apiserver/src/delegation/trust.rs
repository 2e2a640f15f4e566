//! Whom the cluster trusts: the authorities of its users and of its proxy, which it publishes in a ConfigMap and may change
//! at any time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Client};
use tokio::task::JoinHandle;

use crate::authentication::client_certificate::AuthoritiesError;
use crate::authentication::{ClientCertificates, FrontProxy, FrontProxyHeaders};
use crate::follow::follow;

const NAMESPACE: &str = "kube-system";
const NAME: &str = "extension-apiserver-authentication";

/// The longest that the first answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whom a cluster trusts, kept up to date.
#[derive(Clone, Default)]
pub struct ClusterTrust {
    /// Its users' certificates.
    pub users: Arc<ClientCertificates>,
    /// Its proxy.
    pub proxy: Arc<FrontProxy>,
}

/// Follows the ConfigMap until dropped.
pub struct Following(JoinHandle<()>);

/// Why it is not known whom a cluster trusts.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// This server may not read the ConfigMap.
    #[error(
        "this server may not read the ConfigMap {NAMESPACE}/{NAME}: {0}; bind its user to the Role \
         extension-apiserver-authentication-reader in {NAMESPACE}"
    )]
    Forbidden(String),
    /// There is no such ConfigMap.
    #[error("the cluster has no ConfigMap {NAMESPACE}/{NAME}, so that it is not known whose certificates it trusts")]
    Missing,
    /// The cluster did not answer.
    #[error("the cluster did not tell within {PATIENCE:?} whose certificates it trusts")]
    Silent,
    /// Anything else.
    #[error("the ConfigMap {NAMESPACE}/{NAME} cannot be read")]
    Failed(#[source] kube::Error),
    /// A field of it is no list of names.
    #[error("the ConfigMap {NAMESPACE}/{NAME} cannot be used: {field} is no JSON list of texts")]
    List {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A field of it holds no authorities.
    #[error("the ConfigMap {NAMESPACE}/{NAME} cannot be used: {field} holds no authorities")]
    Authorities {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        source: AuthoritiesError,
    },
}

impl ClusterTrust {
    /// Reads whom the cluster trusts.
    ///
    /// # Errors
    /// It cannot be read, or makes no sense.
    pub async fn read(&self, client: &Client) -> Result<(), TrustError> {
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
        let read = tokio::time::timeout(PATIENCE, maps.get(NAME)).await.map_err(|_| TrustError::Silent)?;
        match read {
            Ok(map) => self.take(&map.data.unwrap_or_default()),
            Err(kube::Error::Api(status)) if status.code == 404 => Err(TrustError::Missing),
            Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403) => {
                Err(TrustError::Forbidden(status.message.clone()))
            }
            Err(error) => Err(TrustError::Failed(error)),
        }
    }

    /// Follows what the cluster says from now on. What cannot be used is logged, and what was known before stays.
    pub fn follow(&self, client: &Client) -> Following {
        let config = Config::default().fields(&format!("metadata.name={NAME}"));
        let mut events = follow::<ConfigMap>(client, Some(NAMESPACE), config);
        let trust = self.clone();
        Following(tokio::spawn(async move {
            while let Some(event) = events.next().await {
                let taken = match event {
                    Ok(Event::Apply(map) | Event::InitApply(map)) => trust.take(&map.data.unwrap_or_default()),
                    Ok(_) => Ok(()),
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "it cannot be followed whose certificates the cluster trusts");
                        Ok(())
                    }
                };
                if let Err(error) = taken {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "whom the cluster trusted before is still trusted");
                }
            }
        }))
    }

    fn take(&self, data: &BTreeMap<String, String>) -> Result<(), TrustError> {
        let text = |field: &str| data.get(field).filter(|text| !text.is_empty());
        let list = |field: &'static str, standard: Vec<String>| match text(field) {
            None => Ok(standard),
            Some(text) => serde_json::from_str(text).map_err(|source| TrustError::List { field, source }),
        };
        const USERS: &str = "client-ca-file";
        const PROXY: &str = "requestheader-client-ca-file";
        if let Some(pem) = text(USERS) {
            let failed = |source| TrustError::Authorities { field: USERS, source };
            self.users.replace(pem.as_bytes()).map_err(failed)?;
        }
        if let Some(pem) = text(PROXY) {
            let standard = FrontProxyHeaders::default();
            let headers = FrontProxyHeaders {
                allowed_names: list("requestheader-allowed-names", Vec::new())?,
                username: list("requestheader-username-headers", standard.username)?,
                uid: list("requestheader-uid-headers", standard.uid)?,
                group: list("requestheader-group-headers", standard.group)?,
                extra_prefix: list("requestheader-extra-headers-prefix", standard.extra_prefix)?,
            };
            let failed = |source| TrustError::Authorities { field: PROXY, source };
            self.proxy.trust(pem.as_bytes(), headers).map_err(failed)?;
        }
        Ok(())
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}
