//! What each fault is like for the client that meets it, and that nobody else does.

use std::pin::pin;
use std::time::Duration;

use apiserver::TestServer;
use apiserver::testing::Faults;
use futures::{StreamExt, TryStreamExt};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, WatchEvent, WatchParams};
use kube::{Api, Error, ResourceExt};
use serde_json::json;

use crate::{Redis, RedisSpec, create, redises, start};

fn replicas(count: i32) -> Patch<serde_json::Value> {
    Patch::Merge(json!({"spec": {"replicas": count}}))
}

/// A server on which `one` is, and what meets its faults.
async fn meeting(faults: Faults) -> (TestServer, Api<Redis>) {
    let server = start().await;
    create(&server, "one", 1).await;
    server.faults(faults);
    let unlucky = redises(server.unreliable_client());
    (server, unlucky)
}

#[track_caller]
fn code<T: std::fmt::Debug>(answer: Result<T, Error>) -> u16 {
    match answer {
        Err(Error::Api(status)) => status.code,
        other => panic!("{other:?}"),
    }
}

/// What a connection that broke looks like; it is not an answer of the server's.
#[track_caller]
fn broken<T: std::fmt::Debug>(answer: Result<T, Error>) {
    assert!(matches!(answer, Err(Error::Service(_))), "{answer:?}");
}

#[tokio::test]
async fn a_conflict_is_a_write_that_came_first() {
    let (server, unlucky) = meeting(Faults::seeded(1).conflicts(1.0)).await;
    let mut one = unlucky.get("one").await.unwrap();
    one.spec.replicas = 2;
    let refused = unlucky.replace("one", &PostParams::default(), &one).await;
    let Err(Error::Api(status)) = refused else { panic!("{refused:?}") };
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert!(status.message.contains("redises.cache.example.com \"one\": the object has been modified"), "{status:?}");
    let now = unlucky.get("one").await.unwrap();
    assert_ne!(now.resource_version(), one.resource_version());
    assert_eq!(now.spec.replicas, 1);
    // Nobody could tell what else a patch without a version failed of.
    assert_eq!(code(unlucky.patch("one", &PatchParams::default(), &replicas(2)).await), 409);
    // A deletion takes what there is, unless it says of which version.
    let of_version = Preconditions { resource_version: now.resource_version(), uid: None };
    let careful = DeleteParams { preconditions: Some(of_version), ..DeleteParams::default() };
    assert_eq!(code(unlucky.delete("one", &careful).await.map(drop)), 409);
    unlucky.delete("one", &DeleteParams::default()).await.unwrap();
    assert_eq!(server.writes_of::<Redis>(), 2, "the other writer is not counted");
}

#[tokio::test]
async fn the_clients_of_the_test_meet_none() {
    let (server, _) = meeting(Faults::all(1).errors(1.0)).await;
    let sure = redises(server.client());
    for count in 1..20 {
        sure.patch("one", &PatchParams::default(), &replicas(count)).await.unwrap();
    }
}

#[tokio::test]
async fn an_error_is_one_of_three_and_does_nothing() {
    let (server, unlucky) = meeting(Faults::seeded(1).errors(1.0)).await;
    let mut codes = Vec::new();
    for _ in 0..30 {
        codes.push(code(unlucky.patch("one", &PatchParams::default(), &replicas(7)).await));
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, [429, 500, 503]);
    assert_eq!(redises(server.client()).get("one").await.unwrap().spec.replicas, 1);
    server.calm();
    unlucky.patch("one", &PatchParams::default(), &replicas(7)).await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_is_to_a_write_that_took_place() {
    let faults = Faults::seeded(1).lost_answers(1.0);
    let (server, unlucky) = meeting(faults.clone()).await;
    broken(unlucky.create(&PostParams::default(), &Redis::new("two", RedisSpec { replicas: 2 })).await);
    assert_eq!(redises(server.client()).get("two").await.unwrap().spec.replicas, 2);
    assert_eq!(faults.injected()["lost answer"], 1);
}

#[tokio::test]
async fn a_dropped_watch_breaks_between_two_events() {
    let (server, unlucky) = meeting(Faults::seeded(1).dropped_watches(0.3)).await;
    for count in 2..40 {
        redises(server.client()).patch("one", &PatchParams::default(), &replicas(count)).await.unwrap();
    }
    let since = create(&server, "two", 0).await.resource_version().unwrap();
    for count in 1..40 {
        redises(server.client()).patch("two", &PatchParams::default(), &replicas(count)).await.unwrap();
    }
    // Resumed where it broke, it leaves nothing out.
    let (mut seen, mut version, mut breaks) = (Vec::new(), since, 0);
    let parameters = WatchParams::default();
    while seen.len() < 39 {
        let mut events = pin!(unlucky.watch(&parameters, &version).await.unwrap());
        loop {
            match events.next().await {
                Some(Ok(WatchEvent::Modified(redis))) => {
                    version = redis.resource_version().unwrap();
                    seen.push(redis.spec.replicas);
                    if seen.len() == 39 {
                        break;
                    }
                }
                Some(Err(_)) => {
                    breaks += 1;
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(seen, (1..40).collect::<Vec<_>>());
    assert!(breaks > 3, "{breaks}");
}

#[tokio::test]
async fn late_events_keep_their_order() {
    let faults = Faults::seeded(1).delayed_watches(0.5).delays_up_to(Duration::from_millis(5));
    let (server, unlucky) = meeting(faults.clone()).await;
    let since = redises(server.client()).get("one").await.unwrap().resource_version().unwrap();
    for count in 2..30 {
        redises(server.client()).patch("one", &PatchParams::default(), &replicas(count)).await.unwrap();
    }
    let events = unlucky.watch(&WatchParams::default(), &since).await.unwrap();
    let seen: Vec<i32> = events
        .take(28)
        .map_ok(|event| match event {
            WatchEvent::Modified(redis) => redis.spec.replicas,
            other => panic!("{other:?}"),
        })
        .try_collect()
        .await
        .unwrap();
    assert_eq!(seen, (2..30).collect::<Vec<_>>());
    assert!(faults.injected()["delayed watch"] > 5);
}

#[tokio::test]
async fn history_that_is_gone_is_told_as_servers_do() {
    let (server, unlucky) = meeting(Faults::seeded(1).gone(1.0)).await;
    create(&server, "two", 2).await;
    let page = unlucky.list(&ListParams::default().limit(1)).await.unwrap();
    let token = page.metadata.continue_.unwrap();
    assert_eq!(code(unlucky.list(&ListParams::default().limit(1).continue_token(&token)).await), 410);
    let mut events = pin!(unlucky.watch(&WatchParams::default(), "1").await.unwrap());
    let event = events.next().await;
    let Some(Ok(WatchEvent::Error(status))) = event else { panic!("{event:?}") };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
    assert!(events.next().await.is_none());
    // From the beginning there is always a way, until the first event.
    let mut events = pin!(unlucky.watch(&WatchParams::default(), "0").await.unwrap());
    assert!(matches!(events.next().await, Some(Ok(WatchEvent::Error(status))) if status.code == 410));
}

#[tokio::test]
async fn equal_seeds_are_equal_faults() {
    async fn course(seed: u64) -> Vec<bool> {
        let (_server, unlucky) = meeting(Faults::seeded(seed).errors(0.4).lost_answers(0.1)).await;
        let mut course = Vec::new();
        for _ in 0..40 {
            course.push(unlucky.get("one").await.is_ok());
        }
        course
    }
    let first = course(5).await;
    assert_eq!(first, course(5).await);
    assert_ne!(first, course(6).await);
    assert!(first.contains(&true) && first.contains(&false));
}
