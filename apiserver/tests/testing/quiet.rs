//! What counts as a write, and when all is quiet.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::{Redis, create, redises, start};

#[tokio::test]
async fn only_what_changes_something_is_a_write() {
    let server = start().await;
    create(&server, "one", 1).await;
    // What the server makes for itself at its start is there by then.
    server.quiet_for(Duration::from_millis(100)).await;
    let before = server.writes();
    for replicas in [1, 1, 2, 2] {
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        redises(server.client()).patch("one", &PatchParams::default(), &patch).await.unwrap();
    }
    assert_eq!(server.writes() - before, 1);
    assert_eq!((server.writes_of::<Redis>(), server.writes_of::<StatefulSet>()), (2, 0));
}

#[tokio::test]
async fn it_is_quiet_once_nobody_writes() {
    let server = start().await;
    let writing = async {
        for number in 0..10 {
            create(&server, &format!("number-{number}"), 1).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::join!(writing, server.quiet_for(Duration::from_millis(300)));
    assert_eq!(server.writes_of::<Redis>(), 10);
}

#[tokio::test]
#[should_panic(expected = "there is no end of writing; so far: ")]
async fn writing_without_end_is_told() {
    let server = start().await;
    let writing = async {
        for number in 0.. {
            create(&server, &format!("number-{number}"), 1).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = writing => {}
        () = server.quiet_for(Duration::from_millis(50)) => {}
    }
}

#[tokio::test]
#[should_panic(expected = "start_paused = true")]
async fn time_that_passes_by_itself_is_not_advanced() {
    start().await.advance(Duration::from_secs(3600)).await;
}
