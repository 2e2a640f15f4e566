//! Who asks, and what they may do.

use std::sync::Arc;
use std::time::Duration;

use apiserver::TestServer;
use apiserver::authentication::TokenFile;
use apiserver::request::user::UserInfo;
use apiserver::standalone::Standalone;
use apiserver::standalone::access::{Access, AuthorizationMode};
use http::Request;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

use crate::install;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const AUTHORIZATION: &str = "/apis/authorization.k8s.io/v1";
const BIRDS: &str = "/apis/demo.example.com/v1/namespaces/default/birds";

/// A server with RBAC, and with the token `t1` of alice in the group crew.
async fn server() -> TestServer {
    let tokens = TokenFile::parse("t1,alice,7,\"crew\"\n", vec!["https://kubernetes.default.svc".into()]);
    let access = Access {
        authorization: AuthorizationMode::Rbac,
        tokens: vec![Arc::new(tokens.expect("tokens"))],
        ..Access::default()
    };
    TestServer::builder().standalone(Standalone::default().access(access)).start(install).await
}

/// An object as the resource at the end of a path has it.
pub fn of_path(path: &str, mut object: Value) -> Value {
    let kind = match path.rsplit('/').next().unwrap_or_default() {
        "clusterrolebindings" => "ClusterRoleBinding",
        "clusterroles" => "ClusterRole",
        "configmaps" => "ConfigMap",
        "localsubjectaccessreviews" => "LocalSubjectAccessReview",
        "rolebindings" => "RoleBinding",
        "roles" => "Role",
        "selfsubjectaccessreviews" => "SelfSubjectAccessReview",
        "selfsubjectreviews" => "SelfSubjectReview",
        "selfsubjectrulesreviews" => "SelfSubjectRulesReview",
        "subjectaccessreviews" => "SubjectAccessReview",
        "tokenreviews" => "TokenReview",
        other => panic!("what are {other}?"),
    };
    let group = path.strip_prefix("/apis/").and_then(|path| path.split('/').next());
    object["apiVersion"] = group.map_or("v1".to_owned(), |group| format!("{group}/v1")).into();
    object["kind"] = kind.into();
    object
}

