//! Telling a cluster: a server in this process stands for it, which keeps configurations, CRDs and Secrets as plain kinds.

use std::sync::Arc;

use apiserver::server::tls::Replaceable;
use apiserver::testing::TestServer;
use apiserver::webhook::certificate::Bundle;
use apiserver::webhook::configuration::{Target, configurations};
use apiserver::webhook::register::{Progress, RegisterError, Registration, Trust};
use apiserver::{Apis, webhook};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::webhooks;

const NAME: &str = "aviary";

/// Kinds of a cluster, whatever they hold.
fn cluster(apis: &mut Apis) {
    for (group, version, kind, plural, scope) in [
        (
            "admissionregistration.k8s.io",
            "v1",
            "MutatingWebhookConfiguration",
            "mutatingwebhookconfigurations",
            "Cluster",
        ),
        (
            "admissionregistration.k8s.io",
            "v1",
            "ValidatingWebhookConfiguration",
            "validatingwebhookconfigurations",
            "Cluster",
        ),
        ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", "Cluster"),
        ("", "v1", "Secret", "secrets", "Namespaced"),
    ] {
        let crd = json!({
            "metadata": {},
            "spec": {
                "group": group, "scope": scope, "names": {"kind": kind, "plural": plural},
                "versions": [{
                    "name": version, "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                }],
            },
        });
        apis.crd(serde_json::from_value(crd).expect("a CRD"));
    }
}

async fn server() -> TestServer {
    TestServer::builder().behind_a_cluster().start(cluster).await
}

fn service() -> Target {
    Target::Service { namespace: "birds".into(), name: "hook".into() }
}

fn registration(server: &TestServer, target: Target) -> Registration {
    let names = vec!["hook.birds.svc".to_owned()];
    let bundle = Bundle::new(&names).expect("a certificate");
    let served = Replaceable::new(&bundle.certificate, &bundle.key).expect("a pair");
    let trust = Trust::Made { names, bundle, served };
    let service = Arc::clone(webhooks().service());
    Registration { client: server.client(), name: NAME.into(), target, service, trust }
}

async fn once(registration: &mut Registration) -> Result<Progress, RegisterError> {
    let (progress, seen) = watch::channel(Progress::Started);
    let result = registration.once(&progress).await;
    let far = *seen.borrow();
    result.map(|()| far)
}

fn ca(registration: &Registration) -> String {
    match &registration.trust {
        Trust::Made { bundle, .. } => bundle.ca.clone(),
        Trust::Given(ca) => ca.clone(),
    }
}

async fn mutating(server: &TestServer) -> Value {
    let api: Api<MutatingWebhookConfiguration> = server.api();
    serde_json::to_value(api.get(NAME).await.expect("there")).expect("JSON")
}

fn crd(conversion: Value) -> CustomResourceDefinition {
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "birds.demo.example.com"},
        "spec": {
            "group": "demo.example.com", "scope": "Namespaced", "names": {"kind": "Bird", "plural": "birds"},
            "versions": [], "conversion": conversion,
        },
    });
    serde_json::from_value(crd).expect("a CRD")
}

