//! A namespace for a test.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::PostParams;
use kube::core::ObjectMeta;
use kube::{Api, Client};

/// How often it is looked for the account, and how many times.
const LOOK: (Duration, usize) = (Duration::from_millis(1), 10_000);

/// Creates a namespace, unless it is there, and waits for its account.
pub(super) async fn make(client: Client, name: &str) -> kube::Result<()> {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    match Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &namespace).await {
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {}
        made => drop(made?),
    }
    let accounts: Api<ServiceAccount> = Api::namespaced(client, name);
    for _ in 0..LOOK.1 {
        if accounts.get_opt("default").await?.is_some() {
            break;
        }
        tokio::time::sleep(LOOK.0).await;
    }
    Ok(())
}
