//! Namespaces: there at start, made, left and deleted, and what can be created in them meanwhile.

use apiserver::TestServer;
use apiserver::standalone::Standalone;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::{ask, install, object, refusal, table};

const NAMESPACES: &str = "/api/v1/namespaces";
const BIRDS: &str = "/apis/demo.example.com/v1/namespaces";

fn bird(name: &str) -> Value {
    json!({ "apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": { "name": name }, "spec": {} })
}

#[tokio::test]
async fn a_server_starts_with_namespaces_and_their_accounts() {
    let server = TestServer::start(install).await;
    assert_eq!(
        table(&server, NAMESPACES).await,
        [
            "Name | Status | Age",
            "default | Active | -",
            "kube-node-lease | Active | -",
            "kube-public | Active | -",
            "kube-system | Active | -",
        ]
    );
    let accounts: Api<ServiceAccount> = server.api();
    let accounts = accounts.list(&ListParams::default()).await.unwrap();
    assert!(accounts.iter().all(|account| account.name_any() == "default"));
    assert_eq!(accounts.items.len(), 4);
    server.restart().await;
    let namespaces: Api<Namespace> = server.api();
    assert_eq!(namespaces.list(&ListParams::default()).await.unwrap().items.len(), 4);
}

#[tokio::test]
async fn a_new_namespace_is_what_kubernetes_makes_of_it() {
    let server = TestServer::start(install).await;
    let (code, made) = ask(&server, &format!("POST {NAMESPACES}"), object("Namespace", "forest", json!({}))).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(made["metadata"]["labels"], json!({ "kubernetes.io/metadata.name": "forest" }));
    assert_eq!(made["spec"], json!({ "finalizers": ["kubernetes"] }));
    assert_eq!(made["status"], json!({ "phase": "Active" }));
    assert_eq!(made["metadata"].get("generation"), None);
    // Neither who has to finish with it nor how it is can be changed here, and the label stays.
    let change = json!({
        "metadata": { "labels": { "kubernetes.io/metadata.name": null, "a": "b" } },
        "spec": { "finalizers": [] }, "status": { "phase": "Terminating" },
    });
    let (code, changed) = ask(&server, &format!("PATCH {NAMESPACES}/forest"), change).await;
    assert_eq!(code, 200, "{changed}");
    assert_eq!((&changed["spec"], &changed["status"]), (&made["spec"], &made["status"]));
    assert_eq!(changed["metadata"]["labels"], json!({ "kubernetes.io/metadata.name": "forest", "a": "b" }));
    let generated = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "generateName": "t-" } });
    let (_, generated) = ask(&server, &format!("POST {NAMESPACES}"), generated).await;
    let metadata = &generated["metadata"];
    assert_eq!(metadata["labels"]["kubernetes.io/metadata.name"], metadata["name"]);
    let selected = format!("GET {NAMESPACES}?fieldSelector=status.phase%3DActive%2Cname%3Dforest");
    let found = ask(&server, &selected, Value::Null).await.1;
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
    for (name, problem) in
        [("No.Such", "a lowercase RFC 1123 label must consist"), ("a.b", "a lowercase RFC 1123 label")]
    {
        let told = refusal(&server, &format!("POST {NAMESPACES}"), object("Namespace", name, json!({}))).await;
        let expect =
            format!("422 Namespace \"{name}\" is invalid: metadata.name: Invalid value: \"{name}\": {problem}");
        assert!(told.starts_with(&expect), "{told}");
    }
}

