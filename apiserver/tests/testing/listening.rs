//! The same server over a port.

use std::pin::pin;
use std::time::Duration;

use apiserver::testing::Faults;
use futures::StreamExt;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::time::timeout;

use crate::{create, redises, start};

#[tokio::test]
async fn a_kubeconfig_is_all_that_a_client_needs() {
    let server = start().await;
    create(&server, "one", 1).await;
    let listening = server.listen().await;
    assert!(listening.address().ip().is_loopback());
    let outside = redises(listening.client().await);
    let mut events = pin!(outside.watch(&WatchParams::default().disable_bookmarks(), "0").await.unwrap());
    for name in ["one", "two"] {
        let event = timeout(Duration::from_secs(10), events.next()).await.unwrap();
        assert!(matches!(&event, Some(Ok(WatchEvent::Added(redis))) if redis.metadata.name.as_deref() == Some(name)));
        if name == "one" {
            create(&server, "two", 1).await;
        }
    }
}

#[tokio::test]
async fn users_are_who_their_certificates_say() {
    let server = apiserver::TestServer::builder().crd_yaml(crate::REDISES).behind_a_cluster().serve().await;
    let listening = server.listen().await;
    let list = async |kubeconfig: String| {
        let kubeconfig = Kubeconfig::from_yaml(&kubeconfig).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        redises(Client::try_from(config).unwrap()).list(&ListParams::default()).await
    };
    list(listening.kubeconfig()).await.unwrap();
    let refused = list(listening.kubeconfig_of("alice", Some("keepers"))).await;
    let Err(kube::Error::Api(status)) = refused else { panic!("{refused:?}") };
    assert!(status.code == 403 && status.message.contains("User \"alice\" cannot list"), "{status:?}");
}

#[tokio::test]
async fn faults_and_restarts_come_over_it() {
    let server = start().await;
    create(&server, "one", 1).await;
    let listening = server.listen().await;
    let outside = redises(listening.client().await);
    let mut events = pin!(outside.watch(&WatchParams::default().disable_bookmarks(), "0").await.unwrap());
    assert!(matches!(events.next().await, Some(Ok(WatchEvent::Added(_)))));
    server.restart().await;
    // kube takes a connection that breaks between two events for the end of a watch.
    let end = timeout(Duration::from_secs(10), events.next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
    outside.get("one").await.unwrap();
    server.faults(Faults::seeded(1).lost_answers(1.0));
    assert!(outside.get("one").await.is_err());
    server.calm();
    outside.get("one").await.unwrap();
    drop(listening);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(outside.get("one").await.is_err());
}
