//! On a paused clock an hour is nothing.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, PostParams};

use crate::{Redis, create, redises, start};

#[tokio::test(start_paused = true)]
async fn events_expire() {
    let server = start().await;
    let events: Api<Event> = server.api_in("default");
    let event = Event {
        metadata: ObjectMeta { name: Some("hello".into()), ..ObjectMeta::default() },
        involved_object: ObjectReference { namespace: Some("default".into()), ..ObjectReference::default() },
        ..Event::default()
    };
    events.create(&PostParams::default(), &event).await.unwrap();
    server.advance(Duration::from_secs(3500)).await;
    assert!(events.get_opt("hello").await.unwrap().is_some());
    server.advance(Duration::from_secs(200)).await;
    assert!(events.get_opt("hello").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_the_server_writes_is_of_that_clock() {
    let server = start().await;
    let first = create(&server, "first", 1).await.metadata.creation_timestamp.unwrap();
    server.advance(Duration::from_secs(86_400)).await;
    let second = create(&server, "second", 1).await.metadata.creation_timestamp.unwrap();
    let apart = second.0.duration_since(first.0).as_secs();
    assert!((86_400..86_410).contains(&apart), "{apart}");
}

#[tokio::test(start_paused = true)]
async fn waiting_in_vain_takes_no_time() {
    let server = start().await;
    let began = std::time::Instant::now();
    let waiting = tokio::spawn(async move {
        server.eventually(&redises(server.client()), "nobody", |redis: Option<&Redis>| redis.is_some()).await;
    });
    assert!(waiting.await.is_err());
    assert!(began.elapsed() < Duration::from_secs(30));
}
