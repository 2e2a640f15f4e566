//! Conversations that somebody had with a real server of Kubernetes, held again with a server of ours: every answer must be
//! the recorded one.
//!
//! `RECORDINGS=NAME` holds only those whose name starts so, and tells what they said.

pub mod compare;
mod conversation;
mod path;
pub mod transcript;

use std::path::Path;
use std::sync::Arc;

use apiserver::request::user::UserInfo;
use apiserver::storage::Store;
use apiserver::{Apis, TestServer};
use futures::StreamExt;

use conversation::Clients;
use transcript::Transcript;

/// Where the recordings are.
pub const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/recordings");

/// As many as two processors have something to do with, for most of the time goes by in waiting.
const AT_A_TIME: usize = 16;

/// Holds all conversations of a folder with a server of these kinds on this storage.
///
/// Most are held behind a cluster, where rights are recorded ones and namespaces are the cluster's; those about namespaces
/// are held with a server that keeps its own.
pub async fn replay(folder: &str, install: impl Fn(&mut Apis), store: impl Store) {
    forget_the_past(&store).await;
    let server = TestServer::builder().behind_a_cluster().store(store);
    let server = server.start(&install).await;
    let clients = clients(&server);
    let alone = TestServer::start(&install).await;
    let clients_alone = self::clients(&alone);
    let only = std::env::var("RECORDINGS").unwrap_or_default();
    let transcripts = Transcript::all(&Path::new(RECORDINGS).join(folder));
    let transcripts = transcripts
        .into_iter()
        .filter(|one| one.name.starts_with(&only));
    let held: Vec<(String, Vec<String>)> = futures::stream::iter(transcripts)
        .map(|transcript| {
            let (clients, alone) = match transcript.needs_namespaces() {
                true => (clients_alone.clone(), Some(&alone)),
                false => (clients.clone(), None),
            };
            async move {
                if let Some(alone) = alone {
                    for namespace in conversation::namespaces(&transcript) {
                        alone.namespace(&namespace).await;
                    }
                }
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

fn clients(server: &TestServer) -> Arc<Clients> {
    Arc::new(Clients {
        admin: server.client(),
        user: server.client_as(UserInfo::authenticated("alice", [])),
    })
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
