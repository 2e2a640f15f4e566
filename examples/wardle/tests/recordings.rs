//! Conversations that somebody had with the Go sample about these kinds, held again with this server.

#[path = "../../recordings/mod.rs"]
#[allow(dead_code)]
mod recordings;

use apiserver::storage::embedded::EmbeddedStore;
use apiserver::storage::etcd::testing::EtcdServer;
use apiserver::storage::memory::MemoryStore;

use recordings::replay;
use wardle::apis::install;

#[tokio::test]
async fn in_memory() {
    replay("wardle", install, MemoryStore::default()).await;
}

#[tokio::test]
async fn on_embedded_storage() {
    let folder = tempfile::tempdir().unwrap();
    replay(
        "wardle",
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
    replay("wardle", install, etcd.store().await).await;
}
