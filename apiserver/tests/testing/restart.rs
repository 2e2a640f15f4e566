//! A server that goes down and comes back.

use std::pin::pin;
use std::time::Duration;

use apiserver::testing::Faults;
use futures::StreamExt;
use kube::ResourceExt;
use kube::api::{ListParams, WatchEvent, WatchParams};
use tokio::time::timeout;

use crate::{create, redises, start};

#[tokio::test]
async fn objects_and_versions_go_on_and_connections_do_not() {
    let server = start().await;
    let before = create(&server, "one", 1).await;
    let mut events =
        pin!(redises(server.client()).watch(&WatchParams::default().disable_bookmarks(), "0").await.unwrap());
    assert!(matches!(events.next().await, Some(Ok(WatchEvent::Added(_)))));
    server.restart().await;
    assert!(matches!(timeout(Duration::from_secs(10), events.next()).await, Ok(Some(Err(_)))));
    let list = redises(server.client()).list(&ListParams::default()).await.unwrap();
    assert_eq!(list.items[0].uid(), before.uid());
    let number = |text: Option<String>| text.unwrap().parse::<u64>().unwrap();
    let after = create(&server, "two", 2).await;
    assert!(number(after.resource_version()) > number(before.resource_version()));
}

/// What was in memory is gone.
#[tokio::test]
async fn a_watch_from_before_may_have_to_begin_anew() {
    let server = start().await;
    let old = create(&server, "one", 1).await.resource_version().unwrap();
    create(&server, "two", 1).await;
    server.restart().await;
    let mut events =
        pin!(redises(server.client()).watch(&WatchParams::default().disable_bookmarks(), &old).await.unwrap());
    let event = timeout(Duration::from_secs(10), events.next()).await.unwrap();
    assert!(matches!(&event, Some(Ok(WatchEvent::Error(status))) if status.code == 410), "{event:?}");
}

#[tokio::test]
async fn who_asks_while_it_is_away_is_refused_or_waits() {
    let server = start().await;
    create(&server, "one", 1).await;
    server.faults(Faults::seeded(1).restarts(1.0));
    let unlucky = redises(server.unreliable_client());
    // The first takes it down, the second finds nobody.
    for _ in 0..2 {
        assert!(matches!(unlucky.get("one").await, Err(kube::Error::Service(_))));
    }
    redises(server.client()).get("one").await.unwrap();
}

#[tokio::test]
async fn a_test_that_waits_goes_on_waiting() {
    let server = start().await;
    create(&server, "one", 1).await;
    let api = redises(server.client());
    let waiting = server.eventually(&api, "two", |redis: Option<&crate::Redis>| redis.is_some());
    let acting = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.restart().await;
        create(&server, "two", 2).await;
    };
    let (found, ()) = tokio::join!(waiting, acting);
    assert_eq!(found.unwrap().spec.replicas, 2);
}
