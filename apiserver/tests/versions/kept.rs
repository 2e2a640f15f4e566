//! What a version has and others cannot hold.

use serde_json::json;

use super::{bird, birds, create, get, patch, put, server};

const OF_ALPHA: &str = "demo.example.com/fields-of-v1alpha1";
const OF_V1: &str = "demo.example.com/fields-of-v1";

#[tokio::test]
async fn fields_of_one_version_outlive_writes_in_all_others() {
    let server = server().await;
    let spec = json!({"species": "robin", "size": "22cm", "color": "red", "songs": [{"title": "dawn"}]});
    let made = create(&server, "v1alpha1", spec.clone()).await;
    assert_eq!(made["metadata"].get("annotations"), None);
    let v1 =
        patch(&server, "v1", json!({"spec": {"nickname": "Rob", "perches": [{"name": "oak", "height": 3}]}})).await;
    assert!(v1["metadata"]["annotations"][OF_ALPHA].is_string(), "{v1}");
    let beta = patch(&server, "v1beta1", json!({"spec": {"count": 3}, "metadata": {"labels": {"a": "b"}}})).await;
    assert!(beta["metadata"]["annotations"][OF_V1].is_string(), "{beta}");
    let alpha = get(&server, "v1alpha1").await;
    assert_eq!(alpha["spec"], spec);
    let v1 = get(&server, "v1").await;
    assert_eq!(
        v1["spec"],
        json!({"species": "robin", "wingspan": {"centimetres": 22}, "replicas": 3, "nickname": "Rob",
            "perches": [{"name": "oak", "height": 3}]})
    );
    let names: Vec<_> = v1["metadata"]["annotations"].as_object().into_iter().flat_map(|all| all.keys()).collect();
    assert_eq!(names, [OF_ALPHA]);
    let managers = v1["metadata"]["managedFields"].to_string();
    assert!(!managers.contains("fields-of") && !managers.contains("f:annotations"), "{managers}");
}

#[tokio::test]
async fn a_client_that_knows_nothing_of_the_annotation_loses_nothing() {
    let server = server().await;
    create(&server, "v1", json!({"species": "robin", "nickname": "Rob", "perches": [{"name": "oak", "height": 3}]}))
        .await;
    let mut beta = get(&server, "v1beta1").await;
    beta["metadata"].as_object_mut().expect("metadata").remove("annotations");
    beta["spec"]["wingspanCm"] = 9.into();
    put(&server, "v1beta1", &beta).await;
    let v1 = get(&server, "v1").await;
    assert_eq!((&v1["spec"]["nickname"], &v1["spec"]["perches"][0]["height"]), (&json!("Rob"), &json!(3)));
    // Nor can it be made up.
    let forged = json!({"metadata": {"annotations": {OF_V1: "[{\"path\":[\"spec\",\"nickname\"],\"was\":\"Bob\"}]"}}});
    patch(&server, "v1beta1", forged).await;
    assert_eq!(get(&server, "v1").await["spec"]["nickname"], "Rob");
}

#[tokio::test]
async fn what_was_changed_in_between_counts() {
    let server = server().await;
    create(
        &server,
        "v1",
        json!({"species": "robin", "perches": [
            {"name": "oak", "height": 3}, {"name": "elm", "height": 4}, {"name": "ash", "height": 5},
        ]}),
    )
    .await;
    // A list of another length is another list; items that are still there are told by their keys.
    patch(&server, "v1beta1", json!({"spec": {"perches": ["ash", "elm", "oak"]}})).await;
    let v1 = get(&server, "v1").await;
    let heights: Vec<_> =
        v1["spec"]["perches"].as_array().into_iter().flatten().map(|p| (&p["name"], &p["height"])).collect();
    assert_eq!(heights, [(&json!("ash"), &json!(5)), (&json!("elm"), &json!(4)), (&json!("oak"), &json!(3))]);
}

#[tokio::test]
async fn nothing_asked_for_is_nothing_written() {
    let server = server().await;
    let made = create(&server, "v1alpha1", json!({"species": "robin", "size": "22cm", "color": "red"})).await;
    create_more(&server).await;
    let version = |object: &serde_json::Value| object["metadata"]["resourceVersion"].clone();
    for name in ["v1", "v1beta1", "v1alpha1"] {
        let seen = get(&server, name).await;
        assert_eq!(version(&put(&server, name, &seen).await), version(&made), "{name}");
        assert_eq!(version(&patch(&server, name, json!({})).await), version(&made), "{name}");
    }
    // What only one version has is a change as well, and one of the generation.
    let changed = patch(&server, "v1alpha1", json!({"spec": {"color": "blue"}})).await;
    assert_eq!(changed["metadata"]["generation"], 2);
    let labelled = patch(&server, "v1alpha1", json!({"metadata": {"labels": {"a": "b"}}})).await;
    assert_eq!((&labelled["metadata"]["generation"], &labelled["spec"]["color"]), (&json!(2), &json!("blue")));
}

async fn create_more(server: &super::Server) {
    let body = bird("v1", json!({"species": "wren"})).replace("\"robin\"", "\"wren\"");
    assert_eq!(server.ask(&format!("POST {}", birds("v1")), &body).await.code, 201);
}

#[tokio::test]
async fn more_than_an_annotation_holds_is_refused() {
    let server = server().await;
    let spec = json!({"species": "robin", "size": "1cm", "color": "x".repeat(260 << 10)});
    let refused = server.ask(&format!("POST {}", birds("v1alpha1")), &bird("v1alpha1", spec)).await;
    assert!(refused.failure().contains("metadata.annotations: Too long"), "{}", refused.failure());
}
