//! Watches: where they start, what they carry, when they end.

use std::time::Duration;

use futures::StreamExt;
use http::Response;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::common::Server;
use super::{BIRDS, bird, encode, nest, server, version};
use apiserver::body::Body;

/// The events of a watch that ends within a second, as `TYPE name`; a bookmark that ends the initial state is `END`.
async fn events(server: &Server, path: &str) -> String {
    let values = all(open(server, path).await).await;
    values.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn show(event: &Value) -> String {
    let metadata = &event["object"]["metadata"];
    match event["type"].as_str().expect("a type") {
        "BOOKMARK" if metadata["annotations"]["k8s.io/initial-events-end"] == "true" => "END".into(),
        "ERROR" => format!("ERROR {}", event["object"]["code"]),
        kind => format!("{kind} {}", metadata["name"].as_str().unwrap_or_default()).trim_end().to_owned(),
    }
}

async fn open(server: &Server, path: &str) -> Response<Body> {
    let mark = if path.contains('?') { '&' } else { '?' };
    let response = server.open(&format!("GET {path}{mark}timeoutSeconds=1"), &[], "").await;
    assert_eq!(response.status(), 200, "{path}");
    assert_eq!(response.headers()["content-type"], "application/json");
    response
}

async fn all(response: Response<Body>) -> Vec<Value> {
    lines(response).await.iter().map(|line| serde_json::from_str(line).expect("a line is an event")).collect()
}

async fn lines(response: Response<Body>) -> Vec<String> {
    let mut body = response.into_body().into_data_stream();
    let mut text = String::new();
    while let Some(Ok(chunk)) = body.next().await {
        text += std::str::from_utf8(&chunk).expect("UTF-8");
        assert!(text.ends_with('\n'), "whole lines are sent");
    }
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn every_combination_of_version_and_initial_events_starts_where_it_should() {
    let server = server().await;
    let old = version(&bird(&server, "default", "a", json!({})).await);
    let new = version(&bird(&server, "default", "b", json!({})).await);
    // Whoever asks for any state gets this one from now on.
    server.ask("GET ", "").await;
    let mut checks = Vec::new();
    for rv in ["", "0", &old, &new] {
        for initial in ["", "true", "false", "1", "0"] {
            for wanted in ["", "NotOlderThan", "Exact"] {
                for bookmarks in ["", "true", "false"] {
                    let mut query = format!("watch=true&resourceVersion={rv}&resourceVersionMatch={wanted}");
                    for (name, value) in [("sendInitialEvents", initial), ("allowWatchBookmarks", bookmarks)] {
                        if !value.is_empty() {
                            query += &format!("&{name}={value}");
                        }
                    }
                    let makes_sense = if initial.is_empty() { wanted.is_empty() } else { wanted == "NotOlderThan" };
                    let defaulted = initial.is_empty() && matches!(rv, "" | "0");
                    let state = matches!(initial, "true" | "1") || defaulted;
                    let mut expect = Vec::new();
                    if state {
                        expect.extend(["ADDED a", "ADDED b"]);
                        expect.extend((bookmarks == "true").then_some("END"));
                    } else if rv == old {
                        expect.push("ADDED b");
                    }
                    let server = server.clone();
                    checks.push(async move {
                        if makes_sense {
                            assert_eq!(events(&server, &format!("?{query}")).await, expect.join(", "), "{query}");
                        } else {
                            assert_eq!(server.ask(&format!("GET ?{query}"), "").await.code, 422, "{query}");
                        }
                    });
                }
            }
        }
    }
    futures::future::join_all(checks).await;
}

#[tokio::test]
async fn a_watch_from_the_future_is_silent_unless_it_asks_for_the_state() {
    let server = server().await;
    let a = bird(&server, "default", "a", json!({})).await;
    let ahead = version(&a).parse::<u64>().expect("a number") + 2;
    let query = format!("?watch=1&resourceVersion={ahead}");
    let (silent, _) = tokio::join!(events(&server, &query), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for name in ["b", "c", "d"] {
            bird(&server, "default", name, json!({})).await;
        }
    });
    assert_eq!(silent, "ADDED d", "only what is newer than the version that was named");
    let query = "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=999999999999";
    let response = server.open(&format!("GET {query}"), &[], "").await;
    let error = &all(response).await[0];
    assert_eq!((&error["type"], &error["object"]["code"]), (&json!("ERROR"), &json!(504)));
    assert_eq!(error["object"]["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
}

#[tokio::test]
async fn the_legacy_paths_are_watches() {
    let server = server().await;
    let first = version(&bird(&server, "default", "a", json!({})).await);
    bird(&server, "other", "b", json!({})).await;
    nest(&server, "n").await;
    let root = "/apis/demo.example.com/v1/watch";
    let checks = [
        ("/birds", "ADDED a, ADDED b"),
        ("/namespaces/default/birds", "ADDED a"),
        ("/namespaces/default/birds/a", "ADDED a"),
        ("/namespaces/default/birds/nobody", ""),
        ("/nests", "ADDED n"),
        ("/nests/n", "ADDED n"),
        ("/birds?allowWatchBookmarks=true", "ADDED a, ADDED b"),
        ("/birds?allowWatchBookmarks=true&watch=1", "ADDED a, ADDED b, END"),
        ("/birds?labelSelector=x", ""),
        ("/namespaces/default/birds/a?fieldSelector=metadata.name%3Da", "ADDED a"),
    ];
    let checks = checks.map(|(path, expect)| (path.to_owned(), expect));
    let resumed = (format!("/birds?resourceVersion={first}"), "ADDED b");
    let checks = checks.into_iter().chain([resumed]).map(|(path, expect)| {
        let server = &server;
        async move { assert_eq!(events(server, &format!("{root}{path}")).await, expect, "{path}") }
    });
    futures::future::join_all(checks).await;
    for selector in ["metadata.name%3Db", "metadata.name!%3Da", "spec.species%3Drobin"] {
        let path = format!("GET {root}/namespaces/default/birds/a?fieldSelector={selector}");
        let failure = server.ask(&path, "").await.failure();
        assert_eq!(failure, "400 fieldSelector metadata.name doesn't match requested name");
    }
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(server.ask(&format!("{method} {root}/namespaces/default/birds/a"), "{}").await.code, 405);
    }
    assert_eq!(server.ask(&format!("GET {root}/nothing"), "").await.code, 404);
    assert_eq!(server.ask("GET a", "").await.code, 200, "nothing was deleted");
}

#[tokio::test]
async fn a_single_object_is_watched_before_it_is_there_and_after_it_is_gone() {
    let server = server().await;
    let query = format!("GET ?watch=1&fieldSelector={}", encode("metadata.name=b"));
    let response = server.open(&format!("{query}&timeoutSeconds=1"), &[], "").await;
    bird(&server, "default", "a", json!({})).await;
    let first = bird(&server, "default", "b", json!({})).await;
    server.ask("DELETE b", "").await;
    let second = bird(&server, "default", "b", json!({})).await;
    let events = all(response).await;
    assert_eq!(events.iter().map(show).collect::<Vec<_>>(), ["ADDED b", "DELETED b", "ADDED b"]);
    assert_eq!((&events[0]["object"], &events[2]["object"]), (&first, &second));
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
    let versions: Vec<u64> = events.iter().map(|event| version(&event["object"]).parse().expect("a number")).collect();
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    assert_eq!(events[1]["object"]["spec"], first["spec"]);
}

#[tokio::test]
async fn objects_enter_and_leave_a_selector() {
    let server = server().await;
    bird(&server, "default", "a", json!({"x": "1"})).await;
    let label = |value: &str| format!(r#"{{"metadata":{{"labels":{{"x":"{value}"}}}}}}"#);
    for selector in ["labelSelector=x%3D2", "fieldSelector=spec.species%3Dwren"] {
        let start = version(&server.ask("GET ", "").await.json());
        let path = format!("GET ?watch=1&{selector}&resourceVersion={start}&timeoutSeconds=1");
        let response = server.open(&path, &[], "").await;
        for (value, species) in [("2", "wren"), ("2", "wren"), ("1", "robin"), ("3", "robin"), ("2", "wren")] {
            server.ask("PATCH a", &label(value)).await;
            server.ask("PATCH a", &format!(r#"{{"spec":{{"species":"{species}"}}}}"#)).await;
            // The status is no part of either.
            let status = format!(r#"{{"status":{{"phase":"{}"}}}}"#, version(&server.ask("GET a", "").await.json()));
            server.ask("PATCH a/status", &status).await;
        }
        let events = all(response).await;
        let mut shown: Vec<String> = events.iter().map(show).collect();
        shown.dedup();
        assert_eq!(shown, ["ADDED a", "MODIFIED a", "DELETED a", "ADDED a", "MODIFIED a"], "{selector}");
        let left = events.iter().position(|event| event["type"] == "DELETED").expect("it left");
        let mut as_it_was = events[left - 1]["object"].clone();
        as_it_was["metadata"]["resourceVersion"] = events[left]["object"]["metadata"]["resourceVersion"].clone();
        assert_eq!(events[left]["object"], as_it_was, "{selector}");
        server.ask("PATCH a", &label("1")).await;
        server.ask("PATCH a", r#"{"spec":{"species":"robin"}}"#).await;
    }
}

#[tokio::test]
async fn what_changes_nothing_and_what_is_not_stored_raises_no_event() {
    let server = server().await;
    let a = bird(&server, "default", "a", json!({})).await;
    let response = open(&server, &format!("?watch=1&resourceVersion={}", version(&a))).await;
    assert_eq!(server.ask("PUT a", &a.to_string()).await.code, 200);
    assert_eq!(server.ask("PATCH a", "{}").await.code, 200);
    assert_eq!(server.ask("PATCH a?dryRun=All", r#"{"spec":{"color":"red"}}"#).await.code, 200);
    assert_eq!(server.ask("DELETE a?dryRun=All", "").await.code, 200);
    assert_eq!(all(response).await, Vec::<Value>::new());
}

#[tokio::test]
async fn every_form_of_a_watch_is_its_own() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    let path = "GET ?watch=1&allowWatchBookmarks=true&timeoutSeconds=1";
    let media = |kind: &str| format!("application/json;as={kind};v=v1;g=meta.k8s.io");
    for include in ["", "None", "Metadata", "Object"] {
        let accept = media("Table");
        let response = server.open(&format!("{path}&includeObject={include}"), &[("accept", &accept)], "").await;
        assert_eq!(response.headers()["content-type"], "application/json");
        server.ask("PATCH a", &format!(r#"{{"spec":{{"color":"seen as {include}"}}}}"#)).await;
        let events = all(response).await;
        let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().expect("a type")).collect();
        assert_eq!(types, ["ADDED", "BOOKMARK", "MODIFIED"], "{include}");
        for (index, event) in events.iter().enumerate() {
            let table = &event["object"];
            assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
            assert_eq!(table["columnDefinitions"].is_array(), index == 0, "{include} {index}");
            assert!(table.as_object().expect("an object").contains_key("columnDefinitions"));
            assert_eq!(table["rows"].as_array().map(Vec::len), Some(1));
            let (row, is_bookmark) = (&table["rows"][0]["object"], event["type"] == "BOOKMARK");
            let kind = match include {
                "Object" => json!("Bird"),
                "None" if !is_bookmark => Value::Null,
                _ => json!("PartialObjectMetadata"),
            };
            assert_eq!(row["kind"], kind, "{include} {index}");
            if is_bookmark {
                assert_eq!(row["metadata"]["annotations"]["k8s.io/initial-events-end"], "true", "{include}");
            }
            if !row.is_null() {
                assert_eq!(
                    row["metadata"]["resourceVersion"], table["metadata"]["resourceVersion"],
                    "{include} {index}"
                );
            }
        }
    }
    let response = server.open(path, &[("accept", &media("PartialObjectMetadata"))], "").await;
    server.ask("DELETE a", "").await;
    for event in all(response).await {
        let object = event["object"].as_object().expect("an object");
        assert_eq!(
            (&object["kind"], &object["apiVersion"]),
            (&json!("PartialObjectMetadata"), &json!("meta.k8s.io/v1"))
        );
        assert_eq!(object.keys().filter(|key| !matches!(key.as_str(), "kind" | "apiVersion" | "metadata")).count(), 0);
    }
    // Where no Table is wanted, its parameter means nothing.
    let response = server.open(&format!("{path}&includeObject=Nothing"), &[], "").await;
    assert_eq!(response.status(), 200);
    let refused = server.send(&format!("{path}&includeObject=Nothing"), &[("accept", &media("Table"))], "").await;
    assert_eq!(refused.code, 400, "{}", refused.text());
    for accept in ["application/yaml", "application/yaml, application/json", "text/plain"] {
        assert_eq!(server.send(path, &[("accept", accept)], "").await.code, 406, "{accept}");
    }
    let upgrade = [("connection", "Upgrade"), ("upgrade", "websocket")];
    let refused = server.send(path, &upgrade, "").await;
    assert_eq!((refused.code, &refused.json()["reason"]), (400, &json!("BadRequest")));
    let accept = [("accept", "application/json;stream=watch")];
    assert_eq!(server.open(path, &accept, "").await.status(), 200);
}

#[tokio::test]
async fn an_error_is_a_status_in_every_form() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    bird(&server, "default", "b", json!({})).await;
    let newest = server.store.revision().await.expect("a revision");
    server.store.compact(newest).await.expect("compacts");
    let restarted = super::serve(server.store.clone()).await;
    for kind in ["", ";as=Table;v=v1;g=meta.k8s.io", ";as=PartialObjectMetadata;v=v1;g=meta.k8s.io"] {
        let accept = format!("application/json{kind}");
        let response = restarted.open("GET ?watch=1&resourceVersion=1", &[("accept", &accept)], "").await;
        assert_eq!(response.status(), 200);
        let events = all(response).await;
        assert_eq!(events.len(), 1, "and then the stream ends");
        let status = &events[0]["object"];
        assert_eq!((&events[0]["type"], &status["kind"]), (&json!("ERROR"), &json!("Status")));
        assert_eq!((&status["code"], &status["reason"]), (&json!(410), &json!("Expired")));
        assert!(status["message"].as_str().is_some_and(|text| text.starts_with("too old resource version: 1 (")));
    }
}

#[tokio::test]
async fn bookmarks_come_before_the_end_and_only_to_those_who_take_them() {
    let server = server().await;
    let start = version(&bird(&server, "default", "a", json!({})).await);
    let watch = |bookmarks: &str| {
        let path = format!("GET ?watch=1&resourceVersion={start}&timeoutSeconds=3&allowWatchBookmarks={bookmarks}");
        let server = server.clone();
        async move { all(server.open(&path, &[], "").await).await }
    };
    let elsewhere = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        nest(&server, "n").await
    };
    let (with, without, nest) = tokio::join!(watch("true"), watch("false"), elsewhere);
    assert_eq!(without, Vec::<Value>::new());
    assert_eq!(with.len(), 1, "{with:?}");
    assert_eq!(with[0]["type"], "BOOKMARK");
    // A quiet kind moves forward with the others, and a bookmark says nothing else.
    let metadata = json!({"resourceVersion": version(&nest)});
    assert_eq!(with[0]["object"], json!({"kind": "Bird", "apiVersion": "demo.example.com/v1", "metadata": metadata}));
}

#[tokio::test]
async fn a_watch_lasts_as_long_as_it_was_told_to() {
    let server = server().await;
    for (query, within) in [("timeoutSeconds=1", 1), ("timeoutSeconds=-1", 0), ("timeoutSeconds=2&timeout=1ms", 2)] {
        let begin = std::time::Instant::now();
        let response = server.open(&format!("GET ?watch=1&{query}"), &[], "").await;
        assert_eq!(lines(response).await, Vec::<String>::new(), "{query}: no error at the end");
        assert_eq!(begin.elapsed().as_secs(), within, "{query}");
    }
    for query in ["", "timeoutSeconds=0", "timeoutSeconds=9223372036854775807", "timeout=1ms"] {
        let response = server.open(&format!("GET ?watch=1&{query}"), &[], "").await;
        let waited = tokio::time::timeout(Duration::from_millis(50), lines(response)).await;
        assert!(waited.is_err(), "{query} goes on");
    }
}

#[tokio::test]
async fn who_does_not_read_is_cut_off_and_delays_nobody() {
    let server = server().await;
    let songs = "x".repeat(400 << 10);
    let a = bird(&server, "default", "a", json!({})).await;
    let key = "/registry/demo.example.com/birds/default/a";
    let mut revision = server.store.revision().await.expect("a revision");
    let slow = server.open("GET ?watch=1", &[], "").await;
    let quick = server.open("GET ?watch=1", &[], "").await;
    let (seen, mut seen_by) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        let mut body = quick.into_body().into_data_stream();
        while let Some(Ok(chunk)) = body.next().await {
            let lines = chunk.iter().filter(|byte| **byte == b'\n').count();
            seen.send_modify(|count| *count += lines);
        }
    });
    // More than what is kept for those who come late.
    for round in 0..130 {
        let mut value = a.clone();
        value["spec"]["extra"] = json!({"song": format!("{round}{songs}")});
        let written = server.store.update(key, value.to_string().into(), revision).await;
        revision = written.expect("nobody else writes");
        let all = seen_by.wait_for(|count| *count == round + 2);
        tokio::time::timeout(Duration::from_secs(10), all).await.expect("in time").expect("it goes on");
    }
    let shown: Vec<String> = all(slow).await.iter().map(show).collect();
    assert_eq!(shown, ["ADDED a", "ERROR 410"]);
}

#[tokio::test]
async fn a_watch_of_a_deprecated_version_says_so_and_shows_that_version() {
    let server = server().await;
    bird(&server, "default", "a", json!({})).await;
    let path = BIRDS.replace("/v1/", "/v1alpha1/");
    for query in ["watch=1&timeoutSeconds=1", "limit=1", "limit=x"] {
        let answer = server.ask(&format!("GET {path}?{query}"), "").await;
        assert_eq!(answer.warnings(), [r#"299 - "demo.example.com/v1alpha1 Bird is deprecated""#], "{query}");
        if query.starts_with("watch") {
            let event: Value = serde_json::from_slice(&answer.bytes).expect("one event");
            assert_eq!(event["object"]["apiVersion"], "demo.example.com/v1alpha1");
        }
    }
}
