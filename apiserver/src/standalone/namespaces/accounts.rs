//! The account `default` that each namespace has. Source:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/serviceaccount/serviceaccounts_controller.go>

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::{Caches, creation};
use crate::builtin;
use crate::registry::error::Error;
use crate::registry::rest::Rest;
use crate::standalone::caller::Caller;
use crate::storage::cache::Waiter;

const NAME: &str = "default";

/// How long a failure is waited out.
const RETRY: Duration = Duration::from_secs(1);

/// Makes it wherever it is missing, and tells when it first is nowhere.
///
/// Both caches are read anew whenever one of them changes: that finds namespaces without the account whatever has become
/// of it, costs a look per namespace, and a burst of changes is read once.
pub(super) async fn run(
    accounts: Arc<dyn Rest>,
    caches: Caches,
    mut namespaces: watch::Receiver<bool>,
    made: watch::Sender<bool>,
) {
    if namespaces.wait_for(|made| *made).await.is_err() {
        return;
    }
    let waiters = [&caches.namespaces, &caches.accounts].map(|cache| cache.waiter(cache.prefix()));
    loop {
        let told = waiters.each_ref().map(Waiter::told);
        if let Err(error) = pass(&*accounts, &caches).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a namespace has no account yet");
            tokio::time::sleep(RETRY).await;
            continue;
        }
        made.send_if_modified(|made| !std::mem::replace(made, true));
        tokio::select! {
            () = waiters[0].changed(&told[0]) => {}
            () = waiters[1].changed(&told[1]) => {}
        }
    }
}

async fn pass(accounts: &dyn Rest, caches: &Caches) -> Result<(), Error> {
    let namespaces = &caches.namespaces;
    for namespace in namespaces.snapshot(namespaces.prefix(), |one| !builtin::is_terminating(one)).objects {
        let namespace = &namespace.summary.name;
        let there = caches.accounts.get(&format!("{}{namespace}/{NAME}", caches.accounts.prefix()));
        if there.is_some() {
            continue;
        }
        let cx = creation(&Caller::of_service_account("service-account-controller"), accounts, namespace, NAME);
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": NAME } });
        match accounts.create(&cx, accounts.kind().storage_version(), account).await {
            // The cache may not know of it yet, and the namespace may be on its way out by now, or gone.
            Err(Error::AlreadyExists { .. } | Error::Denied { code: 403 | 404, .. }) => {}
            made => drop(made?),
        }
    }
    Ok(())
}
