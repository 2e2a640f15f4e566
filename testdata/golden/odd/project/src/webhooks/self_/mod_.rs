// Copyright YEAR the authors of odd
//
// Licensed to nobody in particular.

//! What a cluster asks this project about every Mod of self.k8s.io/v1alpha1: whose it is, and whether it may go.

use apiserver::{AnyFields, async_trait, field, webhook};
use kube::{CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose an object is.
const OWNER: &str = "odd.example.com/owner";

/// An object that has this as `true` stays.
const KEEP: &str = "odd.example.com/keep";

/// All functions are here; which of them a cluster calls is what `PROJECT` says.
pub struct ModWebhook;

#[async_trait]
impl apiserver::Webhook for ModWebhook {
    type Object = Mod;

    /// Fills in what the client left out, on create and on update; may be called twice for one request.
    async fn default(&self, request: &webhook::Request, object: &mut Self::Object) {
        if request.operation == webhook::Operation::Create {
            let user = || request.user.username.clone();
            let annotations = object.annotations_mut();
            annotations.entry(OWNER.to_owned()).or_insert_with(user);
        }
    }

    /// Reports every invalid field of a new object; one is enough to refuse it.
    async fn validate_create(
        &self,
        request: &webhook::Request,
        object: &Self::Object,
        errors: &mut field::Errors,
    ) {
        match object.annotations().get(OWNER) {
            Some(owner) if owner.trim().is_empty() => {
                errors.invalid(annotation(OWNER), owner, "must not be blank");
            }
            Some(owner) if *owner != request.user.username => {
                request.warn(format!("this belongs to {owner}, not to you"));
            }
            _ => {}
        }
    }

    /// Reports every invalid field of an update; `old` is there to forbid changes.
    async fn validate_update(
        &self,
        _request: &webhook::Request,
        new: &Self::Object,
        old: &Self::Object,
        errors: &mut field::Errors,
    ) {
        let owner = |object: &Self::Object| object.annotations().get(OWNER).cloned();
        if owner(old).is_some() && owner(new) != owner(old) {
            errors.forbidden(annotation(OWNER), "the owner does not change");
        }
    }

    /// Refuses a deletion by reporting an error.
    async fn validate_delete(
        &self,
        _request: &webhook::Request,
        old: &Self::Object,
        errors: &mut field::Errors,
    ) {
        let keep = old.annotations().get(KEEP);
        if keep.is_some_and(|keep| keep == "true") {
            errors.forbidden(annotation(KEEP), "while it is here, the object stays");
        }
    }
}

/// Where an annotation is in an object, for errors.
fn annotation(key: &str) -> String {
    format!("metadata.annotations[{key}]")
}

/// What a Mod holds. Its definition is somebody else's: name here what the functions above
/// look at, all other fields are in `others`.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "self.k8s.io", version = "v1alpha1", kind = "Mod", no_spec)]
pub struct ModFields {
    /// All fields that are not named here.
    #[serde(flatten)]
    pub others: AnyFields,
}

#[cfg(test)]
mod tests {
    use apiserver::testing;
    use serde_json::json;

    use super::*;

    type Object = <ModWebhook as apiserver::Webhook>::Object;

    #[tokio::test]
    async fn an_object_belongs_to_whoever_makes_it() {
        let reviewed = webhooks().create(&object(&json!({}))).await.unwrap();
        assert_eq!(reviewed.object.annotations()[OWNER], "test-admin");
        assert!(reviewed.warnings.is_empty());
    }

    #[tokio::test]
    async fn whoever_makes_it_for_somebody_else_is_warned() {
        let object = object(&json!({ OWNER: "alice" }));
        let reviewed = webhooks().create(&object).await.unwrap();
        assert_eq!(reviewed.warnings, ["this belongs to alice, not to you"]);
    }

    #[tokio::test]
    async fn a_blank_owner_is_refused() {
        let object = object(&json!({ OWNER: " " }));
        let refusal = webhooks().create(&object).await.unwrap_err();
        assert!(refusal.message.contains("must not be blank"));
    }

    #[tokio::test]
    async fn the_owner_does_not_change() {
        let (old, new) = (json!({ OWNER: "alice" }), json!({ OWNER: "bob" }));
        let (old, new) = (object(&old), object(&new));
        let refusal = webhooks().update(&new, &old).await.unwrap_err();
        assert!(refusal.message.contains("the owner does not change"));
        webhooks().update(&old, &old).await.unwrap();
    }

    #[tokio::test]
    async fn what_shall_be_kept_stays() {
        let object = object(&json!({ KEEP: "true" }));
        let refusal = webhooks().delete(&object).await.unwrap_err();
        assert!(refusal.message.contains("the object stays"));
    }

    #[tokio::test]
    async fn they_are_served_over_tls() {
        let server = webhooks().serve().await;
        let object = object(&json!({ OWNER: " " }));
        let review = json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "1",
                "kind": { "group": "self.k8s.io", "version": "v1alpha1", "kind": "Mod" },
                "resource": { "group": "self.k8s.io", "version": "v1alpha1", "resource": "mods" },
                "operation": "CREATE",
                "userInfo": { "username": "alice" },
                "object": object,
            },
        });
        let path = "/validate-self-k8s-io-v1alpha1-mod";
        let request = apiserver::http::Request::post(path).body(review.to_string());
        let response = server.request(request.unwrap()).await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(answer["response"]["allowed"], false, "{answer}");
    }

    /// Asked for everything, whatever `PROJECT` says.
    fn webhooks() -> testing::WebhookTest {
        let kinds = |_: &mut apiserver::Apis| {};
        testing::WebhookTest::new(kinds, |webhooks| {
            webhooks.add(ModWebhook).defaulting().validation();
        })
    }

    /// An object with these annotations.
    fn object(annotations: &serde_json::Value) -> Object {
        let metadata = json!({ "name": "example", "annotations": annotations });
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }
}
