//! The program as a webhook: what a cluster asks, and what it is answered.

mod conversion;
mod https;
mod own;
mod protocol;
mod register;

use apiserver::testing::WebhookTest;
use apiserver::versions::Version;
use apiserver::webhook::Request;
use apiserver::{Apis, RequestContext, Strategy, Webhook, Webhooks, field};
use async_trait::async_trait;
use k8s_openapi::api::apps::v1::Deployment;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the tests keep.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced, status = "BirdStatus")]
#[kube(derive = "PartialEq")]
pub struct BirdSpec {
    /// What it is.
    #[serde(default)]
    pub species: String,
    /// Its colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// What it sings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub songs: Vec<String>,
}

/// What is known of a bird.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct BirdStatus {
    /// Where it is in its life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

/// The same with one field of another name.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1alpha1", kind = "Bird", root = "OldBird", namespaced)]
#[kube(status = "BirdStatus")]
pub struct OldBirdSpec {
    /// What it is.
    #[serde(default)]
    pub sort: String,
    /// Its colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// What it sings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub songs: Vec<String>,
}

impl From<OldBird> for Bird {
    fn from(old: OldBird) -> Self {
        let OldBirdSpec { sort, color, songs } = old.spec;
        Self { metadata: old.metadata, spec: BirdSpec { species: sort, color, songs }, status: old.status }
    }
}

impl From<Bird> for OldBird {
    fn from(new: Bird) -> Self {
        let BirdSpec { species, color, songs } = new.spec;
        Self { metadata: new.metadata, spec: OldBirdSpec { sort: species, color, songs }, status: new.status }
    }
}

/// Hooks that leave a trace of each call.
pub struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;

    fn versions(&self) -> Vec<Version<Bird>> {
        vec![Version::of::<OldBird>(), Version::same_shape("v1beta1").unserved()]
    }

    fn defaulting(&self, bird: &mut Bird) {
        bird.spec.color.get_or_insert_with(|| "brown".into());
    }

    fn prepare_for_create(&self, cx: &RequestContext, bird: &mut Bird) {
        bird.metadata.labels.get_or_insert_default().insert("example.com/keeper".into(), cx.user.username.clone());
        bird.status = Some(BirdStatus { phase: Some("Egg".into()) });
    }

    fn prepare_for_update(&self, cx: &RequestContext, new: &mut Bird, old: &Bird) {
        if cx.subresource == "status" {
            let phase = new.status.get_or_insert_default().phase.get_or_insert_default();
            phase.push('!');
            new.spec.species = "changed where it may not be".into();
        } else {
            new.spec.species.clone_from(&old.spec.species);
        }
    }

    fn canonicalize(&self, bird: &mut Bird) {
        bird.spec.songs.sort();
    }

    fn validate(&self, cx: &RequestContext, bird: &Bird, errors: &mut field::Errors) {
        if bird.spec.species == "cat" {
            errors.not_supported("spec.species", "cat", &["robin", "wren"]);
        }
        if bird.spec.color.as_deref() == Some("pink") {
            errors.invalid("spec.color", "pink", "only flamingos are");
        }
        assert!(bird.spec.color.as_deref() != Some("panic"), "as wanted");
        cx.annotate("example.com/looked-at", cx.verb.clone());
    }

    fn warnings_on_create(&self, cx: &RequestContext, bird: &Bird) -> Vec<String> {
        if cx.dry_run { vec![format!("{} would be born", bird.spec.species)] } else { Vec::new() }
    }

    fn warnings_on_update(&self, cx: &RequestContext, new: &Bird, old: &Bird) -> Vec<String> {
        let color = |bird: &Bird| bird.spec.color.clone().unwrap_or_default();
        vec![format!("{} repaints from {} to {}", cx.user.username, color(old), color(new))]
    }

    fn validate_delete(&self, _: &RequestContext, bird: &Bird, errors: &mut field::Errors) {
        if bird.spec.species == "dodo" {
            errors.forbidden("spec.species", "the last of them stay");
        }
    }
}

/// Hooks of a kind that others serve.
pub struct DeploymentWebhook;

#[async_trait]
impl Webhook for DeploymentWebhook {
    type Object = Deployment;

    async fn default(&self, request: &Request, object: &mut Deployment) {
        tokio::task::yield_now().await;
        object.spec.get_or_insert_default().replicas.get_or_insert(2);
        request.audit("defaulted", "replicas");
    }

    async fn validate_create(&self, request: &Request, object: &Deployment, errors: &mut field::Errors) {
        let replicas = object.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or_default();
        if replicas > 9 {
            errors.invalid("spec.replicas", replicas, "too many");
        }
        if request.user.extra.contains_key("example.com/scopes") {
            request.warn("you have scopes");
        }
    }

    async fn validate_update(&self, _: &Request, new: &Deployment, old: &Deployment, errors: &mut field::Errors) {
        if new.metadata.labels != old.metadata.labels {
            errors.forbidden("metadata.labels", "they stay");
        }
    }

    async fn validate_delete(&self, request: &Request, old: &Deployment, errors: &mut field::Errors) {
        if old.metadata.name.as_deref() == Some("keep") {
            errors.forbidden("metadata.name", format!("{} may not", request.user.username));
        }
    }
}

fn apis(apis: &mut Apis) {
    apis.add(BirdStrategy);
}

fn install(webhooks: &mut Webhooks) {
    webhooks.kind(BirdStrategy).defaulting().validation().conversion();
    webhooks.add(DeploymentWebhook).defaulting().validation();
}

fn webhooks() -> WebhookTest {
    WebhookTest::new(apis, install)
}

fn bird(species: &str) -> Bird {
    let mut bird = Bird::new("robin", BirdSpec { species: species.into(), ..BirdSpec::default() });
    bird.metadata.namespace = Some("default".into());
    bird
}

/// A review as an API server sends it; `change` is merged into its request.
fn review(operation: &str, object: Value, old: Value, change: Value) -> Value {
    let kind = json!({"group": "demo.example.com", "version": "v1", "kind": "Bird"});
    let resource = json!({"group": "demo.example.com", "version": "v1", "resource": "birds"});
    let mut request = json!({
        "uid": "u-1", "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
        "name": "robin", "namespace": "default", "operation": operation,
        "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
        "object": object, "oldObject": old, "dryRun": false,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "kubectl"},
    });
    for (key, value) in change.as_object().into_iter().flatten() {
        request[key] = value.clone();
    }
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
}

fn bird_json(spec: Value) -> Value {
    json!({
        "apiVersion": "demo.example.com/v1", "kind": "Bird",
        "metadata": {"name": "robin", "namespace": "default"}, "spec": spec,
    })
}
