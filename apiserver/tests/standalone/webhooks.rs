//! Webhooks that are asked by the labels of a namespace: those that it has.

use apiserver::TestServer;
use serde_json::json;

use crate::{ask, install, refusal};

/// Nobody is there, so that whoever is asked refuses.
fn refusing(selector: serde_json::Value) -> serde_json::Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "quiet" },
        "webhooks": [{
            "name": "quiet.demo.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": { "url": "https://127.0.0.1:1/" }, "namespaceSelector": selector,
            "rules": [{ "apiGroups": ["demo.example.com"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["birds"] }],
        }],
    })
}

#[tokio::test]
async fn the_labels_of_a_namespace_count() {
    let server = TestServer::start(install).await;
    let line = "POST /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    assert_eq!(ask(&server, line, refusing(json!({ "matchLabels": { "quiet": "yes" } }))).await.0, 201);
    for (name, labels) in [("forest", json!({ "quiet": "yes" })), ("city", json!({}))] {
        let namespace =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
        assert_eq!(ask(&server, "POST /api/v1/namespaces", namespace).await.0, 201);
    }
    let bird =
        |name| json!({ "apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": { "name": name }, "spec": {} });
    let path = |namespace: &str| format!("POST /apis/demo.example.com/v1/namespaces/{namespace}/birds");
    let told = refusal(&server, &path("forest"), bird("robin")).await;
    assert!(told.starts_with("500") && told.contains("quiet.demo.example.com"), "{told}");
    assert_eq!(ask(&server, &path("city"), bird("robin")).await.0, 201);
    let change = json!({ "metadata": { "labels": { "quiet": null } } });
    assert_eq!(ask(&server, "PATCH /api/v1/namespaces/forest", change).await.0, 200);
    assert_eq!(ask(&server, &path("forest"), bird("robin")).await.0, 201);
}
