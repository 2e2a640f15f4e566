//! Roles and bindings as they are kept; what they allow is another matter.

use apiserver::TestServer;
use serde_json::{Value, json};

use crate::{ask, install, refusal, table};

const GROUP: &str = "/apis/rbac.authorization.k8s.io/v1";

fn of_rbac(kind: &str, name: &str, fields: Value) -> Value {
    let mut object = crate::object(kind, name, fields);
    object["apiVersion"] = "rbac.authorization.k8s.io/v1".into();
    object
}

#[tokio::test]
async fn roles_are_kept_and_checked() {
    let server = TestServer::start(install).await;
    let line = format!("POST {GROUP}/clusterroles");
    let rule = json!({ "apiGroups": ["demo.example.com"], "resources": ["birds"], "verbs": ["get"] });
    let role = of_rbac("ClusterRole", "demo:keeper of birds", json!({ "rules": [rule] }));
    assert_eq!(ask(&server, &line, role).await.0, 201);
    let told = refusal(&server, &line, of_rbac("ClusterRole", "a", json!({ "rules": [{ "verbs": ["get"] }] }))).await;
    assert_eq!(
        told,
        "422 ClusterRole.rbac.authorization.k8s.io \"a\" is invalid: [rules[0].apiGroups: Required value: resource rules \
         must supply at least one api group, rules[0].resources: Required value: resource rules must supply at least one \
         resource]"
    );
    let path = format!("POST {GROUP}/namespaces/default/roles");
    let urls = json!({ "rules": [{ "verbs": ["get"], "nonResourceURLs": ["/a"] }] });
    let told = refusal(&server, &path, of_rbac("Role", "a", urls)).await;
    assert!(told.contains("namespaced rules cannot apply to non-resource URLs"), "{told}");
    let made = ask(&server, &path, of_rbac("Role", "keeper", json!({ "rules": [rule] }))).await;
    let created = made.1["metadata"]["creationTimestamp"].as_str().unwrap_or_default();
    let expect = ["Name | Created At".to_owned(), format!("keeper | {created}")];
    assert_eq!(table(&server, &format!("{GROUP}/namespaces/default/roles")).await, expect);
}

#[tokio::test]
async fn a_binding_keeps_its_role() {
    let server = TestServer::start(install).await;
    let bindings = format!("{GROUP}/namespaces/default/rolebindings");
    let fields = json!({
        "roleRef": { "kind": "ClusterRole", "name": "edit" },
        "subjects": [{ "kind": "User", "name": "alice" }, { "kind": "ServiceAccount", "name": "default", "namespace": "default" }],
    });
    let (code, made) = ask(&server, &format!("POST {bindings}"), of_rbac("RoleBinding", "b", fields)).await;
    assert_eq!((code, &made["roleRef"]["apiGroup"]), (201, &json!("rbac.authorization.k8s.io")), "{made}");
    assert_eq!(made["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(made["subjects"][1].get("apiGroup"), None);
    let told = refusal(&server, &format!("PATCH {bindings}/b"), json!({ "roleRef": { "name": "admin" } })).await;
    assert!(told.ends_with("cannot change roleRef"), "{told}");
    assert_eq!(table(&server, &bindings).await, ["Name | Role | Age", "b | ClusterRole/edit | -"]);
    let nobody = of_rbac("ClusterRoleBinding", "b", json!({ "roleRef": { "kind": "Role", "name": "" } }));
    let told = refusal(&server, &format!("POST {GROUP}/clusterrolebindings"), nobody).await;
    assert_eq!(
        told,
        "422 ClusterRoleBinding.rbac.authorization.k8s.io \"b\" is invalid: [roleRef.kind: Unsupported value: \"Role\": \
         supported values: \"ClusterRole\", roleRef.name: Required value]"
    );
}
