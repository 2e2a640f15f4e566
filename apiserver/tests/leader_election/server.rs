//! The server that all ask, on a port.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use apiserver::Apis;
use apiserver::authentication::{Anonymous, Authentication};
use apiserver::authorization::{Attributes, AuthorizationError, Authorizer, Decision};
use apiserver::server::{Core, ServeConfig, Serving, serve};
use apiserver::storage::memory::MemoryStore;
use futures::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config, ResourceExt};
use tokio::task::JoinSet;

/// Serves until it is dropped, and notes who wrote.
pub struct Server {
    serving: Serving,
    /// By resourceVersion, which tells their order.
    acts: Arc<Mutex<BTreeMap<u64, String>>>,
    _watch: JoinSet<()>,
}

struct Everybody;

#[apiserver::async_trait]
impl Authorizer for Everybody {
    async fn authorize(&self, _: Attributes<'_>) -> Result<Decision, AuthorizationError> {
        Ok(Decision::Allow("".into()))
    }
}

impl Server {
    pub async fn start() -> Self {
        let mut apis = Apis::default();
        apis.native::<Lease>();
        apis.native::<ConfigMap>();
        let endpoints = apis.build(Arc::new(MemoryStore::default())).expect("kinds");
        endpoints.filled().await;
        let core = Core::builder(endpoints)
            .authenticator(Authentication::default().anonymous(Anonymous::everywhere()))
            .authorizer(Everybody)
            .build();
        let serving = serve(ServeConfig::plain(([127, 0, 0, 1], 0).into()), core).await.expect("a port");
        let acts = Arc::default();
        let mut server = Self { serving, acts, _watch: JoinSet::new() };
        let client = Client::try_from(Config::new(server.url().parse().expect("an address"))).expect("a client");
        server._watch.spawn(note(client, server.acts.clone()));
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.serving.address())
    }

    /// Who wrote, in order.
    pub fn acts(&self) -> Vec<String> {
        self.acts.lock().unwrap().values().cloned().collect()
    }
}

async fn note(client: Client, acts: Arc<Mutex<BTreeMap<u64, String>>>) {
    let maps = watcher(Api::<ConfigMap>::all(client), watcher::Config::default()).default_backoff();
    let mut maps = std::pin::pin!(maps.applied_objects());
    while let Some(map) = maps.next().await {
        let Ok(map) = map else { continue };
        let Some(by) = map.data.as_ref().and_then(|data| data.get("by")) else { continue };
        let version = map.resource_version().and_then(|version| version.parse().ok()).expect("a version");
        acts.lock().unwrap().insert(version, by.clone());
    }
}
