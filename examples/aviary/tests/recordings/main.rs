//! Conversations that somebody had with a real kube-apiserver about these kinds, held again with this server: every
//! answer must be the recorded one. On each storage that a server can have.
//!
//! `RECORDINGS=NAME` holds only those whose name starts so, and tells what they said.

mod compare;
mod conversation;
mod path;
mod transcript;

use std::path::Path;
use std::sync::Arc;

use apiserver::TestServer;
use apiserver::request::user::UserInfo;
use apiserver::storage::Store;
use apiserver::storage::embedded::EmbeddedStore;
use apiserver::storage::etcd::testing::EtcdServer;
use apiserver::storage::memory::MemoryStore;
use futures::StreamExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use conversation::Clients;
use transcript::Transcript;

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/recordings");

/// As many as two processors have something to do with, for most of the time goes by in waiting.
const AT_A_TIME: usize = 16;

#[tokio::test]
async fn in_memory() {
    replay(MemoryStore::default()).await;
}

#[tokio::test]
async fn on_embedded_storage() {
    let folder = tempfile::tempdir().unwrap();
    replay(EmbeddedStore::open(&folder.path().join("data")).unwrap()).await;
}

#[tokio::test]
async fn on_etcd() {
    let Some(etcd) = EtcdServer::start() else {
        return eprintln!("skipped: there is no etcd here");
    };
    replay(etcd.store().await).await;
}

/// The kinds are what the recordings are about, to the last keyword that a client can observe.
#[test]
fn the_kinds_are_those_of_the_recordings() {
    let mut apis = apiserver::Apis::default();
    aviary::apis::install(&mut apis);
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

async fn replay(store: impl Store) {
    forget_the_past(&store).await;
    let server = TestServer::builder().behind_a_cluster().store(store);
    let server = server.start(aviary::apis::install).await;
    let clients = Arc::new(Clients {
        admin: server.client(),
        user: server.client_as(UserInfo::authenticated("alice", [])),
    });
    let only = std::env::var("RECORDINGS").unwrap_or_default();
    let transcripts = Transcript::all(&Path::new(RECORDINGS).join("demo"));
    let transcripts = transcripts
        .into_iter()
        .filter(|one| one.name.starts_with(&only));
    let held: Vec<(String, Vec<String>)> = futures::stream::iter(transcripts)
        .map(|transcript| {
            let clients = clients.clone();
            async move {
                let differences = conversation::hold(&transcript, &clients).await;
                (transcript.name, differences)
            }
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    assert!(!held.is_empty(), "no recording starts with {only:?}");
    let mut failed: Vec<_> = held.iter().filter(|(_, found)| !found.is_empty()).collect();
    failed.sort();
    for (name, differences) in &failed {
        println!("{name}:\n  {}", differences.join("\n  "));
    }
    let names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
    let (failed, held) = (failed.len(), held.len());
    assert!(
        failed == 0,
        "{failed} of {held} recordings differ: {}",
        names.join(" ")
    );
}

/// Some recordings ask for the first version of all, which the server must have forgotten.
async fn forget_the_past(store: &impl Store) {
    let mut revision = store.create("/registry/past", "{}".into()).await.unwrap();
    for _ in 0..2 {
        revision = store
            .update("/registry/past", "{}".into(), revision)
            .await
            .unwrap();
    }
    store.compact(revision).await.unwrap();
}
