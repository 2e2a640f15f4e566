//! What becomes of the cluster's answers, and of those that it does not give.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::{AccessReviews, ClusterTrust, TokenReviews, TrustError};
use crate::authentication::{Authenticator, BearerTokens, ConnectionInfo};
use crate::authorization::{Attributes, Authorizer, Decision};
use crate::request::info::RequestInfo;
use crate::request::user::UserInfo;
use crate::server::pki::Authority;

const TTL: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(500);

/// A cluster that gives the same answers to everyone: code and body.
#[derive(Clone)]
struct Cluster {
    answers: Arc<Mutex<Vec<(u16, Value)>>>,
    questions: Arc<Mutex<Vec<Value>>>,
}

impl Cluster {
    /// The last of the answers is given again and again.
    fn answering(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Self { answers: Arc::new(Mutex::new(answers)), questions: Arc::default() }
    }

    fn client(&self) -> Client {
        let cluster = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let cluster = cluster.clone();
            async move {
                let bytes = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                cluster.questions.lock().unwrap().push(serde_json::from_slice(&bytes).unwrap_or_default());
                let mut answers = cluster.answers.lock().unwrap();
                let (code, body) = if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() };
                let body = Body::from(body.to_string().into_bytes());
                Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
            }
        });
        Client::new(service, "default")
    }

    fn asked(&self) -> usize {
        self.questions.lock().unwrap().len()
    }
}

fn failure(code: u16) -> (u16, Value) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": "Because", "message": "no",
    });
    (code, status)
}

fn token_review(status: &Value) -> (u16, Value) {
    let review = json!({
        "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": { "token": "t" },
        "status": status,
    });
    (201, review)
}

fn access_review(status: &Value) -> (u16, Value) {
    let review = json!({
        "kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {},
        "status": status,
    });
    (201, review)
}

fn tokens(cluster: &Cluster, ttl: Duration) -> BearerTokens {
    BearerTokens::new(vec![Arc::new(TokenReviews::new(cluster.client(), ttl))])
}

/// Who is behind an `Authorization` header, or why nobody is.
async fn who(reviews: &BearerTokens, header: &str) -> String {
    let request = Request::get("/").header("authorization", header).body(()).expect("a request");
    match reviews.authenticate(&request.into_parts().0, &ConnectionInfo::default()).await {
        Ok(Some(user)) => format!("{} in {}", user.username, user.groups.join(",")),
        Ok(None) => "nobody".into(),
        Err(error) => std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default(),
    }
}

#[tokio::test]
async fn a_token_is_asked_about_once_in_a_while() {
    let cluster = Cluster::answering([token_review(&json!({
        "authenticated": true, "user": { "username": "alice", "groups": ["crew"] },
    }))]);
    let reviews = tokens(&cluster, MOMENT);
    for _ in 0..3 {
        assert_eq!(who(&reviews, "Bearer t").await, "alice in crew");
        assert_eq!(who(&reviews, "bearer  t").await, "alice in crew");
    }
    assert_eq!(cluster.asked(), 1);
    tokio::time::sleep(MOMENT).await;
    assert_eq!(who(&reviews, "Bearer t").await, "alice in crew");
    assert_eq!(cluster.asked(), 2);
    assert_eq!(who(&reviews, "Basic t").await, "nobody");
    assert_eq!(who(&reviews, "Bearer").await, "nobody");
    assert_eq!(cluster.asked(), 2);
}

#[tokio::test]
async fn a_bad_token_is_remembered_and_a_failure_is_not() {
    let bad = token_review(&json!({ "authenticated": false, "error": "expired" }));
    let cluster = Cluster::answering([failure(403), bad]);
    let reviews = tokens(&cluster, TTL);
    assert!(who(&reviews, "Bearer t").await.contains("system:auth-delegator"));
    assert!(who(&reviews, "Bearer t").await.contains("expired"));
    assert!(who(&reviews, "Bearer t").await.contains("does not accept"));
    assert_eq!(cluster.asked(), 2);
}

