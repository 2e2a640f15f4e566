//! What a cluster that serves Bird as a CRD asks this project about every Bird: here, more than the server itself does.

use apiserver::{RequestContext, Strategy, field};

use crate::apis::demo::v1::bird::Bird;

/// The hooks of a quiet neighbourhood.
pub struct QuietBirdStrategy;

impl Strategy for QuietBirdStrategy {
    type Object = Bird;

    fn defaulting(&self, object: &mut Self::Object) {
        if object.spec.tags.is_empty() {
            object.spec.tags.push("quiet".to_owned());
        }
    }

    fn validate(&self, _cx: &RequestContext, object: &Self::Object, errors: &mut field::Errors) {
        for (index, tag) in object.spec.tags.iter().enumerate() {
            if tag == "noisy" {
                errors.invalid(format!("spec.tags[{index}]"), tag, "the neighbours sleep");
            }
        }
    }

    fn validate_update(
        &self,
        cx: &RequestContext,
        new: &Self::Object,
        _old: &Self::Object,
        errors: &mut field::Errors,
    ) {
        self.validate(cx, new, errors);
    }

    fn warnings_on_create(&self, _cx: &RequestContext, object: &Self::Object) -> Vec<String> {
        if object.spec.replicas.unwrap_or_default() > 100 {
            return vec!["so many birds are heard from afar".to_owned()];
        }
        Vec::new()
    }
}

/// The hooks that are asked.
pub fn strategy() -> QuietBirdStrategy {
    QuietBirdStrategy
}

#[cfg(test)]
mod tests {
    use apiserver::testing;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_bird_is_quiet_unless_said_otherwise() {
        let reviewed = webhooks().create(&bird(&json!([]), 1)).await.unwrap();
        assert_eq!(reviewed.object.spec.tags, ["quiet"]);
        assert!(reviewed.warnings.is_empty());
    }

    #[tokio::test]
    async fn a_noisy_bird_is_refused() {
        let noisy = bird(&json!(["noisy"]), 1);
        let refusal = webhooks().create(&noisy).await.unwrap_err();
        assert!(refusal.message.contains("the neighbours sleep"));
    }

    #[tokio::test]
    async fn a_flock_is_warned_of() {
        let reviewed = webhooks().create(&bird(&json!([]), 101)).await.unwrap();
        assert_eq!(reviewed.warnings.len(), 1);
    }

    fn webhooks() -> testing::WebhookTest {
        testing::WebhookTest::new(crate::apis::install, |webhooks| {
            webhooks.kind(strategy()).defaulting().validation();
        })
    }

    fn bird(tags: &serde_json::Value, replicas: i32) -> Bird {
        let spec = json!({ "message": "hello", "tags": tags, "replicas": replicas });
        let bird = json!({ "metadata": { "name": "example" }, "spec": spec });
        serde_json::from_value(bird).unwrap()
    }
}
