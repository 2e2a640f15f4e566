// Copyright YEAR the authors of odd
//
// Licensed to nobody in particular.

//! What a cluster that serves Type as a CRD asks this project about every Type.

use crate::apis::self_::r#type::TypeStrategy;

/// The hooks that are asked: those of this project's own server. To differ, return a strategy of your own.
pub fn strategy() -> TypeStrategy {
    TypeStrategy
}

#[cfg(test)]
mod tests {
    use apiserver::testing;
    use serde_json::json;

    use super::*;
    use crate::apis::self_::v1::r#type::Type;

    #[tokio::test]
    async fn the_sample_passes() {
        webhooks().create(&sample()).await.unwrap();
    }

    #[tokio::test]
    async fn replicas_are_one_unless_given() {
        let object = object("spec", &json!({ "message": "hello" }));
        let reviewed = webhooks().create(&object).await.unwrap();
        assert_eq!(reviewed.object.spec.replicas, Some(1));
    }

    #[tokio::test]
    async fn a_blank_message_is_refused() {
        let object = object("spec", &json!({ "message": " " }));
        let refusal = webhooks().create(&object).await.unwrap_err();
        assert!(refusal.message.contains("spec.message: Invalid value"));
    }

    #[tokio::test]
    async fn they_are_served_over_tls() {
        let server = webhooks().serve().await;
        let review = json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "1",
                "kind": { "group": "self.odd.example.com", "version": "v1", "kind": "Type" },
                "resource": { "group": "self.odd.example.com", "version": "v1", "resource": "types" },
                "operation": "CREATE",
                "userInfo": { "username": "alice" },
                "object": sample(),
            },
        });
        let path = "/validate-self-odd-example-com-v1-type";
        let request = apiserver::http::Request::post(path).body(review.to_string());
        let response = server.request(request.unwrap()).await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(answer["response"]["allowed"], true, "{answer}");
    }

    /// Asked for everything, whatever `PROJECT` says.
    fn webhooks() -> testing::WebhookTest {
        testing::WebhookTest::new(crate::apis::install, |webhooks| {
            webhooks.kind(strategy()).defaulting().validation();
        })
    }

    /// The object in `sample/`.
    fn sample() -> Type {
        let sample = include_str!("../../../sample/type.yaml");
        serde_saphyr::from_str(sample).unwrap()
    }

    /// An object with this field.
    fn object(field: &str, value: &serde_json::Value) -> Type {
        let object = json!({ "metadata": { "name": "example" }, field: value });
        serde_json::from_value(object).unwrap()
    }
}