#[tokio::test]
async fn a_cluster_that_is_busy_is_asked_again() {
    let yes = token_review(&json!({ "authenticated": true, "user": { "username": "alice" } }));
    let cluster = Cluster::answering([failure(500), failure(429), yes]);
    assert_eq!(who(&tokens(&cluster, TTL), "Bearer t").await, "alice in ");
    let cluster = Cluster::answering([failure(500)]);
    assert!(who(&tokens(&cluster, TTL), "Bearer t").await.contains("could not be asked"));
    assert_eq!(cluster.asked(), 5);
}

#[tokio::test]
async fn the_cluster_decides_about_requests() {
    for (status, expected) in [
        (json!({ "allowed": true, "reason": "r" }), Decision::Allow("r".into())),
        (json!({ "allowed": false, "denied": true }), Decision::Deny("".into())),
        (json!({ "allowed": false, "reason": "r" }), Decision::NoOpinion("r".into())),
    ] {
        let cluster = Cluster::answering([access_review(&status)]);
        let reviews = AccessReviews::new(cluster.client(), TTL, TTL);
        let user = UserInfo::authenticated("alice", ["crew".to_owned()]);
        let path = "/apis/demo.example.com/v1/namespaces/wood/birds/robin/status";
        let info = RequestInfo::new(&http::Method::PUT, path, "").expect("a path");
        for _ in 0..3 {
            let decision = reviews.authorize(Attributes { user: &user, info: &info }).await.expect("a decision");
            assert_eq!(decision, expected);
        }
        let questions = cluster.questions.lock().unwrap();
        let spec = json!({
            "user": "alice", "groups": ["crew", "system:authenticated"],
            "resourceAttributes": {
                "verb": "update", "group": "demo.example.com", "version": "v1", "namespace": "wood",
                "resource": "birds", "name": "robin", "subresource": "status",
            },
        });
        assert_eq!((questions.len(), &questions[0]["spec"]), (1, &spec));
    }
}

#[tokio::test]
async fn paths_are_asked_about_too_and_no_answer_is_no_yes() {
    let cluster = Cluster::answering([failure(403)]);
    let reviews = AccessReviews::new(cluster.client(), TTL, TTL);
    let info = RequestInfo::new(&http::Method::GET, "/metrics", "").expect("a path");
    let user = UserInfo::anonymous();
    let decision = reviews.authorize(Attributes { user: &user, info: &info }).await;
    assert!(decision.is_err(), "{decision:?}");
    let spec = json!({
        "user": "system:anonymous", "groups": ["system:unauthenticated"],
        "nonResourceAttributes": { "verb": "get", "path": "/metrics" },
    });
    assert_eq!(cluster.questions.lock().unwrap()[0]["spec"], spec);
}

#[tokio::test]
async fn the_configmap_says_whom_the_cluster_trusts() {
    let ca = Authority::new("proxies").expect("an authority");
    let map = |data: Value| {
        let metadata = json!({ "name": "extension-apiserver-authentication", "namespace": "kube-system" });
        (200, json!({ "kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": data }))
    };
    let read = async |answer| ClusterTrust::default().read(&Cluster::answering([answer]).client()).await;
    let good = json!({
        "client-ca-file": ca.certificate(),
        "requestheader-client-ca-file": ca.certificate(),
        "requestheader-allowed-names": "[\"front-proxy-client\"]",
        "requestheader-username-headers": "[\"X-Remote-User\"]",
    });
    assert!(read(map(good)).await.is_ok());
    assert!(read(map(json!({}))).await.is_ok());
    let bad_list = json!({
        "requestheader-client-ca-file": ca.certificate(), "requestheader-allowed-names": "front-proxy-client",
    });
    assert!(matches!(read(map(bad_list)).await, Err(TrustError::List { .. })));
    assert!(matches!(read(map(json!({ "client-ca-file": "birds" }))).await, Err(TrustError::Authorities { .. })));
    assert!(matches!(read(failure(404)).await, Err(TrustError::Missing)));
    let error = read(failure(403)).await.unwrap_err();
    assert!(error.to_string().contains("extension-apiserver-authentication-reader"), "{error}");
}