#[tokio::test]
async fn nothing_is_created_in_a_namespace_that_is_not_there() {
    let server = TestServer::start(install).await;
    let (code, refused) = ask(&server, &format!("POST {BIRDS}/forest/birds"), bird("robin")).await;
    assert_eq!((code, &refused["message"]), (404, &json!("namespaces \"forest\" not found")));
    assert_eq!(refused["details"], json!({ "name": "forest", "kind": "namespaces" }));
    let secret = refusal(&server, &format!("POST {NAMESPACES}/forest/secrets"), object("Secret", "s", json!({}))).await;
    assert_eq!(secret, "404 namespaces \"forest\" not found");
    let applied = ask(&server, &format!("PATCH {BIRDS}/forest/birds/robin"), json!({})).await;
    assert_eq!(applied.0, 404);
    // Reading is another matter.
    assert_eq!(ask(&server, &format!("GET {BIRDS}/forest/birds"), Value::Null).await.0, 200);
    server.namespace("forest").await;
    assert_eq!(ask(&server, &format!("POST {BIRDS}/forest/birds"), bird("robin")).await.0, 201);
}

#[tokio::test]
async fn a_server_may_do_without_the_lifecycle() {
    let alone = Standalone::default().namespace_lifecycle(false);
    let server = TestServer::builder().standalone(alone).start(install).await;
    assert_eq!(ask(&server, &format!("POST {BIRDS}/forest/birds"), bird("robin")).await.0, 201);
    assert_eq!(ask(&server, &format!("DELETE {NAMESPACES}/kube-public"), Value::Null).await.0, 200);
}

#[tokio::test]
async fn some_namespaces_are_not_deleted() {
    let server = TestServer::start(install).await;
    for name in ["default", "kube-system", "kube-public"] {
        let told = refusal(&server, &format!("DELETE {NAMESPACES}/{name}"), Value::Null).await;
        assert_eq!(told, format!("403 namespaces \"{name}\" is forbidden: this namespace may not be deleted"));
    }
    let (code, refused) = ask(&server, &format!("DELETE {NAMESPACES}"), Value::Null).await;
    assert_eq!(code, 405, "{refused}");
}

/// Like a namespace of the system's, whose content somebody of their own deletes.
async fn held(server: &TestServer, name: &str) {
    let fields = json!({ "spec": { "finalizers": ["example.com/mine"] } });
    let (code, made) = ask(server, &format!("POST {NAMESPACES}"), object("Namespace", name, fields)).await;
    assert_eq!(code, 201, "{made}");
}

