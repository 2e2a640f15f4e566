//! docs/webhooks.md

use apiserver::request::user::UserInfo;
use apiserver::testing::WebhookTest;
use apiserver::webhook::Request;
use apiserver::{Apis, App, Strategy, Webhook, Webhooks, async_trait, field};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use kube::CustomResource;
use kube::api::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced)]
pub struct BirdSpec {}

struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;
}

struct DeploymentWebhook;

#[async_trait]
impl Webhook for DeploymentWebhook {
    type Object = Deployment;

    async fn default(&self, request: &Request, deployment: &mut Deployment) {
        let labels = deployment.metadata.labels.get_or_insert_default();
        labels.entry("example.com/owner".into()).or_insert_with(|| request.user.username.clone());
    }

    async fn validate_create(&self, request: &Request, deployment: &Deployment, errors: &mut field::Errors) {
        let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        if replicas > 50 {
            errors.invalid("spec.replicas", replicas, "ask before you take so many");
        } else if replicas > 10 {
            request.warn("that is a lot");
            request.audit("replicas", replicas.to_string());
        }
    }
}

fn apis(apis: &mut Apis) {
    apis.add(BirdStrategy);
}

pub fn install(webhooks: &mut Webhooks) {
    webhooks.kind(BirdStrategy).defaulting().validation().conversion();
    webhooks.add(DeploymentWebhook).defaulting().validation();
}

fn deployment(replicas: i32) -> Deployment {
    Deployment {
        metadata: ObjectMeta { name: Some("nest".into()), ..ObjectMeta::default() },
        spec: Some(DeploymentSpec { replicas: Some(replicas), ..DeploymentSpec::default() }),
        status: None,
    }
}

#[test]
fn a_program_has_kinds_and_webhooks() {
    #[rustfmt::skip]
    let app =
        App::new("aviary", "1.0.0").apis(apis).webhooks(install)
    ;
    drop(app);
}

#[tokio::test]
#[rustfmt::skip]
async fn webhooks_are_tested_without_a_socket_and_with_one() {
    let webhooks = WebhookTest::new(apis, install);
    let reviewed = webhooks.as_user(UserInfo::authenticated("alice", [])).create(&deployment(20)).await.unwrap();
    assert_eq!(reviewed.object.metadata.labels.unwrap()["example.com/owner"], "alice");
    assert_eq!(reviewed.warnings, ["that is a lot"]);
    let refused = webhooks.create(&deployment(60)).await.unwrap_err();
    assert_eq!(refused.message, "Deployment.apps \"nest\" is invalid: spec.replicas: Invalid value: 60: ask before you take so many");

    let server = webhooks.serve().await;
    let request = http::Request::get("/readyz").body("").unwrap();
    assert_eq!(server.request(request).await.unwrap().body(), "ok");
}
