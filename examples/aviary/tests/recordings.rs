//! Conversations that somebody had with a real kube-apiserver about these kinds, held again with this server on each
//! storage that a server can have.

#[path = "../../recordings/mod.rs"]
mod recordings;

use std::path::Path;

use apiserver::storage::embedded::EmbeddedStore;
use apiserver::storage::etcd::testing::EtcdServer;
use apiserver::storage::memory::MemoryStore;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use aviary::apis::install;
use recordings::{RECORDINGS, compare, replay, transcript};

#[tokio::test]
async fn in_memory() {
    replay("demo", install, MemoryStore::default()).await;
}

#[tokio::test]
async fn on_embedded_storage() {
    let folder = tempfile::tempdir().unwrap();
    replay(
        "demo",
        install,
        EmbeddedStore::open(&folder.path().join("data")).unwrap(),
    )
    .await;
}

#[tokio::test]
async fn on_etcd() {
    let Some(etcd) = EtcdServer::start() else {
        return eprintln!("skipped: there is no etcd here");
    };
    replay("demo", install, etcd.store().await).await;
}

/// The kinds are what the recordings are about, to the last keyword that a client can observe.
#[test]
fn the_kinds_are_those_of_the_recordings() {
    let mut apis = apiserver::Apis::default();
    install(&mut apis);
    let text = std::fs::read_to_string(Path::new(RECORDINGS).join("crds.yaml")).unwrap();
    let recorded: Vec<CustomResourceDefinition> = serde_saphyr::from_multiple(&text).unwrap();
    let mut ours = apis.crds();
    assert_eq!(ours.len(), recorded.len());
    for (ours, recorded) in ours.iter_mut().zip(recorded) {
        let ours = transcript::observable(ours.clone());
        let recorded = transcript::observable(recorded);
        let differences = compare::differences(&recorded, &ours);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}
