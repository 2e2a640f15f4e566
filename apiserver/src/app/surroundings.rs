//! Where a server stands: alone, or as a part of a cluster. Either says who asks, what they may do, whose webhooks are asked,
//! and what is served beside the project's kinds.

use std::sync::Arc;
use std::time::Duration;

use super::client;
use super::cluster_webhooks::{self, ClusterWebhooks};
use super::command_line::{AdmissionPlugin, ApiServer};
use super::delegation::Delegated;
use super::error::AppError;
use super::store;
use crate::admission::webhook::Source;
use crate::apis::Apis;
use crate::authentication::Authentication;
use crate::authorization::Authorization;
use crate::delegation;
use crate::endpoints::Endpoints;
use crate::server::health::Check;
use crate::standalone::access::Access;
use crate::standalone::{Alone, Standalone};
use crate::storage::Store;

/// How long a server that stands alone is not served for the sake of its namespaces. A store that is out of reach must not
/// keep it from telling so.
const NAMESPACES_MADE: Duration = Duration::from_secs(2);

/// Where a server stands, with whatever its flags can be wrong about already seen to.
pub enum Surroundings {
    Alone(Authentication, Access),
    Cluster(Delegated, Option<(Arc<ClusterWebhooks>, cluster_webhooks::Following)>),
}

/// What is served there, and to whom.
pub struct Served {
    pub endpoints: Arc<Endpoints>,
    pub authentication: Authentication,
    pub authorization: Authorization,
    pub checks: Vec<Check>,
    pub background: Background,
}

/// What works beside the requests, until it is stopped or dropped.
pub enum Background {
    Alone(Box<Alone>),
    Cluster { _webhooks: Option<cluster_webhooks::Following>, _trust: Option<delegation::Following> },
}

impl Surroundings {
    /// Reads what the flags name, and asks the cluster what must be known of it.
    pub async fn find(flags: &ApiServer, authentication: Authentication) -> Result<Self, AppError> {
        if flags.standalone {
            return Ok(Self::Alone(authentication, flags.access.load()?));
        }
        let cluster = client::cluster(flags.kubeconfig.as_deref()).await?;
        let own_authorities = flags.client_ca_file.is_some();
        let delegated = flags.delegation.connect(authentication, own_authorities, cluster.as_ref()).await?;
        if cluster.is_none() {
            tracing::warn!("without --kubeconfig, and outside of a cluster, no webhooks are asked");
        }
        Ok(Self::Cluster(delegated, cluster.map(|client| ClusterWebhooks::follow(&client, true))))
    }

    /// Serves kinds over a store.
    pub async fn serve(self, flags: &ApiServer, mut apis: Apis, store: Arc<dyn Store>) -> Result<Served, AppError> {
        match self {
            Self::Alone(authentication, access) => {
                let access = flags.access.with_key(access, store::folder(flags)?)?;
                let lifecycle = !flags.disable_admission_plugins.contains(&AdmissionPlugin::NamespaceLifecycle);
                let mut alone = Standalone::default().event_ttl(flags.event_ttl).namespace_lifecycle(lifecycle);
                if flags.without_controllers {
                    alone = alone.without_controllers();
                }
                let alone = alone.access(access).start(apis, store).map_err(AppError::Build)?;
                // Whoever comes as soon as there is a port finds the namespaces that are always there.
                let _ = tokio::time::timeout(NAMESPACES_MADE, alone.made()).await;
                Ok(Served {
                    endpoints: alone.endpoints().clone(),
                    authentication: authentication.tokens(Arc::new(alone.tokens().clone())),
                    authorization: alone.authorization().clone(),
                    checks: alone.checks().into(),
                    background: Background::Alone(Box::new(alone)),
                })
            }
            Self::Cluster(delegated, webhooks) => {
                let (webhooks, following) = webhooks.unzip();
                let mut checks = Vec::new();
                if let Some(webhooks) = webhooks {
                    apis.webhook_source(webhooks.clone());
                    checks.push(webhooks_are_known(webhooks));
                }
                Ok(Served {
                    endpoints: apis.build(store).map_err(AppError::Build)?,
                    authentication: delegated.authentication,
                    authorization: delegated.authorization,
                    checks,
                    background: Background::Cluster { _webhooks: following, _trust: delegated.following },
                })
            }
        }
    }
}

impl Background {
    /// Lets what works there finish what it has begun.
    pub async fn stop(self) {
        if let Self::Alone(alone) = self {
            alone.stop().await;
        }
    }
}

fn webhooks_are_known(webhooks: Arc<ClusterWebhooks>) -> Check {
    let known = move || {
        let known = webhooks.hooks().is_some();
        async move { if known { Ok(()) } else { Err("the cluster's webhooks are not known yet".to_owned()) } }
    };
    Check::new("admission-webhooks", known).readiness_only()
}