#[tokio::test]
async fn a_deleted_namespace_takes_no_more_and_waits_for_who_has_to_finish() {
    let server = TestServer::builder().without_controllers().start(install).await;
    held(&server, "forest").await;
    assert_eq!(ask(&server, &format!("POST {BIRDS}/forest/birds"), bird("robin")).await.0, 201);
    let path = format!("{NAMESPACES}/forest");
    let (code, deleted) = ask(&server, &format!("DELETE {path}"), Value::Null).await;
    assert_eq!((code, &deleted["status"]["phase"]), (200, &json!("Terminating")));
    assert!(deleted["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(deleted["metadata"].get("deletionGracePeriodSeconds"), None);
    let (code, again) = ask(&server, &format!("DELETE {path}"), Value::Null).await;
    assert_eq!((code, &again["metadata"]["deletionTimestamp"]), (200, &deleted["metadata"]["deletionTimestamp"]));

    let (code, refused) = ask(&server, &format!("POST {BIRDS}/forest/birds"), bird("wren")).await;
    assert_eq!(code, 403);
    let why = "birds.demo.example.com \"wren\" is forbidden: unable to create new content in namespace forest because it is \
               being terminated";
    assert_eq!(refused["message"], why);
    let cause = json!({
        "reason": "NamespaceTerminating", "message": "namespace forest is being terminated", "field": "metadata.namespace",
    });
    let details = json!({ "name": "wren", "group": "demo.example.com", "kind": "birds", "causes": [cause] });
    assert_eq!(refused["details"], details);

    // What says who has to finish with it is changed in one place alone.
    let (_, mut namespace) = ask(&server, &format!("GET {path}"), Value::Null).await;
    namespace["spec"]["finalizers"] = json!([]);
    namespace["status"]["phase"] = "Active".into();
    let (code, kept) = ask(&server, &format!("PUT {path}"), namespace.clone()).await;
    assert_eq!((code, kept["spec"]["finalizers"].as_array().map(Vec::is_empty)), (200, Some(false)), "{kept}");
    namespace["spec"]["finalizers"] = json!(["nobody"]);
    let told = refusal(&server, &format!("PUT {path}/finalize"), namespace.clone()).await;
    assert!(told.starts_with("422") && told.contains("spec.finalizers[0]: Invalid value: \"nobody\""), "{told}");
    let told = refusal(&server, &format!("PUT {path}/status"), namespace.clone()).await;
    assert!(told.contains("may only be 'Terminating' if `deletionTimestamp` is not empty"), "{told}");

    namespace["spec"]["finalizers"] = json!([]);
    namespace["status"]["phase"] = "Terminating".into();
    namespace["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    for method in ["GET", "PATCH", "POST"] {
        assert_eq!(ask(&server, &format!("{method} {path}/finalize"), namespace.clone()).await.0, 405, "{method}");
    }
    let (code, gone) = ask(&server, &format!("PUT {path}/finalize"), namespace.clone()).await;
    assert_eq!((code, &gone["spec"]["finalizers"]), (200, &json!([])));
    assert_eq!(ask(&server, &format!("GET {path}"), Value::Null).await.0, 404);
    assert_eq!(
        refusal(&server, &format!("POST {BIRDS}/forest/birds"), bird("wren")).await,
        "404 namespaces \"forest\" not found"
    );
}

#[tokio::test]
async fn the_status_is_written_apart() {
    let server = TestServer::start(install).await;
    held(&server, "forest").await;
    let condition = json!({
        "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain", "message": "birds",
        "lastTransitionTime": "2026-03-01T12:00:00Z",
    });
    let change = json!({ "status": { "conditions": [condition] }, "spec": { "finalizers": [] } });
    let (code, changed) = ask(&server, &format!("PATCH {NAMESPACES}/forest/status"), change).await;
    assert_eq!((code, &changed["status"]["conditions"][0]), (200, &condition));
    assert_eq!(changed["spec"]["finalizers"], json!(["example.com/mine", "kubernetes"]));
}

#[tokio::test]
async fn each_namespace_has_an_account() {
    let server = TestServer::start(install).await;
    server.namespace("forest").await;
    let accounts: Api<ServiceAccount> = server.api_in("forest");
    let first = accounts.get("default").await.unwrap();
    accounts.delete("default", &DeleteParams::default()).await.unwrap();
    let again = async {
        loop {
            if let Some(account) = accounts.get_opt("default").await.unwrap() {
                return account;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let again = tokio::time::timeout(std::time::Duration::from_secs(10), again).await.expect("made again");
    assert_ne!(first.uid(), again.uid());
}

#[tokio::test]
async fn discovery_lists_what_can_be_done_with_namespaces() {
    let server = TestServer::start(install).await;
    let (_, resources) = ask(&server, "GET /api/v1", Value::Null).await;
    let find = |name: &str| {
        let found = resources["resources"].as_array().unwrap().iter().find(|resource| resource["name"] == name);
        found.unwrap_or_else(|| panic!("{name} in {resources}")).clone()
    };
    let namespaces = find("namespaces");
    assert_eq!(namespaces["verbs"], json!(["create", "delete", "get", "list", "patch", "update", "watch"]));
    assert_eq!((&namespaces["shortNames"], &namespaces["namespaced"]), (&json!(["ns"]), &json!(false)));
    assert_eq!(
        (&find("namespaces/finalize")["verbs"], &find("namespaces/finalize")["kind"]),
        (&json!(["update"]), &json!("Namespace"))
    );
    assert_eq!(find("namespaces/status")["verbs"], json!(["get", "patch", "update"]));
    let (_, openapi) = ask(&server, "GET /openapi/v3/api/v1", Value::Null).await;
    assert!(openapi["paths"]["/api/v1/namespaces/{name}/finalize"]["put"].is_object());
    assert!(openapi["components"]["schemas"]["io.k8s.api.core.v1.Namespace"].is_object());
}
