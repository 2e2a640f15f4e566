//! Objects from one version to another: all or none.

use serde_json::{Value, json};

use super::webhooks;

const V1: &str = "demo.example.com/v1";
const OLD: &str = "demo.example.com/v1alpha1";

fn object(api_version: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": "Bird", "spec": spec,
        "metadata": {"name": name, "uid": format!("uid-{name}"), "resourceVersion": "7", "labels": {"a": "b"}},
    })
}

#[tokio::test]
async fn objects_keep_their_order_their_number_and_who_they_are() {
    let asked = vec![
        object(OLD, "a", json!({"sort": "robin"})),
        object(V1, "b", json!({"species": "wren"})),
        object("demo.example.com/v1beta1", "c", json!({"species": "owl"})),
    ];
    let converted = webhooks().convert(asked.clone(), V1).await.expect("converted");
    let expected = vec![
        object(V1, "a", json!({"species": "robin"})),
        object(V1, "b", json!({"species": "wren"})),
        object(V1, "c", json!({"species": "owl"})),
    ];
    assert_eq!(converted, expected);
    let back = webhooks().convert(expected, OLD).await.expect("converted");
    assert_eq!(back[2], object(OLD, "c", json!({"sort": "owl"})));
    assert_eq!(webhooks().convert(Vec::new(), V1).await, Ok(Vec::new()));
    let spokes = webhooks().convert(vec![asked[2].clone()], OLD).await.expect("by way of the hub");
    assert_eq!(spokes, [object(OLD, "c", json!({"sort": "owl"}))]);
}

#[tokio::test]
async fn lists_are_converted_item_by_item() {
    let list = |api_version: &str, item: Value| json!({"apiVersion": api_version, "kind": "BirdList", "metadata": {"resourceVersion": "9"}, "items": [item]});
    let converted =
        webhooks().convert(vec![list(OLD, object(OLD, "a", json!({"sort": "robin"})))], V1).await.expect("converted");
    assert_eq!(converted, [list(V1, object(V1, "a", json!({"species": "robin"})))]);
}

#[tokio::test]
async fn one_that_cannot_be_converted_fails_all() {
    let good = object(OLD, "a", json!({"sort": "robin"}));
    let check = async |bad: Value, desired: &str, expected: &str| {
        let review = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
            "request": {"uid": "u-1", "desiredAPIVersion": desired, "objects": [good.clone(), bad]},
        });
        let answer = webhooks().review("/convert", &review).await.expect("a path").expect("an answer");
        let response = &answer["response"];
        assert_eq!((&response["uid"], &response["convertedObjects"]), (&json!("u-1"), &json!([])), "{answer}");
        assert_eq!(response["result"]["status"], "Failure");
        let message = response["result"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(expected), "{message} is not: {expected}");
    };
    check(object(OLD, "b", json!({"sort": 5})), V1, "invalid type: integer `5`").await;
    check(object(OLD, "b", json!({})), "demo.example.com/v7", "Bird.demo.example.com has no version").await;
    check(object("demo.example.com/v7", "b", json!({})), V1, "has no version \"demo.example.com/v7\"").await;
    check(object(OLD, "b", json!({})), "other.example.com/v1", "another group").await;
    check(json!({"apiVersion": "v1", "kind": "Pod"}), V1, "\"v1\" \"Pod\" is no kind that is converted here").await;
    check(json!("bird"), V1, "is no kind that is converted here").await;
}

#[tokio::test]
async fn what_is_no_review_is_refused() {
    let request = json!({"uid": "u-1", "desiredAPIVersion": V1, "objects": []});
    for (api_version, request, expected) in [
        ("apiextensions.k8s.io/v1beta1", request.clone(), "let the configuration name v1"),
        ("apiextensions.k8s.io/v1", json!({}), "request.uid is missing"),
        ("apiextensions.k8s.io/v1", json!({"uid": "u-1"}), "request.desiredAPIVersion is missing"),
        ("apiextensions.k8s.io/v1", json!({"uid": "u-1", "desiredAPIVersion": V1, "objects": {}}), "is no list"),
        ("apiextensions.k8s.io/v1", Value::Null, "request.uid is missing"),
    ] {
        let review = json!({"apiVersion": api_version, "kind": "ConversionReview", "request": request});
        let refused = webhooks().review("/convert", &review).await.expect("a path").expect_err("refused");
        assert!(refused.0.contains(expected), "{refused}");
    }
}