#[tokio::test]
async fn by_url_the_configurations_are_made_and_taken_back() {
    let server = server().await;
    let target = Target::Url("https://127.0.0.1:9443".into());
    let mut registration = registration(&server, target.clone());
    server.api().create(&PostParams::default(), &crd(json!({"strategy": "None"}))).await.expect("created");
    for _ in 0..2 {
        once(&mut registration).await.expect("registered");
    }
    let found = mutating(&server).await;
    let ca = STANDARD.encode(ca(&registration));
    assert_eq!(
        found["webhooks"][0],
        json!({
            "name": "mbird-v1.demo.example.com", "admissionReviewVersions": ["v1"], "failurePolicy": "Fail",
            "matchPolicy": "Equivalent", "sideEffects": "None", "timeoutSeconds": 10,
            "clientConfig": {"caBundle": ca, "url": "https://127.0.0.1:9443/mutate-demo-example-com-v1-bird"},
            "rules": [{
                "apiGroups": ["demo.example.com"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                "resources": ["birds"],
            }],
        })
    );
    assert_eq!(found["webhooks"][1]["name"], "mdeployment-v1.apps.k8s.io");
    let api: Api<CustomResourceDefinition> = server.api();
    let converted = api.get("birds.demo.example.com").await.expect("there").spec.conversion.expect("a conversion");
    let client = converted.webhook.and_then(|webhook| webhook.client_config).expect("a client");
    assert_eq!(client.url.as_deref(), Some("https://127.0.0.1:9443/convert"));
    Registration::withdraw(&server.client(), NAME, &Target::Url("https://other:1".into())).await.expect("left alone");
    mutating(&server).await;
    Registration::withdraw(&server.client(), NAME, &target).await.expect("taken back");
    let validating: Api<ValidatingWebhookConfiguration> = server.api();
    assert!(validating.get_opt(NAME).await.expect("an answer").is_none());
}

#[tokio::test]
async fn in_a_cluster_only_the_certificates_are_put_in() {
    let server = server().await;
    let mut one = registration(&server, service());
    let missing = once(&mut one).await.expect_err("nothing there yet");
    assert!(matches!(missing, RegisterError::Missing { kind: "MutatingWebhookConfiguration", .. }), "{missing}");
    let made = configurations(webhooks().service(), NAME, &service(), None);
    let mut wanted = made.mutating.expect("one");
    wanted.metadata.labels = Some([("kept".to_owned(), "yes".to_owned())].into());
    server.api().create(&PostParams::default(), &wanted).await.expect("created");
    server.api().create(&PostParams::default(), &made.validating.expect("one")).await.expect("created");
    let conversion = json!({"strategy": "Webhook", "webhook": {
        "conversionReviewVersions": ["v1"],
        "clientConfig": {"service": {"namespace": "birds", "name": "hook", "path": "/convert"}},
    }});
    server.api().create(&PostParams::default(), &crd(conversion)).await.expect("created");

    let mut other = registration(&server, service());
    for registration in [&mut one, &mut other] {
        assert_eq!(once(registration).await.expect("registered"), Progress::Certified);
    }
    assert_eq!(ca(&one), ca(&other), "replicas share one certificate");
    let found = mutating(&server).await;
    let version = found["metadata"]["resourceVersion"].clone();
    assert_eq!(found["metadata"]["labels"]["kept"], "yes");
    let encoded = STANDARD.encode(ca(&one));
    assert!(
        found["webhooks"]
            .as_array()
            .expect("some")
            .iter()
            .all(|one| one["clientConfig"]["caBundle"] == encoded.as_str())
    );
    assert_eq!(
        found["webhooks"][1]["namespaceSelector"],
        json!({"matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["birds"]},
        ]}),
        "those of others are left alone at home"
    );
    assert_eq!(found["webhooks"][0].get("namespaceSelector"), None);
    let api: Api<CustomResourceDefinition> = server.api();
    let converted = api.get("birds.demo.example.com").await.expect("there").spec.conversion.expect("a conversion");
    let client = converted.webhook.and_then(|webhook| webhook.client_config).expect("a client");
    assert_eq!(client.ca_bundle.expect("one").0, ca(&one).into_bytes());
    assert_eq!(client.service.expect("kept").path.as_deref(), Some("/convert"));
    once(&mut other).await.expect("nothing to do");
    assert_eq!(mutating(&server).await["metadata"]["resourceVersion"], version, "what is there is not written again");
}

#[tokio::test]
async fn replicas_that_start_together_agree() {
    let server = server().await;
    let made = configurations(webhooks().service(), NAME, &service(), None);
    server.api().create(&PostParams::default(), &made.mutating.expect("one")).await.expect("created");
    server.api().create(&PostParams::default(), &made.validating.expect("one")).await.expect("created");
    let replicas: Vec<_> = (0..5)
        .map(|_| {
            let mut registration = registration(&server, service());
            tokio::spawn(async move {
                // Whoever loses a race is told so, and tries again.
                while once(&mut registration).await.is_err() {}
                ca(&registration)
            })
        })
        .collect();
    let mut trusted = Vec::new();
    for replica in replicas {
        trusted.push(replica.await.expect("registered"));
    }
    trusted.dedup();
    assert_eq!(trusted.len(), 1);
    assert_eq!(mutating(&server).await["webhooks"][0]["clientConfig"]["caBundle"], STANDARD.encode(&trusted[0]));
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_not_touched() {
    let server = server().await;
    let secrets: Api<Secret> = server.api_in("birds");
    let metadata = ObjectMeta { name: Some(webhook::register::secret_name("hook")), ..ObjectMeta::default() };
    secrets.create(&PostParams::default(), &Secret { metadata, ..Secret::default() }).await.expect("created");
    let refused = once(&mut registration(&server, service())).await.expect_err("refused");
    assert!(matches!(refused, RegisterError::Foreign { .. }), "{refused}");
}

#[tokio::test]
async fn a_server_that_knows_no_crds_is_told_nevertheless() {
    let server = TestServer::start(|_| {}).await;
    let mut registration = registration(&server, Target::Url("https://127.0.0.1:9443".into()));
    once(&mut registration).await.expect("registered");
    mutating(&server).await;
}
