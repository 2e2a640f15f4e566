//! The API over a real etcd: fresh reads, replicas, and an etcd that comes and goes.

mod common;

use std::sync::Arc;
use std::time::Duration;

use apiserver::storage::Store;
use apiserver::storage::etcd::testing::EtcdServer;
use apiserver::storage::etcd::{EtcdConfig, EtcdStore};
use bytes::Bytes;
use common::{Events, Server};
use serde_json::Value;

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().into_iter().flatten().filter_map(|item| item["metadata"]["name"].as_str()).collect()
}

const BIRD: &str = r#"{"species":"robin","songs":["a"]}"#;

/// `None` only where the tests were told to do without etcd.
async fn etcd() -> Option<EtcdServer> {
    tokio::task::spawn_blocking(EtcdServer::start).await.expect("etcd starts")
}

async fn server(config: EtcdConfig) -> Server {
    Server::on(Arc::new(EtcdStore::connect(config).await.expect("etcd answers"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_on_one_etcd_are_one_server() {
    let Some(etcd) = etcd().await else { return };
    // Each configuration is a prefix of its own; replicas have one between them.
    let config = etcd.config();
    let (first, second) = (server(config.clone()).await, server(config).await);
    let mut events = Events::open(&second, "").await;
    for round in 0..20 {
        let name = format!("bird-{round:02}");
        let bird = first.bird(&name, BIRD).await;
        // Nothing that one replica has acknowledged is missing from the other's next read.
        assert_eq!(second.ask(&format!("GET {name}"), "").await.json(), bird);
        assert_eq!(names(&second.ask("GET ", "").await.json()).len(), round + 1);
        assert_eq!(events.next().await, format!("ADDED {name}"));
    }
    let stale = first.ask("GET bird-00", "").await.json();
    assert_eq!(second.ask("PATCH bird-00", r#"{"spec":{"color":"red"}}"#).await.code, 200);
    assert_eq!(first.ask("PUT bird-00", &stale.to_string()).await.code, 409);
    let page = first.ask("GET ?limit=15", "").await.json();
    second.ask("DELETE bird-19", "").await;
    let token = page["metadata"]["continue"].as_str().unwrap_or_default();
    let rest = second.ask(&format!("GET ?continue={token}"), "").await.json();
    assert_eq!(names(&rest), ["bird-15", "bird-16", "bird-17", "bird-18", "bird-19"]);
    assert_eq!(rest["metadata"]["resourceVersion"], page["metadata"]["resourceVersion"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_fresh_where_others_write_to_the_same_etcd() {
    let Some(etcd) = etcd().await else { return };
    let server = server(etcd.config()).await;
    let other = EtcdStore::connect(etcd.config()).await.expect("etcd answers");
    server.bird("robin", BIRD).await;
    for number in 0..10 {
        other.create(&format!("/elsewhere/{number}"), Bytes::from_static(b"x")).await.expect("writes");
        let list =
            tokio::time::timeout(Duration::from_secs(5), server.ask("GET ", "")).await.expect("an answer in time");
        assert_eq!(names(&list.json()), ["robin"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_comes_back_is_used_again() {
    let Some(mut etcd) = etcd().await else { return };
    let server = server(etcd.config()).await;
    let robin = server.bird("robin", BIRD).await;
    let mut events = Events::open(&server, "").await;
    assert_eq!(events.next().await, "ADDED robin");
    let mut etcd = tokio::task::spawn_blocking(move || {
        etcd.kill();
        etcd
    })
    .await
    .expect("etcd is killed");
    let refused = server.ask("PATCH robin", r#"{"spec":{"color":"red"}}"#).await;
    assert_eq!((refused.code, refused.json()["reason"].as_str()), (500, Some("ServerTimeout")), "{}", refused.text());
    let etcd = tokio::task::spawn_blocking(move || {
        etcd.restart();
        etcd
    })
    .await
    .expect("etcd starts again");
    // Reconnecting takes a moment; until then the answer is a failure and never an old state.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let red = loop {
        let answer = server.ask("PATCH robin", r#"{"spec":{"color":"red"}}"#).await;
        if answer.code == 200 {
            break answer.json();
        }
        assert!(tokio::time::Instant::now() < deadline, "{}", answer.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(red["metadata"]["uid"], robin["metadata"]["uid"]);
    assert_eq!(events.next().await, "MODIFIED robin");
    assert_eq!(server.ask("GET robin", "").await.json(), red);
    drop(etcd);
}

/// A thousand owners are not worth an object that nobody can change any more.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_too_large_with_its_managed_fields_is_kept_without_them() {
    let Some(etcd) = etcd().await else { return };
    let server = server(etcd.config()).await;
    let large = |apiece: &str| {
        let labels: serde_json::Map<String, Value> =
            (0..24_000).map(|number| (format!("{apiece}{number:0>27}"), "".into())).collect();
        serde_json::json!({
            "apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": { "name": "heavy", "labels": labels },
            "spec": { "species": "robin", "songs": [] },
        })
    };
    let created = server.ask("POST ", &large("a").to_string()).await;
    assert_eq!(created.code, 201, "{}", created.text());
    let created = created.json();
    assert!(created["metadata"].get("managedFields").is_none());
    let mut changed = large("b");
    changed["metadata"]["resourceVersion"] = created["metadata"]["resourceVersion"].clone();
    let changed = server.ask("PUT heavy", &changed.to_string()).await;
    assert_eq!(changed.code, 200, "{}", changed.text());
    // Who applies it wants to own it, and cannot.
    let applied = [("content-type", "application/apply-patch+yaml")];
    let applied = server.send("PATCH heavy?fieldManager=me&force=1", &applied, &large("c").to_string()).await;
    assert_eq!(applied.code, 413, "{}", applied.text());
}
