//! The namespaces that are always there. Source:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/controlplane/controller/systemnamespaces/system_namespaces_controller.go>

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::creation;
use crate::registry::error::Error;
use crate::registry::read::Freshness;
use crate::registry::rest::Rest;
use crate::standalone::caller::Caller;

const NAMES: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "default"];

/// How often it is looked whether they are still there.
const EVERY: Duration = Duration::from_secs(60);
/// How long the first failure is waited out, and the longest that one is.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Makes them, tells so, and makes them again when they are gone.
pub(super) async fn run(namespaces: Arc<dyn Rest>, made: watch::Sender<bool>) {
    let mut retry = RETRY.0;
    loop {
        match make(&*namespaces).await {
            Ok(()) => {
                made.send_replace(true);
                retry = RETRY.0;
                tokio::time::sleep(EVERY).await;
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the system's namespaces could not be made");
                tokio::time::sleep(retry).await;
                retry = (retry * 2).min(RETRY.1);
            }
        }
    }
}

async fn make(namespaces: &dyn Rest) -> Result<(), Error> {
    for name in NAMES {
        let cx = creation(&Caller::server(), namespaces, "", name);
        match namespaces.get(&cx, Freshness::Consistent).await {
            Err(Error::NotFound { .. }) => {}
            found => {
                found?;
                continue;
            }
        }
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        match namespaces.create(&cx, namespaces.kind().storage_version(), namespace).await {
            // Another server over the same store was first.
            Err(Error::AlreadyExists { .. }) => {}
            made => drop(made?),
        }
    }
    Ok(())
}
