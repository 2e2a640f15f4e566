//! A server that is part of a cluster: how it comes to know the cluster's users. Flags carry kube-apiserver's names, as far
//! as aggregated servers in Go have them. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/server/options/authentication.go>

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use kube::Client;

use super::client;
use super::error::AppError;
use crate::authentication::{Authentication, BearerTokens, FrontProxyHeaders};
use crate::authorization::{AllowGroups, AllowPaths, Authorization, Authorizer};
use crate::delegation::{AccessReviews, ClusterTrust, Following, TokenReviews, TrustError};
use crate::server::duration;

/// The part of the command line that is about the users of a cluster.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Users of the cluster that this server is part of")]
pub struct Delegation {
    /// How to ask the cluster who is behind a token; without this, as --kubeconfig says
    #[arg(long, conflicts_with = "standalone", value_name = "PATH")]
    pub authentication_kubeconfig: Option<PathBuf>,
    /// How to ask the cluster what a user may do; without this, as --kubeconfig says
    #[arg(long, conflicts_with = "standalone", value_name = "PATH")]
    pub authorization_kubeconfig: Option<PathBuf>,
    /// Do not look up in the cluster whose certificates it trusts: --client-ca-file and --requestheader-client-ca-file say
    #[arg(long)]
    pub authentication_skip_lookup: bool,
    /// Start even if it cannot be looked up whose certificates the cluster trusts
    #[arg(long)]
    pub authentication_tolerate_lookup_failure: bool,
    /// Remember for this time whose token it is; 0 asks every time
    #[arg(long, value_parser = duration::parse, default_value = "10s", value_name = "DURATION")]
    pub authentication_token_webhook_cache_ttl: Duration,
    /// Remember for this time what a user may do
    #[arg(long, value_parser = duration::parse, default_value = "10s", value_name = "DURATION")]
    pub authorization_webhook_cache_authorized_ttl: Duration,
    /// Remember for this time what a user may not do
    #[arg(long, value_parser = duration::parse, default_value = "10s", value_name = "DURATION")]
    pub authorization_webhook_cache_unauthorized_ttl: Duration,
    /// Authorities in PEM whose certificates a proxy may show that tells of users in headers
    #[arg(long, value_name = "PATH")]
    pub requestheader_client_ca_file: Option<PathBuf>,
    /// The common names that certificate may have; any, unless given
    #[arg(long, value_delimiter = ',', requires = "requestheader_client_ca_file", value_name = "NAME")]
    pub requestheader_allowed_names: Vec<String>,
    /// The headers that hold the user's name
    #[arg(long, value_delimiter = ',', default_value = "x-remote-user", value_name = "HEADER")]
    pub requestheader_username_headers: Vec<String>,
    /// The headers that hold the user's uid
    #[arg(long, value_delimiter = ',', default_value = "x-remote-uid", value_name = "HEADER")]
    pub requestheader_uid_headers: Vec<String>,
    /// The headers that hold the user's groups
    #[arg(long, value_delimiter = ',', default_value = "x-remote-group", value_name = "HEADER")]
    pub requestheader_group_headers: Vec<String>,
    /// What the headers begin with that hold whatever else is known of the user
    #[arg(long, value_delimiter = ',', default_value = "x-remote-extra-", value_name = "PREFIX")]
    pub requestheader_extra_headers_prefix: Vec<String>,
}

/// Who asks and what they may do, as a cluster says.
pub struct Delegated {
    pub authentication: Authentication,
    pub authorization: Authorization,
    pub following: Option<Following>,
}

impl Delegation {
    /// Adds the users of a cluster to those of `authentication`. `cluster` is the way to the cluster that is taken where no
    /// flag names another; without any way, only members of `system:masters` are let in.
    pub async fn connect(
        &self,
        mut authentication: Authentication,
        own_client_authorities: bool,
        cluster: Option<&Client>,
    ) -> Result<Delegated, AppError> {
        let trust = ClusterTrust::default();
        if let Some(path) = &self.requestheader_client_ca_file {
            let flag = "--requestheader-client-ca-file";
            let pem = std::fs::read(path).map_err(|source| AppError::Read { path: path.clone(), flag, source })?;
            let failed = |source| AppError::Authorities { path: path.clone(), source };
            trust.proxy.trust(&pem, self.headers()).map_err(failed)?;
        }
        let asked_for_users = named(self.authentication_kubeconfig.as_deref(), cluster).await?;
        let mut following = None;
        if let Some(client) = &asked_for_users {
            if !self.authentication_skip_lookup {
                self.look_up(&trust, client).await?;
                following = Some(trust.follow(client));
            }
            let ttl = self.authentication_token_webhook_cache_ttl;
            let reviews = Arc::new(TokenReviews::new(client.clone(), ttl));
            authentication = authentication.tokens(Arc::new(BearerTokens::new(vec![reviews])));
        }
        if !own_client_authorities {
            authentication = authentication.client_certificates(trust.users.clone());
        }
        authentication = authentication.front_proxy(trust.proxy.clone());
        let mut authorizers: Vec<Arc<dyn Authorizer>> =
            vec![Arc::new(AllowGroups::masters()), Arc::new(AllowPaths::health_and_version())];
        match named(self.authorization_kubeconfig.as_deref(), cluster).await? {
            Some(client) => {
                let allowed = self.authorization_webhook_cache_authorized_ttl;
                let refused = self.authorization_webhook_cache_unauthorized_ttl;
                authorizers.push(Arc::new(AccessReviews::new(client, allowed, refused)));
            }
            None => tracing::warn!(
                "without --kubeconfig, --authorization-kubeconfig or --standalone only members of system:masters are let in"
            ),
        }
        Ok(Delegated { authentication, authorization: Authorization::new(authorizers), following })
    }

    async fn look_up(&self, trust: &ClusterTrust, client: &Client) -> Result<(), AppError> {
        match trust.read(client).await {
            Ok(()) => Ok(()),
            Err(error) if self.authentication_tolerate_lookup_failure => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "it is not known whose certificates the cluster trusts");
                Ok(())
            }
            // Such a server can still be reached by tokens, and so may a cluster that has no proxy.
            Err(error @ TrustError::Missing) => {
                tracing::warn!("{error}: users are known by their tokens alone");
                Ok(())
            }
            Err(error) => Err(AppError::Trust(error)),
        }
    }

    fn headers(&self) -> FrontProxyHeaders {
        FrontProxyHeaders {
            allowed_names: self.requestheader_allowed_names.clone(),
            username: self.requestheader_username_headers.clone(),
            uid: self.requestheader_uid_headers.clone(),
            group: self.requestheader_group_headers.clone(),
            extra_prefix: self.requestheader_extra_headers_prefix.clone(),
        }
    }
}

/// The client that a flag names, or else the one there is.
async fn named(kubeconfig: Option<&Path>, cluster: Option<&Client>) -> Result<Option<Client>, AppError> {
    match kubeconfig {
        Some(path) => client::connect(Some(path)).await.map(Some),
        None => Ok(cluster.cloned()),
    }
}
