//! A server of a cluster asks that cluster who its users are and what they may do. The cluster is one of our own.

use std::sync::Arc;
use std::time::Duration;

use apiserver::TestServer;
use apiserver::authentication::{AuthenticationError, Authenticator, BearerTokens, ConnectionInfo, TokenFile};
use apiserver::authorization::{Attributes, Authorizer, Decision};
use apiserver::delegation::{AccessReviews, ClusterTrust, TokenReviews, TrustError};
use apiserver::request::info::RequestInfo;
use apiserver::request::user::UserInfo;
use apiserver::standalone::Standalone;
use apiserver::standalone::access::{Access, AuthorizationMode, ISSUER};
use kube::Client;
use serde_json::{Value, json};

use crate::access::of_path;
use crate::{ask, install};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const TTL: Duration = Duration::from_secs(10);

/// A cluster with the token `t1` of alice, who may view everything, and a client of the server `aggregated`, which may
/// ask or not.
async fn cluster(may_ask: bool) -> (TestServer, Client) {
    let tokens = TokenFile::parse("t1,alice,7,crew\n", vec![ISSUER.into()]).expect("tokens");
    let access = Access { authorization: AuthorizationMode::Rbac, tokens: vec![Arc::new(tokens)], ..Access::default() };
    let server = TestServer::builder().standalone(Standalone::default().access(access)).start(install).await;
    bind(&server, "clusterrolebindings", "ClusterRole", "view", "alice").await;
    if may_ask {
        bind(&server, "clusterrolebindings", "ClusterRole", "system:auth-delegator", "aggregated").await;
    }
    let client = server.client_as(UserInfo::authenticated("aggregated", []));
    (server, client)
}

async fn bind(server: &TestServer, path: &str, kind: &str, role: &str, user: &str) {
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "metadata": { "name": format!("{user}-{role}") }, "roleRef": { "apiGroup": group, "kind": kind, "name": role },
        "subjects": [{ "apiGroup": group, "kind": "User", "name": user }],
    });
    make(server, &format!("{RBAC}/{path}"), binding).await;
}

#[tokio::test]
async fn what_a_user_may_do_is_for_the_cluster_to_say() {
    let (_cluster, client) = cluster(true).await;
    let reviews = AccessReviews::new(client, TTL, TTL);
    let alice = UserInfo::authenticated("alice", []);
    let decide = async |verb: &'static str, resource: &str| {
        let info = RequestInfo {
            is_resource: true,
            verb: verb.into(),
            version: "v1".into(),
            resource: resource.into(),
            ..RequestInfo::default()
        };
        reviews.authorize(Attributes { user: &alice, info: &info }).await.expect("decided")
    };
    let because = "RBAC: allowed by ClusterRoleBinding \"alice-view\" of ClusterRole \"view\" to User \"alice\"";
    assert_eq!(decide("list", "configmaps").await, Decision::Allow(because.into()));
    assert_eq!(decide("delete", "configmaps").await, Decision::NoOpinion("".into()));
    assert_eq!(decide("list", "secrets").await, Decision::NoOpinion("".into()));
}

#[tokio::test]
async fn who_may_not_ask_decides_nothing() {
    let (_cluster, client) = cluster(false).await;
    let (alice, info) = (UserInfo::authenticated("alice", []), RequestInfo::default());
    let reviews = AccessReviews::new(client.clone(), TTL, TTL);
    assert!(reviews.authorize(Attributes { user: &alice, info: &info }).await.is_err(), "answered 500, and not 403");
    let asked = authenticate(TokenReviews::new(client, TTL), "t1").await;
    assert!(matches!(asked, Err(AuthenticationError::Review(_))), "answered 401");
}

#[tokio::test]
async fn whose_a_token_is_is_for_the_cluster_to_say() {
    let (_cluster, client) = cluster(true).await;
    let user = authenticate(TokenReviews::new(client.clone(), TTL), "t1").await.expect("reviewed").expect("a user");
    assert_eq!((&*user.username, &*user.uid), ("alice", "7"));
    assert_eq!(user.groups, ["crew", "system:authenticated"]);
    assert!(authenticate(TokenReviews::new(client, TTL), "t2").await.is_err());
}

#[tokio::test]
async fn whom_the_cluster_trusts_is_in_a_configmap_that_must_be_readable() {
    let (server, client) = cluster(true).await;
    let trust = ClusterTrust::default();
    let Err(TrustError::Forbidden(message)) = trust.read(&client).await else { panic!("it was readable") };
    assert!(message.contains("cannot get resource \"configmaps\""), "{message}");
    let name = "extension-apiserver-authentication";
    let rules = json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": [name] }]);
    let role = json!({ "metadata": { "name": format!("{name}-reader") }, "rules": rules });
    make(&server, &format!("{RBAC}/namespaces/kube-system/roles"), role).await;
    let bindings = "namespaces/kube-system/rolebindings";
    bind(&server, bindings, "Role", &format!("{name}-reader"), "aggregated").await;
    assert!(matches!(trust.read(&client).await, Err(TrustError::Missing)));
    let map = json!({ "metadata": { "name": name }, "data": { "requestheader-allowed-names": "[]" } });
    make(&server, "/api/v1/namespaces/kube-system/configmaps", map).await;
    trust.read(&client).await.expect("read");
}

async fn make(server: &TestServer, path: &str, object: Value) {
    let (code, answer) = ask(server, &format!("POST {path}"), of_path(path, object)).await;
    assert_eq!(code, 201, "{answer}");
}

async fn authenticate(by: TokenReviews, token: &str) -> Result<Option<Arc<UserInfo>>, AuthenticationError> {
    let request = http::Request::get("/apis").header("authorization", format!("Bearer {token}"));
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    BearerTokens::new(vec![Arc::new(by)]).authenticate(&parts, &ConnectionInfo::default()).await
}