/// Sends `METHOD PATH` with a body as a user, `name,group,group`; empty for the administrator.
async fn ask(server: &TestServer, who: &str, line: &str, body: Value) -> (u16, Value) {
    let (method, path) = line.split_once(' ').expect("METHOD PATH");
    let body = if method == "POST" { of_path(path, body) } else { body };
    let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let mut request = Request::builder().method(method).uri(path).header("content-type", content_type);
    if let Some(token) = who.strip_prefix("token ") {
        request = request.header("authorization", format!("Bearer {token}"));
    } else if !who.is_empty() {
        let mut words = who.split(',').map(str::to_owned);
        let user = UserInfo::authenticated(&words.next().unwrap_or_default(), words);
        request = request.extension(Arc::new(user));
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = server.request(request.body(body).expect("a request")).await;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// The code of an answer, and its message if it is a refusal.
async fn told(server: &TestServer, who: &str, line: &str, body: Value) -> String {
    let (code, answer) = ask(server, who, line, body).await;
    match answer["message"].as_str() {
        Some(message) if code >= 400 => format!("{code} {message}"),
        _ => code.to_string(),
    }
}

async fn make(server: &TestServer, path: &str, object: Value) {
    assert_eq!(told(server, "", &format!("POST {path}"), object).await, "201", "{path}");
}

fn role(name: &str, rules: Value) -> Value {
    json!({ "metadata": { "name": name }, "rules": rules })
}

fn binding(name: &str, kind: &str, role: &str, subjects: &[&str]) -> Value {
    let subject = |text: &&str| match text.split(' ').collect::<Vec<_>>()[..] {
        ["ServiceAccount", name] => json!({ "kind": "ServiceAccount", "name": name, "namespace": "default" }),
        [kind, name] => json!({ "kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io" }),
        _ => panic!("{text}"),
    };
    json!({
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role },
        "subjects": subjects.iter().map(subject).collect::<Vec<_>>(),
    })
}

fn rule(verbs: &[&str], group: &str, resource: &str) -> Value {
    json!({ "verbs": verbs, "apiGroups": [group], "resources": [resource] })
}

#[tokio::test]
async fn a_binding_lets_its_subjects_in_as_soon_as_it_is_written() {
    let server = server().await;
    let list = format!("GET {BIRDS}");
    let refused = "403 birds.demo.example.com is forbidden: User \"bob\" cannot list resource \"birds\" in API group \
                   \"demo.example.com\" in the namespace \"default\"";
    assert_eq!(told(&server, "bob", &list, Value::Null).await, refused);
    let roles = format!("{RBAC}/namespaces/default/roles");
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    make(&server, &bindings, binding("watchers", "Role", "watcher", &["User bob", "Group crew"])).await;
    let lost = format!("{refused}: RBAC: role.rbac.authorization.k8s.io \"watcher\" not found");
    assert_eq!(told(&server, "bob", &list, Value::Null).await, lost);
    make(&server, &roles, role("watcher", json!([rule(&["get", "list"], "demo.example.com", "birds")]))).await;
    assert_eq!(told(&server, "bob", &list, Value::Null).await, "200");
    assert_eq!(told(&server, "carol,crew", &list, Value::Null).await, "200");
    assert!(told(&server, "carol", &list, Value::Null).await.starts_with("403"));
    assert!(told(&server, "bob", "GET /apis/demo.example.com/v1/birds", Value::Null).await.starts_with("403"));
    assert!(told(&server, "bob", &format!("GET {BIRDS}/robin/status"), Value::Null).await.starts_with("403"));
    assert!(told(&server, "bob", &format!("GET {BIRDS}/robin"), Value::Null).await.starts_with("404"));
    assert_eq!(told(&server, "", &format!("DELETE {bindings}/watchers"), Value::Null).await, "200");
    assert_eq!(told(&server, "bob", &list, Value::Null).await, refused);
}

#[tokio::test]
async fn everyone_may_look_around_and_ask_about_themselves() {
    let server = server().await;
    for path in ["/api", "/apis", "/apis/demo.example.com/v1", "/openapi/v3", "/version", "/readyz"] {
        assert_eq!(told(&server, "bob", &format!("GET {path}"), Value::Null).await, "200", "{path}");
    }
    assert!(told(&server, "bob", "GET /metrics", Value::Null).await.starts_with("403"));
    let review = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews";
    let (code, answer) = ask(&server, "bob,crew", review, json!({ "metadata": {} })).await;
    assert_eq!(code, 201, "{answer}");
    let user = json!({ "username": "bob", "groups": ["crew", "system:authenticated"] });
    assert_eq!(answer["status"]["userInfo"], user);
    assert!(
        told(&server, "bob", "POST /apis/authentication.k8s.io/v1/tokenreviews", json!({})).await.starts_with("403")
    );
}

#[tokio::test]
async fn the_roles_of_the_start_are_there_and_complete() {
    let server = server().await;
    let rules = async |name: &str| {
        let (code, role) = ask(&server, "", &format!("GET {RBAC}/clusterroles/{name}"), Value::Null).await;
        assert_eq!(code, 200, "{name}");
        role["rules"].as_array().map_or(0, Vec::len)
    };
    let (view, edit, admin) = (rules("view").await, rules("edit").await, rules("admin").await);
    assert!(0 < view && view < edit && edit < admin, "{view} {edit} {admin}");
    let (_, bindings) = ask(&server, "", &format!("GET {RBAC}/clusterrolebindings"), Value::Null).await;
    let names: Vec<&str> = bindings["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["metadata"]["name"].as_str())
        .collect();
    assert!(names.contains(&"cluster-admin") && names.contains(&"system:public-info-viewer"), "{names:?}");
    // A server that starts again finds what it wrote, and writes back what was lost.
    assert_eq!(told(&server, "", &format!("DELETE {RBAC}/clusterroles/view"), Value::Null).await, "200");
    server.restart().await;
    assert_eq!(rules("view").await, view);
}

#[tokio::test]
async fn a_role_made_of_others_follows_them() {
    let server = server().await;
    let mut birds = role("birds-view", json!([rule(&["list"], "demo.example.com", "birds")]));
    birds["metadata"]["labels"] = json!({ "rbac.authorization.k8s.io/aggregate-to-view": "true" });
    make(&server, &format!("{RBAC}/clusterroles"), birds).await;
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    make(&server, &bindings, binding("bob-views", "ClusterRole", "admin", &["User bob"])).await;
    let patience = tokio::time::Instant::now() + Duration::from_secs(10);
    while told(&server, "bob", &format!("GET {BIRDS}"), Value::Null).await != "200" {
        assert!(tokio::time::Instant::now() < patience, "admin has not got what view has got");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn nobody_gives_away_what_they_do_not_have() {
    let server = server().await;
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    let roles = format!("{RBAC}/namespaces/default/roles");
    make(&server, &bindings, binding("bob-administers", "ClusterRole", "admin", &["User bob"])).await;
    let post = format!("POST {roles}");
    let mine = role("mine", json!([rule(&["get"], "", "secrets")]));
    assert_eq!(told(&server, "bob", &post, mine.clone()).await, "201");
    let birds = role("birds", json!([rule(&["get", "list"], "demo.example.com", "birds")]));
    let refused = "403 roles.rbac.authorization.k8s.io \"birds\" is forbidden: user \"bob\" \
                   (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n\
                   {APIGroups:[\"demo.example.com\"], Resources:[\"birds\"], Verbs:[\"get\" \"list\"]}";
    assert_eq!(told(&server, "bob", &post, birds.clone()).await, refused);
    let more = json!({ "rules": [rule(&["get"], "", "secrets"), rule(&["*"], "*", "*")] });
    assert!(told(&server, "bob", &format!("PATCH {roles}/mine"), more).await.contains("not currently held"));
    let label = json!({ "metadata": { "labels": { "a": "b" } } });
    assert_eq!(told(&server, "bob", &format!("PATCH {roles}/mine"), label).await, "200");

    make(&server, &roles, birds).await;
    let post = format!("POST {bindings}");
    let give = |name, kind, role| binding(name, kind, role, &["User carol"]);
    assert_eq!(told(&server, "bob", &post, give("a", "Role", "mine")).await, "201");
    assert_eq!(told(&server, "bob", &post, give("b", "ClusterRole", "view")).await, "201");
    assert!(told(&server, "bob", &post, give("c", "Role", "birds")).await.contains("not currently held"));
    assert!(
        told(&server, "bob", &post, give("d", "ClusterRole", "cluster-admin")).await.contains("not currently held")
    );
    let missing = told(&server, "bob", &post, give("e", "ClusterRole", "lost")).await;
    assert_eq!(missing, "404 clusterroles.rbac.authorization.k8s.io \"lost\" not found");

    // Unless they are told that they may.
    let may = role("binder", json!([rule(&["bind"], "rbac.authorization.k8s.io", "roles")]));
    make(&server, &roles, may).await;
    make(&server, &bindings, binding("bob-binds", "Role", "binder", &["User bob"])).await;
    assert_eq!(told(&server, "bob", &post, give("c", "Role", "birds")).await, "201");
}

#[tokio::test]
async fn acting_as_another_is_a_right() {
    let server = server().await;
    let as_carol = async |who: &str| {
        let mut words = who.split(',').map(str::to_owned);
        let user = UserInfo::authenticated(&words.next().unwrap_or_default(), words);
        let request = Request::post("/apis/authentication.k8s.io/v1/selfsubjectreviews")
            .header("content-type", "application/json")
            .header("impersonate-user", "carol")
            .extension(Arc::new(user));
        let review = of_path("/apis/authentication.k8s.io/v1/selfsubjectreviews", json!({}));
        let answer = server.request(request.body(review.to_string()).expect("a request")).await;
        let answer: Value = serde_json::from_slice(answer.body()).expect("JSON");
        answer["status"]["userInfo"]["username"].as_str().or(answer["message"].as_str()).map(str::to_owned)
    };
    assert_eq!(as_carol("root,system:masters").await.as_deref(), Some("carol"));
    let refused = "users \"carol\" is forbidden: User \"bob\" cannot impersonate resource \"users\" in API group \"\" at \
                   the cluster scope";
    assert_eq!(as_carol("bob").await.as_deref(), Some(refused));
    let rules =
        json!([{ "verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"], "resourceNames": ["carol"] }]);
    make(&server, &format!("{RBAC}/clusterroles"), role("as-carol", rules)).await;
    let give = binding("as-carol", "ClusterRole", "as-carol", &["User bob"]);
    make(&server, &format!("{RBAC}/clusterrolebindings"), give).await;
    assert_eq!(as_carol("bob").await.as_deref(), Some("carol"));
}

#[tokio::test]
async fn questions_about_rights_are_answered_as_requests_would_be() {
    let server = server().await;
    make(&server, &format!("{RBAC}/clusterrolebindings"), binding("viewers", "ClusterRole", "view", &["Group crew"]))
        .await;
    let asked = |verb: &str, resource: &str| json!({ "verb": verb, "resource": resource, "group": "", "version": "*", "namespace": "default" });
    let own = format!("POST {AUTHORIZATION}/selfsubjectaccessreviews");
    let status = async |who: &str, line: &str, spec: Value| {
        let (code, answer) = ask(&server, who, line, json!({ "spec": spec, "status": { "allowed": false } })).await;
        assert_eq!(code, 201, "{answer}");
        answer["status"].clone()
    };
    let allowed = status("carol,crew", &own, json!({ "resourceAttributes": asked("get", "configmaps") })).await;
    let because = "RBAC: allowed by ClusterRoleBinding \"viewers\" of ClusterRole \"view\" to Group \"crew\"";
    assert_eq!(allowed, json!({ "allowed": true, "reason": because }));
    let refused = status("carol,crew", &own, json!({ "resourceAttributes": asked("get", "secrets") })).await;
    assert_eq!(refused, json!({ "allowed": false }));
    let path = status("carol", &own, json!({ "nonResourceAttributes": { "path": "/apis", "verb": "get" } })).await;
    assert_eq!(path["allowed"], true);

    let anyone = format!("POST {AUTHORIZATION}/subjectaccessreviews");
    let spec = json!({ "user": "dora", "groups": ["crew"], "resourceAttributes": asked("list", "configmaps") });
    assert_eq!(status("", &anyone, spec.clone()).await["allowed"], true);
    assert!(told(&server, "carol,crew", &anyone, json!({ "spec": spec })).await.starts_with("403"));
    let local = format!("POST {AUTHORIZATION}/namespaces/default/localsubjectaccessreviews");
    assert_eq!(status("", &local, spec.clone()).await["allowed"], true);
    let elsewhere = format!("POST {AUTHORIZATION}/namespaces/kube-system/localsubjectaccessreviews");
    let mismatch = told(&server, "", &elsewhere, json!({ "spec": spec })).await;
    assert_eq!(mismatch, "400 spec.resourceAttributes.namespace must match namespace: kube-system");
    let nothing = told(&server, "", &anyone, json!({ "spec": {} })).await;
    assert!(
        nothing.contains("exactly one of nonResourceAttributes or resourceAttributes must be specified"),
        "{nothing}"
    );
    assert!(
        nothing.contains("spec.user: Invalid value: \"\": at least one of user or group must be specified"),
        "{nothing}"
    );

    let list = format!("POST {AUTHORIZATION}/selfsubjectrulesreviews");
    let question = json!({ "spec": { "namespace": "default" },
        "status": { "resourceRules": null, "nonResourceRules": null, "incomplete": false } });
    let (code, answer) = ask(&server, "carol,crew", &list, question).await;
    assert_eq!(code, 201, "{answer}");
    let rules = answer["status"]["resourceRules"].as_array().expect("rules");
    let reads = |rule: &&Value| rule["resources"].as_array().is_some_and(|all| all.contains(&"configmaps".into()));
    assert!(rules.iter().any(|rule| reads(&rule)), "{answer}");
    assert_eq!(answer["status"]["incomplete"], false);
}

#[tokio::test]
async fn tokens_are_of_users_and_of_service_accounts() {
    let server = server().await;
    let whoami = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews";
    let name = async |token: &str| {
        let (code, answer) = ask(&server, &format!("token {token}"), whoami, json!({})).await;
        if code == 201 {
            answer["status"]["userInfo"]["username"].as_str().unwrap_or_default().to_owned()
        } else {
            code.to_string()
        }
    };
    assert_eq!(name("t1").await, "alice");
    assert_eq!(name("t2").await, "401");

    let accounts: Api<ServiceAccount> = server.api_in("default");
    let account = ServiceAccount {
        metadata: ObjectMeta { name: Some("robin".into()), ..ObjectMeta::default() },
        ..ServiceAccount::default()
    };
    accounts.create(&PostParams::default(), &account).await.expect("created");
    let request = |seconds: Option<i64>| TokenRequest {
        spec: Some(TokenRequestSpec { expiration_seconds: seconds, ..TokenRequestSpec::default() }),
        ..TokenRequest::default()
    };
    let made = accounts.create_token_request("robin", &PostParams::default(), &request(None)).await.expect("a token");
    let (spec, status) = (made.spec.expect("a spec"), made.status.expect("a status"));
    assert_eq!(spec.expiration_seconds, Some(3600));
    assert_eq!(spec.audiences, Some(vec!["https://kubernetes.default.svc".to_owned()]));
    let token = status.token.expect("a token");
    assert_eq!(name(&token).await, "system:serviceaccount:default:robin");
    let short = accounts.create_token_request("robin", &PostParams::default(), &request(Some(60))).await;
    assert!(matches!(short, Err(kube::Error::Api(status)) if status.code == 422));

    let review = json!({ "spec": { "token": token } });
    let (_, answer) = ask(&server, "", "POST /apis/authentication.k8s.io/v1/tokenreviews", review.clone()).await;
    assert_eq!(answer["status"]["authenticated"], true);
    assert_eq!(answer["status"]["user"]["username"], "system:serviceaccount:default:robin");
    let groups = json!(["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]);
    assert_eq!(answer["status"]["user"]["groups"], groups);
    let other = json!({ "spec": { "token": token, "audiences": ["elsewhere"] } });
    let (_, answer) = ask(&server, "", "POST /apis/authentication.k8s.io/v1/tokenreviews", other).await;
    assert_ne!(answer["status"]["authenticated"], true, "{answer}");

    // Whoever deletes an account takes its tokens back, and one that is made anew is another.
    accounts.delete("robin", &Default::default()).await.expect("deleted");
    assert_eq!(name(&token).await, "401");
    accounts.create(&PostParams::default(), &account).await.expect("created");
    assert_eq!(name(&token).await, "401");
}

#[tokio::test]
async fn clients_come_with_a_token_or_a_certificate() {
    let server = server().await;
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    let subjects = ["User alice", "Group crew"];
    make(&server, &bindings, binding("crew-edits", "ClusterRole", "edit", &subjects)).await;
    let listening = server.listen().await;
    let connect = async |yaml: &str, token: Option<&str>| {
        let mut kubeconfig = Kubeconfig::from_yaml(yaml).expect("a kubeconfig");
        if let Some(token) = token {
            let auth_info = Some(AuthInfo { token: Some(token.to_owned().into()), ..AuthInfo::default() });
            kubeconfig.auth_infos[0].auth_info = auth_info;
        }
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        Client::try_from(config.expect("complete")).expect("a client")
    };
    let code = async |client: Client| {
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        match maps.list(&ListParams::default()).await {
            Ok(_) => 200,
            Err(kube::Error::Api(status)) => status.code,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(code(connect(&listening.kubeconfig(), Some("t1")).await).await, 200);
    assert_eq!(code(connect(&listening.kubeconfig(), Some("t9")).await).await, 401);
    assert_eq!(code(connect(&listening.kubeconfig_of("dora", Some("crew")), None).await).await, 200);
    assert_eq!(code(connect(&listening.kubeconfig_of("dora", None), None).await).await, 403);
}

#[tokio::test]
async fn a_server_for_everyone_lets_everyone_do_everything() {
    let server = TestServer::start(install).await;
    assert_eq!(told(&server, "bob", &format!("GET {BIRDS}"), Value::Null).await, "200");
    let own = format!("POST {AUTHORIZATION}/selfsubjectaccessreviews");
    let spec = json!({ "spec": { "resourceAttributes": { "verb": "*", "resource": "*", "group": "*" } } });
    let (code, answer) = ask(&server, "bob", &own, spec).await;
    assert_eq!((code, &answer["status"]["allowed"]), (201, &json!(true)));
    let all = role("all", json!([rule(&["*"], "*", "*")]));
    assert_eq!(told(&server, "bob", &format!("POST {RBAC}/clusterroles"), all).await, "201");
}
