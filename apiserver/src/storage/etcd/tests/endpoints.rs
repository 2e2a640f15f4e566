//! Several endpoints, some of which do not work.

use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};

use super::super::members::CONNECT_TIMEOUT;
use super::super::testing::EtcdServer;
use super::super::transport::Transport;
use super::super::{ConnectError, EtcdConfig, EtcdStore};
use super::proxy::{Proxy, Wire};
use super::{all, next_events, text};
use crate::storage::{Revision, Store, WatchError, WriteError};

/// Nobody listens here.
const DOWN: &str = "http://127.0.0.1:1";

#[tokio::test]
async fn one_endpoint_that_works_is_enough() {
    let Some(server) = EtcdServer::shared() else { return };
    for endpoints in [vec![DOWN.to_owned(), server.endpoint()], vec![server.endpoint(), DOWN.to_owned()]] {
        let store = EtcdStore::connect(EtcdConfig { endpoints, ..server.config() }).await.unwrap();
        let revision = store.create("/registry/robin", text("1")).await.unwrap();
        assert_eq!(store.get("/registry/robin").await.unwrap().unwrap().revision, revision);
        let mut watch = store.watch("/registry/", Revision(revision.0 - 1)).await.unwrap();
        assert_eq!(next_events(&mut watch).await.unwrap()[0].revision, revision);
        assert!(store.version().starts_with("3."), "{}", store.version());
    }
}

#[tokio::test]
async fn when_an_endpoint_fails_the_others_take_over() {
    let Some(server) = EtcdServer::shared() else { return };
    let (first, second) = (Proxy::to(&server.endpoint()).await, Proxy::to(&server.endpoint()).await);
    let endpoints = vec![first.endpoint(), DOWN.to_owned(), second.endpoint()];
    let store = EtcdStore::connect(EtcdConfig { endpoints, ..server.config() }).await.unwrap();
    // Whichever answered first is used, so both are cut, one after the other.
    let mut last = store.create("/registry/robin", text("0")).await.unwrap();
    let mut watch = store.watch("/registry/", last).await.unwrap();
    first.set(Wire::Cut);
    for n in 1..=20 {
        assert_eq!(store.get("/registry/robin").await.unwrap().unwrap().revision, last);
        last = store.update("/registry/robin", text(&n.to_string()), last).await.unwrap();
    }
    let mut seen = Revision(0);
    while seen < last {
        match next_events(&mut watch).await {
            Ok(events) => seen = events[0].revision,
            Err(WatchError::Unavailable(_)) => watch = store.watch("/registry/", Revision(last.0 - 1)).await.unwrap(),
            Err(error) => panic!("{error:?}"),
        }
    }
    second.set(Wire::Cut);
    let error = store.get("/registry/robin").await.unwrap_err();
    assert_eq!(error.to_string(), "the store failed to read");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("Connection refused"), "{cause}");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_not_sent_again() {
    let Some(server) = EtcdServer::shared() else { return };
    let (first, second) = (Proxy::to(&server.endpoint()).await, Proxy::to(&server.endpoint()).await);
    let config = EtcdConfig { endpoints: vec![first.endpoint(), second.endpoint()], ..server.config() };
    let store = EtcdStore::connect(config).await.unwrap();
    store.list(all()).await.unwrap();
    first.set(Wire::AnswersAreLost);
    second.set(Wire::AnswersAreLost);
    // Sent again it would find itself and be told that the key exists.
    let lost = store.create("/registry/robin", text("1")).await;
    assert!(matches!(lost, Err(WriteError::Unavailable(_))), "{lost:?}");
    first.set(Wire::Whole);
    second.set(Wire::Whole);
    let entry = store.get("/registry/robin").await.unwrap().expect("it did happen");
    assert_eq!(entry.value, "1");
}

#[tokio::test]
async fn a_write_goes_elsewhere_when_no_connection_can_be_made() {
    let Some(server) = EtcdServer::shared() else { return };
    // The kernel answers nobody once nobody accepts and its queue is full.
    let hole = TcpSocket::new_v4().unwrap();
    hole.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let hole = hole.listen(1).unwrap();
    let address = hole.local_addr().unwrap();
    let queue = (0..4).map(|_| tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)));
    let _queue = futures::future::join_all(queue).await;

    let endpoints = vec![format!("http://{address}"), DOWN.to_owned(), server.endpoint()];
    let config = EtcdConfig { endpoints, ..server.config() };
    // As connected, but still with the first endpoint in mind.
    let transport = Transport::start().unwrap();
    let members = config.members(&transport).unwrap();
    let store = EtcdStore::new(transport, members, config.prefix, String::new());
    let start = Instant::now();
    store.create("/registry/robin", text("1")).await.unwrap();
    assert!(start.elapsed() >= CONNECT_TIMEOUT, "the first endpoint answered after {:?}", start.elapsed());
}

#[tokio::test]
async fn an_encrypted_member_is_used_with_its_certificates_only() {
    let Some(server) = EtcdServer::start_with_tls() else { return };
    let store = server.store().await;
    let revision = store.create("/registry/robin", text("1")).await.unwrap();
    let mut watch = store.watch("/registry/", Revision(0)).await.unwrap();
    assert_eq!(next_events(&mut watch).await.unwrap()[0].revision, revision);

    let tls = server.config().tls.unwrap();
    let nameless = super::super::EtcdTls { client: None, ..tls.clone() };
    let check = async |tls, expected: &str| {
        let error = EtcdStore::connect(EtcdConfig { tls: Some(tls), ..server.config() }).await.unwrap_err().to_string();
        assert!(error.contains(&server.endpoint()) && error.contains(expected), "{error}");
    };
    check(nameless, ", or give a client certificate if it asks for one: ").await;
    let other = EtcdServer::start_with_tls().unwrap().config().tls.unwrap();
    check(other, "invalid peer certificate").await;
}

#[tokio::test]
async fn a_failure_to_connect_tells_each_endpoint_and_what_to_do() {
    let config = EtcdConfig { endpoints: vec![DOWN.into(), "http://etcd.invalid:2379".into()], ..Default::default() };
    let error = EtcdStore::connect(config).await.unwrap_err();
    assert!(matches!(&error, ConnectError::Unreachable { attempts, .. } if attempts.len() == 2));
    let text = error.to_string();
    let start = "no etcd answers; start it or correct the endpoints: etcd at http://127.0.0.1:1: ";
    assert!(text.starts_with(start), "{text}");
    assert!(text.contains("Connection refused") && text.contains("; etcd at http://etcd.invalid:2379: "), "{text}");
}
