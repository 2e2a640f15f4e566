//! The client of the API server that controllers use.

use std::path::Path;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::error::AppError;

/// The first wait before the API server is asked again, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// A client by a kubeconfig, or by what kubectl would use, or for the cluster that this process runs in.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Client, AppError> {
    Client::try_from(config(kubeconfig).await?).map_err(AppError::Client)
}

/// Where the API server is and how to reach it, from the same places.
pub async fn config(kubeconfig: Option<&Path>) -> Result<Config, AppError> {
    match kubeconfig {
        None => Config::infer().await.map_err(AppError::NoServer),
        Some(path) => {
            let failed = |source| AppError::Kubeconfig { path: path.to_owned(), source };
            let kubeconfig = Kubeconfig::read_from(path).map_err(failed)?;
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(failed)
        }
    }
}

/// A client by a kubeconfig, or for the cluster that this process runs in; none where it runs in none.
pub async fn cluster(kubeconfig: Option<&Path>) -> Result<Option<Client>, AppError> {
    if kubeconfig.is_some() {
        return connect(kubeconfig).await.map(Some);
    }
    match Config::incluster() {
        Ok(config) => Client::try_from(config).map(Some).map_err(AppError::Client),
        Err(_) => Ok(None),
    }
}

/// Waits until the API server answers. Whatever is started together with it would otherwise die of being too early.
pub async fn answers(client: &Client) {
    let (mut wait, wait_max) = RETRY;
    loop {
        match client.apiserver_version().await {
            Ok(version) => {
                tracing::info!(version = version.git_version, "the API server answers");
                return;
            }
            // Whoever says no is there; controllers will learn what they may not do.
            Err(kube::Error::Api(status)) if status.code != 503 => {
                tracing::warn!(message = status.message, "the API server answers, but does not tell its version");
                return;
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::info!(error, again_in = ?wait, "waiting for the API server");
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(wait_max);
    }
}
